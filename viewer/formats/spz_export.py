"""Any slice as an SPZ (version 3, gzip), which `spz.py` reads back."""

import gzip
import math
import struct
from pathlib import Path

import numpy as np
from torch import Tensor

from viewer.core import sh
from viewer.core.splats import Compensation, Splats
from viewer.core.target import to_bytes
from viewer.formats import standard
from viewer.formats.splat_export import unsaid
from viewer.formats.spz import ANTIALIASED, COEFFICIENTS, MAGIC, SH_SIGNS

VERSION = 3
FRACTIONS = (12, 20)  # bits after the point of a position: what others write, the finest here
LARGEST = (1 << 23) - 1  # of 24 bits with a sign


def write(path: Path, splats: Splats) -> list[str]:
    """Write splats in their order; returns what had to be approximated."""
    splats, warnings = standard.as_standard(splats)
    warnings += unsaid(splats.appearance, compensations=(Compensation.NONE, Compensation.MIP))
    fraction = _fraction(splats.means)
    near = (splats.means.abs() <= LARGEST / (1 << fraction)).all(1)
    if not bool(near.all()):
        far = int((~near).sum())
        warnings.append(f"{far} Gaussians lie {LARGEST >> fraction} units out or more, left out")
        splats = splats.rows(near.nonzero()[:, 0])
    quats, scales = standard.shape(splats)
    colors = splats.colors if splats.view_dependent else sh.constant(splats.colors)
    antialiased = splats.appearance.compensation is Compensation.MIP
    flags = ANTIALIASED if antialiased else 0
    head = struct.pack(
        "<4sIIBBBx", MAGIC, VERSION, len(splats), sh.degree(colors.shape[1]), fraction, flags
    )
    arrays = (
        _places(_numpy(splats.means), fraction),
        to_bytes(_numpy(splats.opacities)),
        to_bytes(_numpy(colors[:, 0]) * 0.15 + 0.5),
        _rounded((np.log(np.maximum(_numpy(scales), 1e-30)) + 10) * 16),
        _largest_three(_numpy(quats)),
        _harmonics(_numpy(colors)),
    )
    # No time of writing inside: the same slice gives the same bytes.
    path.write_bytes(gzip.compress(head + b"".join(a.tobytes() for a in arrays), mtime=0))
    return warnings


def _fraction(means: Tensor) -> int:
    """The most bits after the point with which all positions fit; FRACTIONS bound it."""
    extent = float(means.abs().max()) if len(means) else 0.0
    return min(max(math.floor(math.log2(LARGEST / max(extent, 1.0))), FRACTIONS[0]), FRACTIONS[1])


def _places(means: np.ndarray, fraction: int) -> np.ndarray:
    """[N, 3, 3] uint8: 24 bits each, low byte first, in the file's axes."""
    turned = means.astype(np.float64) * (1, -1, -1)
    whole = np.rint(turned * (1 << fraction)).astype("<i4")
    return np.ascontiguousarray(whole).view(np.uint8).reshape(-1, 3, 4)[..., :3]


def _largest_three(quats: np.ndarray) -> np.ndarray:
    """[N] uint32 of w x y z: which of x, y, z, w is left out, and 10 bits for each other."""
    xyzw = (quats * np.array([1, 1, -1, -1], np.float32))[:, [1, 2, 3, 0]]
    rows = np.arange(len(xyzw))
    which = np.abs(xyzw).argmax(1)
    xyzw = xyzw * np.where(xyzw[rows, which] < 0, -1, 1)[:, None]
    bits = np.rint(np.minimum(np.abs(xyzw) * 2**0.5, 1) * 511).astype("<u4")
    bits |= np.where(xyzw < 0, 512, 0).astype("<u4")
    packed = which.astype("<u4")
    for part in range(4):
        packed = np.where(which == part, packed, packed << 10 | bits[:, part])
    return packed.astype("<u4")


def _harmonics(colors: np.ndarray) -> np.ndarray:
    """[N, K - 1, 3] uint8 of coefficients [N, K, 3] above degree 0, in the file's axes."""
    used = COEFFICIENTS[math.isqrt(colors.shape[1]) - 1]
    signs = np.array(SH_SIGNS[:used], np.float32)[:, None]
    return _rounded(colors[:, 1:] * signs * 128 + 128)


def _rounded(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _numpy(values: Tensor) -> np.ndarray:
    return values.float().cpu().numpy()
