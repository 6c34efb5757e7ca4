"""The median depth of every pixel, without reading a framebuffer that is drawn to.

-log(1 - alpha) of splats adds up in any order. A pass adds it up in 16 buckets of depth; the bucket
in which half of what the pixel shows is reached gives four more bits of the median's key, and the
next pass divides that bucket. Five passes tell depth to a relative 2^-15.
"""

from collections.abc import Callable, Mapping

import moderngl

from viewer.core.settings import RenderSettings
from viewer.core.splats import Appearance
from viewer.gl.program import draw_program
from viewer.gl.target import TextureTarget
from viewer.render.visibility import near_plane

BITS = 4  # of the key a pass: its 16 buckets fill four textures
SHIFTS = range(16, -1, -BITS)  # bits still unknown after each pass: those of depth_key.glsl
BUCKETS = 4 * 3  # channels of a target of four textures, each with one more in its alpha
FOUND = 2  # texture unit: the two before may hold the records
LEAST_NEAR = 1e-6  # world units: keys are relative, so they need a nearest depth above 0


class Median:
    """Five passes over the splats, in two targets of the picture's size."""

    def __init__(
        self, ctx: moderngl.Context, constants: Mapping[str, float | int], version: int | None
    ) -> None:
        """constants, version: of the program that fetches the records."""
        self._ctx = ctx
        constants = {**constants, "FEATURES": 0}
        self.program = draw_program(
            ctx, "splat", constants, fragment="median_count", version=version
        )
        self.quads = ctx.vertex_array(self.program, [])
        self._find = draw_program(ctx, "fullscreen", {}, fragment="median_find")
        self._show = draw_program(ctx, "fullscreen", {}, fragment="median")
        self._triangles = [ctx.vertex_array(program, []) for program in (self._find, self._show)]
        self._targets: list[TextureTarget] = []  # buckets, what is found, what was found before

    def draw(
        self,
        target: TextureTarget,
        appearance: Appearance,
        settings: RenderSettings,
        issue: Callable[[moderngl.VertexArray], None],
    ) -> None:
        """Fill `target` with median depth times alpha, and alpha. The program's camera is set."""
        buckets, found, before = self._targets_of(target.width, target.height)
        nearest = max(near_plane(appearance, settings), LEAST_NEAR)
        self.program["nearest"] = self._show["nearest"] = nearest
        self.program["found"] = FOUND
        self._find["found"] = self._show["found"] = FOUND
        self._find["buckets"] = tuple(range(FOUND + 1, FOUND + 5))
        found.framebuffer.use()
        found.framebuffer.clear()
        for shift in SHIFTS:
            self._ctx.enable_only(moderngl.BLEND)
            self._ctx.blend_func = moderngl.ONE, moderngl.ONE
            buckets.framebuffer.use()
            buckets.framebuffer.clear()
            found.color.use(FOUND)
            self.program["shift"] = shift
            issue(self.quads)
            found, before = before, found
            found.framebuffer.use()
            self._ctx.enable_only(moderngl.NOTHING)
            for slot, texture in enumerate((before.color, *buckets.layers), start=FOUND):
                texture.use(slot)
            self._find["first"] = shift == SHIFTS[0]
            self._triangles[0].render(moderngl.TRIANGLES, vertices=3)
        target.framebuffer.use()
        found.color.use(FOUND)
        self._triangles[1].render(moderngl.TRIANGLES, vertices=3)

    @property
    def nbytes(self) -> int:
        """Bytes of its textures."""
        return sum(16 * t.width * t.height * len(t.layers) for t in self._targets)

    def release(self) -> None:
        """Free programs and textures."""
        for array in (self.quads, *self._triangles):
            array.release()
        for program in (self.program, self._find, self._show):
            program.release()
        for target in self._targets:
            target.release()
        self._targets = []

    def _targets_of(self, width: int, height: int) -> list[TextureTarget]:
        held = self._targets
        if not held or (held[0].width, held[0].height) != (width, height):
            for target in held:
                target.release()
            sizes = (BUCKETS, 3, 3)
            held = [TextureTarget(self._ctx, width, height, "f4", n) for n in sizes]
            self._targets = held
        return held
