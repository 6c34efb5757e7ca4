"""tiny-cuda-nn's multiresolution hash grid and fully fused MLP, evaluated in plain torch.

It knows no family: what the numbers of a grid or a network mean is up to the formats that hold one.
Paper: Müller et al., "Instant Neural Graphics Primitives", 2022. Layout of parameters and index
rules: grid.h, common_device.h and fully_fused_mlp.cu of NVlabs/tiny-cuda-nn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

# One prime a dimension, spreading cells over a table; the first keeps neighbours along x together.
PRIMES = (1, 2654435761, 805459861, 3674653429, 2097192037, 1434869437, 2165219737)
UINT32 = (1 << 32) - 1
CELLS = 1 << 20  # corners looked up at once: bounds what an evaluation holds to some 40 MiB
ALIGN = 16  # inputs and outputs of a fused network are padded to a multiple of this
MAX_HALF = 65504.0


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

    def encode(self, table: Tensor, points: Tensor) -> Tensor:
        """Features [n, levels * features], level by level, at points [n, dims] in [0, 1].

        table: [entries, features] float32. Interpolation is linear in every dimension.
        """
        if tuple(table.shape) != (self.entries, self.features):
            raise ValueError(
                f"table has shape {tuple(table.shape)}, expected {(self.entries, self.features)}"
            )
        plan = self.plan()
        out = points.new_empty((len(points), self.levels, self.features))
        for hashed in (False, True):
            alike = [i for i, level in enumerate(plan) if level.hashed is hashed]
            if alike:
                some = _Levels(points.device, hashed, [plan[i] for i in alike])
                most = max(1, CELLS // (len(alike) << self.dims))
                for start in range(0, len(points), most):
                    rows = slice(start, start + most)
                    out[rows, alike] = some.interpolated(table, points[rows])
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

    fill: what inputs are padded with; 1 where the network stands alone, 0 behind a grid.
    """

    inputs: int
    width: int
    hidden: int
    outputs: int
    output: Activation = Activation.NONE
    fill: float = 0.0

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

    def matrices(self, parameters: Tensor) -> tuple[Tensor, ...]:
        """The layers' matrices, views of the parameters [size]."""
        parts = parameters.split([rows * columns for rows, columns in self.shapes])
        return tuple(part.view(shape) for part, shape in zip(parts, self.shapes, strict=True))

    def evaluate(self, matrices: Sequence[Tensor], points: Tensor) -> Tensor:
        """Outputs [n, outputs] at points [n, inputs]."""
        missing = _padded(self.inputs) - self.inputs
        x = functional.pad(points, (0, missing), value=self.fill) if missing else points
        for matrix in matrices[:-1]:
            x = functional.relu(x @ matrix.T)
        x = x @ matrices[-1][: self.outputs].T
        return functional.relu(x) if self.output is Activation.RELU else x


def as_evaluated(parameters: Tensor) -> tuple[Tensor, int]:
    """Parameters [P] rounded to half precision, as they are evaluated, in float32.

    Also how many of them were not finite; they become 0.
    """
    finite = parameters.isfinite()
    count = int((~finite).sum())
    half = torch.where(finite, parameters, 0.0).clamp(-MAX_HALF, MAX_HALF).half()
    return half.float(), count


class _Levels:
    """Levels that index alike, on a device, so that one operation serves them all."""

    def __init__(self, device: torch.device, hashed: bool, levels: Sequence[Level]) -> None:
        self._hashed = hashed
        self._scale = torch.tensor([level.scale for level in levels], device=device)[:, None]
        self._factors = torch.tensor([level.factors for level in levels], device=device)
        self._sizes = torch.tensor([level.size for level in levels], device=device)[:, None]
        self._starts = torch.tensor([level.start for level in levels], device=device)[:, None]

    def interpolated(self, table: Tensor, points: Tensor) -> Tensor:
        """Features [n, L, F] at points [n, D]."""
        places = points[:, None, :] * self._scale + 0.5  # [n, L, D]
        cells = places.floor()
        after = places - cells
        step = torch.arange(2, device=points.device)
        corners = (cells.long()[..., None] + step) & UINT32  # [n, L, D, 2]
        terms = corners * self._factors[..., None] & UINT32
        share = torch.stack([1 - after, after], -1)  # [n, L, D, 2]
        index, weight = terms[:, :, 0], share[:, :, 0]
        for d in range(1, points.shape[1]):
            a, b = index[..., :, None], terms[:, :, d, None, :]
            index = (a ^ b if self._hashed else a + b).flatten(2)  # [n, L, 2^(d+1)]
            weight = (weight[..., :, None] * share[:, :, d, None, :]).flatten(2)
        index = (index & UINT32) % self._sizes + self._starts
        mixed = functional.embedding_bag(
            index.flatten(0, 1), table, mode="sum", per_sample_weights=weight.flatten(0, 1)
        )
        return mixed.view(len(points), -1, table.shape[1])


def _padded(count: int) -> int:
    return -(-count // ALIGN) * ALIGN
