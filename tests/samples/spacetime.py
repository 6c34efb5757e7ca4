"""A SpacetimeGaussians FULL run: the PLY and its decoder."""

from pathlib import Path

import numpy as np
import torch

from tests import files
from viewer.formats import ply

NAME = "spacetime"
OPTIONS = {"rgbfunction": "sandwichnoact"}


def write(folder: Path, n: int = 30) -> Path:
    inside = folder / "point_cloud" / "iteration_100"
    inside.mkdir(parents=True)
    rng = np.random.default_rng(0)
    named = files.spacetime(n)
    named |= {f"f_dc_{i}": rng.normal(size=n) for i in range(6)}
    named |= {f"f_t_{i}": rng.normal(size=n) for i in range(3)}
    ply.write(inside / "point_cloud.ply", named)
    generator = torch.Generator().manual_seed(0)
    weights = {
        "mlp1.weight": torch.randn(6, 12, 1, 1, generator=generator),
        "mlp2.weight": torch.randn(3, 6, 1, 1, generator=generator),
    }
    torch.save(weights, inside / "point_cloud.pt")
    (folder / "cfg_args").write_text("Namespace(duration=20, rgbfunction='sandwich')")
    return folder
