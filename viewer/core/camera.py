"""Camera: a view as a value, and the conventions of the whole program.

Camera axes are x right, y down, z forward (OpenCV). Pixel centres lie at +0.5 and row 0 is on top.
Quaternions are w x y z. Angles are radians, sizes are framebuffer pixels. Matrices are named
`a_from_b`; `viewmat` (camera from world) is the one exception.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from viewer.core.errors import Unusable

MAX_CAMERA_FILE = 64 * 2**20  # bytes; a cameras file beyond this is not a cameras file


@dataclass(frozen=True, eq=False, slots=True)
class Camera:
    """A pinhole camera, or an orthographic one: then x and y are not divided by depth.

    viewmat: [4, 4] float64, world to camera. K: [3, 3] float64, in pixels of width x height; focal
    lengths of an orthographic view are pixels a world unit.
    """

    viewmat: np.ndarray
    K: np.ndarray
    width: int
    height: int
    orthographic: bool = False

    def __post_init__(self) -> None:
        if self.viewmat.shape != (4, 4) or self.K.shape != (3, 3):
            raise ValueError(
                f"viewmat has shape {self.viewmat.shape} and K {self.K.shape}, "
                "expected (4, 4) and (3, 3)"
            )
        if not (np.isfinite(self.viewmat).all() and np.isfinite(self.K).all()):
            raise ValueError("viewmat or K holds a number that is not finite")
        if self.width < 1 or self.height < 1:
            raise ValueError(f"size is {self.width}x{self.height}, expected at least 1x1")
        if self.K[0, 0] <= 0 or self.K[1, 1] <= 0:
            raise ValueError(
                f"focal lengths are {self.K[0, 0]:g} and {self.K[1, 1]:g}, expected > 0"
            )

    @property
    def center(self) -> np.ndarray:
        """[3] camera centre, world space."""
        R, t = self.viewmat[:3, :3], self.viewmat[:3, 3]
        return -R.T @ t

    def directions(self) -> np.ndarray:
        """[H, W, 3] unit world directions through the pixel centres; float64."""
        rays = self._plane(1.0)
        if self.orthographic:
            rays[..., :2] = 0
        rays = rays @ self.viewmat[:3, :3]
        return rays / np.linalg.norm(rays, axis=-1, keepdims=True)

    def origins(self) -> np.ndarray:
        """Where rays begin, world space, float64: [3], or each its own place [H, W, 3]."""
        if not self.orthographic:
            return self.center
        return self._plane(0.0) @ self.viewmat[:3, :3] + self.center

    def pixels_of(self, points: np.ndarray) -> np.ndarray:
        """[..., 2] pixels where points [..., 3] of camera space are seen; z > 0 for a pinhole."""
        seen = points[..., :2] if self.orthographic else points[..., :2] / points[..., 2:]
        return seen * self.K[[0, 1], [0, 1]] + self.K[:2, 2]

    def point_at(self, pixel: tuple[float, float], depth: float) -> np.ndarray:
        """[3] the point of world space that is seen at a pixel at a depth (camera z)."""
        across = (np.array(pixel) - self.K[:2, 2]) / self.K[[0, 1], [0, 1]]
        across = across if self.orthographic else across * depth
        return self.center + np.array([*across, depth]) @ self.viewmat[:3, :3]

    @property
    def fov_y(self) -> float:
        """Vertical field of view, radians."""
        return float(2 * np.arctan(self.height / (2 * self.K[1, 1])))

    def resized(self, width: int, height: int) -> "Camera":
        """The same view on another grid: vertical field of view and centre kept, pixels square."""
        scale = height / self.height
        K = self.K.copy()
        K[0, 0] *= scale
        K[1, 1] *= scale
        K[0, 2] = width / 2 + (self.K[0, 2] - self.width / 2) * scale
        K[1, 2] = height / 2 + (self.K[1, 2] - self.height / 2) * scale
        return Camera(self.viewmat, K, width, height, self.orthographic)

    def _plane(self, z: float) -> np.ndarray:
        """[H, W, 3] the pixel centres where depth is 1, camera space, with `z` in its place."""
        x = (np.arange(self.width) + 0.5 - self.K[0, 2]) / self.K[0, 0]
        y = (np.arange(self.height) + 0.5 - self.K[1, 2]) / self.K[1, 1]
        return np.stack([*np.meshgrid(x, y), np.full((self.height, self.width), z)], -1)


def look_at(
    eye: np.ndarray, target: np.ndarray, up: np.ndarray, fov_y: float, size: tuple[int, int]
) -> Camera:
    """A camera at `eye` that looks at `target` with world direction `up` upwards; [3] each."""
    forward = (target - eye) / np.linalg.norm(target - eye)
    right = np.cross(forward, up)
    right = right / np.linalg.norm(right)
    R = np.stack([right, np.cross(forward, right), forward])  # cam_from_world
    viewmat = np.eye(4)
    viewmat[:3, :3], viewmat[:3, 3] = R, -R @ eye
    return Camera(viewmat, intrinsics(fov_y, size), *size)


def intrinsics(fov_y: float, size: tuple[int, int]) -> np.ndarray:
    """K [3, 3] of square pixels with the principal point in the middle of `size` (W, H)."""
    width, height = size
    focal = height / (2 * np.tan(fov_y / 2))
    return np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]], dtype=np.float64)


def camera_from_dict(entry: Mapping[str, Any]) -> Camera:
    """Camera of `{"viewmat", "K", "width", "height"}`, and "orthographic" where it is.

    Raises ValueError saying what is wrong.
    """
    missing = [k for k in ("viewmat", "K", "width", "height") if k not in entry]
    if missing:
        raise ValueError(f"has no {', '.join(missing)}; expected viewmat, K, width and height")
    try:
        viewmat = np.array(entry["viewmat"], dtype=np.float64)
        K = np.array(entry["K"], dtype=np.float64)
        width, height = int(entry["width"]), int(entry["height"])
    except (TypeError, ValueError) as error:
        raise ValueError(f"viewmat, K, width or height is not made of numbers ({error})") from None
    return Camera(viewmat, K, width, height, entry.get("orthographic", False) is True)


def camera_to_dict(camera: Camera) -> dict[str, Any]:
    """What `camera_from_dict` reads."""
    entry = {
        "viewmat": camera.viewmat.tolist(),
        "K": camera.K.tolist(),
        "width": camera.width,
        "height": camera.height,
    }
    return {**entry, "orthographic": True} if camera.orthographic else entry


def load_camera(path: Path) -> Camera:
    """Read CAM.json. Raises Unusable naming the file."""
    try:
        size = path.stat().st_size
        if size > MAX_CAMERA_FILE:
            raise ValueError(f"{size} bytes, expected a small JSON with viewmat, K, width, height")
        entry = json.loads(path.read_text())
        if not isinstance(entry, dict):
            raise ValueError(f"holds a {type(entry).__name__}, expected an object with viewmat")
        return camera_from_dict(entry)
    except OSError as error:
        raise Unusable(f"{path}: {error.strerror}") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise Unusable(f"{path}: not JSON ({error}), expected a camera") from None
    except (ValueError, RecursionError) as error:
        raise Unusable(f"{path}: {error}") from None
