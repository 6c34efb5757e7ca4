"""K-planes of EasyVolcap: features of a place and a time, from planes in space and in time.

The planes are tensors, or hash grids of tiny-cuda-nn. Their features are concatenated or summed.
Source: easyvolcap/models/networks/embedders/kplanes_embedder.py of zju3dv/EasyVolcap.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from viewer.core.errors import Unusable
from viewer.core.model import nbytes
from viewer.formats.network import tensor
from viewer.formats.tcnn import Grid, as_evaluated

AXES = ((0, 1), (0, 2), (1, 2))  # of the planes in space: along width, along height
FEATURES, BASE, LOG2_SIZE = 8, 64, 16  # of hash grids, in every configuration
MAX_LEVELS = 8
MAX_FEATURES = 1024  # of all planes and levels; published models have 32 to 192
FAR = 64.0  # boxes away, at most, that a place is taken to be


@dataclass(frozen=True, eq=False, slots=True)
class Tensors:
    """Planes as tensors, level by level; bilinear, their borders go on for ever."""

    spatial: tuple[Tensor, ...]  # [3, C, height, width] of planes xy, xz, yz
    temporal: tuple[Tensor, ...]  # [3, C, height, times] of planes tx, ty, tz

    def planes(self, unit: Tensor, time: float) -> Tensor:
        """[6, n, C * levels] at places unit [n, 3] of the box, and time 0..1."""
        places = 2 * unit - 1
        still = torch.stack([places[:, pair] for pair in AXES])
        moving = torch.stack([torch.full_like(places, 2 * time - 1), places], -1).transpose(0, 1)
        levels = [
            torch.cat([_sampled(space, still, False), _sampled(times, moving, True)])
            for space, times in zip(self.spatial, self.temporal, strict=True)
        ]
        return torch.cat(levels, 2)

    @property
    def width(self) -> int:
        """Features of one plane."""
        return sum(level.shape[1] for level in self.spatial)

    @property
    def memory(self) -> int:
        """Bytes held."""
        return nbytes(*self.spatial, *self.temporal)


@dataclass(frozen=True, eq=False, slots=True)
class Grids:
    """Planes as hash grids, xy, xz, yz, tx, ty, tz: tables [entries, 8]."""

    grid: Grid
    tables: tuple[Tensor, ...]

    def planes(self, unit: Tensor, time: float) -> Tensor:
        """[6, n, 8 * levels] at places unit [n, 3] of the box, and time 0..1."""
        now = torch.full_like(unit[:, 0], time)
        pairs = [unit[:, pair] for pair in AXES]
        pairs += [torch.stack([now, along], 1) for along in unit.unbind(1)]
        features = [self.grid.encode(t, p) for t, p in zip(self.tables, pairs, strict=True)]
        return torch.stack(features)

    @property
    def width(self) -> int:
        """Features of one plane."""
        return self.grid.width

    @property
    def memory(self) -> int:
        """Bytes held."""
        return nbytes(*self.tables)


@dataclass(frozen=True, eq=False, slots=True)
class KPlanes:
    """Features in a box [2, 3], its lowest corner first. summed: over planes, else concatenated."""

    box: Tensor
    stored: Tensors | Grids
    summed: bool

    def __call__(self, means: Tensor, time: float) -> Tensor:
        """Features [n, width] at world-space points [n, 3] and time 0..1."""
        unit = (means - self.box[0]) / (self.box[1] - self.box[0])
        unit = unit.nan_to_num(0.0).clamp_(-FAR, FAR)
        planes = self.stored.planes(unit, time)
        return planes.sum(0) if self.summed else planes.transpose(0, 1).flatten(1)

    @property
    def memory(self) -> int:
        """Bytes held."""
        return nbytes(self.box) + self.stored.memory


def read(held: Mapping[str, object], prefix: str, path: Path, inputs: int) -> KPlanes:
    """The planes `prefix` of a state dict, for a network of so many inputs. Raises Unusable."""
    box = tensor(held, f"{prefix}.bounds", path, (2, 3))
    hashed = f"{prefix}.spatial_embedding.0.tcnn_encoding.params" in held
    stored = _grids(held, prefix, path) if hashed else _tensors(held, prefix, path)
    if inputs not in (stored.width, 6 * stored.width):
        raise Unusable(
            f"{path}: the network of {prefix} takes {inputs} features, expected "
            f"{stored.width} (summed) or {6 * stored.width} (concatenated)"
        )
    return KPlanes(box, stored, summed=inputs == stored.width)


def _tensors(held: Mapping[str, object], prefix: str, path: Path) -> Tensors:
    count = 0
    while f"{prefix}.spatial_embedding.{count}" in held:
        count += 1
    spatial, temporal = (
        tuple(
            tensor(held, f"{prefix}.{kind}_embedding.{level}", path, (3, None, None, None))
            for level in range(max(count, 1))
        )
        for kind in ("spatial", "temporal")
    )
    for space, times in zip(spatial, temporal, strict=True):
        if not space.numel() or not times.numel() or space.shape[1] != times.shape[1]:
            raise Unusable(
                f"{path}: planes of {prefix} have shapes {list(space.shape)} and "
                f"{list(times.shape)}, expected [3, C, height, width] of one C"
            )
    found = Tensors(spatial, temporal)
    if found.width > MAX_FEATURES:
        raise Unusable(f"{path}: {prefix} has {found.width} features, expected at most 1024")
    return found


def _grids(held: Mapping[str, object], prefix: str, path: Path) -> Grids:
    names = [
        f"{prefix}.{kind}_embedding.{plane}.tcnn_encoding.params"
        for kind in ("spatial", "temporal")
        for plane in range(3)
    ]
    size = len(tensor(held, names[0], path, (None,)))
    sized = {grid.entries * FEATURES: grid for grid in map(_grid, range(1, MAX_LEVELS + 1))}
    if size not in sized:
        raise Unusable(
            f"{path}: {names[0]} has {size} parameters, expected those of 1 to {MAX_LEVELS} "
            f"levels: {', '.join(map(str, sized))}"
        )
    tables = [as_evaluated(tensor(held, name, path, (size,))) for name in names]
    return Grids(sized[size], tuple(table.view(-1, FEATURES) for table in tables))


def _grid(levels: int) -> Grid:
    return Grid(dims=2, levels=levels, features=FEATURES, log2_size=LOG2_SIZE, base=BASE)


def _sampled(planes: Tensor, places: Tensor, align_corners: bool) -> Tensor:
    """[3, n, C] of planes [3, C, H, W] at places [3, n, 2], -1..1 along width and height."""
    found = grid_sample(planes, places[:, None], padding_mode="border", align_corners=align_corners)
    return found[:, :, 0].transpose(1, 2)
