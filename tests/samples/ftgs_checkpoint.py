"""A run of FreeTimeGS: its folder of checkpoints, ckpt_<step>.pt."""

from pathlib import Path

import torch

NAME = "ftgs-checkpoint"


def splats(n: int = 30, degree: int = 1, seed: int = 0) -> dict[str, torch.Tensor]:
    """The parameters, under their names."""
    rng = torch.Generator().manual_seed(seed)
    shapes = {
        "means": (3,), "scales": (3,), "quats": (4,), "opacities": (), "sh0": (1, 3),
        "shN": ((degree + 1) ** 2 - 1, 3), "times": (1,), "durations": (1,), "velocities": (3,),
    }  # fmt: skip
    named = {name: torch.randn(n, *shape, generator=rng) for name, shape in shapes.items()}
    named["scales"] = named["scales"] * 0.3 - 3
    named["durations"] = named["durations"] - 1.5
    return named


def write(folder: Path) -> Path:
    (folder / "ckpts").mkdir()
    for step, n in ((999, 5), (29999, 30)):
        held = {"step": step, "splats": splats(n), "n_frames": 20, "use_velocity": True}
        torch.save(held, folder / "ckpts" / f"ckpt_{step}.pt")
    return folder
