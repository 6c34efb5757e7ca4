"""3DGStream: the Gaussians of a first frame, moved from frame to frame by a small network each.

Each frame may add Gaussians that only it shows.
Source: scene/gaussian_model.py of SJoJoK/3DGStream.
"""

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from viewer.core import rotation, sh
from viewer.core.errors import Unusable
from viewer.core.model import StaticModel, nbytes
from viewer.core.splats import Appearance, Splats
from viewer.formats import (
    Format,
    Loaded,
    network,
    ntc,
    ply,
    ply_3dgs,
    scene,
    stream3dg_files,
    tcnn,
    training,
)
from viewer.formats.instants import Instants
from viewer.formats.ntc import Layout, State
from viewer.formats.ply import Header
from viewer.formats.replay import Replay
from viewer.formats.scene import Timing
from viewer.formats.source import BACKGROUND, COMMON, FPS, Source, silent
from viewer.formats.stream3dg_files import NTCS, Frame
from viewer.formats.tcnn import HASH_INDEX

CONFIG = "config.json"  # of the caches
CAPTURE_FPS = 30.0


class Stream:
    """Makes the splats of each frame."""

    def __init__(
        self,
        first: Splats,
        rows: int,
        frames: list[Frame],
        layout: Layout | None,
        added: list[Splats | None],
    ) -> None:
        """rows: of the first frame's file. layout: of the caches. added: of each frame."""
        assert first.quats is not None
        self._first, self._rows, self._frames, self._layout = first, rows, frames, layout
        self._added = added
        stored = {i for i, frame in enumerate(frames) if frame.whole is not None}
        start = State(first.means, first.quats)
        self._states = Replay(start, len(frames), self._step, stored, self._read)
        held = [StaticModel(splats).memory for splats in (first, *added) if splats is not None]
        self.memory = sum(held) + (self._states.kept - 1) * nbytes(*start)

    def splats(self, i: int) -> Splats:
        """Those of frame i. Raises Unusable where a file is gone or has changed."""
        means, quats = self._states.at(i)
        moved = replace(self._first, means=means, quats=quats)
        added = self._added[i]
        return moved if added is None else _joined(moved, added, self._rows)

    def _step(self, i: int, before: State) -> State:
        cache = self._frames[i].cache
        assert cache is not None
        assert self._layout is not None
        return ntc.read(cache, self._layout, before.means).step(before)

    def _read(self, i: int) -> State:
        """As the trainer left it."""
        path, first = self._frames[i].whole, self._first
        assert path is not None
        assert first.quats is not None
        try:
            header = _checked(path, self._rows)
            parts = ply.columns(header, [ply_3dgs.MEANS, ply_3dgs.QUAT])
        except OSError as error:
            raise Unusable(f"{path}: cannot be read ({error.strerror or error})") from error
        means, quats = (torch.from_numpy(part).to(first.means.device) for part in parts)
        if first.index is not None:
            means, quats = means[first.index], quats[first.index]
        quats = rotation.normalized(network.finite(quats, first.quats))
        return State(network.finite(means, first.means), quats)


def load(source: Source) -> Loaded:
    """The stream. Caches are read when their frame is shown; that they fit is checked now."""
    root = source.path
    frames, config = stream3dg_files.frames(root, source.warnings)
    assert frames[0].whole is not None
    source.evidence += (stream3dg_files.used(frames, root),)
    appearance = Appearance(background=source.option(BACKGROUND, *training.background(config)))
    header = ply.header(frames[0].whole)
    rows = header.vertex.count
    first = ply_3dgs.read(header, appearance, source.part(0, 0.3), source.warnings)
    layout = _layout(source, frames)
    added: list[Splats | None] = []
    for i, frame in enumerate(frames):
        source.progress(0.3 + 0.6 * i / len(frames), "checking the frames")
        added.append(_additions(frame, source.warnings))
        if frame.whole is not None:
            _checked(frame.whole, rows)
        elif frame.cache is not None and layout is not None:
            ntc.check(frame.cache, layout)
    stream = Stream(first, rows, frames, layout, added)
    shown = [first, *(splats for splats in added if splats is not None)]
    times = torch.tensor([frame.number for frame in frames], dtype=torch.float64)
    count = len(first) + max(len(splats) if splats is not None else 0 for splats in added)
    model = Instants(stream.splats, times, count, appearance, stream.memory)
    timing = Timing(model.time_range, 1.0, source.option(FPS, CAPTURE_FPS, "guessed"))
    cameras = training.cameras(root, source.warnings)
    # The first view is judged by the first frame: others would be replayed for it.
    start = StaticModel(model.slice(model.time_range[0]))
    degree = max(splats.sh_degree for splats in shown)
    report = scene.report(source, FORMAT.name, start, timing, degree, cameras)
    instants = tuple(times.tolist())
    return Loaded(model, replace(report, count=count, memory=model.memory, frame_times=instants))


