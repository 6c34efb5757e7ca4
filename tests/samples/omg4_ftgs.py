"""A tiny .xz of OMG4-FTGS."""

from pathlib import Path
from typing import Any

import numpy as np

from tests.samples import omg4

NAME = "omg4-ftgs"
COUNTS = {"scale": (3, 1), "rotation": (2, 2), "durations": (1, 1), "velocities": (3, 1),
          "app": (3, 2)}  # fmt: skip


def content(n: int = 24, seed: int = 0) -> dict[str, Any]:
    """What a file of n random Gaussians holds."""
    rng = np.random.default_rng(seed)
    held: dict[str, Any] = {"means": rng.normal(size=(n, 3)).astype(np.float16)}
    held["times"] = rng.uniform(0, 10, (n, 1)).astype(np.float16)
    held |= omg4.attributes(COUNTS, n, rng)
    held["scale_code"] = [book - np.float16(3) for book in held["scale_code"]]
    return held | omg4.networks(rng, 96)


def write(folder: Path) -> Path:
    """The file alone."""
    return omg4.save(folder / "scene.xz", content())
