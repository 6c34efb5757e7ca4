"""Who sorts the depths of a slice that lies on the device: the device, or the processor.

A measured probe decides: compute shaders of a software rasteriser, or of a small GPU beside a quick
processor, can be slower than reading the keys back.
"""

from time import perf_counter

import moderngl
import numpy as np

from viewer.gl.buffers import Storage
from viewer.gl.radix import RadixSort
from viewer.render.visibility import ascending

PROBE = 1 << 16  # keys
HIDDEN = 0xFFFFFFFF  # of include/record.glsl
TRIES = 3


class DepthOrder:
    """Slots of a slice, nearest first, ties in slot order. order: [kept[0]] uint32."""

    def __init__(self, ctx: moderngl.Context) -> None:
        """Measures both ways here."""
        self._ctx = ctx
        self._radix: RadixSort | None = RadixSort(ctx)
        self._order, self._kept = Storage(ctx), Storage(ctx)
        keys = Storage(ctx)
        keys.write(np.random.default_rng(0).uniform(1, 100, PROBE).astype(np.float32))
        device = self._probe(keys, self._radix)
        host = self._probe(keys, None)
        keys.release()
        self._order.shrink()
        if host < device:
            self._radix.release()
            self._radix = None
        where = "on the processor" if host < device else "by compute shaders"
        self.told = f"sorts {where} ({host:.1f} ms there, {device:.1f} ms by shaders, at {PROBE:,})"

    def sort(self, keys: Storage, count: int) -> None:
        """Sort `count` keys: bits of depths, or HIDDEN for a slot that is left out."""
        self._sort(keys, count, self._radix)

    @property
    def waits(self) -> bool:
        """Whether to sort is to wait for the device."""
        return self._radix is None

    @property
    def order(self) -> Storage:
        """Slots, as sorted."""
        return self._order if self._radix is None else self._radix.order

    @property
    def kept(self) -> Storage:
        """How many slots were sorted: [1] uint32."""
        return self._kept if self._radix is None else self._radix.kept

    @property
    def nbytes(self) -> int:
        """Bytes held on the device."""
        own = self._order.nbytes + self._kept.nbytes
        return own + (0 if self._radix is None else self._radix.nbytes)

    def release(self) -> None:
        """Free buffers and programs."""
        if self._radix is not None:
            self._radix.release()
        self._order.release()
        self._kept.release()

    def _sort(self, keys: Storage, count: int, radix: RadixSort | None) -> None:
        if radix is not None:
            radix.sort(keys, count)
            return
        found = keys.read(count, np.uint32)
        slots = np.flatnonzero(found != HIDDEN)
        self._order.write(slots[ascending(found[slots])].astype(np.uint32))
        self._kept.write(np.array([len(slots)], np.uint32))

    def _probe(self, keys: Storage, radix: RadixSort | None) -> float:
        """Milliseconds of the quickest of a few sorts; the first one compiles."""
        costs = []
        for _ in range(TRIES + 1):
            start = perf_counter()
            self._sort(keys, PROBE, radix)
            self._ctx.finish()
            costs.append((perf_counter() - start) * 1e3)
        return min(costs[1:])
