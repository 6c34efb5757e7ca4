"""Plane: a picture in device memory and the texture it belongs in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import moderngl

BYTES = {"f1": 1, "f2": 2, "f4": 4}  # of a number


@dataclass(frozen=True, slots=True)
class Plane:
    """pointer: device address of the pixels, rows bottom-up as OpenGL has them, tightly packed.

    texture: as large; 8 bits, half or float, four components.
    """

    pointer: int
    texture: moderngl.Texture

    @property
    def pitch(self) -> int:
        """Bytes from one row to the next."""
        return self.texture.width * self.texture.components * BYTES[self.texture.dtype]


class Presenter(Protocol):
    """Brings pixels that lie in CUDA's memory into OpenGL's textures."""

    @property
    def told(self) -> str:
        """How, and where that costs something, what and why."""
        ...

    def present(self, planes: Sequence[Plane], stream: int) -> None:
        """After what is queued on `stream`; what OpenGL is told afterwards sees the pixels.

        stream: handle of a CUDA stream.
        """
        ...

    def release(self) -> None:
        """Let go of textures and memory; the OpenGL context must still be there."""
        ...
