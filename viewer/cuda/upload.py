"""UploadPresenter: by way of the host and back, where CUDA and OpenGL share nothing."""

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np

from viewer.cuda.plane import Piece, Plane
from viewer.cuda.runtime import Runtime

SLOTS = 3  # one on its way from the device, one on its way to OpenGL, one that waits
SLOT = 2 << 20  # bytes; the widest row of any target takes 0.5 MiB
NO_TIMING = 2  # cudaEventDisableTiming


@dataclass(frozen=True, slots=True)
class Slot:
    """Pinned host memory, and the event of the last copy into it."""

    address: int
    memory: np.ndarray  # [SLOT] uint8, the same
    event: Any


@dataclass(frozen=True, slots=True)
class Band:
    """As much of a piece as a slot holds: its device address, bytes, and what writes them."""

    pointer: int
    nbytes: int
    write: Callable[[np.ndarray], None]


class UploadPresenter:
    """Bands, copied by the device into pinned slots while OpenGL takes those before.

    What is brought is this frame's own, not the one before: the host waits for it.
    """

    def __init__(self, runtime: Runtime, reason: str) -> None:
        """reason: why it is done in this way."""
        self._runtime, self._reason = runtime, reason
        self._kind = runtime.module.cudaMemcpyKind.cudaMemcpyDeviceToHost
        self._drawn = runtime("cudaEventCreateWithFlags", NO_TIMING)
        self._slots = [_slot(runtime) for _ in range(SLOTS)]
        self.seconds = 0.0  # of the last frame, from drawn to uploaded

    @property
    def told(self) -> str:
        """As Presenter says."""
        cost = f", {1e3 * self.seconds:.1f} ms a frame" if self.seconds else ""
        return f"pinned upload{cost}: {self._reason}"

    def present(self, pieces: Sequence[Piece], stream: int) -> None:
        """As Presenter says. Raises CudaFailure."""
        bands = [band for piece in pieces for band in _bands(piece)]
        self._runtime("cudaEventRecord", self._drawn, stream)
        for slot, band in zip(self._slots, bands, strict=False):
            self._fetch(slot, band, stream)
        self._runtime("cudaEventSynchronize", self._drawn)
        start = perf_counter()
        for i, band in enumerate(bands):
            slot = self._slots[i % SLOTS]
            self._runtime("cudaEventSynchronize", slot.event)
            band.write(slot.memory[: band.nbytes])
            if i + SLOTS < len(bands):
                self._fetch(slot, bands[i + SLOTS], stream)
        self.seconds = perf_counter() - start

    def release(self) -> None:
        """As Presenter says."""
        for slot in self._slots:
            self._runtime("cudaEventDestroy", slot.event)
            self._runtime("cudaFreeHost", slot.address)
        self._slots.clear()
        self._runtime("cudaEventDestroy", self._drawn)

    def _fetch(self, slot: Slot, band: Band, stream: int) -> None:
        where = slot.address, band.pointer, band.nbytes
        self._runtime("cudaMemcpyAsync", *where, self._kind, stream)
        self._runtime("cudaEventRecord", slot.event, stream)


def _slot(runtime: Runtime) -> Slot:
    address = int(runtime("cudaHostAlloc", SLOT, 0))
    memory = (ctypes.c_uint8 * SLOT).from_address(address)
    event = runtime("cudaEventCreateWithFlags", NO_TIMING)
    return Slot(address, np.ctypeslib.as_array(memory), event)


def _bands(piece: Piece) -> list[Band]:
    bands = []
    if isinstance(piece, Plane):
        texture, pitch, most = piece.texture, piece.pitch, SLOT // piece.pitch
        for first in range(0, piece.height, most):
            rows = min(most, piece.height - first)
            write = partial(texture.write, viewport=(0, first, texture.width, rows))
            bands.append(Band(piece.pointer + first * pitch, rows * pitch, write))
    else:
        for first in range(0, piece.nbytes, SLOT):
            count = min(SLOT, piece.nbytes - first)
            write = partial(piece.buffer.write, offset=first)
            bands.append(Band(piece.pointer + first, count, write))
    return bands
