"""The two halves of an Ex4DGS model, from its PLY pair or its training tuple.

What the trainer calls static drifts; what it calls dynamic has a position and a rotation in every
key frame. Static rotations go to its rasteriser at the length that they are stored with, so
covariances are made of them. Source: scene/c_gaussian_model.py of juno181/Ex4DGS.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import torch
from torch import Tensor

from viewer.core import rotation, sh
from viewer.core.errors import Unusable
from viewer.core.splats import covars_of
from viewer.formats import checkpoint, keyframes, ply, ply_3dgs, sanitize
from viewer.formats.keyframes import Drifting, Keyed
from viewer.formats.ply import Header
from viewer.formats.source import Progress

STATIC_MARK, DYNAMIC_MARK = "xyz_disp_0", "motion_xyz_0_0"  # properties of no other family
DRIFT = ("xyz_disp_0", "xyz_disp_1", "xyz_disp_2")
MOTION = "motion_"  # before every property of a dynamic PLY
KEY = re.compile(MOTION + r"xyz_\d+_0$")
FAR = 1e18  # world units: squares of it are finite
LONG = 1e3  # of a static quaternion's numbers: covariances take the fourth power
DEGREES = {(d + 1) ** 2: d for d in range(sh.MAX_DEGREE + 1)}

T = TypeVar("T")


@dataclass(frozen=True, eq=False, slots=True)
class Part(Generic[T]):
    """Half of a model. rows: places among the `stored` Gaussians of its file; None is all."""

    gaussians: T
    colors: Tensor  # [n, K, 3] spherical harmonics
    rows: Tensor | None  # [n]
    stored: int


class Static(NamedTuple):
    """As stored: before activation, and with rows that are not finite."""

    means: Tensor  # [S, 3]
    drift: Tensor  # [S, 3]
    opacities: Tensor  # [S, 1] logits
    scales: Tensor  # [S, 3] logarithms
    quats: Tensor  # [S, 4]
    colors: Tensor  # [S, K, 3]


class Dynamic(NamedTuple):
    """As stored, likewise."""

    means: Sequence[Tensor]  # [M, 3] a key frame
    quats: Sequence[Tensor]  # [M, 4] a key frame
    opacities: Tensor  # [M, 1] logits
    scales: Tensor  # [M, 3] logarithms
    centers: Tensor  # [M, 2] key frames
    lives: Tensor  # [M, 2] logarithms of widths
    colors: Tensor  # [M, K, 3]


def none_static() -> Static:
    """Where only the dynamic half is there."""
    means, opacities, quats = torch.empty(0, 3), torch.empty(0, 1), torch.empty(0, 4)
    return Static(means, means, opacities, means, quats, torch.empty(0, 1, 3))


def none_dynamic() -> Dynamic:
    """Where only the static half is there: one key frame of nothing."""
    means, quats, ends = torch.empty(0, 3), torch.empty(0, 4), torch.empty(0, 2)
    opacities, colors = torch.empty(0, 1), torch.empty(0, 1, 3)
    return Dynamic([means], [quats], opacities, means, ends, ends, colors)


def static_of_ply(header: Header, progress: Progress, warnings: list[str]) -> Static:
    """point_cloud.ply. Raises Unusable."""
    harmonics = ply_3dgs.coefficients(header, warnings)
    groups = (ply_3dgs.MEANS, DRIFT, ("opacity",), ply_3dgs.SCALES, ply_3dgs.QUAT, harmonics)
    parts = map(torch.from_numpy, ply.columns(header, groups, progress))
    means, drift, opacities, scales, quats, colors = parts
    return Static(means, drift, opacities, scales, quats, _by_coefficient(colors, harmonics))


def dynamic_of_ply(header: Header, progress: Progress, warnings: list[str]) -> Dynamic:
    """dynamic_point_cloud.ply; its properties say how many key frames. Raises Unusable."""
    names = header.vertex.names
    keys = sum(1 for name in names if KEY.match(name))
    harmonics = ply_3dgs.coefficients(header, warnings, MOTION)
    groups = [
        *(_names(f"xyz_{k}_", 3) for k in range(keys)),
        *(_names(f"rot_{k}_", 4) for k in range(keys)),
        (MOTION + "opacity",),
        *(_names(name, n) for name, n in (("scale_", 3), ("opacity_c_", 2), ("opacity_v_", 2))),
        harmonics,
    ]
    parts = list(map(torch.from_numpy, ply.columns(header, groups, progress)))
    means, quats, rest = parts[:keys], parts[keys : 2 * keys], parts[2 * keys :]
    opacities, scales, centers, lives, colors = rest
    colors = _by_coefficient(colors, harmonics)
    return Dynamic(means, quats, opacities, scales, centers, lives, colors)


def static_of_tuple(held: Sequence[Any], path: Path) -> Static:
    """Of a training tuple of 40 entries. Raises Unusable."""
    if _empty(held[1]):
        return none_static()
    means = checkpoint.tensor(held[1], "entry 1 (xyz)", path, (None, 3))
    n = len(means)

    def entry(i: int, name: str, width: int) -> Tensor:
        return checkpoint.tensor(held[i], f"entry {i} ({name})", path, (n, width))

    return Static(
        means,
        entry(18, "xyz_disp", 3),
        entry(6, "opacity", 1),
        entry(4, "scaling", 3),
        entry(5, "rotation", 4),
        _harmonics(held, (2, 3), n, path),
    )


def dynamic_of_tuple(held: Sequence[Any], path: Path) -> Dynamic:
    """Of a training tuple of 40 entries. Raises Unusable."""
    if _empty(held[23]):
        return none_dynamic()
    means = checkpoint.tensor(held[23], "entry 23 (xyz_motion)", path, (None, None, 3))
    n, keys = means.shape[:2]
    if keys == 0:
        raise Unusable(f"{path}: entry 23 (xyz_motion) has no key frame, expected one or more")

    def entry(i: int, name: str, *shape: int) -> Tensor:
        return checkpoint.tensor(held[i], f"entry {i} ({name})", path, (n, *shape))

    quats = entry(30, "rotation_motion", keys, 4)
    return Dynamic(
        [key.contiguous() for key in means.unbind(1)],
        [key.contiguous() for key in quats.unbind(1)],
        entry(27, "opacity_motion", 1),
        entry(26, "scaling_motion", 3),
        entry(28, "opacity_duration_center", 2, 1)[:, :, 0],
        entry(29, "opacity_duration_var", 2, 1)[:, :, 0],
        _harmonics(held, (24, 25), n, path),
    )


def drifting(stored: Static, warnings: list[str]) -> Part[Drifting]:
    """Activated; rows that are not finite are left out."""
    checked = {
        "positions": stored.means,
        "drifts": stored.drift,
        "opacities": stored.opacities.clamp(-1e4, 1e4),  # fully opaque is an infinite logit
        "scales": stored.scales,
        "quaternions": stored.quats,
    }
    rows = sanitize.finite_rows(checked, warnings)
    kept = stored if rows is None else Static(*(field[rows] for field in stored))
    sanitize.count_zero_quats(kept.quats, warnings)
    shapes = rotation.matrices(kept.quats.clamp(-LONG, LONG))  # of numbers of any length
    gaussians = Drifting(
        means=kept.means.clamp(-FAR, FAR),
        drift=kept.drift.clamp(-FAR, FAR),
        covars=covars_of(shapes, sanitize.scales(kept.scales, warnings)),
        opacities=torch.sigmoid(kept.opacities[:, 0]),
    )
    colors = sanitize.colors(kept.colors, warnings)
    return Part(gaussians, colors, rows, len(stored.means))


def keyed(stored: Dynamic, padding: float, warnings: list[str]) -> Part[Keyed]:
    """Activated; rows that are not finite are left out. padding: var_pad / interval."""
    checked = {
        "positions": _worst(stored.means),
        "quaternions": _worst(stored.quats),
        "opacities": stored.opacities.clamp(-1e4, 1e4),
        "scales": stored.scales,
        "lives": torch.cat([stored.centers, stored.lives], 1),
    }
    rows = sanitize.finite_rows(checked, warnings)
    kept = stored
    if rows is not None:
        means, quats = ([key[rows] for key in keys] for keys in (stored.means, stored.quats))
        kept = Dynamic(means, quats, *(field[rows] for field in stored[2:]))
    shortest = torch.stack([quats.abs().amax(1) for quats in kept.quats]).amin(0)
    sanitize.count_zero_quats(shortest.unsqueeze(1), warnings)
    gaussians = Keyed(
        means=tuple(key.clamp_(-FAR, FAR) for key in kept.means),
        quats=tuple(rotation.normalized(key) for key in kept.quats),
        scales=sanitize.scales(kept.scales, warnings),
        opacities=torch.sigmoid(kept.opacities[:, 0]),
        centers=kept.centers,
        widths=keyframes.widths(kept.lives, padding),
    )
    return Part(gaussians, sanitize.colors(kept.colors, warnings), rows, len(stored.scales))


def _names(stem: str, count: int) -> tuple[str, ...]:
    return tuple(f"{MOTION}{stem}{i}" for i in range(count))


def _by_coefficient(colors: Tensor, harmonics: Sequence[str]) -> Tensor:
    return colors.reshape(len(colors), len(harmonics) // 3, 3)


def _empty(held: object) -> bool:
    """Whether an entry is what upstream leaves where it made no Gaussian: a tensor of nothing."""
    return isinstance(held, Tensor) and held.dim() == 1 and len(held) == 0


def _harmonics(held: Sequence[Any], entries: tuple[int, int], n: int, path: Path) -> Tensor:
    """[n, K, 3] of two entries: the first coefficient, and the rest. Raises Unusable."""
    first = checkpoint.tensor(held[entries[0]], f"entry {entries[0]} (f_dc)", path, (n, 1, 3))
    name = f"entry {entries[1]} (f_rest)"
    rest = checkpoint.tensor(held[entries[1]], name, path, (n, None, 3))
    if rest.shape[1] + 1 not in DEGREES:
        raise Unusable(f"{path}: {name} has {rest.shape[1]} coefficients, expected 0, 3, 8 or 15")
    return torch.cat([first, rest], 1)


def _worst(keys: Sequence[Tensor]) -> Tensor:
    """[M] 0 where every key [M, C] is finite, else infinite; without another copy of them all."""
    finite = torch.stack([key.isfinite().all(1) for key in keys]).all(0)
    return torch.where(finite, 0.0, torch.inf)
