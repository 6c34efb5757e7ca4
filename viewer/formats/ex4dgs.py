"""Ex4DGS: drifting Gaussians, and Gaussians with positions and rotations in key frames.

A pair of PLYs, either of them alone, or the trainer's checkpoint; where both are there the pair is
opened. Time is the frame number. In `index`, the rows of the static file come first: row i of the
dynamic one is i + the number of static rows.
Source: scene/__init__.py, scene/c_gaussian_model.py and train.py of juno181/Ex4DGS.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

from viewer.core.errors import Unusable
from viewer.core.splats import NEAR, Appearance, Compensation
from viewer.formats import (
    Format,
    Loaded,
    chkpnt,
    ex4dgs_clock,
    ex4dgs_parts,
    layout,
    ply,
    scene,
    training,
)
from viewer.formats.ex4dgs_clock import Stated
from viewer.formats.ex4dgs_parts import DYNAMIC_MARK, STATIC_MARK, Dynamic, Part, Static
from viewer.formats.keyframes import Drifting, Keyed, KeyframeGaussians
from viewer.formats.ply_3dgs import LOW_PASS_OPTION
from viewer.formats.scene import Timing
from viewer.formats.source import BACKGROUND, COMMON, FPS, TIME_RANGE, Match, Source

FILE, DYNAMIC = "point_cloud.ply", "dynamic_"  # before the static PLY's name: the other's
KERNEL = 0.1  # px², of every published configuration
CAPTURE_FPS = 30.0  # of its footage


class Pair(NamedTuple):
    """The PLYs of a model; one of them may be missing."""

    static: Path | None
    dynamic: Path | None


def sniff(path: Path) -> Match | None:
    """A PLY with xyz_disp_0 or motion_xyz_0_0, a run's newest pair, or a tuple of 40 entries."""
    static, dynamic = _pair(path)
    evidence = []
    if static is not None:
        evidence.append(f"{static.name} with {STATIC_MARK}")
    if dynamic is not None:
        evidence.append(f"{dynamic.name} with {DYNAMIC_MARK}")
    file = static or dynamic
    if file is not None:
        return Match(file, tuple(evidence))
    if path.is_file() and path.suffix.lower() == ".ply":
        return None  # the family's PLYs are known by themselves: this one is something else
    found = chkpnt.sniffed(path, chkpnt.EX4DGS)
    return None if found is None else Match(*found, supersedes=("3dgs-ply",))


def load(source: Source) -> Loaded:
    """The moving scene."""
    cfg = training.cfg_args(source.root, source.warnings)
    pair = _pair(source.path)
    if any(pair):
        stated = ex4dgs_clock.beside(source, cfg)
        static, dynamic = _of_plys(pair, source)
    else:
        static, dynamic, stated = _of_checkpoint(source)
    source.progress(0.8, "checking")
    clock, interpolation = ex4dgs_clock.clock(stated, cfg, source)
    padding = ex4dgs_clock.life_padding(cfg, source) / clock.interval
    still = ex4dgs_parts.drifting(static, source.warnings)
    moving = ex4dgs_parts.keyed(dynamic, padding, source.warnings)
    model = KeyframeGaussians(
        drifting=still.gaussians,
        keyed=moving.gaussians,
        colors=_together(still.colors, moving.colors),
        clock=clock,
        interpolation=interpolation,
        appearance=_appearance(cfg, source),
        index=_index(still, moving),
    )
    timing = Timing(model.time_range, 1.0, source.option(FPS, CAPTURE_FPS, "guessed"))
    timing = scene.within(source, timing, source.origin_of(ex4dgs_clock.FRAMES))
    degree = ex4dgs_parts.DEGREES[model.colors.shape[1]]
    cameras = training.cameras(source.root, source.warnings)
    return Loaded(model, scene.report(source, FORMAT.name, model, timing, degree, cameras))


