"""FramePath: the one way from a model and a camera to a picture.

The window, the recorder and the benchmark call the same method; they differ only in where time
comes from and where the picture goes.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import moderngl
import torch

from viewer.core import measure
from viewer.core.camera import Camera
from viewer.core.decoder import FEATURES
from viewer.core.errors import Unusable
from viewer.core.model import Model
from viewer.core.settings import Mode, RenderSettings
from viewer.core.splats import Appearance, Splats
from viewer.core.state import FrameStats
from viewer.core.target import TensorTarget
from viewer.core.temporal import TemporalGaussians, explicit
from viewer.core.timing import Spans
from viewer.gl import context
from viewer.gl.target import TextureTarget
from viewer.render import ON_CUDA, create, lacks
from viewer.render.composite import Compositor, decoded
from viewer.render.protocol import Counts, Renderer, Unsliced
from viewer.render.slice_cuda import DeviceSlicer, cuda_device


@dataclass(frozen=True, eq=False, slots=True)
class Frame:
    """layer: premultiplied, as blended. picture: over the background, opaque, 8 bits in OpenGL."""

    layer: TextureTarget | TensorTarget
    picture: TextureTarget | TensorTarget
    stats: FrameStats


Shape = tuple[int, int, int, str]  # width, height, channels, precision


@dataclass(frozen=True, eq=False, slots=True)
class Targets:
    """Textures of one size. drawn: what the renderer fills, the layer or features for it."""

    shape: Shape
    drawn: TextureTarget
    layer: TextureTarget
    picture: TextureTarget

    def release(self) -> None:
        """Free them."""
        for target in {self.drawn, self.layer, self.picture}:
            target.release()


Drawn = tuple[TextureTarget | TensorTarget, TextureTarget | TensorTarget, Counts]


class FramePath:
    """Owns the renderer, the compositor and the targets.

    ctx: None draws into tensors. precision: "f4" for export, float32 throughout; "f2" for display:
    numbers are packed, and the layer is of halves unless the processor draws, which blends floats
    in less time. may_compile: a renderer may run a compiler for minutes when it draws first.
    """

    def __init__(
        self, ctx: moderngl.Context | None, precision: str = "f2", may_compile: bool = True
    ) -> None:
        self._ctx, self._may_compile = ctx, may_compile
        self._exact = precision == "f4"
        self._owner: FramePath | None = None  # whose renderer and compositor are used
        self._compositor = None if ctx is None else Compositor(ctx)
        software = ctx is not None and context.is_software(context.adapter(ctx))
        self._layer = "f4" if software else precision
        self._adapter = "CPU, no OpenGL" if ctx is None else context.adapter(ctx)
        self._asked: tuple[str, str] | None = None  # renderer, interop
        self._name = ""
        self._notes: tuple[str, ...] = ()
        self._renderer: Renderer | None = None
        self._targets: Targets | None = None
        self._known: tuple[Model, TemporalGaussians | None] | None = None  # the last model drawn
        self._slicer = DeviceSlicer(self._exact)

    def beside(self, precision: str) -> "FramePath":
        """Another with targets of its own that shares this one's renderer and what it holds.

        Numbers on the device are as exact as here. It is released first.
        """
        other = FramePath(None)
        other._ctx, other._owner, other._exact = self._ctx, self, self._exact
        other._layer = self._layer if precision == "f2" else precision
        other._compositor, other._adapter = self._compositor, self._adapter
        other._slicer = self._slicer
        return other

    def render(
        self,
        model: Model,
        camera: Camera,
        time: float,
        settings: RenderSettings,
        finish: Callable[[], None] | None = None,
        whole: bool = False,
    ) -> Frame:
        """Slice, draw and composite one frame.

        `finish` waits for the device after every stage, so that each span is that stage's own cost.
        whole: it is going to be read: wait, and draw again what turned out to lack something; so
        are all frames of float32 and those of a path beside another.
        Raises Unusable when the renderer cannot run here or cannot draw this model.
        """
        spans = Spans(finish)
        renderer = self._renderer_for(settings, model.appearance)
        stored = self._explicit(model) if renderer.slices else None
        if stored is not None:
            source: Splats | Unsliced = Unsliced(stored, time)
        else:
            with spans.measure("slice"):
                source = self._sliced(model, time, renderer)
        draw = self._in_torch if self._compositor is None else self._in_opengl
        layer, picture, counts = draw(renderer, source, camera, settings, spans)
        if whole or self._exact or self._owner is not None:
            self.finish()
            while renderer.stale:
                layer, picture, counts = draw(renderer, source, camera, settings, spans)
                self.finish()
        stats = FrameStats(
            spans=spans.items(),
            total=model.count,
            alive=counts.alive,
            drawn=counts.drawn,
            renderer=self._name,
            adapter=_drawn_by(layer) or self._adapter,
            notes=self._notes,
            told=counts.told,
            passes=counts.passes,
            device_memory=counts.nbytes + self._slicer.nbytes,
        )
        return Frame(layer, picture, stats)

    def _sliced(self, model: Model, time: float, renderer: Renderer) -> Splats:
        """On CUDA's device where there is one, and the model and the renderer are for it."""
        device = cuda_device() if renderer.takes_cuda else None
        there = None if device is None else self._slicer.slice(model, time, device)
        return model.slice(time) if there is None else there

    def _in_torch(
        self,
        renderer: Renderer,
        source: Splats | Unsliced,
        camera: Camera,
        settings: RenderSettings,
        spans: Spans,
    ) -> Drawn:
        look, asked = _shown(source.appearance, settings), settings.background
        plain = look.decoder is None and (look.environment is None or asked is not None)
        over = (asked or look.background) if plain and not settings.mode.measures else None
        layer = TensorTarget(camera.width, camera.height, over)
        counts = renderer.render(source, camera, settings, layer, spans)
        with spans.measure("composite"):
            if look.decoder is not None:
                layer = decoded(layer, look.decoder, camera, asked is not None)
            if settings.mode.measures:
                picture = TensorTarget(camera.width, camera.height)
                background = asked or look.background
                picture.write(measure.picture(layer.image, settings.mode, background))
            elif look.environment is not None and asked is None:
                picture = layer.over(look.environment.seen(camera))
            elif layer.picture is not None:
                picture = TensorTarget(camera.width, camera.height)
                picture.write(layer.picture)
            else:
                picture = layer.over(asked or look.background)
        return layer, picture, counts

    def _in_opengl(
        self,
        renderer: Renderer,
        source: Splats | Unsliced,
        camera: Camera,
        settings: RenderSettings,
        spans: Spans,
    ) -> Drawn:
        assert self._ctx is not None
        assert self._compositor is not None
        look, asked = _shown(source.appearance, settings), settings.background
        channels = 3 if look.decoder is None else FEATURES
        precision = "f4" if settings.mode.measures else self._layer  # halves end at 65,504
        targets = self._targets_of((camera.width, camera.height, channels, precision))
        self._ctx.viewport = (0, 0, camera.width, camera.height)
        counts = renderer.render(source, camera, settings, targets.drawn, spans)
        with spans.measure("composite"):
            if look.decoder is not None:
                over_background = asked is not None
                self._compositor.decode(
                    targets.drawn, look.decoder, camera, over_background, targets.layer
                )
            if settings.mode.measures:
                background = asked or look.background
                self._compositor.inspect(targets.layer, settings.mode, background, targets.picture)
            elif look.environment is not None and asked is None:
                self._compositor.over_environment(
                    targets.layer, look.environment, camera, targets.picture
                )
            else:
                self._compositor.over(targets.layer, asked or look.background, targets.picture)
        return targets.layer, targets.picture, counts

    @property
    def renderer(self) -> str:
        """Name of the renderer that drew last; empty before the first frame."""
        return self._name

    @property
    def precision(self) -> str:
        """Of the numbers on the device and of the layer, in words."""
        if self._name == "reference":
            return "float64"
        if self._name == "gsplat" and self._ctx is None:
            return "float32"
        numbers = "float32" if self._exact or self._name == "gsplat" else "packed"
        return f"{numbers}, RGBA{32 if self._layer == 'f4' else 16}F layer"

    def finish(self) -> None:
        """Wait until everything that is queued is drawn."""
        if self._ctx is not None:
            self._ctx.finish()
        if torch.cuda.is_initialized():
            torch.cuda.synchronize()

    @property
    def on_cuda(self) -> bool:
        """Whether frames are made by CUDA alone, in order on torch's stream."""
        return self._ctx is None and self._name in ON_CUDA

    @property
    def stale(self) -> bool:
        """Whether the last frame turned out to lack something: to be drawn again."""
        return self._renderer is not None and self._renderer.stale

    def release(self) -> None:
        """Free everything on the device."""
        if self._renderer is not None:
            self._renderer.release()
        if self._compositor is not None and self._owner is None:
            self._compositor.release()
        if self._targets is not None:
            self._targets.release()
        if self._owner is None:
            self._slicer.release()
        self._renderer, self._targets, self._asked, self._known = None, None, None, None

    def _explicit(self, model: Model) -> TemporalGaussians | None:
        if self._known is None or self._known[0] is not model:
            self._known = model, explicit(model)
        return self._known[1]

    def _renderer_for(self, settings: RenderSettings, look: Appearance) -> Renderer:
        asked = settings.renderer, settings.interop
        if self._owner is not None:
            shared = self._owner._renderer_for(settings, look)
            self._name, self._notes = self._owner._name, self._owner._notes
            return shared
        unable = settings.renderer == "auto" and lacks(self._name, look, settings)
        if self._renderer is None or asked != self._asked or unable:
            name, renderer, self._notes = create(
                asked[0], self._ctx, self._exact, self._may_compile, look, settings
            )
            if self._renderer is not None:
                self._renderer.release()
            self._asked, self._name, self._renderer = asked, name, renderer
        if settings.mode not in self._renderer.modes:
            able = ", ".join(mode.value for mode in Mode if mode in self._renderer.modes)
            raise Unusable(f"{self._name} draws {able}, not {settings.mode.value}")
        return self._renderer

    def _targets_of(self, shape: Shape) -> Targets:
        assert self._ctx is not None
        held = self._targets
        if held is None or held.shape != shape:
            if held is not None:
                held.release()
            width, height, channels, precision = shape
            layer = TextureTarget(self._ctx, width, height, precision)
            drawn = layer
            if channels != layer.channels:
                drawn = TextureTarget(self._ctx, width, height, precision, channels)
            picture = TextureTarget(self._ctx, width, height, "f1")
            self._targets = held = Targets(shape, drawn, layer, picture)
        return held


def _shown(look: Appearance, settings: RenderSettings) -> Appearance:
    """What counts of an appearance: where a layer measures, colours are neither made nor seen."""
    return replace(look, decoder=None, environment=None) if settings.mode.measures else look


def _drawn_by(layer: TextureTarget | TensorTarget) -> str:
    """Name of the CUDA device that a tensor lies on; empty where there is none."""
    if isinstance(layer, TensorTarget) and layer.image.is_cuda:
        return torch.cuda.get_device_name(layer.image.device)
    return ""
