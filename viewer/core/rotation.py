"""Quaternion functions on tensors."""

import torch
from torch import Tensor


def normalized(quats: Tensor) -> Tensor:
    """Unit quaternions [N, 4] w x y z; rows of no length, or too long to tell, are the identity."""
    norm = quats.norm(dim=-1, keepdim=True)
    identity = quats.new_tensor([1.0, 0.0, 0.0, 0.0])
    known = (norm > 0) & (norm < torch.inf)
    return torch.where(known, quats / norm.clamp_min(1e-30), identity)


def product(a: Tensor, b: Tensor) -> Tensor:
    """Hamilton products a b [N, 4] of quaternions [N, 4] w x y z: turns by b, then by a."""
    aw, ax, ay, az = a.unbind(-1)
    bw, bx, by, bz = b.unbind(-1)
    terms = [
        aw * bw - ax * bx - ay * by - az * bz,
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
    ]
    return torch.stack(terms, -1)


def matrices(quats: Tensor) -> Tensor:
    """Rotation matrices [N, 3, 3] of unit quaternions [N, 4] w x y z."""
    w, x, y, z = quats.unbind(-1)
    rows = [
        1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y),
        2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x),
        2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y),
    ]  # fmt: skip
    return torch.stack(rows, dim=-1).reshape(*quats.shape[:-1], 3, 3)


def quaternions(matrices: Tensor) -> Tensor:
    """Unit quaternions [N, 4] w x y z, w >= 0, of rotation matrices [N, 3, 3]."""
    m = matrices
    trace = m[:, 0, 0] + m[:, 1, 1] + m[:, 2, 2]
    wx, wy, wz = m[:, 2, 1] - m[:, 1, 2], m[:, 0, 2] - m[:, 2, 0], m[:, 1, 0] - m[:, 0, 1]
    xy, xz, yz = m[:, 0, 1] + m[:, 1, 0], m[:, 0, 2] + m[:, 2, 0], m[:, 1, 2] + m[:, 2, 1]
    ww, xx = 1 + trace, 1 + 2 * m[:, 0, 0] - trace  # 4 w², 4 x², ...
    yy, zz = 1 + 2 * m[:, 1, 1] - trace, 1 + 2 * m[:, 2, 2] - trace
    rows = [(ww, wx, wy, wz), (wx, xx, xy, xz), (wy, xy, yy, yz), (wz, xz, yz, zz)]
    every = torch.stack([torch.stack(row, -1) for row in rows], 1)  # [N, 4, 4], each row is q
    best = torch.stack([ww, xx, yy, zz], -1).argmax(-1)
    q = every[torch.arange(len(m), device=m.device), best]
    return torch.nn.functional.normalize(torch.where(q[:, :1] < 0, -q, q), dim=-1)
