"""A folder of numbered files, each one instant, read when it is shown.

PLY, compressed PLY, .splat, .sog and .spz; all frames are of one kind. They may differ in count and
degree. Their time is their rank: 0, 1, 2, ...
"""

import threading
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from viewer.core.errors import Unusable
from viewer.core.model import nbytes
from viewer.core.report import Report
from viewer.core.splats import Appearance, Splats
from viewer.formats import (
    Format,
    Loaded,
    compressed_ply,
    layout,
    ply_3dgs,
    scene,
    sog,
    splat,
    spz,
    training,
)
from viewer.formats.scene import Timing
from viewer.formats.source import BACKGROUND, COMMON, FPS, Codec, Match, Source, silent

CODECS = {
    ".ply": (ply_3dgs.CODEC, compressed_ply.CODEC),
    ".splat": (splat.CODEC,),
    ".sog": (sog.CODEC,),
    ".spz": (spz.CODEC,),
}
CACHE = 2 << 30  # bytes of frames kept after they were shown; the oldest go first
GUESSED_FPS = 30.0


class FrameSequence:
    """Frames as a Model; the latest frame not after a time is shown. Safe to slice in threads."""

    def __init__(
        self, files: list[Path], codec: Codec, counts: list[int], appearance: Appearance
    ) -> None:
        self._files, self._codec = files, codec
        self._cached: OrderedDict[int, Splats] = OrderedDict()
        self._lock = threading.Lock()
        self.appearance = appearance
        self.count = max(counts)
        self.time_range = (0.0, float(len(files) - 1))
        self.frame_times: Tensor | None = torch.arange(len(files), dtype=torch.float64)
        self.warned: dict[int, list[str]] = {}  # what was mended in frames read so far

    @property
    def memory(self) -> int:
        """Bytes held once every frame was shown, by the frames read so far; CACHE at most."""
        with self._lock:
            held = [_bytes(splats) for splats in self._cached.values()]
        return min(CACHE, int(len(self._files) * sum(held) / max(len(held), 1)))

    def slice(self, time: float) -> Splats:
        """The frame shown at `time`, from the cache or the file. Raises Unusable."""
        i = min(max(int(time + 1e-6), 0), len(self._files) - 1)
        with self._lock:
            if i in self._cached:
                self._cached.move_to_end(i)
                return self._cached[i]
        warnings: list[str] = []
        file = self._files[i]
        try:
            splats = self._codec.read(file, silent, warnings)
        except OSError as error:
            raise Unusable(f"{file}: cannot be read ({error.strerror or error})") from error
        splats = scene.drawn_by(splats, self.appearance)
        with self._lock:
            self.warned[i] = warnings
            self._cached[i] = splats
            held = sum(_bytes(s) for s in self._cached.values())
            while held > CACHE and len(self._cached) > 1:
                held -= _bytes(self._cached.popitem(last=False)[1])
        return splats


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
    model = FrameSequence(files, codec, counts, replace(stated, background=background))
    timing = Timing(model.time_range, 1.0, fps, tuple(_name(source.path, file) for file in files))
    degree = max(model.slice(t).sh_degree for t in (0.0, model.time_range[1]))
    cameras = training.cameras(source.path, source.warnings)
    report = scene.report(source, FORMAT.name, model, timing, degree, cameras)
    return Loaded(model, _with_warnings(report, model, files))


def _codec(file: Path) -> Codec | None:
    """What reads a file; None where nothing does."""
    known = CODECS.get(file.suffix.lower(), ())
    return next((codec for codec in known if codec.is_one(file)), None)


def _checked(file: Path, codec: Codec, source: Source, fraction: float) -> int:
    source.progress(0.7 * fraction, "checking the frames")
    if not codec.is_one(file):
        raise Unusable(f"{file}: a frame of the sequence, but not of the kind of the first one")
    return codec.count(file)


def _with_warnings(report: Report, model: FrameSequence, files: list[Path]) -> Report:
    """The report with what was mended in the frames that were looked at."""
    lines = (f"{files[i].name}: {line}" for i in sorted(model.warned) for line in model.warned[i])
    return replace(report, warnings=(*report.warnings, *lines))


def _name(folder: Path, file: Path) -> str:
    return file.relative_to(folder).as_posix()


def _bytes(splats: Splats) -> int:
    s = splats
    return nbytes(s.means, s.quats, s.scales, s.opacities, s.colors, s.index)


FORMAT = Format(
    "sequence",
    "a folder of numbered .ply, .splat, .sog or .spz files, one for each frame",
    sniff,
    load,
    (FPS, *COMMON),
)
