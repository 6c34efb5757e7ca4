"""FramePath: the one way from a model and a camera to a picture.

The window, the recorder and the benchmark call the same method; they differ only in where time
comes from and where the picture goes.
"""

from collections.abc import Callable
from dataclasses import dataclass

import moderngl

from viewer.core.camera import Camera
from viewer.core.model import Model
from viewer.core.settings import RenderSettings
from viewer.core.state import FrameStats
from viewer.core.target import TensorTarget
from viewer.core.timing import Spans
from viewer.gl import context
from viewer.gl.target import TextureTarget
from viewer.render import create
from viewer.render.composite import Compositor
from viewer.render.protocol import Renderer


@dataclass(frozen=True, eq=False, slots=True)
class Frame:
    """layer: premultiplied, as blended. picture: over the background, opaque, 8 bits in OpenGL."""

    layer: TextureTarget | TensorTarget
    picture: TextureTarget | TensorTarget
    stats: FrameStats


class FramePath:
    """Owns the renderer, the compositor and the targets.

    ctx: None draws into tensors. precision of the layer: "f2" for display, "f4" for export.
    """

    def __init__(self, ctx: moderngl.Context | None, precision: str = "f2") -> None:
        self._ctx = ctx
        self._precision = precision
        self._compositor = None if ctx is None else Compositor(ctx)
        self._adapter = "CPU, no OpenGL" if ctx is None else context.adapter(ctx)
        self._asked = ""
        self._name = ""
        self._notes: tuple[str, ...] = ()
        self._renderer: Renderer | None = None
        self._targets: tuple[TextureTarget, TextureTarget] | None = None

    def render(
        self,
        model: Model,
        camera: Camera,
        time: float,
        settings: RenderSettings,
        finish: Callable[[], None] | None = None,
    ) -> Frame:
        """Slice, draw and composite one frame.

        `finish` waits for the device after every stage, so that each span is that stage's own cost.
        Raises Unusable when the renderer cannot run here or cannot draw this model.
        """
        spans = Spans(finish)
        renderer = self._renderer_for(settings.renderer)
        with spans.measure("slice"):
            splats = model.slice(time)
        if self._ctx is None or self._compositor is None:
            layer = TensorTarget(camera.width, camera.height)
            drawn = renderer.render(splats, camera, settings, layer, spans)
            with spans.measure("composite"):
                picture = layer.over(_background(model, settings))
        else:
            layer, picture = self._targets_of(camera.width, camera.height)
            self._ctx.viewport = (0, 0, camera.width, camera.height)
            drawn = renderer.render(splats, camera, settings, layer, spans)
            with spans.measure("composite"):
                self._compositor.over(layer, _background(model, settings), picture)
        stats = FrameStats(
            spans=spans.items(),
            total=model.count,
            alive=len(splats),
            drawn=drawn,
            renderer=self._name,
            adapter=self._adapter,
            notes=self._notes,
        )
        return Frame(layer, picture, stats)

    @property
    def renderer(self) -> str:
        """Name of the renderer that drew last; empty before the first frame."""
        return self._name

    def release(self) -> None:
        """Free everything on the device."""
        if self._renderer is not None:
            self._renderer.release()
        if self._compositor is not None:
            self._compositor.release()
        for target in self._targets or ():
            target.release()
        self._renderer, self._targets, self._asked = None, None, ""

    def _renderer_for(self, asked: str) -> Renderer:
        if self._renderer is None or asked != self._asked:
            name, renderer, self._notes = create(asked, self._ctx)
            if self._renderer is not None:
                self._renderer.release()
            self._asked, self._name, self._renderer = asked, name, renderer
        return self._renderer

    def _targets_of(self, width: int, height: int) -> tuple[TextureTarget, TextureTarget]:
        assert self._ctx is not None
        held = self._targets
        if held is None or (held[0].width, held[0].height) != (width, height):
            for target in held or ():
                target.release()
            self._targets = held = (
                TextureTarget(self._ctx, width, height, self._precision),
                TextureTarget(self._ctx, width, height, "f1"),
            )
        return held


def _background(model: Model, settings: RenderSettings) -> tuple[float, float, float]:
    return model.appearance.background if settings.background is None else settings.background
