"""Compare: the dataset's own image over the picture, from where and when it was taken."""

import math
from dataclasses import dataclass

import numpy as np

from viewer.core.camera import Camera
from viewer.core.report import DatasetCamera, Shot
from viewer.core.rig import Rig

SAME_PLACE = 1e-3  # of the rig's distance to its pivot
SAME_WAY = 1e-3  # between two rotation matrices


@dataclass(frozen=True, slots=True)
class Compare:
    """opacity: 0..1, of the image. wipe: 0..1, the share of the image that is there, from its left.

    shown: whether it is, where there is one.
    """

    shown: bool = False
    opacity: float = 1.0
    wipe: float = 0.5


@dataclass(frozen=True, slots=True)
class Compared:
    """What is compared just now. name: of the camera, empty where we stand at none.

    time: of the image, model time; None where it is not known. psnr: dB over the whole image, of
    the colours 0..1; None until it is measured. note: why nothing is shown, or not measured.
    """

    name: str = ""
    time: float | None = None
    psnr: float | None = None
    note: str = ""


def shot_at(camera: DatasetCamera, time: float) -> Shot | None:
    """The image taken nearest to a time; one without a time is of any. None where there is none."""
    far = math.inf
    found = None
    for shot in camera.shots:
        apart = 0.0 if shot.time is None else abs(shot.time - time)
        if apart < far:
            far, found = apart, shot
    return found


def stands_at(rig: Rig, camera: Camera) -> bool:
    """Whether a view is from a camera's place and looks its way, whatever the lenses.

    Never where it is orthographic: the image is not.
    """
    apart = float(np.linalg.norm(camera.center - np.array(rig.position)))
    turned = np.abs(rig.axes - camera.viewmat[:3, :3].T).max()
    there = apart <= SAME_PLACE * rig.distance and bool(turned <= SAME_WAY)
    return there and not rig.orthographic


def placed(camera: Camera, rig: Rig, size: tuple[int, int]) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of a camera's image in a view from its place; pixels of `size`."""
    shown, K = rig.camera(*size).K, camera.K
    wide, tall = shown[0, 0] / K[0, 0], shown[1, 1] / K[1, 1]
    left, top = shown[0, 2] - K[0, 2] * wide, shown[1, 2] - K[1, 2] * tall
    corners = (left, top, left + camera.width * wide, top + camera.height * tall)
    return tuple(float(c) for c in corners)  # type: ignore[return-value]  # of four


def scaled(camera: Camera, size: tuple[int, int]) -> Camera:
    """The same view on the grid of an image that was resized to W, H."""
    K = camera.K.copy()
    K[0] *= size[0] / camera.width
    K[1] *= size[1] / camera.height
    return Camera(camera.viewmat, K, *size)


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """dB between two pictures [H, W, 3] uint8, of the colours 0..1; infinite where they agree."""
    mean_square = float(np.square((a.astype(np.float32) - b) / 255).mean(dtype=np.float64))
    return -10 * math.log10(mean_square) if mean_square else math.inf
