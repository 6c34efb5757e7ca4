"""Huffman streams as the dahuffman package writes them: most significant bit first.

A symbol is looked up by the next 16 bits in a flat table; longer codes, which are rare, are found
by bisection. Nothing is done bit by bit.
Source of the conventions: dahuffman/huffmancodec.py of soxofaan/dahuffman.
"""

from bisect import bisect_right
from collections.abc import Mapping

import numpy as np

from viewer.formats.source import Progress

FLAT = 16  # bits looked up at once, at most
LONGEST = 48  # bits of a code; with up to 7 before it they fit in 8 bytes
CHUNK = 1 << 16  # bytes between two looks at progress
END = -1  # stands for the symbol that ends a stream


class Code:
    """A prefix code: which bits stand for which symbol."""

    def __init__(self, table: Mapping[object, object]) -> None:
        """table: symbol to (bits, value); a key that is no integer is the end of the stream.

        Raises ValueError for what is no prefix code.
        """
        rows = sorted(_row(symbol, entry) for symbol, entry in table.items())
        if not rows:
            raise ValueError("is empty")
        starts, lengths, symbols = np.array(rows, np.int64).T
        ends = starts + (1 << (LONGEST - lengths))
        if (ends[:-1] > starts[1:]).any():
            raise ValueError("is no prefix code")
        self._bits = min(FLAT, int(lengths.max()))  # of a window
        windows = np.arange(1 << self._bits) << (LONGEST - self._bits)
        at = (np.searchsorted(starts, windows, side="right") - 1).clip(0)
        known = (starts[at] <= windows) & (windows < ends[at])
        known &= (lengths[at] <= self._bits) & (symbols[at] != END)
        self._steps = np.where(known, lengths[at], 0).tolist()  # bits; 0 = look closer
        self._symbol_of = np.concatenate([symbols[at], symbols])  # of a window, then of a code
        self._starts, self._ends, self._lengths = starts.tolist(), ends.tolist(), lengths.tolist()

    def decode(self, data: bytes, count: int, progress: Progress) -> np.ndarray:
        """[count] int64 symbols. Raises ValueError where the stream ends before.

        What follows is not looked at: a stream may be cut within its end.
        """
        if count > 8 * len(data):
            raise ValueError(f"{len(data)} bytes cannot hold {count} symbols")
        parts = [np.empty(0, np.int64)]
        place = done = 0
        for start in range(0, len(data), CHUNK):
            progress(start / len(data), "decoding")
            end = 8 * min(CHUNK, len(data) - start)
            found, place = self._follow(data[start : start + CHUNK + 8], place, end)
            parts.append(self._symbol_of[np.array(found, np.int64)])
            done += len(found)
            if place < end or done >= count:
                break
            place -= end
        if done < count:
            raise ValueError(f"ends after {done} of {count} symbols")
        return np.concatenate(parts)[:count]

    def _follow(self, data: bytes, place: int, end: int) -> tuple[list[int], int]:
        """Places in _symbol_of of the codes from bit `place` to `end`, and where that led to.

        That is before `end` where the stream ends or makes no sense. The inner loop is a step a
        symbol, over lists: most of what loading costs.
        """
        raw = np.frombuffer(data + bytes(2), np.uint8).astype(np.int32)
        windows = (raw[:-2] << 16 | raw[1:-1] << 8 | raw[2:]).tolist()  # 24 bits from each byte
        steps, first, found = self._steps, len(self._steps), list[int]()
        shift, mask, append = 24 - self._bits, first - 1, found.append
        while place < end:
            window = windows[place >> 3] >> (shift - (place & 7)) & mask
            step = steps[window]
            if step:
                append(window)
                place += step
                continue
            code = self._long(data, place)
            if code is None or self._symbol_of[first + code] == END:
                break
            append(first + code)
            place += self._lengths[code]
        return found, place

    def _long(self, data: bytes, place: int) -> int | None:
        """The code at bit `place`, whatever its length; None where there is none."""
        start = place >> 3
        ahead = int.from_bytes(data[start : start + 8].ljust(8, b"\0"), "big")
        window = ahead >> (64 - LONGEST - (place & 7)) & ((1 << LONGEST) - 1)
        code = bisect_right(self._starts, window) - 1
        return code if code >= 0 and window < self._ends[code] else None


def _row(symbol: object, entry: object) -> tuple[int, int, int]:
    """Where a code lies among all of LONGEST bits, its length, its symbol. Raises ValueError."""
    match entry:
        case (int() as length, int() as value) if 0 < length <= LONGEST and value >> length == 0:
            if not isinstance(symbol, int | np.integer):
                return value << (LONGEST - length), length, END
            if 0 <= symbol < 1 << 31:
                return value << (LONGEST - length), length, int(symbol)
            raise ValueError("has a symbol that is no label")
    raise ValueError("has an entry that is not (bits, value)")
