"""The one table of tolerances. Each has its reason; none is widened without a new one."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Tolerance:
    """Of a picture against the truth; errors are in units of the largest colour (at least 1)."""

    p999: float | None
    most: float | None
    psnr: float | None
    reason: str

    def check(self, got: np.ndarray, want: np.ndarray) -> None:
        """Assert that the picture `got` is near enough to `want`; both [H, W, C]."""
        assert got.shape == want.shape
        assert np.isfinite(got).all()
        unit = max(1.0, float(np.abs(want).max()))
        error = np.abs(got.astype(np.float64) - want) / unit
        if self.p999 is not None:
            assert np.quantile(error, 0.999) < self.p999, self.reason
        if self.most is not None:
            assert error.max() < self.most, self.reason
        if self.psnr is not None:
            assert psnr(got / unit, want / unit) > self.psnr, self.reason


def psnr(got: np.ndarray, want: np.ndarray) -> float:
    """Peak signal to noise, dB, for values whose peak is 1."""
    mean_square = float(np.mean((got.astype(np.float64) - want) ** 2))
    return float("inf") if mean_square == 0 else -10 * float(np.log10(mean_square))


TOLERANCES = {
    "sorted 32F, no stop": Tolerance(
        1e-4, 4e-3, None,
        "float32 arithmetic; a fragment on the other side of the 1/255 cut costs up to 3.9e-3",
    ),
    "sorted 32F, stop": Tolerance(
        None, 1.5e-2, 50.0,
        "blending cannot stop at transmittance 1e-4, so what lies behind adds up to 1e-2",
    ),
    "sorted 16F, stop": Tolerance(
        None, 1.5e-2, 50.0,
        "as above, and a half has 11 bits: each blend rounds by up to 5e-4",
    ),
    "median depth": Tolerance(
        1e-3, None, None,
        "told to a relative 2^-15; where two splats share the half, rounding chooses between them",
    ),
    "overdraw": Tolerance(
        1e-6, 0.2, None,
        "whole numbers: a fragment at the 1/255 cut counts or does not, at a few pixels",
    ),
    "display": Tolerance(
        None, 2 / 255, 50.0,
        "packed numbers: 79 dB, and a fragment on the other side of the cut",
    ),
    "peel 32F": Tolerance(
        1e-4, 4e-3, None,
        "as sorted without the stop, and it does stop where the reference does",
    ),
    "cuda 32F": Tolerance(
        1e-4, 4e-3, None,
        "as peel: float32, and it stops where the reference does",
    ),
    "gsplat": Tolerance(
        None, 1.5e-2, 50.0,
        "float32, fast mathematics, alpha up to 0.999 where the reference ends at 0.99",
    ),
    "slice reopened": Tolerance(
        1e-4, 4e-3, None,
        "logit, logarithm and back in float32; a fragment may change sides at the 1/255 cut",
    ),
    "golden images": Tolerance(
        None, 6 / 255, None,
        "the golden images' own: no pixel over 6/255 and a mean under 1/255, after clamping",
    ),
}  # fmt: skip
GOLDEN_MEAN = 1 / 255  # mean absolute error of the golden images


@dataclass(frozen=True)
class Slack:
    """Of a slice against upstream's: absolute and relative; covariances relative to the trace."""

    reason: str
    means: tuple[float, float] = (1e-5, 1e-4)
    covariances: tuple[float, float] = (1e-7, 1e-4)
    opacities: tuple[float, float] = (1e-5, 1e-4)
    colors: tuple[float, float] = (1e-5, 1e-4)
    coefficients: tuple[float, float] | None = None  # None = as colors


HALVES = Slack(
    "networks in halves against float32, means by the scene's size, covariances by their trace: "
    "11 bits a weight; measured 4.8e-4 (a screw motion, else 1.8e-4), 3.5e-3, 5.4e-4, 6.8e-4",
    means=(1e-3, 0), covariances=(1e-2, 0), opacities=(2e-3, 0), colors=(2e-3, 0),
)  # fmt: skip
FLOAT32 = Slack("float32 upstream: 1e-5 absolute plus 1e-4 relative (its CASE.md)")
MLP = Slack(
    "a float32 network of 9 layers with frequencies up to 512 (its CASE.md)",
    means=(1e-4, 1e-4), covariances=(1e-5, 1e-3), colors=(1e-4, 1e-3),
)  # fmt: skip
GOLDEN = {
    "spacetime-lite-a": FLOAT32,
    "spacetime-full-a": FLOAT32,
    "native4d-a": FLOAT32,
    "native4d-norot-a": FLOAT32,
    "rotor4d-a": FLOAT32,
    "hybrid3d4d-a": FLOAT32,
    "omg4-a": Slack(
        "its encoding multiplies by 2^15 pi: rounding moves coefficients by 3e-3 (its CASE.md)",
        opacities=(3e-3, 0), colors=(3e-3, 0), coefficients=(1e-2, 0),
    ),
    "keyframes-a": FLOAT32,
    "dynamic3dg-a": Slack("stored frames, copied (its CASE.md)", (1e-6, 1e-5), (1e-7, 1e-5),
                          (1e-6, 1e-5), (1e-6, 1e-5)),
    "fourier-a": FLOAT32,
    "hexplane-dnerf-a": FLOAT32,
    "hexplane-dynerf-a": FLOAT32,
    "deformable-blender-a": MLP,
    "deformable-real-a": MLP,
    "deformable-6dof-a": MLP,
    "points4k4d-a": FLOAT32,
}  # fmt: skip
