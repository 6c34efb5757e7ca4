"""A run of 4DGaussians: canonical Gaussians, six tiny planes at two resolutions, five heads."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tests import files
from viewer.formats import ply

NAME = "4dgaussians"
OPTIONS = {"deform_opacity": "True", "deform_sh": "False"}
CFG = "Namespace(white_background=True, no_do=False, no_dshs=False, grid_pe=0)"
AXES = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))  # along width and height, by plane
HEADS = {"pos": 3, "scales": 3, "rotations": 4, "opacity": 1, "shs": 48}
NET = "deformation_net"


def planes(
    channels: int = 2, resolution: Sequence[int] = (3, 4, 5, 3), multires: Sequence[int] = (1, 2)
) -> dict[str, Tensor]:
    """The grid: value at channel c, row h, column w of plane p at level L as in the format page."""
    held = {f"{NET}.grid.aabb": torch.tensor([[1.0, 2, 3], [-1, -2, -3]])}
    for level, times in enumerate(multires):
        sizes = [*(r * times for r in resolution[:3]), resolution[3]]
        for plane, (a, b) in enumerate(AXES):
            c, h, w = np.ogrid[:channels, : sizes[b], : sizes[a]]
            values = 1 + 0.1 * plane + 0.01 * h + 0.001 * w + 0.5 * c + 0.2 * level
            held[f"{NET}.grid.grids.{level}.{plane}"] = torch.from_numpy(values).float()[None]
    return held


def layer(name: str, outputs: int, inputs: int, g: torch.Generator) -> dict[str, Tensor]:
    """A random layer."""
    weight = torch.randn(outputs, inputs, generator=g) / inputs**0.5
    return {f"{name}.weight": weight, f"{name}.bias": torch.randn(outputs, generator=g) * 0.1}


def head(key: str, outputs: int, width: int, g: torch.Generator) -> dict[str, Tensor]:
    """The two layers of a head."""
    first = layer(f"{NET}.{key}.1", width, width, g)
    return first | layer(f"{NET}.{key}.3", outputs, width, g)


def state(width: int = 8, depth: int = 1, features: int = 4, seed: int = 0) -> dict[str, Tensor]:
    """deformation.pth, the layers that nothing uses included."""
    g = torch.Generator().manual_seed(seed)
    held = planes() | layer("timenet.0", 3, 9, g) | {"time_poc": torch.ones(4)}
    for i in range(depth):
        inputs = width if i else features
        held |= layer(f"{NET}.feature_out.{2 * i}", width, inputs, g)
    for key, outputs in HEADS.items():
        held |= head(f"{key}_deform", outputs, width, g)
    return held


def save(
    root: Path,
    held: Mapping[str, object],
    cfg: str | None = CFG,
    named: Mapping[str, np.ndarray] | None = None,
    iteration: str = "iteration_20",
) -> Path:
    """A run's folder."""
    folder = root / "point_cloud" / iteration
    folder.mkdir(parents=True)
    torch.save(dict(held), folder / "deformation.pth")
    torch.save(torch.ones(24, dtype=torch.bool), folder / "deformation_table.pth")
    ply.write(folder / "point_cloud.ply", dict(named or files.gaussians(24, degree=3)))
    if cfg is not None:
        (root / "cfg_args").write_text(cfg)
    return root


def write(folder: Path) -> Path:
    return save(folder, state())
