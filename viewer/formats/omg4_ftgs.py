"""OMG4-FTGS: an .xz of Gaussians in linear motion, opacity and harmonics from small networks.

The networks are fed with where a Gaussian has moved to, and no time; the first 16 of the 48
coefficients they make are drawn.
Source: _gaussians.py and render.py in OMG4_FTGS of MinShirley/OMG4.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from viewer.core import rotation
from viewer.core.splats import Appearance
from viewer.core.temporal import Gaussians4D, TemporalGaussians
from viewer.formats import (
    Format,
    Loaded,
    checkpoint,
    comp_xz,
    durations,
    omg4_networks,
    sanitize,
    scene,
    training,
)
from viewer.formats.omg4_networks import DRAWN, FEATURES, Networked, Networks
from viewer.formats.source import (
    BACKGROUND,
    COMMON,
    FPS,
    FRAMES,
    TIME_RANGE,
    Match,
    Progress,
    Source,
)

WIDTHS = {"scale": 3, "rotation": 4, "durations": 1, "velocities": 3, "app": FEATURES}
DURATION = (0.0, 10.0)  # seconds, of every published file


def sniff(path: Path) -> Match | None:
    """A pickle in xz with velocities: the file, or the only .xz of a folder."""
    found = comp_xz.find(path, "velocities_code", "durations_code")
    return None if found is None else Match(*found, supersedes=("3dgs-ply",))


def load(source: Source) -> Loaded:
    """The moving scene."""
    held = comp_xz.read(source.path, source.part(0, 0.1))
    networks = omg4_networks.read(held, 0, DRAWN, source.path)
    fields = _fields(held, source.path, source.part(0.1, 0.6))
    timing = durations.timing_of(source, DURATION, "guessed")
    appearance = Appearance(background=source.option(BACKGROUND, training.BLACK, "guessed"))
    gaussians, rows = _gaussians(fields, source.warnings)
    source.progress(0.8, "building the time index")
    geometry = TemporalGaussians(gaussians, timing.time_range, appearance, source_index=rows)
    model = Networked(geometry, _Decode(networks), networks.memory)
    cameras = training.cameras(source.root, source.warnings)
    return Loaded(model, scene.report(source, FORMAT.name, model, timing, 3, cameras))


@dataclass(frozen=True, eq=False, slots=True)
class _Decode:
    """Opacities and harmonics of where Gaussians have moved to."""

    networks: Networks

    def __call__(self, means: Tensor, given: Tensor, time: float) -> tuple[Tensor, Tensor]:
        """Opacities [n] before the window and harmonics [n, 16, 3] of features [n, 6]."""
        context = self.networks.cont.after_first(self.networks.placed(means))
        opacities = self.networks.opacities(context, given)
        return opacities, self.networks.harmonics(context, given)


def _fields(held: Mapping[str, Any], path: Path, progress: Progress) -> dict[str, Tensor]:
    """What a file stores before any activation, [N, width] each."""
    means = checkpoint.tensor(held.get("means"), "means", path, (None, 3))
    times = checkpoint.tensor(held.get("times"), "times", path, (len(means), 1))
    coded = comp_xz.attributes(held, WIDTHS, len(means), path, progress)
    return {"means": means, "times": times, **coded}


def _gaussians(fields: dict[str, Tensor], warnings: list[str]) -> tuple[Gaussians4D, Tensor | None]:
    """The Gaussians before their opacity, and the rows kept where some were left out."""
    features = sanitize.colors(fields.pop("app"), warnings)
    rows = sanitize.finite_rows(fields, warnings)
    if rows is not None:
        fields = {name: field[rows] for name, field in fields.items()}
        features = features[rows]
    sanitize.count_zero_quats(fields["rotation"], warnings)
    lasting = fields["durations"].clamp(-sanitize.MAX_LOG_TIME, sanitize.MAX_LOG_TIME)
    return Gaussians4D(
        means=fields["means"],
        motion=fields["velocities"].unsqueeze(1),
        opacities=torch.ones(len(fields["means"])),
        center=fields["times"][:, 0].contiguous(),
        width=torch.exp(lasting[:, 0]),
        colors=features,
        quats=rotation.normalized(fields["rotation"]),
        scales=sanitize.scales(fields["scale"], warnings),
    ), rows


FORMAT = Format(
    "omg4-ftgs",
    "an .xz of OMG4-FTGS",
    sniff,
    load,
    (TIME_RANGE, FRAMES, FPS, *COMMON),
)
