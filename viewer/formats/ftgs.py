"""FreeTimeGS: 3D Gaussians with linear motion and a Gaussian window in time.

As a .ftgs.ply, or as the trainer's own checkpoint ckpt_<step>.pt.
Source of the layouts: README (FTGS PLY layout version 1) of OpsiClear-4DGS/FreeTimeGsVanilla.
"""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor

from viewer.core import rotation, sh
from viewer.core.errors import Unusable
from viewer.core.splats import Appearance, Splats
from viewer.core.temporal import Gaussians4D
from viewer.formats import (
    Format,
    Loaded,
    checkpoint,
    layout,
    ply,
    ply_3dgs,
    sanitize,
    scene,
    training,
)
from viewer.formats.scene import Timing
from viewer.formats.source import (
    BACKGROUND,
    COMMON,
    FPS,
    FRAMES,
    TIME_RANGE,
    Match,
    Option,
    Source,
    yes_or_no,
)

TEMPORAL = ("time", "log_duration", "velocity_0", "velocity_1", "velocity_2")
VERSION = "1"
CHECKPOINT = re.compile(r"ckpt_(\d+)\w*\.pt$")
CHECKPOINTS = "ckpts"  # the folder of a run
MENTIONED = ("splats", "times", "durations", "velocities")
SHAPES: Mapping[str, tuple[int | None, ...]] = {
    "means": (3,),
    "scales": (3,),
    "quats": (4,),
    "opacities": (),
    "sh0": (1, 3),
    "shN": (None, 3),
    "times": (1,),
    "durations": (1,),
    "velocities": (3,),
}
MAX_COEFFICIENTS = (sh.MAX_DEGREE + 1) ** 2
MAX_FRAMES = 1 << 31
GUESSED_FRAMES, GUESSED_FPS = 60, 30.0

USE_VELOCITY = Option("use_velocity", "whether Gaussians move", yes_or_no)
T = TypeVar("T")


class _Said(NamedTuple):
    """What a file says besides its Gaussians, None where it does not. origin: where."""

    frames: int | None
    fps: float | None
    moves: bool
    background: tuple[float, float, float] | None
    origin: str


class _Asked(NamedTuple):
    """The same, after options."""

    timing: Timing
    moves: bool
    appearance: Appearance


def sniff_ply(path: Path) -> Match | None:
    """A PLY with log_duration: the file, a run's newest iteration, or the only PLY of a folder."""
    file = layout.point_cloud(path)
    header = None if file is None else ply.read_header(file)
    if file is None or header is None or "log_duration" not in header.vertex.names:
        return None
    return Match(file, ("PLY with time, log_duration, velocity_*",))


def sniff_checkpoint(path: Path) -> Match | None:
    """A checkpoint with splats that have velocities: the file, or the newest of a run."""
    file = path if path.is_file() else _newest(path)
    if file is None or not checkpoint.is_checkpoint(file):
        return None
    try:
        if not checkpoint.mentions(file, *MENTIONED):
            return None
    except Unusable:
        if file == path:
            raise
        return None  # what else lies in the folder may be good
    return Match(file, (f"{file.name} with {', '.join(MENTIONED)}",), supersedes=("ftgs-ply",))


def load_ply(source: Source) -> Loaded:
    """The moving scene of a .ftgs.ply."""
    header = ply.header(source.path)
    version = header.comment("ftgs_version")
    if version not in (None, VERSION):
        raise Unusable(f"{source.path}: ftgs_version is {version}, expected {VERSION}")
    written, background = header.comment("n_frames"), ply_3dgs.written_background(header)
    said = _Said(
        frames=int(written) if written and written.isdigit() and int(written) else None,
        fps=ply_3dgs.number(header, "fps"),
        moves=header.comment("use_velocity") != "0",
        background=None if background is None else background[0],
        origin="comment in the file",
    )
    asked = _asked(source, said)
    splats, temporal = ply_3dgs.read_with(header, TEMPORAL, source.part(0, 0.7), source.warnings)
    return _loaded(source, PLY.name, asked, splats, temporal)


def load_checkpoint(source: Source) -> Loaded:
    """The moving scene of a ckpt_<step>.pt."""
    source.progress(0.0, "reading")
    held = checkpoint.state(source.path)
    written = held.get("n_frames")
    said = _Said(
        frames=written if isinstance(written, int) and 0 < written < MAX_FRAMES else None,
        fps=None,
        moves=held.get("use_velocity") is not False,
        background=None,
        origin="checkpoint",
    )
    asked = _asked(source, said)
    source.progress(0.4, "checking")
    return _loaded(source, TRAINED.name, asked, *_activated(held.get("splats"), source))


def _asked(source: Source, said: _Said) -> _Asked:
    frames = source.option(FRAMES, *_or(said.frames, GUESSED_FRAMES, said.origin))
    fps = source.option(FPS, *_or(said.fps, GUESSED_FPS, said.origin))
    moves = source.option(USE_VELOCITY, said.moves, said.origin)
    background = source.option(BACKGROUND, *_or(said.background, training.BLACK, said.origin))
    timing = scene.within(source, scene.evenly((0.0, 1.0), frames, fps), "the format")
    return _Asked(timing, moves, Appearance(background=background))


