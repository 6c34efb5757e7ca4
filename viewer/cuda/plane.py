"""Plane and Block: what lies in device memory, and the texture or buffer it belongs in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import moderngl

BYTES = {"f1": 1, "f2": 2, "f4": 4}  # of a number


@dataclass(frozen=True, slots=True)
class Plane:
    """pointer: device address of the pixels, rows bottom-up as OpenGL has them, tightly packed.

    texture: as wide; 8 bits, half or float, four components. lines: how many rows there are, for
    the texture's first; None is all of its own. What its other rows held is lost.
    """

    pointer: int
    texture: moderngl.Texture
    lines: int | None = None

    @property
    def pitch(self) -> int:
        """Bytes from one row to the next."""
        return self.texture.width * self.texture.components * BYTES[self.texture.dtype]

    @property
    def height(self) -> int:
        """Rows."""
        return self.texture.height if self.lines is None else self.lines


@dataclass(frozen=True, slots=True)
class Block:
    """pointer: device address of `nbytes` bytes, for the buffer's first; the others are lost.

    nbytes: at least one, at most the buffer's size.
    """

    pointer: int
    nbytes: int
    buffer: moderngl.Buffer


Piece = Plane | Block


class Presenter(Protocol):
    """Brings what lies in CUDA's memory into OpenGL's textures and buffers."""

    @property
    def told(self) -> str:
        """How, and where that costs something, what and why."""
        ...

    def present(self, pieces: Sequence[Piece], stream: int) -> None:
        """After what is queued on `stream`; what OpenGL is told afterwards sees it.

        pieces: at least one, each for another texture or buffer. stream: handle of a CUDA stream.
        """
        ...

    def release(self) -> None:
        """Let go of textures, buffers and memory; the OpenGL context must still be there."""
        ...
