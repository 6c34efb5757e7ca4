"""RadixSort: positions in the order of their 32-bit keys, without leaving the device.

Four passes of eight bits, each in three dispatches: count, scan, scatter. It needs 18 KiB of shared
memory and barriers within a group, and nothing of how groups or lanes are scheduled.
"""

import moderngl

from viewer.gl.buffers import Storage
from viewer.gl.program import compute_program

TILE = 4096  # keys a group, as in include/radix.glsl
BITS = 8
ALL = moderngl.SHADER_STORAGE_BARRIER_BIT | moderngl.COMMAND_BARRIER_BIT


class RadixSort:
    """Ascending and stable. order: [kept] uint32 positions; kept: [1] uint32, how many."""

    def __init__(self, ctx: moderngl.Context) -> None:
        self._ctx = ctx
        self._stages = tuple(
            compute_program(ctx, f"radix_{stage}", {}) for stage in ("count", "scan", "scatter")
        )
        self._odd = Storage(ctx), Storage(ctx)  # keys, positions after the first and third pass
        self._even = Storage(ctx), Storage(ctx)  # and after the second and fourth
        self.order = self._even[1]
        self._table, self.kept = Storage(ctx), Storage(ctx)
        self._held = (*self._odd, *self._even, self._table, self.kept)

    def sort(self, keys: Storage, count: int) -> None:
        """Sort `count` uint32 keys; those equal to 0xFFFFFFFF are left out. They are not moved."""
        tiles = -(-count // TILE)
        for carried in (*self._odd, *self._even):
            carried.reserve(count * 4)
        self._table.reserve(tiles * 256 * 4)
        self._table.bind(4)
        self.kept.bind(5)
        source = keys, self.order  # whose positions the first pass does not read
        for shift in range(0, 32, BITS):
            target = self._even if source is self._odd else self._odd
            for slot, storage in enumerate((*source, *target)):
                storage.bind(slot)
            for program in self._stages:
                program["count"], program["shift"] = count, shift
                if program is self._stages[1]:
                    program.run(1)
                elif shift == 0:
                    program.run(tiles)
                else:
                    program.run_indirect(self.kept.buffer, 4)
                self._ctx.memory_barrier(ALL)
            source = target

    @property
    def nbytes(self) -> int:
        """Bytes held on the device."""
        return sum(storage.nbytes for storage in self._held)

    def release(self) -> None:
        """Free programs and buffers."""
        for held in (*self._held, *self._stages):
            held.release()
