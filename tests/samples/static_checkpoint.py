"""A run of 3DGS of which only a training checkpoint is left."""

from pathlib import Path

import torch

from tests.samples import native4d

NAME = "3dgs-checkpoint"


def write(folder: Path) -> Path:
    held = native4d.entries(25, 16)
    held = [*held[:9], held[10], held[11], held[12]]
    torch.save((tuple(held), 7000), folder / "chkpnt7000.pth")
    return folder
