"""SpacetimeGaussians, LITE model: polynomial motion, linear turning, plain RGB.

Source: scene/ourslite.py and renderer/__init__.py of oppo-us-research/SpacetimeGaussians.
"""

import math
from pathlib import Path

import torch
from torch import Tensor

from viewer.core.errors import Unusable
from viewer.core.splats import Appearance
from viewer.core.temporal import Gaussians4D
from viewer.formats import Format, Loaded, layout, ply, sanitize, scene, training
from viewer.formats.ply import Header
from viewer.formats.scene import Timing
from viewer.formats.source import BACKGROUND, COMMON, FPS, Match, Option, Source, whole

GROUPS = {
    "positions": ("x", "y", "z"),
    "centres": ("trbf_center",),
    "widths": ("trbf_scale",),
    "motions": tuple(f"motion_{i}" for i in range(9)),
    "colours": ("f_dc_0", "f_dc_1", "f_dc_2"),
    "opacities": ("opacity",),
    "scales": ("scale_0", "scale_1", "scale_2"),
    "quaternions": ("rot_0", "rot_1", "rot_2", "rot_3"),
    "rotation rates": ("omega_0", "omega_1", "omega_2", "omega_3"),
}
DURATION, CAPTURE_FPS = 50, 30.0  # of every published configuration and of its footage

FRAMES = Option("duration", "frames trained on; frame i is at time i / duration", whole)


def sniff(path: Path) -> Match | None:
    """A PLY with trbf_center: the file, a run's newest iteration, or the only PLY of a folder."""
    file = layout.point_cloud(path)
    header = None if file is None else ply.read_header(file)
    if file is None or header is None or "trbf_center" not in header.vertex.names:
        return None
    where = (f"newest of {n} iterations",) if (n := layout.iterations(path)) > 1 else ()
    return Match(file, ("PLY with trbf_center, trbf_scale, motion_*", *where))


def load(source: Source) -> Loaded:
    """The moving scene. Raises Unusable for the FULL model, whose colours need a network."""
    header = ply.header(source.path)
    if "f_t_0" in header.vertex.names:
        raise Unusable(
            f"{source.path}: a SpacetimeGaussians FULL model (f_t_0 is there), expected LITE: "
            "colours decoded by a network are not drawn by this version"
        )
    cfg = training.cfg_args(source.root, source.warnings)
    duration = source.option(FRAMES, *_whole(*training.number(cfg, "duration", DURATION)))
    timing = timing_of(source, duration)
    appearance = Appearance(background=source.option(BACKGROUND, *training.background(cfg)))
    model = scene.indexed(*_gaussians(header, source), timing, appearance, source)
    cameras = training.cameras(source.root, source.warnings)
    return Loaded(model, scene.report(source, FORMAT.name, model, timing, 0, cameras))


def timing_of(source: Source, duration: int) -> Timing:
    """Frames at 0, 1 / D, ..., (D - 1) / D, as the trainer normalises them."""
    fps = source.option(FPS, CAPTURE_FPS, "guessed")
    return Timing((0.0, (duration - 1) / duration), 1 / duration, fps)


def window(trbf_scale: Tensor) -> Tensor:
    """Width of exp(-1/2 (dt / width)²) of the trainer's exp(-(dt / scale)²); scale is linear."""
    return trbf_scale / math.sqrt(2)


def _gaussians(header: Header, source: Source) -> tuple[Gaussians4D, Tensor | None]:
    """The fields, and the rows kept where some were left out."""
    parts = ply.columns(header, list(GROUPS.values()), source.part(0, 0.7))
    fields = {name: torch.from_numpy(part) for name, part in zip(GROUPS, parts, strict=True)}
    source.progress(0.7, "checking")
    rgb = fields.pop("colours")
    fields["opacities"] = fields["opacities"].clamp(-1e4, 1e4)  # fully opaque is an infinite logit
    rows = sanitize.finite_rows(fields, source.warnings)
    if rows is not None:
        fields = {name: part[rows] for name, part in fields.items()}
        rgb = rgb[rows]
    sanitize.count_zero_quats(
        fields["quaternions"], source.warnings, omega=fields["rotation rates"]
    )
    return Gaussians4D(
        means=fields["positions"],
        motion=fields["motions"].reshape(-1, 3, 3),  # degree by degree
        opacities=torch.sigmoid(fields["opacities"][:, 0]),
        center=fields["centres"][:, 0].contiguous(),
        width=window(torch.exp(fields["widths"][:, 0])),
        colors=sanitize.colors(rgb, source.warnings),
        quats=fields["quaternions"],
        scales=sanitize.scales(fields["scales"], source.warnings),
        omega=fields["rotation rates"],
    ), rows


def _whole(value: float, origin: str) -> tuple[int, str]:
    return max(1, round(value)), origin


FORMAT = Format(
    "spacetime-lite",
    "a SpacetimeGaussians run's folder, or its point_cloud.ply",
    sniff,
    load,
    (FRAMES, FPS, *COMMON),
)
