"""4D Gaussians, conditioned on time: linear motion, a constant covariance and a window.

    mean(t) = mean + S_xt / S_tt (t - center)      cov = S_xx - S_xt S_tx / S_tt      width² = S_tt

Computed in float64: with long lives and large tilts the subtraction cancels in float32.
Source: Native 4D Gaussian Splatting (Yang et al. 2024), section 3; both families of 4D Gaussians.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from viewer.core.splats import UPPER
from viewer.formats.source import Progress

CHUNK = 1 << 15  # Gaussians at once: bounds memory, and is where loading can be stopped
MIN_VARIANCE = 1e-12  # of time; below it a life is one instant and motion has no meaning


class Conditioned(NamedTuple):
    """What is left of 4D Gaussians once time is given; float32."""

    velocity: Tensor  # [N, 3] per unit of time
    covars: Tensor  # [N, 6]
    width: Tensor  # [N] standard deviation of the window


def conditioned(
    matrices: Callable[[slice], Tensor], scales: Tensor, progress: Progress
) -> Conditioned:
    """Of covariances (A diag(scales)) (A diag(scales))ᵀ, axes x y z t.

    matrices: A [n, 4, 4] float64 of a range of rows; need not be a rotation. scales: [N, 4].
    """
    n = len(scales)
    velocity, covars, width = scales.new_empty(n, 3), scales.new_empty(n, 6), scales.new_empty(n)
    for start in range(0, n, CHUNK):
        progress(start / n, "conditioning on time")
        rows = slice(start, start + CHUNK)
        half = matrices(rows) * scales[rows].double().unsqueeze(1)  # [n, 4, 4]
        space, time = half[:, :3], half[:, 3]
        variance = time.square().sum(1, keepdim=True).clamp_min(MIN_VARIANCE)
        slope = (space @ time.unsqueeze(2)).squeeze(2) / variance  # [n, 3]
        # What space has no part of time in: its square is the conditional covariance, never
        # negative however much cancels.
        rest = space - slope.unsqueeze(2) * time.unsqueeze(1)
        cov = rest @ rest.transpose(1, 2)
        velocity[rows] = slope.float()
        covars[rows] = cov.reshape(-1, 9)[:, UPPER].float()
        width[rows] = variance.squeeze(1).sqrt().float()
    return Conditioned(velocity, covars, width)


def isoclinic(left: Tensor, right: Tensor) -> Tensor:
    """4x4 matrices [N, 4, 4] of v -> left v conj(right), axes w x y z, of quaternions [N, 4].

    A rotation times |left| |right|: neither is normalised here.
    """
    a, b, c, d = left.unbind(1)
    p, q, u, s = right.unbind(1)
    ml = [a, -b, -c, -d, b, a, -d, c, c, d, a, -b, d, -c, b, a]
    mr = [p, q, u, s, -q, p, -s, u, -u, s, p, -q, -s, -u, q, p]
    return torch.stack(ml, 1).reshape(-1, 4, 4) @ torch.stack(mr, 1).reshape(-1, 4, 4)
