""".splat: 32 bytes a Gaussian, static, plain colour.

Source of the layout: antimatter15/splat and playcanvas/splat-transform (read-splat.ts).
"""

from pathlib import Path

import numpy as np
import torch

from viewer.core import rotation
from viewer.core.errors import Unusable
from viewer.core.splats import Appearance, Splats
from viewer.formats import Format, Loaded, layout, sanitize, scene
from viewer.formats.source import COMMON, HEAD, Codec, Match, Progress, Source

RECORD = np.dtype([("mean", "<f4", 3), ("scale", "<f4", 3), ("rgba", "u1", 4), ("quat", "u1", 4)])
ROWS = 1 << 16  # read between two reports of progress


def sniff(path: Path) -> Match | None:
    """By its name: the file has no magic number."""
    file = layout.only_file(path, ".splat")
    if file is None or file.suffix.lower() != ".splat":
        return None
    return Match(file, ("name ends in .splat", f"{file.stat().st_size} bytes"))


def load(source: Source) -> Loaded:
    """The static scene."""
    return scene.static(source, FORMAT.name, CODEC)


def read(path: Path, progress: Progress, warnings: list[str]) -> Splats:
    """Splats of a file. Raises Unusable."""
    return _splats(_records(path, progress), warnings)


def _count(path: Path) -> int:
    size = path.stat().st_size
    if not size or size % RECORD.itemsize:
        raise Unusable(
            f"{path}: {size} bytes, expected a multiple of the {RECORD.itemsize} of a splat"
        )
    return size // RECORD.itemsize


def _records(path: Path, progress: Progress) -> np.ndarray:
    out = np.empty(_count(path), RECORD)
    with path.open("rb") as file:
        for start in range(0, len(out), ROWS):
            progress(start / len(out), "reading")
            part = np.frombuffer(file.read(ROWS * RECORD.itemsize), RECORD)
            out[start : start + len(part)] = part
    return out


def _splats(records: np.ndarray, warnings: list[str]) -> Splats:
    means, logs = (torch.from_numpy(records[name].copy()) for name in ("mean", "scale"))
    logs = logs.log_()  # a scale of 0 is as thin as can be; a negative one is no number
    fields = {"positions": means, "scales": torch.where(logs == -torch.inf, 0.0, logs)}
    rows = sanitize.finite_rows(fields, warnings)
    if rows is not None:
        records, means, logs = records[rows.numpy()], means[rows], logs[rows]
    rgba = torch.from_numpy(records["rgba"].astype(np.float32) / 255)
    quats = torch.from_numpy(records["quat"].astype(np.float32) / 127.5 - 1)
    return Splats(
        means=means,
        quats=rotation.normalized(quats),
        scales=sanitize.scales(logs, warnings),
        opacities=rgba[:, 3].contiguous(),
        colors=rgba[:, :3].contiguous(),
        appearance=Appearance(),
        index=rows,
    )


CODEC = Codec(lambda path: path.suffix.lower() == ".splat", _count, read, head=HEAD)
FORMAT = Format("splat", "a .splat file of 32 bytes a Gaussian", sniff, load, COMMON)
