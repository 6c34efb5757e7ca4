"""A folder of numbered files, each one instant, read when it is shown.

PLY of splats or points, compressed PLY, .splat, .sog, .spz, and .npz of points; all frames are of
one kind. They may differ in count and degree. Their time is their rank: 0, 1, 2, ...
"""

from dataclasses import replace
from pathlib import Path

import torch

from viewer.core.errors import Unusable
from viewer.core.report import Report
from viewer.core.splats import Appearance, Splats
from viewer.formats import (
    Format,
    Loaded,
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


class Frames:
    """Reads frames as they are shown, drawn alike. warned: what was mended in those read so far."""

    def __init__(self, files: list[Path], codec: Codec, appearance: Appearance) -> None:
        self._files, self._codec, self._appearance = files, codec, appearance
        self.warned: dict[int, list[str]] = {}

    def read(self, i: int) -> Splats:
        """Frame i from its file. Raises Unusable."""
        warnings: list[str] = []
        file = self._files[i]
        try:
            splats = self._codec.read(file, silent, warnings)
        except OSError as error:
            raise Unusable(f"{file}: cannot be read ({error.strerror or error})") from error
        self.warned[i] = warnings
        return scene.drawn_by(splats, self._appearance)


def sniff(path: Path) -> Match | None:
    """A folder whose files differ in a number alone, or numbered folders with one PLY each."""
    if not path.is_dir() or layout.point_cloud(path) is not None:
        return None
    files = layout.sequence(path, tuple(CODECS))
    if not files or _codec(files[0]) is None:
        return None
    return Match(path, (f"{len(files)} numbered frames, {files[0].name} to {files[-1].name}",))


def load(source: Source) -> Loaded:
    """The sequence; every frame's header is checked now, the rest is read when it is shown."""
    files = layout.sequence(source.path, tuple(CODECS))
    codec = _codec(files[0]) if files else None
    if codec is None:
        raise Unusable(f"{source.path}: its frames are gone")
    counts = [_checked(file, codec, source, i / len(files)) for i, file in enumerate(files)]
    fps = source.option(FPS, GUESSED_FPS, "guessed")
    cfg = training.cfg_args(source.path, source.warnings)
    background = source.option(BACKGROUND, *training.background(cfg))
    source.progress(0.7, "reading the first frame")
    stated = codec.read(files[0], source.part(0.7, 0.8), []).appearance
    appearance = replace(stated, background=background)
    frames = Frames(files, codec, appearance)
    times = torch.arange(len(files), dtype=torch.float64)
    model = Instants(frames.read, times, max(counts), appearance)
    timing = Timing(model.time_range, 1.0, fps, tuple(_name(source.path, file) for file in files))
    degree = max(model.slice(t).sh_degree for t in (0.0, model.time_range[1]))
    cameras = training.cameras(source.path, source.warnings)
    report = scene.report(source, FORMAT.name, model, timing, degree, cameras)
    return Loaded(model, _with_warnings(report, frames, files))


def _codec(file: Path) -> Codec | None:
    """What reads a file; None where nothing does."""
    known = CODECS.get(file.suffix.lower(), ())
    return next((codec for codec in known if codec.is_one(file)), None)


def _checked(file: Path, codec: Codec, source: Source, fraction: float) -> int:
    source.progress(0.7 * fraction, "checking the frames")
    if not codec.is_one(file):
        raise Unusable(f"{file}: a frame of the sequence, but not of the kind of the first one")
    return codec.count(file)


def _with_warnings(report: Report, frames: Frames, files: list[Path]) -> Report:
    """The report with what was mended in the frames that were looked at."""
    lines = (f"{files[i].name}: {line}" for i in sorted(frames.warned) for line in frames.warned[i])
    return replace(report, warnings=(*report.warnings, *lines))


def _name(folder: Path, file: Path) -> str:
    return file.relative_to(folder).as_posix()


FORMAT = Format(
    "sequence",
    "a folder of numbered .ply, .splat, .sog, .spz or .npz files, one for each frame",
    sniff,
    load,
    (FPS, *COMMON),
)
