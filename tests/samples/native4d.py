"""A run of native 4DGS: a training tuple of 19 entries."""

from pathlib import Path
from typing import Any

import torch

NAME = "native-4dgs"
OPTIONS = {
    "time_duration": "0,2",
    "rot4d_order": "plain",
    "projection": "training",
    "training_focal": "0.6",
}


def entries(n: int = 30, coefficients: int = 48, seed: int = 0) -> list[Any]:
    """The tuple's entries for n random Gaussians that turn in 4D; of optimiser state, something."""
    g = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> torch.nn.Parameter:
        return torch.nn.Parameter(torch.randn(*shape, generator=g))

    return [
        3, normal(n, 3), normal(n, 1, 3), normal(n, coefficients - 1, 3),
        torch.nn.Parameter(normal(n, 3).data * 0.3 - 3), normal(n, 4), normal(n, 1),
        torch.zeros(n), torch.zeros(n, 1), torch.zeros(n, 1), torch.zeros(n, 1),
        {"state": {0: {"exp_avg": torch.zeros(n, 3)}}, "param_groups": []}, 1.5,
        torch.nn.Parameter(torch.rand(n, 1, generator=g) * 10), normal(n, 1), normal(n, 4), True,
        None, 2,
    ]  # fmt: skip


def save(path: Path, held: list[Any], iteration: int = 300) -> Path:
    """The checkpoint, as the trainer saves it."""
    torch.save((tuple(held), iteration), path)
    return path


def write(folder: Path, n: int = 30) -> Path:
    save(folder / "chkpnt300.pth", entries(n))
    (folder / "cfg_args").write_text("Namespace(sh_degree=3, frame_ratio=1, prefilter_var=-1.0)")
    (folder / "config.yaml").write_text("ModelParams:\n  a: 1\n\ntime_duration: [0.0, 10.0]\n")
    return folder
