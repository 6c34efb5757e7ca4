"""Hybrid 3D-4DGS: checkpoints of 28 entries, moving 4D Gaussians and static 3D ones together.

Rows are numbered as the tuple has them: the moving ones first, then the static.
Source: scene/gaussian_model.py and gaussian_renderer/__init__.py of ohsngjun/3D-4DGS.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from viewer.core import rotation
from viewer.core.errors import Unusable
from viewer.core.splats import covars_of
from viewer.core.temporal import Gaussians4D
from viewer.formats import Format, Loaded, checkpoint, chkpnt, native4d, sanitize, scene
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
    still, still_rows = _static(run.held, source)
    count = len(run.held[1])
    return together(moving, rows, count, still, still_rows)


def together(
    moving: Gaussians4D,
    rows: Tensor | None,
    count: int,
    still: Gaussians4D,
    still_rows: Tensor | None,
) -> tuple[Gaussians4D, Tensor]:
    """Both sets as one, by covariances, and their places: still ones after `count` moving ones."""
    n, m = len(moving.means), len(still.means)
    degree = max(moving.colors.shape[1], still.colors.shape[1])
    waves = moving.waves
    if waves is not None:
        waves = torch.cat([waves, waves.new_zeros(m, *waves.shape[1:])])
    motion = still.means.new_zeros(m, moving.motion.shape[1], 3)
    gaussians = Gaussians4D(
        means=torch.cat([moving.means, still.means]),
        motion=torch.cat([moving.motion, motion]),
        opacities=torch.cat([moving.opacities, still.opacities]),
        center=torch.cat([moving.center, still.center]),
        width=torch.cat([moving.width, still.width]),
        colors=torch.cat([_padded(moving.colors, degree), _padded(still.colors, degree)]),
        covars=torch.cat([_covars(moving), _covars(still)]),
        waves=waves,
        period=moving.period,
        fixed_directions=moving.fixed_directions,
    )
    first = torch.arange(n) if rows is None else rows
    second = torch.arange(m) if still_rows is None else still_rows
    return gaussians, torch.cat([first, second + count])


def _static(held: Sequence[Any], source: Source) -> tuple[Gaussians4D, Tensor | None]:
    """The still Gaussians, and the rows kept where some were left out."""
    path, i = source.path, FIRST_STATIC
    if isinstance(held[i], Tensor) and not held[i].numel():
        return _empty(), None  # before any Gaussian became static
    means = checkpoint.tensor(held[i], "entry 19 (static_xyz)", path, (None, 3))
    n = len(means)
    dc = checkpoint.view(held[i + 1], "entry 20 (static_features_dc)", path, (n, 1, 3))
    rest = checkpoint.view(held[i + 2], "entry 21 (static_features_rest)", path, (n, None, 3))
    if 1 + rest.shape[1] not in native4d.HARMONICS:
        raise Unusable(f"{path}: {1 + rest.shape[1]} static coefficients, expected 1, 4, 9 or 16")
    colors = torch.cat([dc, rest], 1).float()
    scales = checkpoint.tensor(held[i + 3], "entry 22 (static_scaling)", path, (n, 3))
    quats = checkpoint.tensor(held[i + 4], "entry 23 (static_rotation)", path, (n, 4))
    opacities = checkpoint.tensor(held[i + 5], "entry 24 (static_opacity)", path, (n, 1))
    turned = quats.isfinite().all(1, keepdim=True)
    if not turned.all():  # the trainer's conversion takes the root of a negative trace
        source.warnings.append(f"{int((~turned).sum()):,} static Gaussians are drawn unrotated")
        quats = torch.where(turned, quats, torch.zeros_like(quats))
    fields = {
        "static positions": means,
        "static scales": scales,
        "static opacities": opacities.clamp(-1e4, 1e4),
    }
    rows = sanitize.finite_rows(fields, source.warnings)
    if rows is not None:
        means, scales, quats, opacities, colors = (
            part[rows] for part in (means, scales, quats, opacities, colors)
        )
    return Gaussians4D(
        means=means,
        motion=means.new_empty(len(means), 0, 3),
        opacities=torch.sigmoid(opacities[:, 0]),
        center=means.new_zeros(len(means)),
        width=torch.full_like(means[:, 0], math.inf),
        colors=sanitize.colors(colors, source.warnings),
        quats=rotation.normalized(quats),
        scales=sanitize.scales(scales, source.warnings),
    ), rows


def _empty() -> Gaussians4D:
    none = torch.empty(0)
    return Gaussians4D(
        means=torch.empty(0, 3),
        motion=torch.empty(0, 0, 3),
        opacities=none,
        center=none,
        width=none,
        colors=torch.empty(0, 1, 3),
        covars=torch.empty(0, 6),
    )


def _padded(colors: Tensor, count: int) -> Tensor:
    """Coefficients [N, K, 3] with zeros up to [N, count, 3]."""
    return torch.cat([colors, colors.new_zeros(len(colors), count - colors.shape[1], 3)], 1)


def _covars(g: Gaussians4D) -> Tensor:
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
