"""EfficientDynamic3DGaussian: positions as Fourier sums over time, linear turning.

    mean(t) = X_0 + sum_k X_(2k+1) sin(2^k pi t) + X_(2k+2) cos(2^k pi t)      k = 0 .. L - 1
    quat(t) = Q_0 / |Q_0| + t Q_1 / |Q_1|

The quaternion goes to the trainer's rasteriser at the length that it comes out with, so covariances
are given. Source: scene/gaussian_model.py and gaussian_renderer/__init__.py of
raven38/EfficientDynamic3DGaussian (Katsumata et al.).
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from viewer.core import rotation
from viewer.core.errors import BadArgument, Unusable
from viewer.core.model import nbytes
from viewer.core.placing import placed
from viewer.core.splats import Appearance, Splats, covars_of
from viewer.formats import Format, Loaded, layout, ply, ply_3dgs, sanitize, scene, training
from viewer.formats.ply import Header
from viewer.formats.source import (
    BACKGROUND,
    COMMON,
    FPS,
    FRAMES,
    TIME_RANGE,
    Match,
    Option,
    Source,
    whole,
)

SLOT = re.compile(r"x\d{3}$")
PADDED = (13, 17, 44)  # slots that the trainer allots whatever it uses
USUAL = 2  # frequencies, of every published configuration
GUESSED_FRAMES, GUESSED_FPS = 300, 30.0  # of N3DV, the trainer's usual data; frame i is at i / 300
FAR = 1e18  # world units: squares of it are finite
MAX_TIME = 1e3  # either way; far from 0..1 quaternions grow without end

FREQUENCIES = Option("approx_l", "frequencies of the motion", whole)


@dataclass(frozen=True, eq=False, slots=True)
class FourierGaussians:
    """The moving scene, a Model."""

    terms: tuple[Tensor, ...]  # 2 L + 1 times [N, 3]: constant, then sine and cosine by frequency
    quats: Tensor  # [N, 4] at time 0, of unit length or zero
    turning: Tensor  # [N, 4] per unit of time, likewise
    scales: Tensor  # [N, 3]
    opacities: Tensor  # [N]
    colors: Tensor  # [N, K, 3]
    appearance: Appearance
    time_range: tuple[float, float]
    index: Tensor | None  # [N] rows of the file, where some were left out

    @property
    def count(self) -> int:
        """Gaussians stored."""
        return len(self.scales)

    @property
    def frame_times(self) -> Tensor | None:
        """None: continuous."""
        return None

    @property
    def memory(self) -> int:
        """Bytes held at rest."""
        rest = (self.quats, self.turning, self.scales, self.opacities, self.colors, self.index)
        return nbytes(*self.terms, *rest)

    def slice(self, time: float) -> Splats:
        """Every Gaussian: none fades with time."""
        t = min(max(time, -MAX_TIME), MAX_TIME)
        means = self.terms[0].clone()
        for i, term in enumerate(self.terms[1:]):
            wave = math.cos if i % 2 else math.sin
            means.add_(term, alpha=wave(2 ** (i // 2) * math.pi * t))
        return Splats(
            means=means,
            quats=None,
            scales=None,
            opacities=self.opacities,
            colors=self.colors,
            appearance=self.appearance,
            covars=covars_of(rotation.matrices(self.quats + t * self.turning), self.scales),
            index=self.index,
        )

    def on(self, device: torch.device, exact: bool) -> "FourierGaussians":
        """As Movable says."""
        return placed(self, device)


def sniff(path: Path) -> Match | None:
    """A PLY with x000: the file, a run's newest iteration, or the only PLY of a folder."""
    file = layout.point_cloud(path)
    header = None if file is None else ply.read_header(file)
    if file is None or header is None or "x000" not in header.vertex.names:
        return None
    where = (f"newest of {n} iterations",) if (n := layout.iterations(path)) > 1 else ()
    return Match(file, (f"PLY with x000 and {slots_of(header)} positions a Gaussian", *where))


