"""Points as Splats: isotropic Gaussians, with colours in any of the ranges that files use."""

import numpy as np
import torch
from torch import Tensor

from viewer.core.splats import MAX_ALPHA, Appearance, Splats

GREY = 0.6  # of points without a colour
ROUNDING = 0.05  # how far beyond their range floating-point colours may lie
SAMPLES = 100_000  # values by which a range is judged


def gaussians(means: Tensor, radii: Tensor, colors: Tensor, rows: Tensor | None) -> Splats:
    """Points [N, 3] of standard deviations [N], as opaque as a Gaussian is drawn at most."""
    return Splats(
        means=means,
        quats=None,
        scales=None,
        radii=radii,
        opacities=torch.full_like(radii, MAX_ALPHA),
        colors=colors,
        appearance=Appearance(),
        index=rows,
    )


def color_span(values: np.ndarray, dtype: np.dtype) -> tuple[float, float]:
    """What stands for black and for white in colours that a file holds as `dtype`.

    Integers have their type's range, numbers 0..1, or where they lie outside -1..1 or 0..255.
    """
    if dtype.kind == "b":
        return 0.0, 1.0
    if dtype.kind in "iu":
        return 0.0, 65535.0 if dtype.itemsize == 2 else 255.0
    some = values.reshape(-1)[:: max(1, values.size // SAMPLES)]
    some = some[np.isfinite(some)]
    if some.size and some.max() > 2:
        return 0.0, 255.0
    return (-1.0 if some.size and some.min() < -ROUNDING else 0.0), 1.0


def intensity_span(values: np.ndarray, dtype: np.dtype) -> tuple[float, float]:
    """The same of intensities, which have no range but in bytes: white is the brightest but few."""
    if dtype == np.uint8:
        return 0.0, 255.0
    some = values.reshape(-1)[:: max(1, values.size // SAMPLES)]
    some = some[np.isfinite(some)]
    white = float(np.quantile(some, 0.99)) if some.size else 1.0
    return 0.0, white if white > 0 else 1.0


def rgb(values: Tensor, span: tuple[float, float]) -> Tensor:
    """Colours [N, 3] in 0..1 of stored ones [N, C]: grey where C is 1, alpha is left out."""
    black, white = span
    found = ((values.float() - black) / (white - black)).nan_to_num(0.0).clamp_(0, 1)
    return found.expand(-1, 3).contiguous() if values.shape[1] < 3 else found[:, :3].contiguous()


def grey(count: int) -> Tensor:
    """Colours [N, 3] of points that have none."""
    return torch.full((count, 3), GREY)
