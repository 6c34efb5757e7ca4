"""poses_bounds.npy: cameras of a data set as LLFF writes them.

[N, 17]: a 3 x 5 matrix, row by row, then the nearest and farthest depth. Its columns are the
camera's down, right and back in the world, the centre, and height, width, focal length.
"""

from pathlib import Path

import numpy as np

from viewer.core.report import DatasetCamera
from viewer.formats import npz, poses

NAME = "poses_bounds.npy"
COLUMNS = 17


def files(folder: Path) -> list[Path]:
    """poses_bounds.npy, or nothing."""
    return [path] if (path := folder / NAME).is_file() else []


def cameras(folder: Path, warnings: list[str]) -> tuple[DatasetCamera, ...]:
    """Cameras of poses_bounds.npy; empty where there is none."""
    if not files(folder):
        return ()
    try:
        rows = _rows(folder / NAME)
    except (OSError, *npz.BROKEN) as error:
        poses.warn_of_file(NAME, error, warnings)
        return ()
    kept = poses.collected(enumerate(rows), _camera, NAME, warnings)
    return tuple(camera for _, camera in kept)


def _rows(path: Path) -> np.ndarray:
    """[N, 17]. Raises OSError or what npz.BROKEN lists."""
    with path.open("rb") as file:
        described = npz.description(file)
        if len(described.shape) != 2 or described.shape[1] != COLUMNS or described.column_major:
            raise ValueError(f"has shape {described.shape}, expected (N, {COLUMNS})")
        length = described.count * described.dtype.itemsize
        if length > path.stat().st_size:
            raise ValueError(f"is cut: it should hold {length} bytes of poses")
        held = file.read(length)
    return np.frombuffer(held, described.dtype, described.count).reshape(described.shape)


def _camera(entry: tuple[int, np.ndarray]) -> DatasetCamera:
    i, row = entry
    matrix = np.array(row[:15], dtype=np.float64).reshape(3, 5)
    down, right, back, center, (height, width, focal) = matrix.T
    K = poses.intrinsics(focal, focal, width / 2, height / 2)
    rotation = np.stack([right, down, -back], axis=1)
    return DatasetCamera(
        str(i), poses.camera(rotation, center, K, (int(width), int(height))), origin=NAME
    )
