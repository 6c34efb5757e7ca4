"""Real spherical harmonics to degree 3, in the order and with the signs of 3D Gaussian Splatting.

Source: utils/sh_utils.py of graphdeco-inria/gaussian-splatting.
"""

import math
from enum import Enum

import torch
from torch import Tensor

C0 = 0.28209479177387814
C1 = 0.4886025119029199
C2 = (1.0925484305920792, 0.31539156525252005, 0.5462742152960396)
C3 = (
    0.5900435899266435, 2.890611442640554, 0.4570457994644658,
    0.3731763325901154, 1.445305721320277,
)  # fmt: skip
MAX_DEGREE = 3


class Output(Enum):
    """What the sum over the basis means."""

    SHIFTED = "shifted"  # max(0, sum + 0.5): 3D Gaussian Splatting
    SIGMOID = "sigmoid"  # sigmoid(sum): EasyVolcap's point_planes
    RESIDUAL = "residual"  # 0.5 + tanh(sum), within 0..1: image-based colour without its images


def degree(count: int) -> int:
    """Degree of K = (degree + 1)² coefficients. Raises ValueError for any other K or degree > 3."""
    d = math.isqrt(count) - 1
    if count < 1 or (d + 1) ** 2 != count or d > MAX_DEGREE:
        raise ValueError(f"{count} spherical-harmonic coefficients, expected 1, 4, 9 or 16")
    return d


def basis(directions: Tensor, degree: int) -> Tensor:
    """Basis values [N, K] for unit directions [N, 3] from the camera to the Gaussian."""
    x, y, z = directions.unbind(-1)
    values = [torch.full_like(x, C0)]
    if degree >= 1:
        values += [-C1 * y, C1 * z, -C1 * x]
    if degree >= 2:
        xx, yy, zz = x * x, y * y, z * z
        values += [
            C2[0] * x * y, -C2[0] * y * z, C2[1] * (2 * zz - xx - yy), -C2[0] * x * z,
            C2[2] * (xx - yy),
        ]  # fmt: skip
        if degree >= 3:
            values += [
                -C3[0] * y * (3 * xx - yy), C3[1] * x * y * z, -C3[2] * y * (4 * zz - xx - yy),
                C3[3] * z * (2 * zz - 3 * xx - 3 * yy), -C3[2] * x * (4 * zz - xx - yy),
                C3[4] * z * (xx - yy), -C3[0] * x * (xx - 3 * yy),
            ]  # fmt: skip
    return torch.stack(values, dim=-1)


def colors(
    coefficients: Tensor,
    directions: Tensor,
    max_degree: int = MAX_DEGREE,
    output: Output = Output.SHIFTED,
) -> Tensor:
    """RGB [N, 3] of coefficients [N, K, 3] seen along unit directions [N, 3]."""
    used = min(degree(coefficients.shape[1]), max_degree)
    count = (used + 1) ** 2
    weights = basis(directions, used).unsqueeze(-1)  # [N, K, 1]
    total = (weights * coefficients[:, :count]).sum(1)
    if output is Output.SIGMOID:
        return torch.sigmoid(total)
    if output is Output.RESIDUAL:
        return (torch.tanh(total) + 0.5).clamp(0, 1)
    return (total + 0.5).clamp_min(0)


def constant(rgb: Tensor) -> Tensor:
    """Degree-0 coefficients [N, 1, 3] that show colours RGB [N, 3] from everywhere."""
    return ((rgb - 0.5) / C0).unsqueeze(1)
