"""Who sorts the depths of a slice that lies on the device: the device, or the processor.

A measured probe decides: compute shaders of a software rasteriser, or of a small GPU beside a quick
processor, can be slower than reading the keys back.
"""

from time import perf_counter

import moderngl
import numpy as np
import torch

from viewer.gl.buffers import Storage
from viewer.gl.radix import RadixSort
from viewer.render.visibility import sorted_rows

PROBE = 1 << 14  # keys
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
        found = torch.from_numpy(keys.read(count, np.int32))
        slots = (found >= 0).nonzero().squeeze(1)  # HIDDEN is -1
        order = sorted_rows(slots, found.index_select(0, slots).view(torch.float32))
        self._order.write(order.to(torch.int32))
        self._kept.write(np.array([len(order)], np.uint32))

    def _probe(self, keys: Storage, radix: RadixSort | None) -> float:
        """Milliseconds of the quickest of a few sorts; the first one compiles."""
        costs = []
        for _ in range(TRIES + 1):
            start = perf_counter()
            self._sort(keys, PROBE, radix)
            self._ctx.finish()
            costs.append((perf_counter() - start) * 1e3)
        return min(costs[1:])
