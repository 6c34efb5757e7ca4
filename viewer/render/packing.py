"""Rows of TemporalGaussians as slice.comp and rows.cuh read them: exact, or packed for display.

Exact rows are float32 throughout. Packed rows keep in float32 what adds up over a life or cancels:
means, motion, covariances, time centres. Widths, opacities, scales, turning and colours are halves,
quaternions four 16-bit fractions. Scales and widths count in a power of two of the model's own, so
that they use the range that a half has.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from viewer.core.temporal import Gaussians4D, TemporalGaussians

LARGEST = 2.0**15  # a half's range ends at 65,504, its full precision at 2^-14
MOST = 65504.0


@dataclass(frozen=True, slots=True)
class Units:
    """What a half of 1 stands for: of a width in model time, of a scale in world units."""

    width: float = 1.0
    scale: float = 1.0


def units(g: Gaussians4D) -> Units:
    """Powers of two that bring a model's widths and scales into the range of halves."""
    widths = g.width[g.width.isfinite()]
    return Units(_unit(widths), 1.0 if g.scales is None else _unit(g.scales))


def exact(g: Gaussians4D, rows: slice) -> tuple[Tensor, Tensor, Tensor]:
    """[n, words] float32 of lives, geometry and colours."""
    shape = [g.covars] if g.covars is not None else [g.quats, g.scales, g.omega]
    lives = (g.center, g.width, g.opacities)
    geometry, colors = (g.means, g.motion, *shape), (g.colors, g.color_rate, g.waves)
    a, b, c = (_joined(fields, rows) for fields in (lives, geometry, colors))
    return a, b, c


def packed(g: Gaussians4D, rows: slice, unit: Units) -> tuple[Tensor, Tensor, Tensor]:
    """The same as [n, words] int32: 8 bytes of life, shapes of 16, or 24 where they turn."""
    life = g.width[rows] / unit.width, g.opacities[rows]  # within the range of halves, or infinite
    lives = torch.cat([_bits(g.center[rows].unsqueeze(1)), _halves(*life)], 1)
    geometry = [_bits(_joined((g.means, g.motion, g.covars), rows))]
    if g.quats is not None and g.scales is not None:
        quats = g.quats[rows].float()
        length = quats.norm(dim=1, keepdim=True).clamp_min(1e-12)
        fractions = (quats / length * 32767).round().to(torch.int16)
        geometry += [fractions.view(torch.int32), _halves(g.scales[rows] / unit.scale)]
        if g.omega is not None:
            geometry.append(_halves((g.omega[rows] / length).clamp_(-MOST, MOST)))
    fields = (field for field in (g.colors, g.color_rate, g.waves) if field is not None)
    colors = _halves(*(field[rows].clamp(-MOST, MOST) for field in fields))
    return lives, torch.cat(geometry, 1), colors


def form(model: TemporalGaussians) -> dict[str, float | int]:
    """Constants of what reads a model's rows: which fields there are, how many numbers each has."""
    g = model.gaussians
    waves = 0 if g.waves is None else g.waves.shape[1]
    return {
        "MOTION": g.motion.shape[1],
        "COVARS": int(g.covars is not None),
        "OMEGA": int(g.omega is not None),
        "COLORS": math.prod(g.colors.shape[1:]),
        "HARMONICS": int(g.colors.dim() == 3),
        "RATE": int(g.color_rate is not None),
        "WAVES": waves,
        "WAVE_RATE": 2 * math.pi / g.period,
        "FIXED_DIRECTIONS": int(g.fixed_directions),
        "FEATURES": int(model.appearance.decoder is not None),
    }


def _unit(values: Tensor) -> float:
    largest = float(values.max()) if values.numel() else 1.0
    return 2.0 ** math.ceil(math.log2(largest / LARGEST)) if largest > 0 else 1.0


def _joined(fields: Sequence[Tensor | None], rows: slice) -> Tensor:
    return torch.cat([_flat(field[rows]) for field in fields if field is not None], 1).float()


def _flat(field: Tensor) -> Tensor:
    return field.reshape(len(field), math.prod(field.shape[1:]))


def _bits(values: Tensor) -> Tensor:
    return values.float().contiguous().view(torch.int32)


def _halves(*fields: Tensor) -> Tensor:
    """[n, ceil(k / 2)] int32 of fields [n, ...] of k numbers, a pair's first in the low bits."""
    flat = [_flat(field) for field in fields]
    count = sum(part.shape[1] for part in flat)
    halves = torch.zeros(len(flat[0]), count + count % 2, dtype=torch.float16)
    at = 0
    for part in flat:
        halves[:, at : at + part.shape[1]] = part
        at += part.shape[1]
    return halves.view(torch.int32)
