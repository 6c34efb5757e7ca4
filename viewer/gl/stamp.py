"""Draws an image over a picture, in a rectangle of it."""

import moderngl
import numpy as np

from viewer.gl.interface import OVER
from viewer.gl.program import draw_program


class Stamp:
    """Holds one image on the device."""

    def __init__(self, ctx: moderngl.Context) -> None:
        self._ctx = ctx
        self._program = draw_program(ctx, "interface", {})
        self._corners = ctx.buffer(reserve=4 * 32, dynamic=True)
        layout = [(self._corners, "2f 2f 4f", "position", "uv", "color")]
        self._quad = ctx.vertex_array(self._program, layout)
        self._texture: moderngl.Texture | None = None

    def hold(self, image: np.ndarray) -> None:
        """Take an image [H, W, 3] uint8. Raises ValueError for one beyond this device's limit."""
        height, width = image.shape[:2]
        limit = int(self._ctx.info["GL_MAX_TEXTURE_SIZE"])
        if max(width, height) > limit:
            raise ValueError(f"{width}x{height} is over this device's limit of {limit}")
        self._forget()
        self._texture = self._ctx.texture((width, height), 3, image.tobytes(), alignment=1)
        self._texture.build_mipmaps()
        self._texture.filter = moderngl.LINEAR_MIPMAP_LINEAR, moderngl.LINEAR
        self._texture.repeat_x = self._texture.repeat_y = False

    def draw(
        self,
        framebuffer: moderngl.Framebuffer,
        box: tuple[float, float, float, float],
        size: tuple[int, int],
        opacity: float,
        share: float,
    ) -> None:
        """Into `framebuffer` of `size` pixels. box: left, top, right, bottom; share: from left."""
        if self._texture is None:
            return
        left, top, right, bottom = box
        right = left + share * (right - left)
        rows = [
            (x, y, u, v, 1.0, 1.0, 1.0, opacity)
            for x, u in ((left, 0.0), (right, share))
            for y, v in ((top, 0.0), (bottom, 1.0))
        ]
        self._corners.write(np.array(rows, np.float32))
        framebuffer.use()
        framebuffer.viewport = framebuffer.scissor = (0, 0, *size)
        self._ctx.enable_only(moderngl.BLEND)
        self._ctx.blend_func = OVER
        self._program["image"] = 0
        self._program["size"] = size
        self._texture.use(0)
        self._quad.render(moderngl.TRIANGLE_STRIP)

    def release(self) -> None:
        """Free everything on the device."""
        self._forget()
        for held in (self._quad, self._corners, self._program):
            held.release()

    def _forget(self) -> None:
        if self._texture is not None:
            self._texture.release()
            self._texture = None
