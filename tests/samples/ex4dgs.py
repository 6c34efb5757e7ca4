"""A run of Ex4DGS: a PLY of what drifts, one of what moves between key frames, a checkpoint."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from tests import files
from viewer.formats import ply

NAME = "ex4dgs"
OPTIONS = {"interp_type": "pchip", "time_interval": "4", "time_pad": "1.5", "var_pad": "2"}
CFG = "sh_degree=1, interp_type='cube', time_interval=10, time_pad=2, var_pad=3, kernel_size=0.1"


def static(n: int = 12, seed: int = 0) -> dict[str, np.ndarray]:
    """Columns of point_cloud.ply."""
    rng = np.random.default_rng(seed)
    return files.gaussians(n, seed) | {f"xyz_disp_{i}": rng.normal(size=n) for i in range(3)}


def dynamic(n: int = 12, keys: int = 5, seed: int = 1) -> dict[str, np.ndarray]:
    """Columns of dynamic_point_cloud.ply, in the trainer's order."""
    rng = np.random.default_rng(seed)
    base = files.gaussians(n, seed)
    names = [f"xyz_{k}_{i}" for k in range(keys) for i in range(3)]
    named = {name: rng.normal(size=n) for name in names}
    named |= {k: v for k, v in base.items() if k.startswith(("f_", "scale_", "opacity"))}
    named["opacity_c_0"] = rng.random(n) * (keys - 1)
    named["opacity_c_1"] = named["opacity_c_0"] + rng.random(n)
    named |= {f"opacity_v_{i}": rng.normal(size=n) * 0.3 for i in range(2)}
    names = [f"rot_{k}_{i}" for k in range(keys) for i in range(4)]
    named |= {name: rng.normal(size=n) for name in names}
    return {f"motion_{name}": column for name, column in named.items()}


def entries(s: dict[str, np.ndarray], d: dict[str, np.ndarray], frames: int = 20) -> list[Any]:
    """The training tuple of the same Gaussians; of statistics and optimiser state, something."""

    def stack(named: dict[str, np.ndarray], *names: str) -> torch.Tensor:
        return torch.tensor(np.stack([named[name] for name in names], 1), dtype=torch.float32)

    def group(named: dict[str, np.ndarray], stem: str, count: int) -> torch.Tensor:
        return stack(named, *(f"{stem}{i}" for i in range(count)))

    def rest(named: dict[str, np.ndarray], stem: str) -> torch.Tensor:
        count = sum(name.startswith(stem) for name in named)
        return group(named, stem, count).reshape(-1, 3, count // 3).transpose(1, 2)

    keys = sum(name.startswith("motion_xyz_") for name in d) // 3
    means = [group(d, f"motion_xyz_{k}_", 3) for k in range(keys)]
    quats = [group(d, f"motion_rot_{k}_", 4) for k in range(keys)]
    nothing = torch.zeros(0)
    return [
        3, stack(s, *"xyz"), group(s, "f_dc_", 3).unsqueeze(1), rest(s, "f_rest_"),
        group(s, "scale_", 3), group(s, "rot_", 4), stack(s, "opacity"), *[nothing] * 9,
        {"state": {}, "param_groups": []}, 4.0, group(s, "xyz_disp_", 3), frames, 10, 12, keys,
        torch.stack(means, 1), group(d, "motion_f_dc_", 3).unsqueeze(1),
        rest(d, "motion_f_rest_"), group(d, "motion_scale_", 3), stack(d, "motion_opacity"),
        group(d, "motion_opacity_c_", 2).unsqueeze(2),
        group(d, "motion_opacity_v_", 2).unsqueeze(2), torch.stack(quats, 1), *[nothing] * 9,
    ]  # fmt: skip


def save(path: Path, held: list[Any]) -> Path:
    """The checkpoint, as the trainer saves it."""
    torch.save((tuple(held), 100), path)
    return path


def write_checkpoint(folder: Path) -> Path:
    """A run of which only the checkpoint is left."""
    (folder / "cfg_args").write_text(f"Namespace({CFG}, duration=-1)")
    return save(folder / "chkpnt100.pth", entries(static(), dynamic()))


def write(folder: Path) -> Path:
    inside = folder / "point_cloud" / "iteration_100"
    inside.mkdir(parents=True)
    ply.write(inside / "point_cloud.ply", static())
    ply.write(inside / "dynamic_point_cloud.ply", dynamic())
    write_checkpoint(folder)
    return folder
