"""DataTexture: rows of numbers for shaders of OpenGL 3.3, which has no storage buffers."""

from collections.abc import Sequence

import moderngl
import numpy as np
from torch import Tensor

from viewer.core.errors import Unusable

WIDTH = 4096  # texels; any device of the last fifteen years has as many, and it is checked
TEXEL = 4  # numbers


class DataTexture:
    """float32 rows of a multiple of four numbers, one after the other in lines of WIDTH texels.

    It grows by half, so steady play allocates nothing, and only what is used is written.
    """

    def __init__(self, ctx: moderngl.Context) -> None:
        """Raises Unusable where a texture cannot be as wide."""
        self._ctx = ctx
        self._limit = int(ctx.info["GL_MAX_TEXTURE_SIZE"])
        if self._limit < WIDTH:
            raise Unusable(f"textures are {WIDTH} wide here, this driver's at most {self._limit}")
        self._texture = self._of(1)

    def write(self, values: Tensor) -> None:
        """Replace the contents by `values` [n, 4 k] float32. Raises Unusable if they do not fit.

        A tensor on another device is copied through the host.
        """
        array = np.ascontiguousarray(values.cpu().numpy())
        self.reserve(array.shape)
        lines, rest = divmod(array.size, self.line)
        whole, begun = np.split(array.reshape(-1), [lines * self.line])
        if lines:
            self._texture.write(whole, viewport=(0, 0, WIDTH, lines))
        if rest:
            self._texture.write(begun, viewport=(0, lines, rest // TEXEL, 1))

    def reserve(self, shape: Sequence[int]) -> int:
        """Make room for values of a shape [n, 4 k]; gives how many lines they take, begun ones too.

        What it held is lost if it has to grow. Raises Unusable if they do not fit.
        """
        count, each = shape
        assert each % TEXEL == 0
        lines = -(-count * each // self.line)
        if lines > self._limit:
            most = self._limit * self.line // each
            raise Unusable(f"{count} splats at once, this driver's textures hold {most}")
        held = self._texture.height
        if lines > held:
            self._texture.release()
            self._texture = self._of(min(max(lines, held * 3 // 2), self._limit))
        return lines

    def use(self, slot: int) -> None:
        """Bind to a texture unit."""
        self._texture.use(slot)

    @property
    def line(self) -> int:
        """Numbers that a line takes."""
        return self._texture.width * TEXEL

    @property
    def texture(self) -> moderngl.Texture:
        """What holds it now."""
        return self._texture

    @property
    def nbytes(self) -> int:
        """Bytes held on the device."""
        return self._texture.width * self._texture.height * TEXEL * 4

    def release(self) -> None:
        """Free the texture."""
        self._texture.release()

    def _of(self, lines: int) -> moderngl.Texture:
        texture = self._ctx.texture((WIDTH, lines), TEXEL, dtype="f4")
        texture.filter = moderngl.NEAREST, moderngl.NEAREST
        return texture
