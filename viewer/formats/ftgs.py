""".ftgs.ply: 3D Gaussians with linear motion and a Gaussian window in time (FreeTimeGS).

Source of the layout: README (FTGS PLY layout version 1) of OpsiClear-4DGS/FreeTimeGsVanilla.
"""

from pathlib import Path

import torch
from torch import Tensor

from viewer.core.errors import Unusable
from viewer.core.splats import Appearance
from viewer.core.temporal import Gaussians4D
from viewer.formats import Format, Loaded, layout, ply, ply_3dgs, scene, training
from viewer.formats.ply import Header
from viewer.formats.scene import Timing
from viewer.formats.source import (
    BACKGROUND,
    COMMON,
    FPS,
    FRAMES,
    Match,
    Option,
    Source,
    yes_or_no,
)

TEMPORAL = ("time", "log_duration", "velocity_0", "velocity_1", "velocity_2")
VERSION = "1"
GUESSED_FRAMES, GUESSED_FPS = 60, 30.0


USE_VELOCITY = Option("use_velocity", "whether Gaussians move", yes_or_no)


def sniff(path: Path) -> Match | None:
    """A PLY with log_duration: the file, a run's newest iteration, or the only PLY of a folder."""
    file = layout.point_cloud(path)
    header = None if file is None else ply.read_header(file)
    if file is None or header is None or "log_duration" not in header.vertex.names:
        return None
    return Match(file, ("PLY with time, log_duration, velocity_*",))


def load(source: Source) -> Loaded:
    """The moving scene; time runs from 0 at the first frame to 1 at the last."""
    header = ply.header(source.path)
    version = header.comment("ftgs_version")
    if version not in (None, VERSION):
        raise Unusable(f"{source.path}: ftgs_version is {version}, expected {VERSION}")
    written = header.comment("n_frames")
    count = int(written) if written and written.isdigit() and int(written) else None
    frames = source.option(
        FRAMES, count or GUESSED_FRAMES, "comment in the file" if count else "guessed"
    )
    rate = ply_3dgs.number(header, "fps")
    fps = source.option(FPS, rate or GUESSED_FPS, "comment in the file" if rate else "guessed")
    moves = source.option(
        USE_VELOCITY, header.comment("use_velocity") != "0", "comment in the file"
    )
    appearance = Appearance(background=source.option(BACKGROUND, *_background(header)))
    timing = Timing((0.0, 1.0), 1 / max(frames - 1, 1), fps)
    model = scene.indexed(*_gaussians(header, source, moves), timing, appearance, source)
    degree = model.slice(0.0).sh_degree
    cameras = training.cameras(source.root, source.warnings)
    return Loaded(model, scene.report(source, FORMAT.name, model, timing, degree, cameras))


def _background(header: Header) -> tuple[tuple[float, float, float], str]:
    return ply_3dgs.written_background(header) or (training.BLACK, "guessed")


def _gaussians(header: Header, source: Source, moves: bool) -> tuple[Gaussians4D, Tensor | None]:
    """The fields, and the rows kept where some were left out."""
    splats, extra = ply_3dgs.read_with(header, TEMPORAL, source.part(0, 0.7), source.warnings)
    velocity = extra[:, 2:].reshape(-1, 1, 3)
    return Gaussians4D(
        means=splats.means,
        motion=(velocity if moves else velocity[:, :0]).contiguous(),
        opacities=splats.opacities,
        center=extra[:, 0].contiguous(),
        width=torch.exp(extra[:, 1]),
        colors=splats.colors,
        quats=splats.quats,
        scales=splats.scales,
    ), splats.index


FORMAT = Format(
    "ftgs-ply",
    "a .ftgs.ply of FreeTimeGS, with time, log_duration, velocity_*",
    sniff,
    load,
    (FRAMES, FPS, USE_VELOCITY, *COMMON),
)
