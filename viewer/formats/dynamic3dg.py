"""Dynamic3DGaussians: positions, rotations and colours frame by frame, in one params.npz.

Time is the frame number. The trainer shows stored frames only; `between=linear` blends two of them.
Frames are read when they are shown: a sequence takes gigabytes.
Source: helpers.py and visualize.py of JonathonLuiten/Dynamic3DGaussians (Luiten et al. 2024).
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from viewer.core import rotation
from viewer.core.errors import Unusable
from viewer.core.model import nbytes
from viewer.core.splats import Appearance, Splats
from viewer.formats import Format, Loaded, layout, npz, sanitize, scene, training
from viewer.formats.instants import Instants
from viewer.formats.npz import Array
from viewer.formats.scene import Timing
from viewer.formats.source import BACKGROUND, COMMON, FPS, Match, Option, Source, choice

FILE = "params.npz"
MEANS, QUATS, COLORS = "means3D", "unnorm_rotations", "rgb_colors"
SCALES, OPACITIES = "log_scales", "logit_opacities"
MOVING = {MEANS: 3, QUATS: 4, COLORS: 3}  # numbers a Gaussian
RUNS = (f"*/{FILE}", f"pretrained/*/{FILE}", f"output/*/*/{FILE}")  # where runs lie below a folder
SHOWN_FPS = 20.0  # at which the trainer's own viewer plays


class Between(Enum):
    """What is shown between two stored frames."""

    STORED = "stored"  # the earlier one, as the trainer's viewer does
    LINEAR = "linear"  # both, in proportion


BETWEEN = Option("between", "what is shown between frames: stored or linear", choice(Between))


class Frame(NamedTuple):
    """What changes from frame to frame, of the rows kept; float32."""

    means: Tensor  # [N, 3]
    quats: Tensor  # [N, 4] of any length
    colors: Tensor  # [N, 3] plain RGB


@dataclass(frozen=True, eq=False, slots=True)
class Stored:
    """A params.npz: what never changes, and how to read what does.

    fields: of a frame number, [N, C] of every row of the file; they raise Unusable. held: bytes of
    them in memory.
    """

    frames: int
    fields: tuple[Callable[[int], Tensor], ...]  # as in Frame
    scales: Tensor  # [N, 3]
    opacities: Tensor  # [N]
    rows: Tensor | None  # [N] places in the file, where some were left out
    held: int

    @property
    def memory(self) -> int:
        """Bytes held at rest."""
        return self.held + nbytes(self.scales, self.opacities, self.rows)

    def frame(self, i: int) -> Frame:
        """Frame i. Raises Unusable."""
        fields = [field(i).to(self.scales.device) for field in self.fields]
        return Frame(*(field if self.rows is None else field[self.rows] for field in fields))

    def splats(self, frame: Frame, appearance: Appearance, warnings: list[str]) -> Splats:
        """One instant; rows that are not finite in it are left out."""
        scales, opacities, rows = self.scales, self.opacities, self.rows
        checked = {"positions": frame.means, "rotations": frame.quats}
        kept = sanitize.finite_rows(checked, warnings)
        if kept is not None:
            frame = Frame(*(field[kept] for field in frame))
            scales, opacities = scales[kept], opacities[kept]
            rows = kept if rows is None else rows[kept]
        sanitize.count_zero_quats(frame.quats, warnings)
        return Splats(
            means=frame.means,
            quats=rotation.normalized(frame.quats),
            scales=scales,
            opacities=opacities,
            colors=sanitize.colors(frame.colors, warnings),
            appearance=appearance,
            index=rows,
        )


class Blended:
    """Stored frames as a Model that moves between them. Safe to slice in threads."""

    def __init__(self, stored: Stored, appearance: Appearance) -> None:
        self._stored = stored
        self._last: dict[int, Frame] = {}
        self._lock = threading.Lock()
        self.appearance = appearance
        self.count = len(stored.scales)
        self.time_range = (0.0, float(stored.frames - 1))
        self.frame_times: Tensor | None = None

    @property
    def memory(self) -> int:
        """Bytes held: what never changes, and the two frames around a time."""
        frame = 10 * 4 * self.count
        return self._stored.memory + 2 * frame

    def slice(self, time: float) -> Splats:
        """Both frames around a time, in proportion. Raises Unusable where they cannot be read."""
        t = min(max(time, 0.0), self.time_range[1])
        i = int(t)
        u = t - i
        before, after = self._frames(i, min(i + 1, self._stored.frames - 1))
        return self._stored.splats(blended(before, after, u), self.appearance, [])

    def _frames(self, *wanted: int) -> list[Frame]:
        with self._lock:
            have = dict(self._last)
        found = {i: have[i] if i in have else self._stored.frame(i) for i in wanted}
        with self._lock:
            self._last = found
        return [found[i] for i in wanted]


def blended(before: Frame, after: Frame, u: float) -> Frame:
    """Between two frames, u 0..1: everything linear, rotations along the shorter way."""
    if u == 0:
        return before
    a, b = rotation.normalized(before.quats), rotation.normalized(after.quats)
    b = torch.where((a * b).sum(1, keepdim=True) < 0, -b, b)
    return Frame(
        means=(1 - u) * before.means + u * after.means,
        quats=(1 - u) * a + u * b,
        colors=(1 - u) * before.colors + u * after.colors,
    )


def sniff(path: Path) -> Match | None:
    """An .npz with means3D and unnorm_rotations: the file, its folder, or a folder of one run.

    Raises Unusable for a folder of several runs.
    """
    runs = [path] if path.is_file() else _in_folder(path)
    if not runs:
        return None
    try:
        names = npz.names(runs[0])
    except Unusable:
        if path.is_file() or runs[0].name == FILE:
            raise
        return None  # what else lies in the folder may be good
    if MEANS not in names or QUATS not in names:
        return None
    if len(runs) > 1:
        shown = ", ".join(str(run.parent.relative_to(path)) for run in runs[:6])
        raise Unusable(
            f"{path}: holds {len(runs)} sequences ({shown}), expected one", "open one of them"
        )
    return Match(runs[0], (f"{runs[0].name} with {MEANS} and {QUATS}",))


def _in_folder(path: Path) -> list[Path]:
    """params.npz of a folder, or the only .npz in it, or those of the runs below it."""
    own = path / FILE if (path / FILE).is_file() else layout.only_file(path, npz.ENDING)
    if own is not None:
        return [own]
    return next((runs for pattern in RUNS if (runs := sorted(path.glob(pattern)))), [])


def load(source: Source) -> Loaded:
    """The moving scene; a file of one frame is a still one."""
    fps = source.option(FPS, SHOWN_FPS, "guessed")
    between = source.option(BETWEEN, Between.STORED, "guessed")
    appearance = Appearance(background=source.option(BACKGROUND, training.BLACK, "guessed"))
    stored = read(source)
    warned: dict[str, list[int]] = {}  # frames by what was mended in them

    def made(i: int) -> Splats:
        lines: list[str] = []
        splats = stored.splats(stored.frame(i), appearance, lines)
        for line in lines:
            warned.setdefault(line, []).append(i)
        return splats

    times = torch.arange(stored.frames, dtype=torch.float64)
    count = len(stored.scales)
    shown = Instants(made, times, count, appearance, stored.memory)
    model = shown if between is Between.STORED else Blended(stored, appearance)
    source.progress(0.8, "reading the first frame")
    for time in (0.0, float(stored.frames // 2), float(stored.frames - 1)):
        shown.slice(time)
    source.warnings += [f"{line} (frame {', '.join(map(str, i))})" for line, i in warned.items()]
    timing = Timing(model.time_range, 1.0, fps)
    return Loaded(model, scene.report(source, FORMAT.name, model, timing, 0))


def read(source: Source) -> Stored:
    """A params.npz; none of its frames, unless they are compressed. Raises Unusable."""
    archive = npz.opened(source.path)
    shape = archive.array(MEANS).shape
    frames, n = (shape[0] if len(shape) == 3 else 1), shape[-2] if len(shape) > 1 else 0
    if frames == 0:
        raise Unusable(f"{source.path}: {MEANS} has shape {list(shape)}, expected a frame or more")
    fields, held = [], 0
    for i, (name, width) in enumerate(MOVING.items()):
        source.progress(0.2 * i, "reading")
        array = archive.array(name)
        _check(array, (n, width), frames)
        field, size = _field(array)
        fields.append(field)
        held += size
    source.progress(0.6, "reading what does not move")
    sizes, opacities = archive.array(SCALES), archive.array(OPACITIES)
    round_ones = sizes.shape == (n, 1)  # spheres, as SLAM systems of the family store
    _check(sizes, (n, 1 if round_ones else 3))
    _check(opacities, (n, 1))
    logs, logits = _floats(sizes.read()).expand(n, 3), _floats(opacities.read())
    checked = {"sizes": logs, "opacities": logits.clamp(-1e4, 1e4)}  # fully opaque is infinite
    rows = sanitize.finite_rows(checked, source.warnings)
    if rows is not None:
        logs, logits = logs[rows], logits[rows]
    scales = sanitize.scales(logs, source.warnings)
    return Stored(frames, tuple(fields), scales, torch.sigmoid(logits[:, 0]), rows, held)


def _check(array: Array, shape: tuple[int, int], frames: int | None = None) -> None:
    """Raises Unusable unless an array is [N, C], or that for every one of some frames."""
    if array.shape != shape and (frames is None or array.shape != (frames, *shape)):
        often = "" if frames is None else f", once or for each of {frames} frames"
        found, expected = list(array.shape), list(shape)
        raise Unusable(f"{array.path}: {array.name} has shape {found}, expected {expected}{often}")


def _field(array: Array) -> tuple[Callable[[int], Tensor], int]:
    """How to get an array's [N, C] at a frame, and the bytes of it that are in memory."""
    if len(array.shape) == 3 and array.begins is not None:
        return (lambda i: _floats(array.rows(i, i + 1)[0])), 0
    values = array.read()
    if len(array.shape) == 3:
        return (lambda i: _floats(values[i])), values.nbytes
    still = _floats(values)
    return (lambda i: still), nbytes(still)


def _floats(values: np.ndarray) -> Tensor:
    with np.errstate(over="ignore"):  # a double too large becomes inf, and its row is dropped
        return torch.from_numpy(values.astype(np.float32, copy=False))


FORMAT = Format(
    "dynamic3dg",
    "a params.npz of Dynamic3DGaussians, with means3D and unnorm_rotations",
    sniff,
    load,
    (FPS, BETWEEN, *COMMON),
)
