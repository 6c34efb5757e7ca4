"""The wrong field of view that native 4DGS and its kin were trained with on N3V data.

Their reader sets the field of view to -1 radian where transforms_*.json has focal lengths. Means
are projected right, but the covariances' Jacobian has the focal length W / (2 tan(-1/2)), and its
clamp replaces x / z and y / z by -1.3 tan(1/2) for every Gaussian. The Gaussians were optimised so.
Source: scene/dataset_readers.py and gaussian_renderer/__init__.py of
fudan-zvg/4d-gaussian-splatting (its open issue 64).
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from enum import Enum

from viewer.core.report import DatasetCamera
from viewer.core.splats import FixedJacobian
from viewer.formats import durations, training
from viewer.formats.source import Option, Source, choice, positive

WRONG_FOCAL = 1 / (2 * math.tan(0.5))  # of W and of H
WRONG_SLOPE = -1.3 * math.tan(0.5)
N3V_FOCAL, N3V_ASPECT = 731 / 1352, 1014 / 1352  # of those captures, in units of their width


class Projection(Enum):
    """`training`: the Jacobian the Gaussians were optimised under; `true`: the right one."""

    TRAINING = "training"
    TRUE = "true"


PROJECTION = Option("projection", "training (its wrong field of view) or true", choice(Projection))
TRAINING_FOCAL = Option("training_focal", "true focal length of the capture, in widths", positive)
OPTIONS = (PROJECTION, TRAINING_FOCAL)


def projection_of(
    source: Source, duration: tuple[float, float], cameras: Sequence[DatasetCamera]
) -> tuple[FixedJacobian | None, Sequence[DatasetCamera]]:
    """The Jacobian of the training where it was wrong, and the cameras mended.

    Cameras written by such a run carry its focal length; with none, seconds mean N3V data. The
    data set itself, where it is found, has the true one.
    """
    written = [c for c in cameras if c.origin == training.CAMERAS]
    marked = [c for c in written if _is_wrong(c)]
    wrong = bool(marked) if written else duration[1] - duration[0] > durations.SECONDS
    origin = training.CAMERAS if written else "guessed"
    found = Projection.TRAINING if wrong else Projection.TRUE
    projection = source.option(PROJECTION, found, origin)
    true = [c for c in cameras if not _is_wrong(c)]
    known = (true or training.data_set_cameras(source.root, source.warnings))[:1]
    measured = [(float(c.camera.K[0, 0]) / c.camera.width, c.origin) for c in known]
    focal = source.option(TRAINING_FOCAL, *(measured or [(N3V_FOCAL, "guessed")])[0])
    if marked and not known and TRAINING_FOCAL.name not in source.given:
        source.warnings.append(
            "the focal lengths in cameras.json are those of the trainer's wrong field of view, "
            f"taken as {focal:.3f} widths: --option training_focal=F"
        )
    shapes = [c.camera.height / c.camera.width for c in (*marked, *known)]
    aspect = shapes[0] if shapes else N3V_ASPECT
    jacobian = FixedJacobian((WRONG_FOCAL / focal, WRONG_FOCAL * aspect / focal), WRONG_SLOPE)
    mended = [_mended(c, focal) if _is_wrong(c) else c for c in cameras]
    return jacobian if projection is Projection.TRAINING else None, mended


def _is_wrong(camera: DatasetCamera) -> bool:
    return abs(float(camera.camera.K[0, 0]) / camera.camera.width - WRONG_FOCAL) < 1e-4


def _mended(camera: DatasetCamera, focal: float) -> DatasetCamera:
    K = camera.camera.K.copy()
    K[0, 0] = K[1, 1] = focal * camera.camera.width
    return replace(camera, camera=replace(camera.camera, K=K))
