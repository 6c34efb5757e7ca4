"""Gaussians between key frames: Ex4DGS's model of what drifts and what moves, and its maths.

Time is a frame number, x the same in key frames: x = (t + shift) / interval. Source: Fully Explicit
Dynamic Gaussian Splatting (Lee et al. 2024), and scene/c_gaussian_model.py of juno181/Ex4DGS.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import torch
from torch import Tensor

from viewer.core import rotation
from viewer.core.model import nbytes
from viewer.core.placing import placed
from viewer.core.splats import Appearance, Splats, covars_of

MAX_COSINE = 1 - 1e-4  # between two key rotations; nearer ones are taken to be this far apart
PAD_WIDTH = 2.36  # of the padding of lives, in widths of a Gaussian
MIN_WIDTH = 1e-6  # key frames


class Interpolation(Enum):
    """How a position goes from one key frame to the next."""

    CUBE = "cube"  # Catmull-Rom
    LINEAR = "linear"
    PCHIP = "pchip"  # monotone where the keys are


@dataclass(frozen=True, slots=True)
class Clock:
    """Where key frames lie; all in frames. duration: over which what is static drifts once."""

    duration: float
    interval: float
    shift: float

    def key(self, time: float) -> float:
        """A frame number in key frames."""
        return (time + self.shift) / self.interval


@dataclass(frozen=True, eq=False, slots=True)
class Drifting:
    """What upstream calls static: Gaussians in slow linear motion."""

    means: Tensor  # [S, 3] at frame 0
    drift: Tensor  # [S, 3] in the whole duration
    covars: Tensor  # [S, 6]
    opacities: Tensor  # [S]


@dataclass(frozen=True, eq=False, slots=True)
class Keyed:
    """What upstream calls dynamic: positions and rotations in every key frame, and a life."""

    means: tuple[Tensor, ...]  # [M, 3] a key frame
    quats: tuple[Tensor, ...]  # [M, 4] a key frame, unit length
    scales: Tensor  # [M, 3]
    opacities: Tensor  # [M]
    centers: Tensor  # [M, 2] key frames between which a Gaussian is whole
    widths: Tensor  # [M, 2] key frames in which it comes and goes


@dataclass(frozen=True, eq=False, slots=True)
class KeyframeGaussians:
    """The moving scene, a Model: the drifting Gaussians, then the keyed ones."""

    drifting: Drifting
    keyed: Keyed
    colors: Tensor  # [S + M, K, 3] spherical harmonics
    clock: Clock
    interpolation: Interpolation
    appearance: Appearance
    index: Tensor | None  # [S + M] places in the files, the keyed ones after all drifting ones

    @property
    def count(self) -> int:
        """Gaussians stored."""
        return len(self.colors)

    @property
    def time_range(self) -> tuple[float, float]:
        """The first and the last frame."""
        return (0.0, max(self.clock.duration - 1, 0.0))

    @property
    def frame_times(self) -> Tensor | None:
        """None: continuous."""
        return None

    @property
    def memory(self) -> int:
        """Bytes held at rest."""
        d, k = self.drifting, self.keyed
        drifting = nbytes(d.means, d.drift, d.covars, d.opacities)
        keyed = nbytes(*k.means, *k.quats, k.scales, k.opacities, k.centers, k.widths)
        return drifting + keyed + nbytes(self.colors, self.index)

    def slice(self, time: float) -> Splats:
        """Every Gaussian at a frame number, whole or not; out of all reason it is the nearest."""
        d, k, clock = self.drifting, self.keyed, self.clock
        t = min(max(time, -clock.duration), 2 * clock.duration)
        key = clock.key(t)
        quats = slerp(*around(k.quats, key))
        moved = interpolated(k.means, key, self.interpolation)
        return Splats(
            means=torch.cat([torch.add(d.means, d.drift, alpha=t / clock.duration), moved]),
            quats=None,
            scales=None,
            opacities=torch.cat([d.opacities, k.opacities * presence(k.centers, k.widths, key)]),
            colors=self.colors,
            appearance=self.appearance,
            covars=torch.cat([d.covars, covars_of(rotation.matrices(quats), k.scales)]),
            index=self.index,
        )

    def on(self, device: torch.device, exact: bool) -> "KeyframeGaussians":
        """As Movable says."""
        return placed(self, device)


def widths(logarithms: Tensor, padding: float) -> Tensor:
    """Widths of lives, of motion_opacity_v; padding: var_pad / interval, in key frames."""
    return (torch.exp(logarithms) + padding / PAD_WIDTH).clamp_min(MIN_WIDTH)


def presence(centers: Tensor, widths: Tensor, key: float) -> Tensor:
    """What is left of opacities [M] by lives [M, 2]: 1 between the centres, Gaussian outside.

    Outside, upstream measures from the later centre on either side, so that the onset is sharp.
    """
    past = key - centers  # [M, 2]
    width = torch.where((past > 0).any(1), widths[:, 1], widths[:, 0])
    faded = torch.exp(-(past.amin(1) / width).square())
    return torch.where(past[:, 0].sign() * past[:, 1].sign() < 0, 1.0, faded)


def around(keys: Sequence[Tensor], key: float) -> tuple[Tensor, Tensor, float]:
    """The keys before and after a place, and how far it lies between them, 0..1."""
    k, u = _place(len(keys), key)
    return keys[k], keys[min(k + 1, len(keys) - 1)], u


def slerp(a: Tensor, b: Tensor, u: float) -> Tensor:
    """Unit quaternions [M, 4] from a to b, of unit length; never the other way round.

    Without the weights' common divisors: the length is made 1 in the end.
    """
    angle = torch.acos((a * b).sum(1, keepdim=True).clamp(-MAX_COSINE, MAX_COSINE))
    return rotation.normalized(torch.sin((1 - u) * angle) * a + torch.sin(u * angle) * b)


def interpolated(keys: Sequence[Tensor], key: float, interpolation: Interpolation) -> Tensor:
    """Positions [M, 3] between keys [M, 3]; beyond the last ones they stand still."""
    k, u = _place(len(keys), key)
    last = len(keys) - 1
    y0, y1, y2, y3 = (keys[min(max(k + i, 0), last)] for i in (-1, 0, 1, 2))
    if interpolation is Interpolation.LINEAR:
        return torch.lerp(y1, y2, u)
    from_1, to_1 = u**3 - 2 * u**2 + u, u**3 - u**2  # Hermite weights of the two slopes
    at_2 = u**2 * (3 - 2 * u)
    if interpolation is Interpolation.CUBE:
        before, after = (y2 - y0) / 2, (y3 - y1) / 2
    else:
        before, after = _monotone(y0, y1, y2), _monotone(y1, y2, y3)
    return torch.lerp(y1, y2, at_2).add_(before, alpha=from_1).add_(after, alpha=to_1)


def _monotone(y0: Tensor, y1: Tensor, y2: Tensor) -> Tensor:
    """Slopes at y1: the harmonic mean of those on either side, 0 where they differ in sign."""
    product = (y2 - y1) * (y1 - y0)
    return torch.where(product > 0, 2 * product / (y2 - y0), 0.0)


def _place(count: int, key: float) -> tuple[int, float]:
    """The key before a place that has one after it, and how far the place lies between, 0..1."""
    k = min(max(math.floor(key), 0), max(count - 2, 0))
    return k, min(max(key - k, 0.0), 1.0)
