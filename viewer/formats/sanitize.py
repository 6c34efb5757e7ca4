"""What real files hold that no renderer may meet; everything mended is counted in a warning."""

from collections.abc import Mapping

import torch
from torch import Tensor

MIN_LOG_SCALE, MAX_LOG_SCALE = -20.0, 10.0  # exp of them: 2e-9 to 22 thousand world units
FARTHEST = 1e9  # of any number a Gaussian has: cubes of time times motion must not overflow
MAX_LOG_TIME = 20.0  # either way: a life longer or shorter than any footage


def finite_rows(fields: Mapping[str, Tensor], warnings: list[str]) -> Tensor | None:
    """Rows [n] in which fields, [N] or [N, C], are finite and within FARTHEST; None if all are."""
    keep: Tensor | None = None
    reasons = []
    for name, tensor in fields.items():
        if _sane(tensor):
            continue  # decided without a copy
        finite = tensor.abs() <= FARTHEST  # and false where it is not a number
        finite = finite.all(-1) if finite.dim() > 1 else finite
        bad = int((~finite).sum())
        if bad:
            reasons.append(f"{name} of {bad:,}")
            keep = finite if keep is None else keep & finite
    if keep is None:
        return None
    rows = keep.nonzero().squeeze(1)
    warnings.append(
        f"{len(keep) - len(rows):,} of {len(keep):,} Gaussians left out: not finite are "
        f"{', '.join(reasons)}"
    )
    return rows


def scales(logarithms: Tensor, warnings: list[str]) -> Tensor:
    """Standard deviations [N, 3] of their logarithms; absurd ones are brought into range."""
    return torch.exp(log_scales(logarithms, warnings))


def log_scales(logarithms: Tensor, warnings: list[str]) -> Tensor:
    """Logarithms [N, 3] of sizes, absurd ones brought into range."""
    absurd = (logarithms < MIN_LOG_SCALE) | (logarithms > MAX_LOG_SCALE)
    count = int(absurd.any(1).sum())
    if count:
        warnings.append(
            f"{count:,} Gaussians have absurd sizes, brought between "
            f"e^{MIN_LOG_SCALE:g} and e^{MAX_LOG_SCALE:g} world units"
        )
    return logarithms.clamp(MIN_LOG_SCALE, MAX_LOG_SCALE)


def count_zero_quats(quats: Tensor, warnings: list[str], omega: Tensor | None = None) -> None:
    """Warn of quaternions [N, 4] that are all zero (and do not turn): they are drawn unrotated."""
    zero = (quats == 0).all(1)
    if omega is not None:
        zero &= (omega == 0).all(1)
    count = int(zero.sum())
    if count:
        warnings.append(f"{count:,} Gaussians have a zero quaternion, drawn unrotated")


def colors(rgb: Tensor, warnings: list[str]) -> Tensor:
    """Colours [N, 3] or coefficients [N, K, 3]; those that are not finite become 0."""
    if _sane(rgb):
        return rgb
    strange = ~(rgb.abs() <= FARTHEST)
    bad = int(strange.flatten(1).any(1).sum())
    warnings.append(f"{bad:,} Gaussians have colours that are not finite, taken as 0")
    return rgb.masked_fill(strange, 0.0)


def _sane(tensor: Tensor) -> bool:
    """Whether every number is finite and within FARTHEST; no copy is made."""
    return not tensor.numel() or all(
        bool(extreme.abs() <= FARTHEST) for extreme in tensor.aminmax()
    )
