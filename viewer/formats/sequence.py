"""A folder or an archive of numbered files, each one instant, read when it is shown.

PLY of splats or points, compressed PLY, .splat, .sog, .spz, and .npz of points; all frames are of
one kind. They may differ in count and degree. Their time is their rank: 0, 1, 2, ...
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import torch

from viewer.core.errors import Unusable
from viewer.core.report import Report
from viewer.core.splats import Appearance, Splats
from viewer.formats import (
    Format,
    Loaded,
    archive,
    compressed_ply,
    layout,
    ply_3dgs,
    points,
    scene,
    sog,
    splat,
    spz,
    training,
)
from viewer.formats.instants import Instants
from viewer.formats.scene import Timing
from viewer.formats.source import BACKGROUND, COMMON, FPS, Codec, Match, Source, silent

CODECS = {
    ".ply": (ply_3dgs.CODEC, compressed_ply.CODEC, points.PLY),
    ".npz": (points.NPZ,),
    ".splat": (splat.CODEC,),
    ".sog": (sog.CODEC,),
    ".spz": (spz.CODEC,),
}
GUESSED_FPS = 30.0


class Frame(NamedTuple):
    """One file. name: under the folder or in the archive. at: its path, while it is read.

    at is given a Codec's `head`: how much of the file has to be there.
    """

    name: str
    at: Callable[[int | None], AbstractContextManager[Path]]


class Frames:
    """Reads frames as they are shown, drawn alike. warned: what was mended in those read so far."""

    def __init__(self, frames: Sequence[Frame], codec: Codec, appearance: Appearance) -> None:
        self._frames, self._codec, self._appearance = frames, codec, appearance
        self.warned: dict[int, list[str]] = {}

    def read(self, i: int) -> Splats:
        """Frame i from its file. Raises Unusable."""
        warnings: list[str] = []
        with self._frames[i].at(None) as file:
            try:
                splats = self._codec.read(file, silent, warnings)
            except OSError as error:
                raise Unusable(f"{file}: cannot be read ({error.strerror or error})") from error
        self.warned[i] = warnings
        return scene.drawn_by(splats, self._appearance)


def sniff(path: Path) -> Match | None:
    """Files that differ in a number alone, or numbered folders with one PLY each.

    In a folder or a .zip; or a .zip of one static model.
    """
    if path.is_dir():
        if layout.point_cloud(path) is not None:
            return None
    elif not archive.is_archive(path):
        return None
    frames = _frames(path)
    if not frames or _codec(frames[0]) is None:
        return None
    what = f"{len(frames)} numbered frames, {frames[0].name} to {frames[-1].name}"
    evidence = what if len(frames) > 1 else f"an archive of one model, {frames[0].name}"
    return Match(path, (evidence,), () if path.is_dir() else ("sog",))


def load(source: Source) -> Loaded:
    """The sequence; every frame's header is checked now, the rest is read when it is shown."""
    frames = _frames(source.path)
    codec = _codec(frames[0]) if frames else None
    if codec is None:
        raise Unusable(f"{source.path}: its frames are gone")
    counts = [_checked(frame, codec, source, i / len(frames)) for i, frame in enumerate(frames)]
    fps = source.option(FPS, GUESSED_FPS, "guessed")
    root = source.path if source.path.is_dir() else source.root
    background = source.option(
        BACKGROUND, *training.background(training.cfg_args(root, source.warnings))
    )
    source.progress(0.7, "reading the first frame")
    with frames[0].at(None) as file:
        stated = codec.read(file, source.part(0.7, 0.8), []).appearance
    appearance = replace(stated, background=background)
    shown = Frames(frames, codec, appearance)
    times = torch.arange(len(frames), dtype=torch.float64)
    model = Instants(shown.read, times, max(counts), appearance)
    timing = Timing(model.time_range, 1.0, fps, tuple(frame.name for frame in frames))
    degree = max(model.slice(t).sh_degree for t in (0.0, model.time_range[1]))
    cameras = training.cameras(root, source.warnings)
    report = scene.report(source, FORMAT.name, model, timing, degree, cameras)
    return Loaded(model, _with_warnings(report, shown, frames))


def _frames(path: Path) -> list[Frame]:
    """The frames of a folder or an archive, in order; or nothing."""
    if path.is_dir():
        files = layout.sequence(path, tuple(CODECS))
        return [
            Frame(file.relative_to(path).as_posix(), lambda _, file=file: nullcontext(file))
            for file in files
        ]
    held = sorted(archive.members(path), key=lambda m: layout.natural(archive.name_of(m)))
    named = {archive.name_of(member): member for member in held}
    return [
        Frame(name, lambda head, name=name: archive.expanded(path, named[name], head))
        for name in _numbered(list(named))
    ]


def _numbered(names: Sequence[str]) -> list[str]:
    """Those of one kind that differ in a number alone, or the only one that is any kind."""
    kinds = [[n for n in names if n.lower().endswith(ending)] for ending in CODECS]
    several = [kind for kind in kinds if len(kind) > 1]
    if not several:
        known = [name for kind in kinds for name in kind]
        return known if len(known) == 1 else []
    folders = {part for name in several[0] for part in PurePosixPath(name).parts[:-1]}
    iterations = any(layout.ITERATION.match(folder) for folder in folders)  # of one model
    alone = len(several) == 1 and not iterations and layout.differ_in_last_number(several[0])
    return several[0] if alone else []


def _codec(frame: Frame) -> Codec | None:
    """What reads a frame; None where nothing does."""
    for codec in CODECS.get(PurePosixPath(frame.name).suffix.lower(), ()):
        with frame.at(codec.head) as file:
            if codec.is_one(file):
                return codec
    return None


def _checked(frame: Frame, codec: Codec, source: Source, fraction: float) -> int:
    source.progress(0.7 * fraction, "checking the frames")
    with frame.at(codec.head) as file:
        if not codec.is_one(file):
            raise Unusable(f"{file}: a frame of the sequence, but not of the kind of the first one")
        return codec.count(file)


def _with_warnings(report: Report, shown: Frames, frames: Sequence[Frame]) -> Report:
    """The report with what was mended in the frames that were looked at."""
    lines = (f"{frames[i].name}: {line}" for i in sorted(shown.warned) for line in shown.warned[i])
    return replace(report, warnings=(*report.warnings, *lines))


FORMAT = Format(
    "sequence",
    "a folder or .zip of numbered .ply, .splat, .sog, .spz or .npz files, one for each frame",
    sniff,
    load,
    (FPS, *COMMON),
)
