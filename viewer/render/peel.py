"""OpenGL 3.3: depth peeling. Every pass finds, in each pixel, the splat behind the one found last.

Nothing is blended in drawing order: the depth test decides, so a pixel gets its splats one after
the other and can stop at a transmittance, as training does. It costs a draw of all splats for each
layer of the deepest pixel; RenderSettings.peel_layers bounds that.
"""

from dataclasses import dataclass

import moderngl

from viewer.core.camera import Camera
from viewer.core.errors import Unusable
from viewer.core.settings import Mode, RenderSettings
from viewer.core.splats import MIN_TRANSMITTANCE, Splats
from viewer.core.timing import Spans
from viewer.cuda.ferry import Ferry
from viewer.gl import context
from viewer.gl.target import TextureTarget
from viewer.render.host import FETCH, RecordTextures
from viewer.render.protocol import Counts, Target, Unsliced
from viewer.render.quads import Programs, set_quads

MOST = 2**22  # splats: places then lie four steps of a 24-bit depth apart
BEFORE, COVERED = 2, 3  # texture units, after those of the records
LAYER_TEXTURES = ("layer", "view_layer", "time_layer")


@dataclass(frozen=True, eq=False, slots=True)
class Layers:
    """Where a pass draws: what is behind (one for each of two passes), colours, depth."""

    shape: tuple[int, int, int]  # width, height, channels
    behind: list[moderngl.Texture]
    colors: list[moderngl.Texture]
    depth: moderngl.Renderbuffer
    framebuffers: list[moderngl.Framebuffer]

    @property
    def nbytes(self) -> int:
        """Bytes of the textures; depth takes four a pixel."""
        width, height, _ = self.shape
        return width * height * (4 + 8 * len(self.behind) + 16 * len(self.colors))

    def release(self) -> None:
        """Free them."""
        for held in (*self.framebuffers, *self.behind, *self.colors, self.depth):
            held.release()


class PeelRenderer:
    """Exact on any GPU with OpenGL 3.3, ties and the end of a pixel included."""

    modes = frozenset(Mode)
    slices = False
    takes_cuda = True
    interactive = True
    stale = False

    def __init__(
        self, ctx: moderngl.Context, exact: bool = True, ferry: Ferry | None = None
    ) -> None:
        """exact: float32 it is in any case. Raises Unusable when textures are too small here."""
        self._ctx = ctx
        self._records = RecordTextures(ctx, ferry or Ferry(ctx))
        self._peel = Programs(ctx, "peel", FETCH)
        self._add = Programs(ctx, "fullscreen", FETCH, fragment="layer")
        self._found = context.sample_query(ctx)
        self._layers: Layers | None = None

    def render(
        self,
        source: Splats | Unsliced,
        camera: Camera,
        settings: RenderSettings,
        target: Target,
        spans: Spans,
    ) -> Counts:
        """Peel into a texture target until nothing is left, or as often as the settings say."""
        assert isinstance(source, Splats)
        assert isinstance(target, TextureTarget)
        count, told = self._records.write(source, camera, settings, spans)
        if count > MOST:
            raise Unusable(f"{count} splats at once, peel tells {MOST} apart")
        with spans.measure("blend"):
            target.framebuffer.clear()
            layers = self._layers_of(target)
            program = self._peel[target.channels]
            set_quads(program, source.appearance, camera, settings)
            program["count"] = count
            stop = MIN_TRANSMITTANCE if settings.transmittance_stop else 0.0
            program["least_transmittance"] = stop
            passes = 0
            # The median is known once it is known what covers a pixel in all.
            for halving in (False, True)[: 2 if settings.mode is Mode.MEDIAN else 1]:
                if target.channels == 3:
                    program["halving"], program["covered"] = halving, COVERED
                    target.color.use(COVERED)
                passes += self._peeled(count, settings.peel_layers, layers, target)
        return Counts(len(source), count, told, self.nbytes, passes)

    def _peeled(self, count: int, most: int | None, layers: Layers, target: TextureTarget) -> int:
        """Layer after layer into the target; gives the number of passes."""
        layers.framebuffers[1].clear(0.0, 1.0)  # nothing peeled, all shines through
        passes = 0
        while count and passes != most:
            # To wait for each pass costs less than to draw one in vain.
            anything = self._peel_once(count, layers, passes % 2, target.channels)
            passes += 1
            if not anything:
                break
            self._add_layer(layers, target)
        return passes

    def _peel_once(self, count: int, layers: Layers, turn: int, channels: int) -> bool:
        """Whether any pixel had a further layer."""
        ctx, program = self._ctx, self._peel[channels]
        layers.framebuffers[turn].use()
        layers.framebuffers[turn].clear()
        ctx.enable_only(moderngl.DEPTH_TEST)
        ctx.depth_func = "<"
        self._records.bind(program)
        program["before"] = BEFORE
        layers.behind[turn ^ 1].use(BEFORE)
        with self._found:
            vertices = self._peel.vertices(channels)
            vertices.render(moderngl.TRIANGLE_STRIP, vertices=4, instances=count)
        return bool(self._found.samples)

    def _add_layer(self, layers: Layers, target: TextureTarget) -> None:
        ctx, program = self._ctx, self._add[target.channels]
        target.framebuffer.use()
        ctx.enable_only(moderngl.BLEND)
        ctx.blend_func = moderngl.ONE, moderngl.ONE
        for slot, (name, texture) in enumerate(zip(LAYER_TEXTURES, layers.colors, strict=False)):
            texture.use(slot)
            program[name] = slot
        self._add.vertices(target.channels).render(moderngl.TRIANGLES, vertices=3)

    @property
    def nbytes(self) -> int:
        """Bytes held on the device, without programs and targets."""
        return self._records.nbytes + (self._layers.nbytes if self._layers else 0)

    def release(self) -> None:
        """Free programs and textures."""
        self._records.release()
        self._peel.release()
        self._add.release()
        if self._layers is not None:
            self._ctx.detect_framebuffer(0).use()
            self._layers.release()
            self._layers = None

    def _layers_of(self, target: TextureTarget) -> Layers:
        shape = target.width, target.height, target.channels
        if self._layers is None or self._layers.shape != shape:
            if self._layers is not None:
                self._ctx.detect_framebuffer(0).use()
                self._layers.release()
            self._layers = _layers(self._ctx, shape)
        return self._layers


def _layers(ctx: moderngl.Context, shape: tuple[int, int, int]) -> Layers:
    width, height, channels = shape
    size = width, height
    behind = [ctx.texture(size, 2, dtype="f4") for _ in range(2)]
    colors = [ctx.texture(size, 4, dtype="f4") for _ in range(channels // 3)]
    for texture in (*behind, *colors):
        texture.filter = moderngl.NEAREST, moderngl.NEAREST
    depth = ctx.depth_renderbuffer(size)
    framebuffers = [ctx.framebuffer([texture, *colors], depth) for texture in behind]
    return Layers(shape, behind, colors, depth, framebuffers)