def _pair(path: Path) -> Pair:
    """The PLYs at a file, in the folder that holds them, or of a run's newest iteration."""
    folders = [] if path.is_file() else [path, *layout.newest_iterations(path)]
    inside = [folder / name for folder in folders for name in (FILE, DYNAMIC + FILE)]
    for file in (*inside, layout.only_file(path, ".ply")):
        if file is not None and _holds(file, DYNAMIC_MARK):
            static = file.with_name(file.name.removeprefix(DYNAMIC))
            return Pair(static if _holds(static, STATIC_MARK) else None, file)
        if file is not None and _holds(file, STATIC_MARK):
            dynamic = file.with_name(DYNAMIC + file.name)
            return Pair(file, dynamic if _holds(dynamic, DYNAMIC_MARK) else None)
    return Pair(None, None)


def _holds(path: Path, mark: str) -> bool:
    """Whether a path is a PLY with a property."""
    header = ply.read_header(path) if path.is_file() else None
    return header is not None and mark in header.vertex.names


def _of_plys(pair: Pair, source: Source) -> tuple[Static, Dynamic]:
    """Both halves; one that is missing is empty. Raises Unusable."""
    static, dynamic = ex4dgs_parts.none_static(), ex4dgs_parts.none_dynamic()
    if pair.static is None:
        source.warnings.append(
            "the static PLY is not beside the dynamic one: what stands still is missing"
        )
    else:
        header = ply.header(pair.static)
        static = ex4dgs_parts.static_of_ply(header, source.part(0.1, 0.4), source.warnings)
    if pair.dynamic is None:
        source.warnings.append(
            f"{DYNAMIC}{source.path.name} is not beside {source.path.name}: what moves is missing"
        )
    else:
        header = ply.header(pair.dynamic)
        dynamic = ex4dgs_parts.dynamic_of_ply(header, source.part(0.4, 0.8), source.warnings)
    return static, dynamic


def _of_checkpoint(source: Source) -> tuple[Static, Dynamic, Stated]:
    """Both halves, and what is said of time. Raises Unusable."""
    held, _ = chkpnt.read(source.path)
    if len(held) != chkpnt.EX4DGS:
        raise Unusable(f"{source.path}: a tuple of {len(held)}, expected {chkpnt.EX4DGS} entries")
    source.progress(0.1, "reading")
    static = ex4dgs_parts.static_of_tuple(held, source.path)
    source.progress(0.4, "reading")
    dynamic = ex4dgs_parts.dynamic_of_tuple(held, source.path)
    return static, dynamic, ex4dgs_clock.of_tuple(held, source.path)


def _appearance(cfg: Mapping[str, Any], source: Source) -> Appearance:
    """As the trainer's own rasteriser draws, over the white that it tests with."""
    return Appearance(
        low_pass=source.option(LOW_PASS_OPTION, *training.number(cfg, "kernel_size", KERNEL)),
        compensation=Compensation.EX4DGS,
        near=training.number(cfg, "near", NEAR)[0],
        background=source.option(BACKGROUND, training.WHITE, "guessed"),
    )


def _together(static: Tensor, dynamic: Tensor) -> Tensor:
    """Coefficients [S + M, K, 3]; the higher ones of a half that has fewer are 0."""
    most = max(static.shape[1], dynamic.shape[1])
    return torch.cat([pad(part, (0, 0, 0, most - part.shape[1])) for part in (static, dynamic)])


def _index(static: Part[Drifting], dynamic: Part[Keyed]) -> Tensor | None:
    """Places in both files, one after the other; None where every row is there."""
    if static.rows is None and dynamic.rows is None:
        return None
    first, then = (
        torch.arange(part.stored) if part.rows is None else part.rows for part in (static, dynamic)
    )
    return torch.cat([first, then + static.stored])


FORMAT = Format(
    "ex4dgs",
    "an Ex4DGS run's folder, its point_cloud.ply and dynamic_point_cloud.ply, or its chkpnt*.pth",
    sniff,
    load,
    (*ex4dgs_clock.OPTIONS, LOW_PASS_OPTION, TIME_RANGE, FPS, *COMMON),
)
