"""Device memory of a frame: grows by half, is never given back in steady play."""

from dataclasses import dataclass

import torch

from viewer.cuda.frame import COUNTER_WORDS, Frame

BLOCK = 256  # threads of every kernel
PIXELS = 16  # of a tile's side
DEPTH_ITEMS, PAIR_ITEMS = 8, 8  # keys of a thread in the sorts
DEPTH_PASSES = 4
PIXELS_EACH = 2  # of a thread that blends
PART = 256  # pairs that a warp of `spread` writes


def blocks(count: int, each: int = BLOCK) -> int:
    """How many of `each` hold `count`; one at least."""
    return max(1, -(-count // each))


def tile_passes(tiles: int) -> int:
    """Of eight bits, to sort as many tiles."""
    return max(1, -(-(tiles - 1).bit_length() // 8))


@dataclass(frozen=True, slots=True)
class Capacity:
    """What the buffers hold. record_words: of a record; extra: channels beyond three."""

    rows: int
    pairs: int
    tiles: int
    record_words: int
    extra: int


class Buffers:
    """Everything between the model and the picture, for one Capacity."""

    def __init__(self, device: torch.device, capacity: Capacity) -> None:
        rows, pairs, tiles = capacity.rows, capacity.pairs, capacity.tiles
        self.capacity = capacity
        self.depth_tiles = blocks(rows, BLOCK * DEPTH_ITEMS)
        self.pair_tiles = blocks(pairs, BLOCK * PAIR_ITEMS)
        self.entries = rows + pairs // PART  # each splat's last part may be a small one
        # Sizes in words; all of the second is zero when a frame begins.
        sizes = {
            "records": rows * capacity.record_words,
            "features": rows * capacity.extra,
            "depth_keys": (rows, rows),
            "depth_values": (rows, rows),
            "pair_keys": (pairs, pairs),
            "pair_values": (pairs, pairs),
            "entries": 4 * self.entries,
        }
        zeroed = {
            "counters": COUNTER_WORDS,
            "depth_digits": DEPTH_PASSES * 256,
            "tile_digits": 3 * 256,
            "status_gaussians": blocks(rows),
            "status_tiles": blocks(rows),
            "status_depths": DEPTH_PASSES * self.depth_tiles * 256,
            "status_pairs": tile_passes(tiles) * self.pair_tiles * 256,
            "tile_ranges": 2 * tiles,
        }
        self._held = {
            name: [_words(device, n) for n in (size if isinstance(size, tuple) else (size,))]
            for name, size in sizes.items()
        }
        aligned = {name: -(-size // 4) * 4 for name, size in zeroed.items()}
        self._scratch = _words(device, sum(aligned.values()))
        self._places: dict[str, int] = {}
        at = self._scratch.data_ptr()
        for name, size in aligned.items():
            self._places[name] = at
            at += 4 * size

    def describe(self, frame: Frame) -> None:
        """Say in `frame` where everything lies."""
        for name, held in self._held.items():
            places = [tensor.data_ptr() for tensor in held]
            setattr(frame, name, places[0] if len(places) == 1 else tuple(places))
        for name, place in self._places.items():
            setattr(frame, name, place)
        frame.scratch, frame.scratch_quads = self._scratch.data_ptr(), self._scratch.numel() // 4
        frame.pair_capacity, frame.entry_capacity = self.capacity.pairs, self.entries
        frame.depth_tiles, frame.pair_tiles = self.depth_tiles, self.pair_tiles

    @property
    def nbytes(self) -> int:
        """In all."""
        tensors = [tensor for held in self._held.values() for tensor in held]
        return sum(4 * tensor.numel() for tensor in (*tensors, self._scratch))


def _words(device: torch.device, count: int) -> torch.Tensor:
    return torch.empty(max(count, 4), dtype=torch.int32, device=device)
