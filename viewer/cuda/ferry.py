"""Ferry: brings tensors into OpenGL's buffers and data textures, from wherever they lie."""

from collections.abc import Callable, Sequence

import moderngl
import torch
from torch import Tensor

from viewer.core.errors import Unusable
from viewer.cuda.interop import presenter
from viewer.cuda.plane import Block, Piece, Plane, Presenter
from viewer.cuda.runtime import Runtime
from viewer.gl.buffers import Storage
from viewer.gl.data_texture import DataTexture

Cargo = tuple[Tensor, Storage | DataTexture]


def cuda_stream(values: Tensor) -> int | None:
    """Handle of the CUDA stream that makes a tensor; None of one that lies in the host's memory."""
    return torch.cuda.current_stream(values.device).cuda_stream if values.is_cuda else None


class Ferry:
    """What lies on CUDA's device stays there, or goes by pinned memory; the host's is written."""

    def __init__(
        self,
        ctx: moderngl.Context,
        stream_of: Callable[[Tensor], int | None] = cuda_stream,
        runtime: Runtime | None = None,
    ) -> None:
        """stream_of: tells what lies on the device. runtime: None for the machine's own."""
        self._ctx, self._stream_of, self._runtime = ctx, stream_of, runtime
        self._wanted: str | None = None  # what the presenter was made for
        self._presenter: Presenter | None = None
        self._lacking = ""  # why there is none

    def bring(self, cargo: Sequence[Cargo], interop: str) -> str:
        """Replace what buffers and textures hold, as their `write` does; each is named once.

        interop: one of INTEROP; the way is looked for when something first lies on the device. All
        that does is brought in one call. Gives how, and nothing where there was none of it. Raises
        Unusable where interop is wanted and does not work, and where something does not fit.
        """
        streams = [self._stream_of(values) for values, _ in cargo]
        known = [stream for stream in streams if stream is not None]
        way = self._way(interop) if known else None
        pieces: list[tuple[Tensor, Piece]] = []  # the tensors live until they are brought
        for (values, into), stream in zip(cargo, streams, strict=True):
            if stream is None or way is None:
                into.write(values)
            elif values.numel():
                pieces.append(_piece(values.contiguous(), into))
        if way is not None and pieces:
            way.present([piece for _, piece in pieces], known[0])
        if way is not None:
            return way.told
        return self._lacking if known else ""

    def release(self) -> None:
        """Let go of what it brought to, before that is released; it may be used again."""
        if self._presenter is not None:
            self._presenter.release()
        self._presenter, self._wanted, self._lacking = None, None, ""

    def _way(self, interop: str) -> Presenter | None:
        """None where CUDA cannot be reached but by torch."""
        if self._wanted != interop:
            self.release()
            try:
                self._presenter = presenter(self._ctx, interop, self._runtime)
            except Unusable as error:
                if interop == "interop":
                    raise
                self._lacking = f"splats are copied by way of the processor: {error.cause}"
            self._wanted = interop
        return self._presenter


def _piece(values: Tensor, into: Storage | DataTexture) -> tuple[Tensor, Piece]:
    """What is to be brought, and where from."""
    if isinstance(into, Storage):
        nbytes = values.numel() * values.element_size()
        into.reserve(nbytes)
        return values, Block(values.data_ptr(), nbytes, into.buffer)
    lines = into.reserve(values.shape)
    missing = lines * into.line - values.numel()  # pixels are copied in whole lines
    whole = torch.nn.functional.pad(values.reshape(-1), (0, missing))
    return whole, Plane(whole.data_ptr(), into.texture, lines)
