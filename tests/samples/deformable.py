"""A run of Deformable-3D-Gaussians: canonical Gaussians and a tiny network of place and time."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tests import files
from tests.samples.hexplane import layer
from viewer.formats import ply

NAME = "deformable-3dgs"
WIDTH = 8


def state(blender: bool = True, rigid: bool = False, seed: int = 0) -> dict[str, Tensor]:
    """deform.pth of three layers, the last of which sees the input again."""
    g = torch.Generator().manual_seed(seed)
    held: dict[str, Tensor] = {}
    inputs = 63 + (4 if blender else 21)
    if blender:
        held |= layer("timenet.0", WIDTH, 13, g) | layer("timenet.2", 4, WIDTH, g)
    for i, size in enumerate((inputs, WIDTH, inputs + WIDTH)):
        held |= layer(f"linear.{i}", WIDTH, size, g)
    heads = ("branch_w", "branch_v") if rigid else ("gaussian_warp",)
    for name in heads:
        held |= layer(name, 3, WIDTH, g)
    return held | layer("gaussian_rotation", 4, WIDTH, g) | layer("gaussian_scaling", 3, WIDTH, g)


def save(
    root: Path,
    held: Mapping[str, object],
    cfg: str = "Namespace(is_blender=True, white_background=False)",
    named: Mapping[str, np.ndarray] | None = None,
    iteration: str = "iteration_40000",
) -> Path:
    """A run's folder."""
    for kind in ("point_cloud", "deform"):
        (root / kind / iteration).mkdir(parents=True)
    torch.save(dict(held), root / "deform" / iteration / "deform.pth")
    gaussians = dict(named or files.gaussians(24))
    ply.write(root / "point_cloud" / iteration / "point_cloud.ply", gaussians)
    (root / "cfg_args").write_text(cfg)
    (root / "cameras.json").write_text(json.dumps([files.camera_entry()]))
    return root


def write(folder: Path) -> Path:
    return save(folder, state())
