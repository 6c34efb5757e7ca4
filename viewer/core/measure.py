"""How a layer that measures is shown: a value for each pixel, on a scale of colours.

Of depth its reciprocal, on which near things differ as much as they look; of overdraw the number.
The scale spans what the picture holds: its mean and REACH standard deviations to either side.
"""

import torch
from torch import Tensor

from viewer.core.settings import Mode
from viewer.core.splats import MIN_ALPHA

REACH = 2.0  # standard deviations to either side of the mean
# Coefficients, from the constant up, of red, green and blue: the polynomial of A. Mikhailov's Turbo
# (2019), dark blue at 0 and dark red at 1.
SCALE = (
    (0.13572138, 0.09140261, 0.10667330),
    (4.61539260, 2.19418839, 12.64194608),
    (-42.66032258, 4.84296658, -60.58204836),
    (132.13108234, -14.18503333, 110.36276771),
    (-152.94239396, 4.27729857, -89.90310912),
    (59.28637943, 2.82956604, 27.34824973),
)


def picture(layer: Tensor, mode: Mode, background: tuple[float, float, float]) -> Tensor:
    """What a layer [H, W, 4] measures, as opaque colours [H, W, 4] over a background (RGB 0..1)."""
    alpha = layer[..., 3]
    if mode is Mode.ALPHA:
        return torch.stack([*[alpha] * 3, torch.ones_like(alpha)], -1)
    if mode is Mode.OVERDRAW:
        value, weight = alpha, alpha.clamp_max(1)
    else:
        shown = alpha >= MIN_ALPHA
        weight = alpha * shown
        value = torch.where(shown, alpha / layer[..., 0].clamp_min(1e-30), 0)
    total = weight.mean().clamp_min(1e-12)
    mean = (weight * value).mean() / total
    spread = REACH * ((weight * value**2).mean() / total - mean**2).clamp_min(0).sqrt()
    low = torch.zeros_like(mean) if mode is Mode.OVERDRAW else (mean - spread).clamp_min(0)
    x = ((value - low) / (mean + spread - low).clamp_min(1e-12)).clamp(0, 1).unsqueeze(-1)
    rgb = sum(layer.new_tensor(c) * x**k for k, c in enumerate(SCALE))
    assert isinstance(rgb, Tensor)
    behind = layer.new_tensor(background)
    rgb = behind + (rgb.clamp(0, 1) - behind) * weight.unsqueeze(-1)
    return torch.cat([rgb, torch.ones_like(x)], -1)
