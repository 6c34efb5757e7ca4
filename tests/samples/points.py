"""Point maps of three instants with colours, confidences and cameras."""

from pathlib import Path

import numpy as np

NAME = "points"
OPTIONS = {"point_size": "0.05", "unsure": "0.25"}


def write(folder: Path) -> Path:
    """An .npz as point-map methods write it."""
    rng = np.random.default_rng(0)
    y, x = np.meshgrid(np.linspace(-1, 1, 4), np.linspace(-1, 1, 6), indexing="ij")
    plane = np.stack([x, y, np.full_like(x, 3)], -1)
    np.savez(
        folder / "scene.npz",
        pointmaps=(plane + rng.normal(size=(3, 4, 6, 3)) * 0.05).astype(np.float32),
        images=rng.integers(0, 256, size=(3, 4, 6, 3)).astype(np.uint8),
        conf=1 + rng.random((3, 4, 6)).astype(np.float32),
        intrinsics=np.array([[[5, 0, 3], [0, 5, 2], [0, 0, 1]]], np.float32),
        cam_c2w=np.stack([np.eye(4) + np.eye(4, k=3) * 0.1 * i for i in range(3)]),
    )
    return folder / "scene.npz"