def load(source: Source) -> Loaded:
    """The moving scene."""
    header = ply.header(source.path)
    cfg = training.cfg_args(source.root, source.warnings)
    frequencies = _frequencies(header, cfg, source)
    frames = source.option(FRAMES, GUESSED_FRAMES, "guessed")
    time_range = source.option(TIME_RANGE, (0.0, (frames - 1) / frames), "guessed")
    timing = scene.evenly(time_range, frames, source.option(FPS, GUESSED_FPS, "guessed"))
    appearance = Appearance(background=source.option(BACKGROUND, *training.background(cfg)))
    model = _gaussians(header, frequencies, timing.time_range, appearance, source)
    degree = math.isqrt(model.colors.shape[1]) - 1
    cameras = training.cameras(source.root, source.warnings)
    return Loaded(model, scene.report(source, FORMAT.name, model, timing, degree, cameras))


def slots_of(header: Header) -> int:
    """Positions stored a Gaussian; how many are used is not in the file."""
    return sum(1 for name in header.vertex.names if SLOT.match(name))


def _frequencies(header: Header, cfg: Mapping[str, Any], source: Source) -> int:
    """L. Raises BadArgument for one given that takes more slots than there are."""
    slots = slots_of(header)
    most = (slots - 1) // 2
    guess = min(USUAL, most) if slots in PADDED else most
    stated, origin = training.number(cfg, "approx_l", guess)
    if stated > most:
        source.warnings.append(
            f"cfg_args has approx_l={stated:g}, but {slots} positions a Gaussian are enough for "
            f"{most} only"
        )
        stated, origin = most, "positions in the file"
    count = source.option(FREQUENCIES, int(stated), origin)
    if count > most:
        raise BadArgument(
            f"--option approx_l={count}: {source.path} has {slots} positions a Gaussian, "
            f"expected at most {most}"
        )
    return count


def _turns(header: Header) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Properties of the first two quaternions, w x y z each.

    They are in file order: the trainer writes quaternion after quaternion, under names that it
    makes component after component. Raises Unusable where there are fewer than two.
    """
    names = tuple(name for name in header.vertex.names if name.startswith("rot_"))
    if len(names) < 8:
        raise Unusable(f"{header.path}: has {len(names)} properties rot_*, expected 8 or more")
    return names[:4], names[4:8]


def _gaussians(
    header: Header,
    frequencies: int,
    time_range: tuple[float, float],
    appearance: Appearance,
    source: Source,
) -> FourierGaussians:
    """The model; rows that are not finite are left out. Raises Unusable."""
    warnings = source.warnings
    terms = [tuple(f"{axis}{i:03}" for axis in "xyz") for i in range(2 * frequencies + 1)]
    turns = _turns(header)
    harmonics = ply_3dgs.coefficients(header, warnings)
    groups = [("opacity",), ply_3dgs.SCALES, *turns, *terms, harmonics]
    parts = ply.columns(header, groups, source.part(0, 0.8))
    source.progress(0.8, "checking")
    *fields, colors = (torch.from_numpy(part) for part in parts)
    fields[0].clamp_(-1e4, 1e4)  # fully opaque is an infinite logit
    names = [
        "opacities",
        "scales",
        "quaternions",
        "turnings",
        *(f"terms {i}" for i in range(len(terms))),
    ]
    rows = sanitize.finite_rows(dict(zip(names, fields, strict=True)), warnings)
    if rows is not None:
        fields = [field[rows] for field in fields]
        colors = colors[rows]
    opacities, scales, quats, turning, *moving = fields
    return FourierGaussians(
        terms=tuple(term.clamp_(-FAR, FAR) for term in moving),
        quats=torch.nn.functional.normalize(quats, dim=1),
        turning=torch.nn.functional.normalize(turning, dim=1),
        scales=sanitize.scales(scales, warnings),
        opacities=torch.sigmoid(opacities[:, 0]),
        colors=sanitize.colors(colors.reshape(len(colors), len(harmonics) // 3, 3), warnings),
        appearance=appearance,
        time_range=time_range,
        index=rows,
    )


FORMAT = Format(
    "fourier",
    "an EfficientDynamic3DGaussian run's folder, or its point_cloud.ply",
    sniff,
    load,
    (FREQUENCIES, FRAMES, FPS, TIME_RANGE, *COMMON),
)
