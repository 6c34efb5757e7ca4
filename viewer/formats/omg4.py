"""OMG4: comp.xz, native 4D Gaussians whose opacity and harmonics come from small networks.

Geometry and window are those of native 4D Gaussian Splatting. Opacity and harmonics change with
time, so the networks run at each slice, for those alone whose window is open.
Source: gaussian_renderer/__init__.py and scene/gaussian_model.py of MinShirley/OMG4.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from viewer.core.temporal import TemporalGaussians
from viewer.formats import (
    Format,
    Loaded,
    checkpoint,
    comp_xz,
    durations,
    native4d,
    omg4_networks,
    sanitize,
    scene,
    training,
    wrong_fov,
)
from viewer.formats.native4d import Order, Parameters
from viewer.formats.omg4_networks import COEFFICIENTS, DRAWN, FEATURES, WIDTH, Networked, Networks
from viewer.formats.source import COMMON, Match, Progress, Source

OPAQUE = 1e4  # logit: geometry is that of Gaussians without an opacity of their own
WIDTHS = {"scale": 3, "rotation": 4, "app": FEATURES, "scaling_t": 1, "rotation_r": 4}


def sniff(path: Path) -> Match | None:
    """A pickle in xz with its codebooks: the file, or the comp.xz of a run."""
    found = comp_xz.find(path, "rotation_r_code", "MLP_cont")
    return None if found is None else Match(*found, supersedes=("native-4dgs", "3dgs-ply"))


def load(source: Source) -> Loaded:
    """The moving scene."""
    held = comp_xz.read(source.path, source.part(0, 0.1))
    cfg = training.cfg_args(source.root, source.warnings)
    cameras = training.cameras(source.root, source.warnings)
    networks = omg4_networks.read(held, 1, COEFFICIENTS, source.path)
    stored, features = parameters(held, source.path, source.part(0.1, 0.4))
    duration = durations.time_duration(source, cfg, stored.center)
    timing = durations.timing_of(source, duration, source.origin_of(durations.TIME_DURATION))
    appearance, cameras = native4d.appearance_of(source, cfg, None, duration, cameras)
    stored, rows = native4d.checked(stored, source.warnings)
    features = sanitize.colors(features if rows is None else features[rows], source.warnings)
    shape = native4d.geometry(stored, Order.REVERSED, 0.0, source.part(0.4, 0.5))
    given = [networks.placed(stored.means, source.part(0.5, 0.8)), features, stored.center]
    gaussians = replace(shape, colors=torch.cat(given, 1), fixed_directions=True)
    del given  # its largest part is twice there now
    source.progress(0.8, "building the time index")
    geometry = TemporalGaussians(gaussians, timing.time_range, appearance, native4d.CULL, rows)
    decode = _Decode(networks, duration[0], max(duration[1] - duration[0], 1e-6))
    model = Networked(geometry, decode, networks.memory)
    return Loaded(model, scene.report(source, FORMAT.name, model, timing, 3, cameras))


@dataclass(frozen=True, eq=False, slots=True)
class _Decode:
    """Opacities and harmonics at a time; start and period are the training's time."""

    networks: Networks
    start: float
    period: float

    def __call__(self, means: Tensor, given: Tensor, time: float) -> tuple[Tensor, Tensor]:
        """Opacities [n] before the window and harmonics [n, 16, 3] of what is given [n, 71]:
        sums of the first layer, features, time. Where they have moved to plays no part.
        """
        placed, features, center = given.split([WIDTH, FEATURES, 1], 1)
        timed = self.networks.timed((time - self.start) / self.period)
        context = self.networks.cont.after_first(placed + timed)
        predicted = self.networks.harmonics(context, features)
        constant, once, twice = predicted.view(-1, 3, DRAWN, 3).unbind(1)
        phase = (time - center).unsqueeze(-1) * (2 * math.pi / self.period)
        colors = constant + once * torch.cos(phase) + twice * torch.cos(2 * phase)
        return self.networks.opacities(context, features), colors


def parameters(
    held: Mapping[str, Any], path: Path, progress: Progress
) -> tuple[Parameters, Tensor]:
    """What a file stores before any activation, and the features [N, 6] for the networks."""
    means = checkpoint.tensor(held.get("xyz"), "xyz", path, (None, 3))
    n = len(means)
    found = comp_xz.attributes(held, WIDTHS, n, path, progress)
    return Parameters(
        means=means,
        scales=found["scale"],
        quats=found["rotation"],
        opacities=torch.full((n, 1), OPAQUE),
        center=checkpoint.tensor(held.get("t"), "t", path, (n, 1)),
        scale_t=found["scaling_t"],
        quats_r=found["rotation_r"],
    ), found["app"]


FORMAT = Format(
    "omg4",
    "a comp.xz of OMG4, or its run's folder",
    sniff,
    load,
    (*durations.OPTIONS, *wrong_fov.OPTIONS, *COMMON),
)
