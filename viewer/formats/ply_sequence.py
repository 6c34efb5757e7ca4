"""A folder of per-frame 3DGS PLYs: one set of splats for each instant, read when it is needed.

Frames may differ in count and degree. Their time is their rank: 0, 1, 2, ...
"""

import threading
from collections import OrderedDict
from pathlib import Path

import torch
from torch import Tensor

from viewer.core.errors import Unusable
from viewer.core.model import nbytes
from viewer.core.splats import Appearance, Splats
from viewer.formats import Format, Loaded, layout, ply, ply_3dgs, scene, training
from viewer.formats.ply import Header
from viewer.formats.scene import Timing
from viewer.formats.source import BACKGROUND, COMMON, FPS, Match, Source, silent

CACHE = 2 << 30  # bytes of frames kept after they were shown; the oldest go first
GUESSED_FPS = 30.0


class FrameSequence:
    """Frames as a Model; the latest frame not after a time is shown. Safe to slice in threads."""

    def __init__(self, headers: list[Header], appearance: Appearance) -> None:
        self._headers = headers
        self._cached: OrderedDict[int, Splats] = OrderedDict()
        self._lock = threading.Lock()
        self.appearance = appearance
        self.count = max(header.vertex.count for header in headers)
        self.time_range = (0.0, float(len(headers) - 1))
        self.frame_times: Tensor | None = torch.arange(len(headers), dtype=torch.float64)
        self.warned: dict[int, list[str]] = {}  # what was mended in frames read so far

    @property
    def memory(self) -> int:
        """Bytes held once every frame was shown, about those of the files, and CACHE at most."""
        return min(CACHE, sum(header.path.stat().st_size for header in self._headers))

    def slice(self, time: float) -> Splats:
        """The frame shown at `time`, from the cache or the file. Raises Unusable."""
        i = min(max(int(time + 1e-6), 0), len(self._headers) - 1)
        with self._lock:
            if i in self._cached:
                self._cached.move_to_end(i)
                return self._cached[i]
        warnings: list[str] = []
        header = self._headers[i]
        try:
            splats = ply_3dgs.read(header, self.appearance, silent, warnings)
        except OSError as error:
            raise Unusable(f"{header.path}: cannot be read ({error.strerror or error})") from error
        with self._lock:
            self.warned[i] = warnings
            self._cached[i] = splats
            held = sum(_bytes(s) for s in self._cached.values())
            while held > CACHE and len(self._cached) > 1:
                held -= _bytes(self._cached.popitem(last=False)[1])
        return splats


def sniff(path: Path) -> Match | None:
    """A folder whose PLYs differ in a number alone, or numbered folders with one PLY each."""
    if not path.is_dir() or layout.point_cloud(path) is not None:
        return None
    files = layout.sequence(path)
    header = ply.read_header(files[0]) if files else None
    if header is None or not ply_3dgs.is_splats(header):
        return None
    return Match(path, (f"{len(files)} numbered PLYs, {files[0].name} to {files[-1].name}",))


def load(source: Source) -> Loaded:
    """The sequence; every header is checked now, frames are read when they are shown."""
    files = layout.sequence(source.path)
    headers = [_checked(file, source, i / len(files)) for i, file in enumerate(files)]
    fps = source.option(FPS, GUESSED_FPS, "guessed")
    cfg = training.cfg_args(source.path, source.warnings)
    background = source.option(BACKGROUND, *training.background(cfg))
    model = FrameSequence(headers, Appearance(background=background))
    source.progress(0.7, "reading the first frames")
    timing = Timing(model.time_range, 1.0, fps, tuple(_name(source.path, file) for file in files))
    degree = max(model.slice(t).sh_degree for t in (0.0, model.time_range[1]))
    cameras = training.cameras(source.path, source.warnings)
    report = scene.report(source, FORMAT.name, model, timing, degree, cameras)
    return Loaded(model, _with_warnings(report, model, files))


def _checked(file: Path, source: Source, fraction: float) -> Header:
    source.progress(0.7 * fraction, "checking the frames")
    header = ply.read_header(file)
    if header is None or not ply_3dgs.is_splats(header):
        raise Unusable(f"{file}: a frame of the sequence, but not a PLY with splats")
    ply.check(header)
    return header


def _with_warnings(report: scene.Report, model: FrameSequence, files: list[Path]) -> scene.Report:
    """The report with what was mended in the frames that were looked at."""
    lines = [
        f"{files[i].name}: {line}" for i, some in sorted(model.warned.items()) for line in some
    ]
    return scene.replace(report, warnings=(*report.warnings, *lines))


def _name(folder: Path, file: Path) -> str:
    return file.relative_to(folder).as_posix()


def _bytes(splats: Splats) -> int:
    s = splats
    return nbytes(s.means, s.quats, s.scales, s.opacities, s.colors, s.index)


FORMAT = Format(
    "ply-sequence",
    "a folder of numbered 3DGS PLYs, one for each frame",
    sniff,
    load,
    (FPS, *COMMON),
)
