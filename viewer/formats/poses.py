"""Cameras of a data set, from whatever file lists them: each pose once, nonsense counted."""

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from viewer.core.camera import MAX_CAMERA_FILE, Camera
from viewer.core.report import DatasetCamera

FARTHEST = 1e9  # world units from the origin on any axis
MAX_SIDE = 1 << 16  # pixels of an image
MAX_CAMERAS = 1000  # kept of a file that lists one per camera and frame
NONSENSE = (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError)

T = TypeVar("T")


def collected(
    entries: Iterable[T], camera_of: Callable[[T], DatasetCamera], origin: str, warnings: list[str]
) -> list[tuple[T, DatasetCamera]]:
    """The entries whose pose is new, with their cameras; MAX_CAMERAS at most.

    camera_of raises any of NONSENSE for an entry that makes no sense. The first image taken from
    a pose gives the camera its name and time; one that took images at several times has none.
    """
    seen: dict[bytes, int] = {}  # place in `found`
    found: list[tuple[T, DatasetCamera]] = []
    total = bad = 0
    for entry in entries:
        total += 1
        try:
            with np.errstate(all="ignore"):  # what overflows is not finite, and is refused as such
                camera = camera_of(entry)
        except NONSENSE:
            bad += 1
            continue
        pose = (np.round(camera.camera.viewmat, 6) + 0.0).tobytes()  # no -0
        if pose not in seen:
            seen[pose] = len(found)
            if len(found) < MAX_CAMERAS:
                found.append((entry, camera))
        elif seen[pose] < len(found):
            first, known = found[seen[pose]]
            time = known.time if known.time == camera.time else None
            shots = (*known.shots, *camera.shots)
            found[seen[pose]] = first, replace(known, time=time, shots=shots)
    if bad:
        warnings.append(f"{bad} of {total} cameras in {origin} make no sense, left out")
    if len(seen) > MAX_CAMERAS:
        warnings.append(f"{len(seen)} cameras in {origin}, the first {MAX_CAMERAS} are kept")
    return found


def camera(
    world_from_cam: np.ndarray, center: np.ndarray, K: np.ndarray, size: tuple[int, int]
) -> Camera:
    """A camera of its rotation [3, 3] (columns right, down, forward) and centre [3] in the world.

    Raises ValueError where the rotation is none, or the rest is no camera.
    """
    R = world_from_cam
    if not (np.isfinite(R).all() and (np.abs(center) < FARTHEST).all()):
        raise ValueError("its pose is not finite")
    if not (np.allclose(R @ R.T, np.eye(3), atol=1e-2) and np.linalg.det(R) > 0):
        raise ValueError("rotation is not a rotation")
    if max(size) > MAX_SIDE:
        raise ValueError(f"size is {size[0]}x{size[1]}")
    viewmat = np.eye(4)
    viewmat[:3, :3] = R.T
    viewmat[:3, 3] = -R.T @ center
    return Camera(viewmat, K, *size)


def intrinsics(fx: float, fy: float, cx: float, cy: float) -> np.ndarray:
    """K [3, 3], pixels."""
    return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]], dtype=np.float64)


def warn_of_distortion(count: int, origin: str, warnings: list[str]) -> None:
    """Say once that lenses of `count` cameras bend lines, and that ours do not."""
    if count:
        warnings.append(f"{count} cameras in {origin} have lens distortion, which is left out")


def parsed(path: Path, kind: type[T], warnings: list[str]) -> T | None:
    """The JSON of a small file that should hold a `kind`; None, with a warning, where it is not."""
    try:
        size = path.stat().st_size
        if size > MAX_CAMERA_FILE:
            raise ValueError(f"{size} bytes")
        held: Any = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(held, kind):
            raise ValueError(f"holds a {type(held).__name__}, expected a {kind.__name__}")
    except (OSError, ValueError, RecursionError) as error:
        warn_of_file(path.name, error, warnings)
        return None
    return held


def warn_of_file(name: str, error: Exception, warnings: list[str]) -> None:
    """Say that a file with cameras was of no use."""
    reason = " ".join(str(error).split()) or type(error).__name__
    warnings.append(f"{name} was not understood ({reason}); no cameras from it")
