"""tiny-cuda-nn's multiresolution hash grid and fully fused MLP, evaluated in plain torch.

It knows no family: what the numbers of a grid or a network mean is up to the formats that hold one.
Paper: Müller et al., "Instant Neural Graphics Primitives", 2022. Layout of parameters and index
rules: grid.h, common_device.h and fully_fused_mlp.cu of NVlabs/tiny-cuda-nn.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import groupby
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from viewer.core.model import nbytes
from viewer.formats.source import Option, Source, choice

E = TypeVar("E", bound=Enum)

# One prime a dimension, spreading cells over a table; the first keeps neighbours along x together.
PRIMES = (1, 2654435761, 805459861, 3674653429, 2097192037, 1434869437, 2165219737)
UINT32 = (1 << 32) - 1
CORNERS = 1 << 18  # looked up at once: what they need stays in a processor's cache
CORNERS_ON_DEVICE = 1 << 24  # elsewhere: bounds memory
ALIGN = 16  # inputs and outputs of a fused network are padded to a multiple of this


class IndexRule(Enum):
    """How a level decides between a dense table and hashing: it hashes where the table is short.

    Builds before f46b652 (2025-06-24) kept the running product of resolutions in 32 bits. Where it
    wraps to 0, as for powers of two from 65536 on, they index densely and ignore the dimensions
    that are left.
    """

    EXACT = "exact"
    WRAPPING = "wrapping"


class Activation(Enum):
    """What is applied to the outputs of a network; values are those of its configuration."""

    NONE = "None"
    RELU = "ReLU"


@dataclass(frozen=True, slots=True)
class Level:
    """One resolution. factors: what a corner's coordinates are multiplied with, before they are
    combined by exclusive or (hashed) or summed. size: entries of its table, the first at `start`.
    """

    scale: float
    resolution: int
    start: int
    size: int
    hashed: bool
    factors: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """A stack of `levels` grids over [0, 1]^dims; each entry of a table is `features` numbers.

    log2_size: of the longest table. base: resolution of level 0, which grows by `growth` a level.
    """

    dims: int
    levels: int
    features: int
    log2_size: int
    base: int = 16
    growth: float = 2.0
    rule: IndexRule = IndexRule.EXACT

    @property
    def width(self) -> int:
        """Numbers a point is encoded in."""
        return self.levels * self.features

    @property
    def entries(self) -> int:
        """Entries of all levels; the table holds `features` times as many numbers."""
        last = self.plan()[-1]
        return last.start + last.size

    def plan(self) -> tuple[Level, ...]:
        """The levels, coarse to fine."""
        found: list[Level] = []
        start = 0
        for level in range(self.levels):
            grown = np.exp2(np.float32(level) * np.log2(np.float32(self.growth)))
            scale = np.float32(grown * np.float32(self.base) - np.float32(1))
            resolution = int(np.ceil(scale)) + 1
            size = min(-(-(resolution**self.dims) // 8) * 8, 1 << self.log2_size)
            hashed, factors = self._indexing(resolution, size)
            found.append(Level(float(scale), resolution, start, size, hashed, factors))
            start += size
        return tuple(found)

    def grouped(self, device: torch.device) -> "tuple[Group, ...]":
        """The levels, on a device."""
        return tuple(_groups(self.plan(), device))

    def encode(
        self, table: Tensor, points: Tensor, groups: "tuple[Group, ...] | None" = None
    ) -> Tensor:
        """Features [n, levels * features], level by level, at points [n, dims] in [0, 1].

        table: [entries, features] float32. groups: those of `grouped`, where they are kept; else
        they are made here. Interpolation is linear in every dimension.
        """
        if tuple(table.shape) != (self.entries, self.features):
            raise ValueError(
                f"table has shape {tuple(table.shape)}, expected {(self.entries, self.features)}"
            )
        groups = self.grouped(points.device) if groups is None else groups
        out = points.new_empty((len(points), self.levels, self.features))
        corners = CORNERS if points.device.type == "cpu" else CORNERS_ON_DEVICE
        most = max(1, corners // (self.levels << self.dims))
        for start in range(0, len(points), most):
            rows = slice(start, start + most)
            for group in groups:
                out[rows, group.levels] = group.interpolated(table, points[rows])
        return out.flatten(1)

    def _indexing(self, resolution: int, size: int) -> tuple[bool, tuple[int, ...]]:
        """Whether a level is hashed, and the factor of each dimension."""
        stride, strides = 1, []
        for _ in range(self.dims):
            strides.append(stride if stride <= size else 0)
            if stride <= size:
                stride *= resolution
                if self.rule is IndexRule.WRAPPING:
                    stride &= UINT32
        return (True, PRIMES[: self.dims]) if stride > size else (False, tuple(strides))


@dataclass(frozen=True, slots=True)
class Network:
    """A fully fused MLP without biases: `hidden` layers of `width` with ReLU between them.

    fill: what inputs are padded with; 1 where the network stands alone, 0 behind a grid. slope: of
    numbers under zero between layers (LeakyReLU); 0 is ReLU.
    """

    inputs: int
    width: int
    hidden: int
    outputs: int
    output: Activation = Activation.NONE
    fill: float = 0.0
    slope: float = 0.0

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """Rows and columns of its matrices, as they are stored."""
        rows = [self.width] * self.hidden + [_padded(self.outputs)]
        columns = [_padded(self.inputs)] + [self.width] * self.hidden
        return tuple(zip(rows, columns, strict=True))

    @property
    def size(self) -> int:
        """Parameters."""
        return sum(rows * columns for rows, columns in self.shapes)

    def trained(self, parameters: Tensor) -> "Trained":
        """The network with its parameters [size], which are not copied."""
        parts = parameters.split([rows * columns for rows, columns in self.shapes])
        matrices = [part.view(shape) for part, shape in zip(parts, self.shapes, strict=True)]
        return Trained(self, tuple(matrices))


@dataclass(frozen=True, eq=False, slots=True)
class Trained:
    """A network that can be evaluated."""

    network: Network
    matrices: tuple[Tensor, ...]

    def __call__(self, x: Tensor) -> Tensor:
        """Outputs [n, outputs] of inputs [n, inputs], in the weights' precision."""
        shape, x = self.network, x.to(self.matrices[0].dtype)
        missing = _padded(shape.inputs) - shape.inputs
        x = functional.pad(x, (0, missing), value=shape.fill) if missing else x
        return self.after_first(x @ self.matrices[0].T)

    def after_first(self, sums: Tensor) -> Tensor:
        """Outputs [n, outputs] of the first layer's sums [n, width]; overwrites those."""
        shape = self.network
        x = functional.leaky_relu_(sums, shape.slope)
        for matrix in self.matrices[1:-1]:
            x = functional.leaky_relu_(x @ matrix.T, shape.slope)
        x = x @ self.matrices[-1][: shape.outputs].T
        return functional.relu_(x) if shape.output is Activation.RELU else x

    @property
    def memory(self) -> int:
        """Bytes held."""
        return nbytes(*self.matrices)


