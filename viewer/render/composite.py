"""The blended layer over its background: the picture that is shown, saved and recorded."""

import moderngl

from viewer.gl.program import draw_program
from viewer.gl.target import TextureTarget


class Compositor:
    """Draws a layer over a background, on the device."""

    def __init__(self, ctx: moderngl.Context) -> None:
        self._ctx = ctx
        self._program = draw_program(ctx, "fullscreen", {}, fragment="composite")
        self._triangle = ctx.vertex_array(self._program, [])

    def over(
        self, layer: TextureTarget, background: tuple[float, float, float], picture: TextureTarget
    ) -> None:
        """Fill `picture` with `layer` over `background` (RGB 0..1), opaque; sizes are equal."""
        picture.framebuffer.use()
        self._ctx.enable_only(moderngl.NOTHING)
        layer.color.use(0)
        self._program["layer"] = 0
        self._program["background"] = background
        self._triangle.render(moderngl.TRIANGLES, vertices=3)

    def release(self) -> None:
        """Free the program."""
        self._triangle.release()
        self._program.release()
