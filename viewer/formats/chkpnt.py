"""Training checkpoints of the 3DGS lineage: chkpnt<iteration>.pth, a (tuple, iteration) pair.

The number of entries of the tuple says which family wrote it.
"""

import re
from pathlib import Path
from typing import Any

from viewer.core.errors import Unusable
from viewer.formats import checkpoint

NUMBERED, BEST = re.compile(r"chkpnt(\d+)\.pth$"), "chkpnt_best.pth"
STATIC, NATIVE4D, HYBRID, EX4DGS = 12, 19, 28, 40  # entries


def newest(folder: Path) -> Path | None:
    """The checkpoint of the largest iteration in a run's folder, else the best, else None."""
    numbered = [(int(m[1]), p) for p in folder.iterdir() if (m := NUMBERED.match(p.name))]
    if numbered:
        return max(numbered)[1]
    return folder / BEST if (folder / BEST).is_file() else None


def find(path: Path) -> Path | None:
    """The checkpoint at `path`: itself, or a run's newest, also from its point_cloud inside."""
    if path.is_file() and path.suffix.lower() != ".ply":
        return path if checkpoint.is_checkpoint(path) else None
    folder = path if path.is_dir() else path.parent
    if path.is_file() and not folder.name.startswith("iteration_"):
        return None  # a PLY of its own, such as a slice that was saved beside the checkpoint
    if folder.name.startswith("iteration_"):
        folder = folder.parent.parent
    elif folder.name == "point_cloud":
        folder = folder.parent
    file = newest(folder)
    return file if file is not None and checkpoint.is_checkpoint(file) else None


def sniffed(path: Path, entries: int) -> tuple[Path, tuple[str, ...]] | None:
    """The checkpoint at `path` if its tuple has that many entries, and the evidence for it."""
    file = find(path)
    if file is None:
        return None
    try:
        held, iteration = read(file)
    except Unusable:
        if file == path:
            raise
        return None  # what else lies in the folder may be good
    if len(held) != entries:
        return None
    evidence = [f"{file.name}: a training tuple of {entries} entries, iteration {iteration}"]
    if file.name != BEST and (file.parent / BEST).is_file():
        evidence.append(f"{BEST} is there too: open it by its own path")
    return file, tuple(evidence)


def read(path: Path) -> tuple[tuple[Any, ...], int]:
    """The model's tuple and the iteration; the tuple is empty where it is another checkpoint."""
    held = checkpoint.load(path)
    if isinstance(held, tuple) and len(held) == 2:
        model, iteration = held
        if isinstance(model, tuple) and isinstance(iteration, int):
            return model, iteration
    return (), 0
