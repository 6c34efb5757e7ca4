"""A run of EfficientDynamic3DGaussian: positions and quaternions in slots, all in one PLY."""

from pathlib import Path

import numpy as np

from tests import files
from viewer.formats import ply

NAME = "fourier"
OPTIONS = {"approx_l": "1"}


def columns(n: int = 30, slots: int = 5, seed: int = 0) -> dict[str, np.ndarray]:
    """Columns of the family's PLY, in its order and under its names."""
    rng = np.random.default_rng(seed)
    base = files.gaussians(n, seed)
    named = {f"{axis}{i:03}": rng.normal(size=n) / (i + 1) for i in range(slots) for axis in "xyz"}
    named |= {k: v for k, v in base.items() if k not in "xyz" and not k.startswith("rot_")}
    names = [f"rot_{i:03}_{c}" for c in range(4) for i in range(slots)]
    return named | {name: rng.normal(size=n) for name in names}


def write(folder: Path) -> Path:
    inside = folder / "point_cloud" / "iteration_100"
    inside.mkdir(parents=True)
    ply.write(inside / "point_cloud.ply", columns())
    (folder / "cfg_args").write_text("Namespace(sh_degree=1, white_background=False, approx_l=2)")
    return folder
