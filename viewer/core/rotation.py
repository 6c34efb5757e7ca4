"""Quaternion functions on tensors."""

import torch
from torch import Tensor


def normalized(quats: Tensor) -> Tensor:
    """Unit quaternions [N, 4] w x y z; all-zero rows become the identity."""
    norm = quats.norm(dim=-1, keepdim=True)
    identity = quats.new_tensor([1.0, 0.0, 0.0, 0.0])
    return torch.where(norm > 0, quats / norm.clamp_min(1e-30), identity)


def matrices(quats: Tensor) -> Tensor:
    """Rotation matrices [N, 3, 3] of unit quaternions [N, 4] w x y z."""
    w, x, y, z = quats.unbind(-1)
    rows = [
        1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y),
        2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x),
        2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y),
    ]  # fmt: skip
    return torch.stack(rows, dim=-1).reshape(*quats.shape[:-1], 3, 3)
