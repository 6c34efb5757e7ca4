"""Draws lines of the world over a picture. They hide behind nothing."""

import moderngl
import numpy as np

from viewer.core.camera import Camera
from viewer.core.frusta import Frusta
from viewer.gl.interface import OVER
from viewer.gl.program import draw_program

NEAR = 1e-3  # of the distance to the middle of the lines

Color = tuple[float, float, float, float]


class Lines:
    """The lines that were drawn last stay on the device."""

    def __init__(self, ctx: moderngl.Context) -> None:
        self._ctx = ctx
        self._program = draw_program(ctx, "lines", {})
        self._held: tuple[Frusta, moderngl.Buffer, moderngl.VertexArray] | None = None

    def draw(
        self,
        framebuffer: moderngl.Framebuffer,
        lines: Frusta,
        camera: Camera,
        width: float,
        colors: tuple[Color, Color],
        hidden: int = -1,
        lit: int = -1,
    ) -> None:
        """Over what `framebuffer` holds. width: pixels. colors: of all, and of owner `lit`."""
        array = self._uploaded(lines)
        framebuffer.use()
        framebuffer.viewport = framebuffer.scissor = (0, 0, camera.width, camera.height)
        self._ctx.enable_only(moderngl.BLEND)
        self._ctx.blend_func = OVER
        K, middle = camera.K, lines.centers.mean(0)
        self._program["viewmat"] = tuple(camera.viewmat.T.ravel().tolist())
        self._program["focal"], self._program["principal"] = (K[0, 0], K[1, 1]), (K[0, 2], K[1, 2])
        self._program["size"] = (camera.width, camera.height)
        self._program["orthographic"] = camera.orthographic
        self._program["near"] = NEAR * max(float(np.linalg.norm(camera.center - middle)), NEAR)
        self._program["width"] = width
        self._program["hidden"], self._program["lit"] = hidden, lit
        self._program["tint"], self._program["accent"] = colors
        array.render(moderngl.TRIANGLE_STRIP, vertices=4, instances=len(lines.owner))

    def release(self) -> None:
        """Free everything on the device."""
        self._forget()
        self._program.release()

    def _uploaded(self, lines: Frusta) -> moderngl.VertexArray:
        if self._held is None or self._held[0] is not lines:
            self._forget()
            rows = np.concatenate([lines.ends.reshape(-1, 6), lines.owner[:, None]], 1)
            buffer = self._ctx.buffer(np.ascontiguousarray(rows, np.float32))
            layout = [(buffer, "3f 3f 1f/i", "start", "end", "owner")]
            array = self._ctx.vertex_array(self._program, layout)
            self._held = lines, buffer, array
        return self._held[2]

    def _forget(self) -> None:
        if self._held is not None:
            self._held[2].release()
            self._held[1].release()
            self._held = None
