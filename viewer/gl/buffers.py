"""Growable storage buffers: capacity grows by half, so steady play allocates nothing."""

import moderngl
import numpy as np
from torch import Tensor

LEAST = 256  # bytes


class Storage:
    """A shader storage buffer that keeps its place when what it holds grows."""

    def __init__(self, ctx: moderngl.Context) -> None:
        self._ctx = ctx
        self._buffer = ctx.buffer(reserve=LEAST)

    def reserve(self, nbytes: int) -> None:
        """Make room for `nbytes`; what the buffer held is lost if it has to grow."""
        if nbytes > self._buffer.size:
            size = max(nbytes, self._buffer.size * 3 // 2)
            limit = storage_limit(self._ctx)
            self._buffer.release()
            self._buffer = self._ctx.buffer(reserve=min(size, max(limit, nbytes)))

    def shrink(self) -> None:
        """Let what it holds go."""
        self._buffer.release()
        self._buffer = self._ctx.buffer(reserve=LEAST)

    def write(self, values: Tensor | np.ndarray) -> None:
        """Replace the contents; a tensor on another device is copied through the host."""
        array = values.detach().cpu().numpy() if isinstance(values, Tensor) else values
        array = np.ascontiguousarray(array)
        self.reserve(array.nbytes)
        if array.nbytes:
            self._buffer.write(array)

    def read(self, count: int, dtype: type[np.generic]) -> np.ndarray:
        """The first `count` numbers; waits for the device."""
        raw = self._buffer.read(count * np.dtype(dtype).itemsize) if count else b""
        return np.frombuffer(bytearray(raw), dtype)

    def bind(self, slot: int) -> None:
        """Bind as `layout(binding = slot) buffer`."""
        self._buffer.bind_to_storage_buffer(slot)

    @property
    def buffer(self) -> moderngl.Buffer:
        """What holds it now: for indirect calls, which take no binding."""
        return self._buffer

    @property
    def nbytes(self) -> int:
        """Bytes held on the device."""
        return self._buffer.size

    def release(self) -> None:
        """Free the buffer."""
        self._buffer.release()


def storage_limit(ctx: moderngl.Context) -> int:
    """Largest storage buffer a shader of this context can see, bytes."""
    return int(ctx.info.get("GL_MAX_SHADER_STORAGE_BLOCK_SIZE", 0)) or 2**27