def _or(found: T | None, guess: T, origin: str) -> tuple[T, str]:
    return (guess, "guessed") if found is None else (found, origin)


def _loaded(source: Source, name: str, asked: _Asked, splats: Splats, temporal: Tensor) -> Loaded:
    """The scene; time runs from 0 at the first frame to 1 at the last."""
    gaussians = _moving(splats, temporal, asked.moves)
    model = scene.indexed(gaussians, splats.index, asked.timing, asked.appearance, source)
    degree = model.slice(0.0).sh_degree
    run = source.root.parent if source.root.name == CHECKPOINTS else source.root
    cameras = training.cameras(run, source.warnings)
    return Loaded(model, scene.report(source, name, model, asked.timing, degree, cameras))


def _moving(splats: Splats, temporal: Tensor, moves: bool) -> Gaussians4D:
    """Splats at their own centres in time; temporal [N, 5]: center, log of the width, velocity."""
    velocity = temporal[:, 2:].reshape(-1, 1, 3)
    logs = temporal[:, 1].clamp(-sanitize.MAX_LOG_TIME, sanitize.MAX_LOG_TIME)
    return Gaussians4D(
        means=splats.means,
        motion=(velocity if moves else velocity[:, :0]).contiguous(),
        opacities=splats.opacities,
        center=temporal[:, 0].contiguous(),
        width=torch.exp(logs),
        colors=splats.colors,
        quats=splats.quats,
        scales=splats.scales,
    )


def _activated(held: object, source: Source) -> tuple[Splats, Tensor]:
    """The splats of a checkpoint, as `ply_3dgs.read_with` gives those of a PLY."""
    path = source.path
    if not isinstance(held, Mapping):
        raise Unusable(f"{path}: splats is a {type(held).__name__}, expected names and tensors")
    n = len(checkpoint.tensor(held.get("means"), "splats.means", path, (None, 3)))
    stored = {
        name: checkpoint.tensor(held.get(name), f"splats.{name}", path, (n, *shape))
        for name, shape in SHAPES.items()
    }
    temporal = torch.cat([stored.pop(name) for name in ("times", "durations", "velocities")], 1)
    colors = torch.cat([stored.pop("sh0"), _harmonics(stored.pop("shN"), source)], 1)
    stored["opacities"] = stored["opacities"].clamp(-1e4, 1e4)  # fully opaque: an infinite logit
    fields = {
        "positions": stored["means"],
        "opacities": stored["opacities"],
        "scales": stored["scales"],
        "quaternions": stored["quats"],
        "times": temporal,
    }
    rows = sanitize.finite_rows(fields, source.warnings)
    if rows is not None:
        stored = {name: field[rows] for name, field in stored.items()}
        temporal, colors = temporal[rows], colors[rows]
    sanitize.count_zero_quats(stored["quats"], source.warnings)
    return Splats(
        means=stored["means"],
        quats=rotation.normalized(stored["quats"]),
        scales=sanitize.scales(stored["scales"], source.warnings),
        opacities=torch.sigmoid(stored["opacities"]),
        colors=sanitize.colors(colors, source.warnings),
        appearance=Appearance(),
        index=rows,
    ), temporal


def _harmonics(rest: Tensor, source: Source) -> Tensor:
    """Coefficients above degree 0 [N, K, 3] that are drawn. Raises Unusable for no whole degree."""
    count = rest.shape[1] + 1
    if math.isqrt(count) ** 2 != count:
        raise Unusable(
            f"{source.path}: splats.shN has {count - 1} coefficients, expected 0, 3, 8 or 15"
        )
    if count > MAX_COEFFICIENTS:
        source.warnings.append(f"spherical harmonics over degree {sh.MAX_DEGREE} are left out")
    return rest[:, : MAX_COEFFICIENTS - 1]


def _newest(folder: Path) -> Path | None:
    """The checkpoint of the largest step in a run's folder, or in its folder of checkpoints."""
    for inside in (folder / CHECKPOINTS, folder):
        if inside.is_dir():
            found = [(int(m[1]), p) for p in inside.iterdir() if (m := CHECKPOINT.match(p.name))]
            if found:
                return max(found)[1]
    return None


OPTIONS = (FRAMES, TIME_RANGE, FPS, USE_VELOCITY, *COMMON)
PLY = Format(
    "ftgs-ply",
    "a .ftgs.ply of FreeTimeGS, with time, log_duration, velocity_*",
    sniff_ply,
    load_ply,
    OPTIONS,
)
TRAINED = Format(
    "ftgs-checkpoint",
    "a ckpt_*.pt of FreeTimeGS, or its run's folder",
    sniff_checkpoint,
    load_checkpoint,
    OPTIONS,
)
FORMATS = (PLY, TRAINED)
