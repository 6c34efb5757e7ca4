"""A point_planes experiment of three frames, with tiny planes and networks."""

from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor

NAME = "4k4d"
OPTIONS = {"radius_range": "0.01,0.02", "move_points": "False"}
CHANNELS, HIDDEN, FRAMES = 2, 4, 3


def state(
    n: int = 20,
    frames: int = FRAMES,
    channels: int = CHANNELS,
    hidden: int = HIDDEN,
    side: int = 3,
) -> dict[str, Tensor]:
    """Names and tensors of the model: two levels, planes concatenated; n points and more."""
    torch.manual_seed(0)
    held = {f"sampler.pcds.{i}": torch.rand(n + i, 3) * 2 - 1 for i in range(frames)}
    for kind in ("pcd", "xyz"):
        name = f"sampler.{kind}_embedder"
        held[f"{name}.bounds"] = torch.tensor([[-1.0, -1, -1], [1, 1, 1]])
        for level in (0, 1):
            wide = side << level
            held[f"{name}.spatial_embedding.{level}"] = torch.randn(3, channels, wide, wide)
            held[f"{name}.temporal_embedding.{level}"] = torch.randn(3, channels, wide, frames)
    inputs = 6 * channels * 2
    held |= network("sampler.resd_regressor.mlp.mlp", inputs, hidden, 3)
    held |= network("sampler.geo_regressor.mlp", inputs, hidden, 2)
    return held | network("sampler.rgb_regressor.sh_mlp.mlp", inputs, hidden, 48)


def network(name: str, *widths: int) -> dict[str, Tensor]:
    """Random layers between so many numbers."""
    held = {}
    for i, (inputs, outputs) in enumerate(pairwise(widths)):
        held[f"{name}.linears.{i}.weight"] = torch.randn(outputs, inputs) * 0.3
        held[f"{name}.linears.{i}.bias"] = torch.randn(outputs) * 0.3
    return held


def write(folder: Path) -> Path:
    """The root, with the experiment where the trainer leaves it."""
    experiment = folder / "data" / "trained_model" / "dance"
    experiment.mkdir(parents=True)
    torch.save({"model": state(), "epoch": 799}, experiment / "latest.pt")
    return folder
