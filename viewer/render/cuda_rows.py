"""Rows on a CUDA device: of a model, written once, or of splats at one instant."""

from dataclasses import dataclass

import torch
from torch import Tensor

from viewer.core.splats import Splats
from viewer.core.temporal import TemporalGaussians
from viewer.render import packing

PART = 1 << 20  # rows made at once: bounds the host's memory


@dataclass(frozen=True, eq=False, slots=True)
class Rows:
    """Three tensors of 32-bit words, and what rows.cuh is compiled for to read them."""

    lives: Tensor
    geometry: Tensor
    colors: Tensor
    constants: dict[str, float | int]
    units: packing.Units
    harmonics: int  # coefficients a channel; 0: colours are blended as they are

    @property
    def nbytes(self) -> int:
        """On the device."""
        return sum(t.numel() * t.element_size() for t in (self.lives, self.geometry, self.colors))


def of_model(model: TemporalGaussians, exact: bool, device: torch.device) -> Rows:
    """A model's rows in the order of its time index."""
    g, count = model.gaussians, len(model.index.order)
    units = packing.Units() if exact else packing.units(g)
    fields: tuple[list[Tensor], list[Tensor], list[Tensor]] = ([], [], [])
    for first in range(0, max(count, 1), PART):
        rows = slice(first, min(first + PART, count))
        made = packing.exact(g, rows) if exact else packing.packed(g, rows, units)
        for field, part in zip(fields, made, strict=True):
            field.append(part.to(device))
    lives, geometry, colors = (torch.cat(parts).contiguous() for parts in fields)
    form = packing.form(model)
    del form["FEATURES"]
    constants = {**form, "STILL": 0, "RADII": 0, "ORIGINS": 0, "PACKED_ROWS": int(not exact)}
    harmonics = g.colors.shape[1] if g.colors.dim() == 3 else 0
    return Rows(lives, geometry, colors, constants, units, harmonics)


def of_splats(splats: Splats, device: torch.device) -> Rows:
    """Splats as they are."""
    if splats.radii is not None:
        shape = [splats.radii.unsqueeze(1)]
    elif splats.covars is not None:
        shape = [splats.covars]
    else:
        assert splats.quats is not None
        assert splats.scales is not None
        shape = [splats.quats, splats.scales]
    origins = [] if splats.sh_origins is None else [splats.sh_origins]
    geometry = torch.cat([t.to(device) for t in (splats.means, *shape, *origins)], 1)
    numbers = splats.colors[:1].numel() if len(splats) else 3
    constants = {
        "MOTION": 0,
        "COVARS": int(splats.covars is not None),
        "OMEGA": 0,
        "COLORS": numbers,
        "HARMONICS": int(splats.view_dependent),
        "RATE": 0,
        "WAVES": 0,
        "WAVE_RATE": 0.0,
        "FIXED_DIRECTIONS": 0,
        "STILL": 1,
        "RADII": int(splats.radii is not None),
        "ORIGINS": int(splats.sh_origins is not None),
        "PACKED_ROWS": 0,
    }
    return Rows(
        splats.opacities.to(device).float().contiguous(),
        geometry.float().contiguous(),
        splats.colors.to(device).float().contiguous(),
        constants,
        packing.Units(),
        splats.colors.shape[1] if splats.view_dependent else 0,
    )
