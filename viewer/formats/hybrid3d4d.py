"""Hybrid 3D-4DGS: checkpoints of 28 entries, moving 4D Gaussians and static 3D ones together.

Rows are numbered as the tuple has them: the moving ones first, then the static.
Source: scene/gaussian_model.py and gaussian_renderer/__init__.py of ohsngjun/3D-4DGS.
"""

import math
from collections.abc import Mapping
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
    """Both sets as one, by covariances, and each one's place in the file."""
    gaussians, rows = native4d.dynamic(run, source)
    moving = _fields(gaussians)
    period, fixed = gaussians.period, gaussians.fixed_directions
    del gaussians  # each field goes once it is in the whole
    splats = static_checkpoint.splats(run.held, FIRST_STATIC, source)
    index, count = splats.index, len(splats)
    still = _still(splats, moving)
    del splats
    names = list(moving)
    whole = {name: _joined(moving.pop(name), still.pop(name)) for name in names}
    first = torch.arange(len(whole["means"]) - count) if rows is None else rows
    second = torch.arange(count) if index is None else index
    places = torch.cat([first, second + len(run.held[1])])
    return Gaussians4D(**whole, period=period, fixed_directions=fixed), places


def _fields(g: Gaussians4D) -> dict[str, Tensor]:
    """Fields of the moving Gaussians, shaped by covariances."""
    fields = g.tensors()
    if g.quats is not None and g.scales is not None:
        fields["covars"] = covars_of(rotation.matrices(g.quats), g.scales)
        del fields["quats"], fields["scales"]
    return fields


def _still(splats: Splats, moving: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same fields of Gaussians that stand still and are always there."""
    assert splats.quats is not None
    assert splats.scales is not None
    m, means = len(splats), splats.means
    fields = {
        "means": means,
        "motion": means.new_zeros(m, moving["motion"].shape[1], 3),
        "opacities": splats.opacities,
        "center": means.new_zeros(m),
        "width": torch.full_like(splats.opacities, math.inf),
        "colors": splats.colors,
        "covars": covars_of(rotation.matrices(splats.quats), splats.scales),
    }
    if "waves" in moving:
        fields["waves"] = means.new_zeros(m, *moving["waves"].shape[1:])
    return fields


def _joined(moving: Tensor, still: Tensor) -> Tensor:
    """One field of both; coefficients of a lower degree are filled up with zeros."""
    if moving.dim() == 3 and moving.shape[1] != still.shape[1]:
        most = max(moving.shape[1], still.shape[1])
        moving, still = _padded(moving, most), _padded(still, most)
    return torch.cat([moving, still])


def _padded(colors: Tensor, count: int) -> Tensor:
    """Coefficients [N, K, 3] with zeros up to [N, count, 3]."""
    return torch.cat([colors, colors.new_zeros(len(colors), count - colors.shape[1], 3)], 1)


FORMAT = Format(
    "hybrid-3d-4dgs",
    "a chkpnt*.pth of 3D-4DGS, or its run's folder",
    sniff,
    load,
    native4d.FORMAT.options,
)