def _layout(source: Source, frames: list[Frame]) -> Layout | None:
    """Of the caches; None where there are none. Raises Unusable."""
    caches = [frame.cache for frame in frames if frame.cache is not None]
    if not caches:
        return None
    places = (source.path / NTCS / CONFIG, source.path / CONFIG)
    config = next((path for path in places if path.is_file()), None)
    if config is not None:
        layout = ntc.configured(config)
    else:
        layout = ntc.published(count := ntc.parameters(caches[0]))
        if layout is None:
            raise Unusable(
                f"{caches[0]}: has {count} parameters, expected those of a published configuration",
                f"put the configuration of its training there as {CONFIG}",
            )
    if layout.grid is None:
        return layout
    return replace(layout, grid=tcnn.as_trained(layout.grid, source))


def _additions(frame: Frame, warnings: list[str]) -> Splats | None:
    if frame.added is None:
        return None
    said: list[str] = []
    splats = ply_3dgs.read_file(frame.added, silent, said)
    warnings += [f"additions of frame {frame.number}: {line}" for line in said]
    return splats if len(splats) else None


def _checked(path: Path, rows: int) -> Header:
    """The header of a PLY that has the Gaussians of the first frame, moved. Raises Unusable."""
    header = ply.header(path)
    ply.check(header)
    if header.vertex.count != rows:
        raise Unusable(
            f"{path}: has {header.vertex.count} Gaussians, expected the {rows} of the first frame",
            "with --option format=sequence each frame is shown as its PLY has it",
        )
    return header


def _joined(moved: Splats, added: Splats, rows: int) -> Splats:
    """Both, the additions' places in their file counted on from the `rows` of the first frame."""
    assert moved.quats is not None
    assert moved.scales is not None
    assert added.quats is not None
    assert added.scales is not None
    colors = [_harmonics(splats) for splats in (moved, added)]
    most = max(some.shape[1] for some in colors)
    index = None
    if moved.index is not None or added.index is not None:
        index = torch.cat([_places(moved), _places(added) + rows])
    return Splats(
        means=torch.cat([moved.means, added.means]),
        quats=torch.cat([moved.quats, added.quats]),
        scales=torch.cat([moved.scales, added.scales]),
        opacities=torch.cat([moved.opacities, added.opacities]),
        colors=torch.cat([_to_count(some, most) for some in colors]),
        appearance=moved.appearance,
        index=index,
    )


def _places(splats: Splats) -> Tensor:
    return torch.arange(len(splats)) if splats.index is None else splats.index


def _harmonics(splats: Splats) -> Tensor:
    return splats.colors if splats.view_dependent else sh.constant(splats.colors)


def _to_count(colors: Tensor, count: int) -> Tensor:
    """Coefficients [N, count, 3], those that are not there being 0."""
    return functional.pad(colors, (0, 0, 0, count - colors.shape[1]))


FORMAT = Format(
    "3dgstream",
    "a 3DGStream folder (init_3dgs.ply and NTCs/), or the folder of its training (frame000001/...)",
    stream3dg_files.find,
    load,
    (HASH_INDEX, FPS, *COMMON),
)
