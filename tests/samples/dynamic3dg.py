"""A sequence of Dynamic3DGaussians: params.npz, where the trainer leaves it."""

from pathlib import Path

import numpy as np

NAME = "dynamic3dg"
OPTIONS = {"between": "linear"}


def arrays(frames: int = 4, n: int = 24, seed: int = 0) -> dict[str, np.ndarray]:
    """What params.npz holds of n random Gaussians."""
    rng = np.random.default_rng(seed)

    def normal(*shape: int) -> np.ndarray:
        return rng.normal(size=shape).astype(np.float32)

    return {
        "means3D": normal(frames, n, 3),
        "rgb_colors": normal(frames, n, 3) * 0.3 + 0.5,
        "unnorm_rotations": normal(frames, n, 4),
        "seg_colors": normal(n, 3),
        "logit_opacities": normal(n, 1),
        "log_scales": normal(n, 3) * 0.3 - 3,
        "cam_m": normal(50, 3),
        "cam_c": normal(50, 3),
    }


def write(folder: Path) -> Path:
    run = folder / "output" / "exp1" / "basketball"
    run.mkdir(parents=True)
    np.savez(run / "params.npz", **arrays())
    return folder


def write_compressed(folder: Path) -> Path:
    """The same, compressed."""
    np.savez_compressed(folder / "params.npz", **arrays())
    return folder
