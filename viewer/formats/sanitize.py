"""What real files hold that no renderer may meet; everything mended is counted in a warning."""

from collections.abc import Mapping

import torch
from torch import Tensor

from viewer.core.sh import MAX_DEGREE

MIN_LOG_SCALE, MAX_LOG_SCALE = -20.0, 10.0  # exp of them: 2e-9 to 22 thousand world units


def finite_rows(fields: Mapping[str, Tensor], warnings: list[str]) -> Tensor | None:
    """Rows [n] in which every field ([N] or [N, C]) is finite; None when all are."""
    keep: Tensor | None = None
    reasons = []
    for name, tensor in fields.items():
        finite = tensor.isfinite()
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
    absurd = (logarithms < MIN_LOG_SCALE) | (logarithms > MAX_LOG_SCALE)
    count = int(absurd.any(1).sum())
    if count:
        warnings.append(
            f"{count:,} Gaussians have absurd sizes, brought between "
            f"e^{MIN_LOG_SCALE:g} and e^{MAX_LOG_SCALE:g} world units"
        )
    return torch.exp(logarithms.clamp(MIN_LOG_SCALE, MAX_LOG_SCALE))


def count_zero_quats(quats: Tensor, warnings: list[str], omega: Tensor | None = None) -> None:
    """Warn of quaternions [N, 4] that are all zero (and do not turn): they are drawn unrotated."""
    zero = (quats == 0).all(1)
    if omega is not None:
        zero &= (omega == 0).all(1)
    count = int(zero.sum())
    if count:
        warnings.append(f"{count:,} Gaussians have a zero quaternion, drawn unrotated")


def sh(dc: Tensor, rest: Tensor, warnings: list[str]) -> Tensor:
    """Coefficients [N, K, 3] of f_dc [3, N] and channel-major f_rest [3 (K - 1), N].

    Degrees over 3 are left out with a warning. Coefficients that are not finite become 0.
    """
    count = len(rest) // 3 + 1
    used = min(count, (MAX_DEGREE + 1) ** 2)
    if used < count:
        warnings.append(f"spherical harmonics over degree {MAX_DEGREE} are left out")
    out = dc.new_empty(dc.shape[1], used, 3)
    for channel in range(3):
        out[:, 0, channel] = dc[channel]
        for k in range(1, used):
            out[:, k, channel] = rest[channel * (count - 1) + k - 1]
    bad = int((~out.isfinite()).any(-1).any(-1).sum())
    if bad:
        warnings.append(f"{bad:,} Gaussians have colours that are not finite, taken as 0")
        out.nan_to_num_(0.0, 0.0, 0.0)
    return out


def colors(rgb: Tensor, warnings: list[str]) -> Tensor:
    """Colours [N, 3]; those that are not finite become 0."""
    bad = int((~rgb.isfinite()).any(-1).sum())
    if bad:
        warnings.append(f"{bad:,} Gaussians have colours that are not finite, taken as 0")
        return rgb.nan_to_num(0.0, 0.0, 0.0)
    return rgb
