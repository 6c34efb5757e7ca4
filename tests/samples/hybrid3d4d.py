"""A run of 3D-4DGS: a training tuple of 28 entries, and the PLY that holds half of it."""

from pathlib import Path

import torch

from tests import files
from tests.samples import native4d
from viewer.formats import ply

NAME = "hybrid-3d-4dgs"


def write(folder: Path, n: int = 35) -> Path:
    moving = native4d.entries(n - 15 * n // 35, 16)
    still = native4d.entries(15 * n // 35, 16, seed=1)
    statics = [*still[1:7], *still[7:9], still[10]]
    native4d.save(folder / "chkpnt300.pth", moving + statics)
    inside = folder / "point_cloud" / "iteration_300"
    inside.mkdir(parents=True)
    ply.write(inside / "point_cloud.ply", files.gaussians(20, degree=3))
    torch.save({}, folder / "other.pth")
    return folder
