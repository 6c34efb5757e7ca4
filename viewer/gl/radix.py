"""RadixSort: positions in the order of their 32-bit keys, without leaving the device.

Four passes of eight bits, each in three dispatches: count, scan, scatter. It needs shared memory
and barriers within a group, and nothing of how groups or lanes are scheduled.
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
        self._count, self._scan, self._scatter = (
            compute_program(ctx, f"radix_{stage}", {}) for stage in ("count", "scan", "scatter")
        )
        self.order, self._other = Storage(ctx), Storage(ctx)
        self._keys = Storage(ctx), Storage(ctx)
        self._table, self.kept = Storage(ctx), Storage(ctx)

    def sort(self, keys: Storage, count: int) -> None:
        """Sort `count` uint32 keys; those equal to 0xFFFFFFFF are left out. They are not moved."""
        tiles = -(-count // TILE)
        for carried in (*self._keys, self.order, self._other):
            carried.reserve(count * 4)
        self._table.reserve(tiles * 256 * 4)
        self._table.bind(4)
        self.kept.bind(5)
        source, target = (keys, self.order), (self._keys[0], self._other)
        spare = self._keys[1], self.order
        for shift in range(0, 32, BITS):
            source[0].bind(0)
            source[1].bind(1)
            target[0].bind(2)
            target[1].bind(3)
            for program in (self._count, self._scan, self._scatter):
                if "count" in program:
                    program["count"] = count
                program["shift"] = shift
                if program is self._scan:
                    program.run(1)
                elif shift == 0:
                    program.run(tiles)
                else:
                    program.run_indirect(self.kept.buffer, 4)
                self._ctx.memory_barrier(ALL)
            source, target = target, spare if shift == 0 else source

    @property
    def nbytes(self) -> int:
        """Bytes held on the device."""
        held = (*self._keys, self.order, self._other, self._table, self.kept)
        return sum(storage.nbytes for storage in held)

    def release(self) -> None:
        """Free programs and buffers."""
        for held in (*self._keys, self.order, self._other, self._table, self.kept):
            held.release()
        for program in (self._count, self._scan, self._scatter):
            program.release()
