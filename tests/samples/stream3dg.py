"""A packed folder of 3DGStream with small caches; and the same stream as training leaves it."""

import json
from pathlib import Path

import numpy as np
import torch

from tests import files
from viewer.formats import ply
from viewer.formats.tcnn import Grid, Network

NAME = "3dgstream"
COUNT, STEPS = 24, 4
GRID = Grid(3, 3, 2, 7, base=4)
NETWORK = Network(GRID.width, 16, 1, 8)
CONFIG = """{
    "loss": {"otype": "RelativeL2Luminance"}, // a comment
    "encoding": {"otype": "HashGrid", "n_dims_to_encode": 3, "per_level_scale": 2.0, "n_levels": 3,
        "n_features_per_level": 2, "log2_hashmap_size": 7, "base_resolution": 4},
    /* another one */
    "network": {"otype": "FullyFusedMLP", "activation": "ReLU", "output_activation": "None",
        "n_neurons": 16, "n_hidden_layers": 1}
}"""
RUN_CONFIG = {
    "sh_degree": 1, "white_background": False, "model_path": "somewhere/else/initial",
    "first_load_iteration": 15000,
}  # fmt: skip
ADDED = {1: 3, 3: 5}  # frame: Gaussians that it adds


def first() -> dict[str, np.ndarray]:
    """Gaussians of frame 0; the first of them lies outside of the box."""
    named = files.gaussians(COUNT)
    named["x"][0] = 50
    return named


def additions(frame: int) -> dict[str, np.ndarray]:
    return files.gaussians(ADDED[frame], seed=frame)


def cache(frame: int) -> dict[str, torch.Tensor]:
    """The step to a frame, its weights representable in half precision."""
    g = torch.Generator().manual_seed(frame)
    size = NETWORK.size + GRID.entries * GRID.features
    return {
        "model.params": (torch.randn(size, generator=g) * 0.4).half().float(),
        "xyz_bound_min": torch.tensor([-4.0, -4.0, -4.0]) - frame * 0.1,
        "xyz_bound_max": torch.tensor([4.0, 5.0, 4.0]),
    }


def write(folder: Path) -> Path:
    (folder / "NTCs").mkdir()
    (folder / "additional_3dgs").mkdir()
    ply.write(folder / "init_3dgs.ply", first())
    (folder / "NTCs" / "config.json").write_text(CONFIG)
    for frame in range(1, STEPS + 1):
        torch.save(cache(frame), folder / "NTCs" / f"NTC_{frame - 1:06d}.pth")
    for frame in ADDED:
        path = folder / "additional_3dgs" / f"additions_{frame - 1:06d}.ply"
        ply.write(path, additions(frame))
    (folder / "cfg_args.json").write_text(json.dumps(RUN_CONFIG))
    return folder


def write_trained(folder: Path, steps: int = STEPS) -> Path:
    """As training leaves it, but for PLYs of whole frames; the model it began with is beside it."""
    run = folder / "output"
    initial = folder / "initial" / "point_cloud" / "iteration_15000"
    initial.mkdir(parents=True)
    ply.write(initial / "point_cloud.ply", first())
    for frame in range(1, steps + 1):
        inner = run / f"frame{frame:06d}"
        inner.mkdir(parents=True)
        torch.save(cache(frame), inner / "NTC.pth")
        if frame in ADDED:
            added = inner / "point_cloud" / "iteration_250" / "added"
            added.mkdir(parents=True)
            ply.write(added / "point_cloud.ply", additions(frame))
    (run / "config.json").write_text(CONFIG)
    (run / "cfg_args.json").write_text(json.dumps(RUN_CONFIG))
    return run
