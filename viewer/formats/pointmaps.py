"""Clouds of an .npz: points [N, 3], a point map [H, W, 3], or one for each instant [T, H, W, 3].

Point maps are what 4DNeX, Geo4D, VGGT and methods alike write; no standard says how the arrays are
called, so the usual names are looked for. Colours, confidences and masks go with the points;
camera poses and lenses are read where they are there.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from viewer.core.errors import Unusable
from viewer.core.report import DatasetCamera
from viewer.core.splats import Splats
from viewer.formats import cloud, npz, poses, spacing
from viewer.formats.npz import Archive
from viewer.formats.source import Progress

# Names in lower case, the likeliest first.
MEANS = (
    "points", "xyz", "pts", "means3d", "positions", "pts3d", "points3d", "point_map", "point_maps",
    "pointmap", "pointmaps", "point_cloud", "pointcloud", "world_points",
)  # fmt: skip
COLORS = ("colors", "rgb", "color", "rgbs", "images", "image", "imgs", "img")
CONFIDENCES = ("confidence", "conf", "confidences", "confs", "world_points_conf", "pts3d_conf")
MASKS = ("mask", "masks", "valid", "valid_mask", "valid_masks")
VIEWMATS = ("viewmats", "w2c", "world_to_cam", "extrinsics", "extrinsic")
POSES = ("c2w", "cam_c2w", "cam_to_world", "camera_poses", "poses")
LENSES = ("ks", "k", "intrinsics", "intrinsic")
# Names by which Gaussians of other families are known, some of which share names with clouds.
GAUSSIANS = {"log_scales", "unnorm_rotations", "logit_opacities", "codebook_scale", "scales"}
FARTHEST = 1e12  # world units, of a camera
SAMPLES = 1_000_000  # confidences by which a share is judged


@dataclass(frozen=True, eq=False, slots=True)
class Maps:
    """Points of T instants. shape: of one instant, [N] or [H, W].

    means: [T, *shape, 3]; colors: [T, *shape, C] or the same for all instants [1, *shape, C].
    keep: [T, *shape], finite and not masked. confidence: [T, *shape].
    """

    means: np.ndarray
    colors: np.ndarray | None
    span: tuple[float, float]  # of the colours: what stands for black and white
    keep: np.ndarray
    confidence: np.ndarray | None
    cameras: tuple[DatasetCamera, ...]

    @property
    def instants(self) -> int:
        """T."""
        return len(self.means)

    @property
    def count(self) -> int:
        """Points of the largest instant."""
        return int(self.keep.reshape(self.instants, -1).sum(1).max())

    @property
    def memory(self) -> int:
        """Bytes held."""
        held = (self.means, self.keep, self.colors, self.confidence)
        return sum(array.nbytes for array in held if array is not None)

    def surest(self, left_out: float) -> "Maps":
        """Without a share of the points kept so far, the least confident ones."""
        keep = self.keep
        if self.confidence is not None and left_out > 0:
            step = max(1, keep.size // SAMPLES)
            some = self.confidence.reshape(-1)[::step][keep.reshape(-1)[::step]]
            if some.size:
                least = np.quantile(some, left_out, method="lower")
                keep = keep & (self.confidence >= least)
        return replace(self, keep=keep, confidence=None)

    def at(self, i: int, radius: float | None = None) -> Splats:
        """Instant i; `radius` of every point in place of what their spacing asks for."""
        means, keep = torch.from_numpy(self.means[i]).float(), torch.from_numpy(self.keep[i])
        rows = keep.flatten().nonzero()[:, 0]
        kept = means.reshape(-1, 3)[rows]
        if radius is not None:
            radii = torch.full((len(kept),), radius)
        elif keep.dim() == 2:
            radii = spacing.of_map(means, keep)[keep]
        else:
            radii = spacing.of_cloud(kept)
        colors = cloud.grey(len(kept))
        if self.colors is not None:
            own = self.colors[min(i, len(self.colors) - 1)]
            stored = torch.from_numpy(own.reshape(-1, own.shape[-1]))
            colors = cloud.rgb(stored[rows], self.span)
        return cloud.gaussians(kept, radii, colors, None if keep.all() else rows)


def recognised(path: Path) -> str | None:
    """In words, what an .npz of points holds; None where the file is something else.

    Raises Unusable where it is damaged.
    """
    names = npz.names(path)
    name = _named(names, MEANS)
    if name is None or GAUSSIANS & {n.lower() for n in names}:
        return None
    shape = _shape(path)
    sides = " x ".join(map(str, shape[:-1]))
    return f".npz with {name}, {sides} points" if _of_points(shape) else None


def is_instant(path: Path) -> bool:
    """Whether a file is an .npz of one instant."""
    return recognised(path) is not None and len(_shape(path)) < 4


def count(path: Path) -> int:
    """Points of an .npz, as it says. Raises Unusable."""
    return math.prod(_shape(path)[:-1])


def read(path: Path, progress: Progress, warnings: list[str]) -> Maps:
    """The clouds of an .npz. Raises Unusable."""
    archive = npz.opened(path)
    means = _array(archive, MEANS)
    if means is None or not _of_points(means.shape):
        shape = "none" if means is None else str(list(means.shape))
        raise Unusable(
            f"{path}: its points have shape {shape}, expected [N, 3], [H, W, 3] or [T, H, W, 3]"
        )
    progress(0.3, "reading")
    colors = _array(archive, COLORS)
    tracks = means.ndim == 3 and colors is not None and colors.shape[:-1] == means.shape[1:2]
    if means.ndim < 4 and not tracks:
        means = means[None]
    if not len(means):
        means = np.zeros((1, 0, 3), np.float32)
    shape = means.shape[:-1]
    if colors is not None:
        colors = _colors_of(colors, shape, warnings)
    progress(0.5, "reading")
    keep = _kept(means, _scalars(archive, MASKS, shape, warnings), progress, warnings)
    confidence = _scalars(archive, CONFIDENCES, shape, warnings)
    if confidence is not None:
        confidence = np.where(np.isnan(confidence), -np.inf, confidence)
    return Maps(
        means=means,
        colors=colors,
        span=(0.0, 1.0) if colors is None else cloud.color_span(colors, colors.dtype),
        keep=keep,
        confidence=confidence,
        cameras=_cameras(archive, shape, warnings),
    )


def _shape(path: Path) -> tuple[int, ...]:
    """Shape of the points of an .npz that has some."""
    archive = npz.opened(path)
    return archive.array(_named(archive.members, MEANS) or MEANS[0]).shape


def _of_points(shape: tuple[int, ...]) -> bool:
    return len(shape) in (2, 3, 4) and shape[-1] == 3


def _named(names: Iterable[str], wanted: tuple[str, ...]) -> str | None:
    """The first of `wanted` that is there, in whatever case."""
    there = {name.lower(): name for name in names}
    return next((there[name] for name in wanted if name in there), None)


def _array(archive: Archive, wanted: tuple[str, ...]) -> np.ndarray | None:
    name = _named(archive.members, wanted)
    return None if name is None else archive.array(name).read()


def _colors_of(
    stored: np.ndarray, shape: tuple[int, ...], warnings: list[str]
) -> np.ndarray | None:
    """Colours [T or 1, *shape of an instant, C] of stored ones, channels last or first, or none."""
    for wanted in (shape, shape[1:]):
        for found in (stored, np.moveaxis(stored, -3, -1) if stored.ndim > 2 else stored):
            if found.shape[:-1] == wanted and found.shape[-1] in (1, 3, 4):
                return found.reshape(-1, *shape[1:], found.shape[-1])
        if stored.shape == wanted:
            return stored.reshape(-1, *shape[1:], 1)
    warnings.append(
        f"colours have shape {list(stored.shape)}, expected [{', '.join(map(str, shape))}, 3]; "
        "points are grey"
    )
    return None


def _scalars(
    archive: Archive, wanted: tuple[str, ...], shape: tuple[int, ...], warnings: list[str]
) -> np.ndarray | None:
    """One number [T, *shape] for each point; None where there are none that fit."""
    stored = _array(archive, wanted)
    if stored is None:
        return None
    for of in (shape, (1, *shape[1:])):
        if stored.size == math.prod(of):
            return np.broadcast_to(stored.reshape(of), shape)
    warnings.append(f"{wanted[0]} has shape {list(stored.shape)}, expected {list(shape)}; not used")
    return None


def _kept(
    means: np.ndarray, mask: np.ndarray | None, progress: Progress, warnings: list[str]
) -> np.ndarray:
    """Where points [T, *shape, 3] are finite, not masked and, in a map, not exactly the origin."""
    keep = np.empty(means.shape[:-1], bool)
    lost = unknown = 0
    for i, instant in enumerate(means):
        progress(0.5 + 0.5 * i / len(means), "checking")
        p = torch.from_numpy(instant).float()
        finite = p.isfinite().all(-1)
        known = (p != 0).any(-1) if p.dim() == 3 else torch.ones_like(finite)
        lost += int((~finite).sum())
        unknown += int((~known).sum())
        keep[i] = (finite & known).numpy()
    if lost:
        warnings.append(f"{lost:,} of {keep.size:,} points are not finite, left out")
    if unknown:
        warnings.append(f"{unknown:,} of {keep.size:,} points lie at exactly 0,0,0, left out")
    return keep if mask is None else keep & (np.nan_to_num(mask) > 0)


def _cameras(
    archive: Archive, shape: tuple[int, ...], warnings: list[str]
) -> tuple[DatasetCamera, ...]:
    """Cameras beside the points, one of each instant where there are as many; OpenCV axes."""
    viewmats, placed, lenses = (_array(archive, names) for names in (VIEWMATS, POSES, LENSES))
    matrices = placed if viewmats is None else viewmats
    if matrices is None or lenses is None or not matrices.size or not lenses.size:
        return ()
    if matrices.shape[-2:] not in ((3, 4), (4, 4)) or lenses.shape[-2:] != (3, 3):
        warnings.append(
            f"cameras have shapes {list(matrices.shape)} and {list(lenses.shape)}, expected "
            "[C, 4, 4] and [C, 3, 3]; not used"
        )
        return ()
    with np.errstate(invalid="ignore"):  # damaged ones hold numbers that are none
        matrices = matrices.astype(np.float64).reshape(-1, *matrices.shape[-2:])
        lenses = lenses.astype(np.float64).reshape(-1, 3, 3)
    sides = [_array(archive, (name,)) for name in ("width", "height")]
    timed = len(matrices) == shape[0] > 1

    def camera(i: int) -> DatasetCamera:
        if not (np.abs(matrices[i]) < FARTHEST).all():
            raise ValueError("absurdly far away, or not finite")
        R, t = matrices[i, :3, :3], matrices[i, :3, 3]
        if viewmats is not None:  # the inverse of a pose
            R, t = R.T, -R.T @ t
        K = lenses[min(i, len(lenses) - 1)]
        found = poses.camera(R, t, K, _size(sides, shape, K))
        return DatasetCamera(f"camera {i}", found, float(i) if timed else None, archive.path.name)

    kept = poses.collected(range(len(matrices)), camera, archive.path.name, warnings)
    return tuple(camera for _, camera in kept)


def _size(sides: list[np.ndarray | None], shape: tuple[int, ...], K: np.ndarray) -> tuple[int, int]:
    """Width and height: as the file says, the map's own, or twice the principal point."""
    said = [float(side.reshape(-1)[0]) for side in sides if side is not None and side.size]
    if len(said) < 2:
        said = [shape[2], shape[1]] if len(shape) == 3 else [2 * K[0, 2], 2 * K[1, 2]]
    width, height = (round(side) for side in said)
    return width, height
