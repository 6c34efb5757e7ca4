"""A run of Swift4D: a PLY that says what moves, and its hash grid and networks, all small."""

from pathlib import Path

import numpy as np
import torch

from tests import files
from viewer.formats import ply
from viewer.formats.swift4d import HEADS
from viewer.formats.tcnn import Activation, Grid, Network

NAME = "swift4d"
OPTIONS = {"dynamic_thro": "5", "activation": "None", "hash_index": "exact"}
LEVELS, FEATURES, BASE, WIDTH, LOG2_SIZE = 3, 2, 4, 16, 8
CFG = (
    f"n_levels={LEVELS}, n_features_per_level={FEATURES}, base_resolution={BASE}, "
    f"n_neurons={WIDTH}, hashmap_size={LOG2_SIZE}, activation='None', dynamic_thro=7.0, "
    "first_frame=0, final_frame=20, white_background=False"
)
GRID = Grid(4, LEVELS, FEATURES, LOG2_SIZE, BASE)
ENCODER = Network(LEVELS * FEATURES, WIDTH, 1, WIDTH, Activation.NONE)


def gaussians(n: int = 24) -> dict[str, np.ndarray]:
    """Columns of the PLY: every third Gaussian moves, the first of them outside the box."""
    named = files.gaussians(n, degree=3)
    named["x"][0] = 50
    named["dynamic"] = np.where(np.arange(n) % 3 == 0, 9.0, 6.0)
    return named


def state(grid: Grid = GRID, width: int = WIDTH, seed: int = 0) -> dict[str, torch.Tensor]:
    """FDHash.pth, its weights representable in half precision."""
    g = torch.Generator().manual_seed(seed)

    def params(count: int, scale: float) -> torch.Tensor:
        return (torch.randn(count, generator=g) * scale).half().float()

    inputs = grid.levels * grid.features
    encoder = params(Network(inputs, width, 1, width, Activation.NONE).size, 0.5)
    table = params(grid.entries * grid.features, 0.5)
    held = {"enc_model.params": torch.cat([encoder, table])}
    for key, outputs in HEADS.values():
        held[f"{key}.params"] = params(Network(width, width, 2, outputs).size, 0.25)
    held["xyz_bound_min"] = torch.tensor([-3.0, -3.0, -4.0])
    held["xyz_bound_max"] = torch.tensor([3.0, 4.0, 3.0])
    return held


def write(folder: Path) -> Path:
    inner = folder / "point_cloud" / "iteration_14000"
    inner.mkdir(parents=True)
    ply.write(inner / "point_cloud.ply", gaussians())
    torch.save(state(), inner / "FDHash.pth")
    (folder / "cfg_args").write_text(f"Namespace({CFG})")
    return folder