def as_evaluated(parameters: Tensor) -> Tensor:
    """Parameters [P] rounded to half precision, as they are evaluated, in float32.

    What half precision cannot hold is brought to its largest number; NaN becomes 0.
    """
    return parameters.half().nan_to_num_(0.0).float()


HASH_INDEX = Option(
    "hash_index",
    "index of the hash grid's fine levels: wrapping (tiny-cuda-nn before June 2025) or exact",
    choice(IndexRule),
)


def as_trained(grid: Grid, source: Source) -> Grid:
    """The grid with the rule that its option gives; wrapping where that makes a difference.

    Nothing in a file tells; when most models were trained there was no other build.
    """
    wrapping = replace(grid, rule=IndexRule.WRAPPING)
    guess = IndexRule.EXACT if grid.plan() == wrapping.plan() else IndexRule.WRAPPING
    return replace(grid, rule=source.option(HASH_INDEX, guess, "guessed"))


@dataclass(frozen=True, slots=True)
class Group:
    """Neighbouring levels that index alike, on a device, so that one operation serves them all."""

    levels: slice
    hashed: bool
    scales: Tensor  # [L, 1]
    factors: Tensor  # [D, L, 1]
    sizes: Tensor  # [L, 1]
    starts: Tensor  # [L, 1] int32

    def interpolated(self, table: Tensor, points: Tensor) -> Tensor:
        """Features [n, L, F] at points [n, D]. Points come last within: long rows are quick."""
        places = points.T.contiguous()[:, None] * self.scales + 0.5  # [D, L, n]
        cells = places.floor()
        after = places - cells
        shares = torch.stack([1 - after, after], 1)  # [D, 2, L, n]
        first = cells.long()
        terms = [(corner & UINT32) * self.factors & UINT32 for corner in (first, first + 1)]
        # Only what is left after division by the size counts, of a sum as of an exclusive or: the
        # size of a hashed level is a power of two. The terms then fit 32 bits with a sign.
        kept = (torch.stack(terms, 1) % self.sizes).int()
        index, weight = kept[0], shares[0]
        for axis in range(1, len(kept)):  # to [2^D, L, n]
            a, b = index[:, None], kept[axis]
            index = (a ^ b if self.hashed else a + b).flatten(0, 1)
            weight = (weight[:, None] * shares[axis]).flatten(0, 1)
        index = (index if self.hashed else index % self.sizes.int()) + self.starts
        mixed = functional.embedding_bag(
            _by_point(index), table, mode="sum", per_sample_weights=_by_point(weight)
        )
        return mixed.view(len(points), -1, table.shape[1])


def _groups(plan: Sequence[Level], device: torch.device) -> list[Group]:
    found: list[Group] = []
    start = 0
    for hashed, members in groupby(plan, lambda level: level.hashed):
        some = list(members)
        found.append(
            Group(
                slice(start, start + len(some)),
                hashed,
                torch.tensor([[level.scale] for level in some], device=device),
                torch.tensor([level.factors for level in some], device=device).T[..., None],
                torch.tensor([[level.size] for level in some], device=device),
                torch.tensor([[level.start] for level in some], device=device).int(),
            )
        )
        start += len(some)
    return found


def _by_point(corners: Tensor) -> Tensor:
    """[n * L, 2^D] of [2^D, L, n]."""
    return corners.permute(2, 1, 0).reshape(-1, len(corners))


def _padded(count: int) -> int:
    return -(-count // ALIGN) * ALIGN
