"""Frusta: the dataset's cameras as lines in the world, and which one is where on screen."""

from dataclasses import dataclass

import numpy as np

from viewer.core.camera import Camera
from viewer.core.report import Report

SIZE = 0.08  # depth of a frustum, of how far the cameras stand apart
ROOF = ((0.35, 0.0), (0.5, -0.18), (0.65, 0.0))  # of the picture: a sign that says where its top is
# Corners: the eye, four of the picture, three of the roof.
LINES = ((0, 1), (0, 2), (0, 3), (0, 4), (1, 2), (2, 3), (3, 4), (4, 1), (5, 6), (6, 7))


@dataclass(frozen=True, eq=False, slots=True)
class Frusta:
    """ends: [M, 2, 3] float32, of lines, world space. owner: [M] float32, number of the camera.

    centers: [N, 3] float64, world space. depth: of each frustum, world units.
    """

    ends: np.ndarray
    owner: np.ndarray
    centers: np.ndarray
    depth: float


def of(report: Report) -> Frusta | None:
    """Those of a scene's dataset; None where it has none."""
    if not report.cameras:
        return None
    centers = np.stack([found.camera.center for found in report.cameras])
    apart = float(np.median(np.linalg.norm(centers - np.median(centers, 0), axis=1)))
    depth = SIZE * max(apart, 0.2 * report.bounds.radius, 1e-6)
    corners = np.stack([_corners(found.camera, depth) for found in report.cameras])
    ends = corners[:, LINES].reshape(-1, 2, 3).astype(np.float32)
    owner = np.repeat(np.arange(len(centers), dtype=np.float32), len(LINES))
    return Frusta(ends, owner, centers, depth)


def under(frusta: Frusta, camera: Camera, pixel: tuple[float, float], reach: float) -> int | None:
    """The camera whose eye is seen within `reach` pixels of a pixel, the nearest to us of them."""
    p = frusta.centers @ camera.viewmat[:3, :3].T + camera.viewmat[:3, 3]
    ahead = p[:, 2] > 1e-9
    p[:, 2] = z = np.where(ahead, p[:, 2], 1.0)
    apart = np.linalg.norm(camera.pixels_of(p) - pixel, axis=1)
    near = ahead & (apart <= reach)
    return int(np.where(near, z, np.inf).argmin()) if near.any() else None


def around(frusta: Frusta, camera: Camera) -> int | None:
    """The camera in whose frustum, or right behind it, an eye is; None where in no one's."""
    apart = np.linalg.norm(frusta.centers - camera.center, axis=1)
    nearest = int(apart.argmin())
    return nearest if apart[nearest] < frusta.depth else None


def pixel_of(frusta: Frusta, i: int, camera: Camera) -> tuple[float, float]:
    """Where the eye of camera i, which is in front, is seen."""
    x, y = camera.pixels_of(camera.viewmat[:3, :3] @ frusta.centers[i] + camera.viewmat[:3, 3])
    return (float(x), float(y))


def _corners(camera: Camera, depth: float) -> np.ndarray:
    """[8, 3] world space."""
    picture = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0), *ROOF)
    pixels = np.array([(x * camera.width, y * camera.height, 1.0) for x, y in picture])
    inner = depth * (pixels @ np.linalg.inv(camera.K).T)
    return camera.center + np.concatenate([np.zeros((1, 3)), inner]) @ camera.viewmat[:3, :3]
