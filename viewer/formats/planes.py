"""HexPlane: features in space and time as products of six planes, at points that stand still.

Also the plain grid of `empty_voxel`.
Source: scene/hexplane.py and scene/grid.py of hustvl/4DGaussians, after "K-Planes" and "HexPlane"
(2023).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from viewer.core.errors import Unusable
from viewer.core.model import nbytes
from viewer.formats.network import batches, tensor
from viewer.formats.source import Progress

SPACE = {0: (0, 1), 1: (0, 2), 3: (1, 2)}  # plane: its axis along width, and along height
TIME = {2: 0, 4: 1, 5: 2}  # plane: its axis along width; height is time
OUTSIDE = 4.0  # a place surely outside a grid over -1..1, even of one cell
MAX_FEATURES = 1024  # of all levels; published models have 32 to 64


@dataclass(frozen=True, eq=False, slots=True)
class Planes:
    """Features of N points. Of the planes in space only their product at each point is kept."""

    still: Tensor  # [N, levels * C]
    places: Tensor  # [N, 3] in [-1, 1], as the planes span
    levels: tuple[tuple[Tensor, ...], ...]  # by level and axis: [Rt, R, C] of the planes in time

    @property
    def times(self) -> int:
        """Resolution along time."""
        return len(self.levels[0][0])

    @property
    def memory(self) -> int:
        """Bytes held."""
        return nbytes(self.still, self.places, *(plane for level in self.levels for plane in level))

    def at(self, time: Tensor) -> list[list[Tensor]]:
        """The planes' rows [R, C] at a time [], by level and axis.

        A plane spans -1..1 along time, and a trainer's 0..1 is used as it is: half of it is idle.
        """
        return [[_row(plane, time) for plane in level] for level in self.levels]

    def features(self, rows: Sequence[Sequence[Tensor]], part: slice) -> Tensor:
        """Features [n, levels * C] of some points, where rows are those of `at`."""
        places = self.places[part]
        found = self.still[part].clone()
        width = found.shape[1] // len(rows)
        for level, axes in enumerate(rows):
            some = found[:, level * width : (level + 1) * width]
            for axis, row in enumerate(axes):
                some *= _along(row, places[:, axis])
        return found


def read(
    held: Mapping[str, object], prefix: str, path: Path, means: Tensor, progress: Progress
) -> Planes:
    """The planes `prefix` of a state dict at points [N, 3] of world space. Raises Unusable."""
    aabb = tensor(held, f"{prefix}.aabb", path, (2, 3))
    grids = _grids(held, f"{prefix}.grids", path)
    places = _places(means, aabb)
    channels = grids[0][0].shape[1]
    still = means.new_empty(len(means), channels * len(grids))
    for part in batches(len(means), means.device):
        progress(part.start / len(means), "sampling the planes")
        for level, grid in enumerate(grids):
            product = still[part, level * channels : (level + 1) * channels]
            product.fill_(1.0)
            for plane, axes in SPACE.items():
                product *= _sampled(grid[plane], places[part][:, axes])
    levels = tuple(
        tuple(grid[plane][0].permute(1, 2, 0).contiguous() for plane in TIME) for grid in grids
    )
    return Planes(still, places, levels)


def voxels(held: Mapping[str, object], prefix: str, path: Path, means: Tensor) -> Tensor:
    """[N, 1] of the grid `prefix` at points [N, 3]: linear in its box, 0 outside."""
    grid = _filled(held, f"{prefix}.grid", path, (1, 1, None, None, None))
    low = tensor(held, f"{prefix}.xyz_min", path, (3,))
    high = tensor(held, f"{prefix}.xyz_max", path, (3,))
    places = ((means - low) / (high - low) * 2 - 1).nan_to_num(0.0).clamp(-OUTSIDE, OUTSIDE)
    found = functional.grid_sample(
        grid, places.flip(1)[None, None, None], padding_mode="zeros", align_corners=True
    )
    return found.reshape(-1, 1)


def _grids(held: Mapping[str, object], prefix: str, path: Path) -> list[list[Tensor]]:
    """Planes [1, C, H, W], six a level. Raises Unusable."""
    count = 0
    while f"{prefix}.{count}.0" in held:
        count += 1
    first = tensor(held, f"{prefix}.0.0", path, (1, None, None, None))
    channels = first.shape[1]
    if not 0 < channels * count <= MAX_FEATURES:
        raise Unusable(
            f"{path}: {prefix} has {channels * count} features, expected 1 to {MAX_FEATURES}"
        )
    names = [[f"{prefix}.{level}.{plane}" for plane in range(6)] for level in range(count)]
    return [[_filled(held, n, path, (1, channels, None, None)) for n in level] for level in names]


def _filled(
    held: Mapping[str, object], name: str, path: Path, shape: tuple[int | None, ...]
) -> Tensor:
    """A tensor that holds something. Raises Unusable."""
    found = tensor(held, name, path, shape)
    if not found.numel():
        raise Unusable(f"{path}: {name} has shape {list(found.shape)}, expected no 0")
    return found


def _places(means: Tensor, aabb: Tensor) -> Tensor:
    """Points [N, 3] in the planes' span -1..1; those outside the box are at its border.

    Row 0 of aabb is its largest corner, so that the axes run backwards.
    """
    places = (means - aabb[0]) * (2 / (aabb[1] - aabb[0])) - 1
    return places.nan_to_num(0.0).clamp(-1, 1)


def _sampled(plane: Tensor, places: Tensor) -> Tensor:
    """[n, C] of a plane [1, C, H, W] at places [n, 2] along width and height."""
    found = functional.grid_sample(
        plane, places[None, None], mode="bilinear", padding_mode="border", align_corners=True
    )
    return found[0, :, 0].T


def _row(plane: Tensor, time: Tensor) -> Tensor:
    """[R, C] of a plane [Rt, R, C] at a time []."""
    last = len(plane) - 1
    y = (time.clamp(-1, 1) + 1) / 2 * last
    below = y.floor().clamp(max=max(last - 1, 0))
    ends = torch.stack([below, (below + 1).clamp(max=last)]).int()
    before, after = plane.index_select(0, ends)
    return torch.lerp(before, after, y - below)


def _along(row: Tensor, places: Tensor) -> Tensor:
    """[n, C] of a row [R, C] at places [n] in -1..1."""
    last = len(row) - 1
    x = (places + 1) * (last / 2)
    below = x.floor().clamp_(max=max(last - 1, 0))
    after = x - below
    ends = torch.stack([below, (below + 1).clamp_(max=last)], 1).int()
    weights = torch.stack([1 - after, after], 1)
    return functional.embedding_bag(ends, row, mode="sum", per_sample_weights=weights)
