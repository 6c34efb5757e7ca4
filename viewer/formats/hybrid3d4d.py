"""Hybrid 3D-4DGS: checkpoints of 28 entries, moving 4D Gaussians and static 3D ones together.

Rows are numbered as the tuple has them: the moving ones first, then the static.
Source: scene/gaussian_model.py and gaussian_renderer/__init__.py of ohsngjun/3D-4DGS.
"""

import math
from pathlib import Path

import torch
from torch import Tensor

from viewer.core import rotation
from viewer.core.splats import Splats, covars_of
from viewer.core.temporal import Gaussians4D
from viewer.formats import Format, Loaded, chkpnt, native4d, scene, static_checkpoint
from viewer.formats.source import Match, Source

FIRST_STATIC = 19  # entry of the tuple


def sniff(path: Path) -> Match | None:
    """A training tuple of 28 entries: the file, the newest of a run, or a run by its PLY.

    The PLY that lies in such a run holds the moving Gaussians without their motion.
    """
    found = chkpnt.sniffed(path, chkpnt.HYBRID)
    return None if found is None else Match(*found, supersedes=("3dgs-ply",))


def load(source: Source) -> Loaded:
    """The moving scene and the still one, drawn as one."""
    run = native4d.opened(source, chkpnt.HYBRID)
    cull = native4d.CULL
    model = scene.indexed(*_gaussians(run, source), run.timing, run.appearance, source, cull)
    degree = math.isqrt(model.gaussians.colors.shape[1]) - 1
    report = scene.report(source, FORMAT.name, model, run.timing, degree, run.cameras)
    return Loaded(model, report)


def _gaussians(run: native4d.Run, source: Source) -> tuple[Gaussians4D, Tensor]:
    """Both sets, and each one's place in the file."""
    moving, rows = native4d.dynamic(run, source)
    still = static_checkpoint.splats(run.held, FIRST_STATIC, source)
    return together(moving, rows, len(run.held[1]), still)


def together(
    moving: Gaussians4D, rows: Tensor | None, count: int, still: Splats
) -> tuple[Gaussians4D, Tensor]:
    """Both sets as one, by covariances, and their places: still ones after `count` moving ones."""
    n, m = len(moving.means), len(still)
    degree = max(moving.colors.shape[1], still.colors.shape[1])
    waves = moving.waves
    if waves is not None:
        waves = torch.cat([waves, waves.new_zeros(m, *waves.shape[1:])])
    motion = still.means.new_zeros(m, moving.motion.shape[1], 3)
    gaussians = Gaussians4D(
        means=torch.cat([moving.means, still.means]),
        motion=torch.cat([moving.motion, motion]),
        opacities=torch.cat([moving.opacities, still.opacities]),
        center=torch.cat([moving.center, still.means.new_zeros(m)]),
        width=torch.cat([moving.width, torch.full_like(still.opacities, math.inf)]),
        colors=torch.cat([_padded(moving.colors, degree), _padded(still.colors, degree)]),
        covars=torch.cat([_covars(moving), _covars(still)]),
        waves=waves,
        period=moving.period,
        fixed_directions=moving.fixed_directions,
    )
    first = torch.arange(n) if rows is None else rows
    second = torch.arange(m) if still.index is None else still.index
    return gaussians, torch.cat([first, second + count])


def _padded(colors: Tensor, count: int) -> Tensor:
    """Coefficients [N, K, 3] with zeros up to [N, count, 3]."""
    return torch.cat([colors, colors.new_zeros(len(colors), count - colors.shape[1], 3)], 1)


def _covars(g: Gaussians4D | Splats) -> Tensor:
    if g.covars is not None:
        return g.covars
    assert g.quats is not None
    assert g.scales is not None
    return covars_of(rotation.matrices(g.quats), g.scales)


FORMAT = Format(
    "hybrid-3d-4dgs",
    "a chkpnt*.pth of 3D-4DGS, or its run's folder",
    sniff,
    load,
    native4d.FORMAT.options,
)
