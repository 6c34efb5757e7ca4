"""Static Gaussians in training checkpoints: chkpnt*.pth of 12 entries, as 3DGS and its kin save.

Also the static half of other tuples, whose entries come in the same order.
Source: scene/gaussian_model.py of graphdeco-inria/gaussian-splatting.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from viewer.core import rotation
from viewer.core.errors import Unusable
from viewer.core.model import StaticModel
from viewer.core.splats import Appearance, Splats
from viewer.formats import Format, Loaded, checkpoint, chkpnt, layout, sanitize, scene, training
from viewer.formats.source import BACKGROUND, COMMON, Match, Source

HARMONICS = (1, 4, 9, 16)  # coefficients of degree 0 to 3
FIRST = 1  # entry of the positions; the other five follow


def sniff(path: Path) -> Match | None:
    """A training tuple of 12 entries: the file, or the newest of a run that has no PLY."""
    if path.suffix.lower() == ".ply" or (path.is_dir() and layout.point_cloud(path) is not None):
        return None
    found = chkpnt.sniffed(path, chkpnt.STATIC)
    return None if found is None else Match(*found)


def load(source: Source) -> Loaded:
    """The static scene."""
    held, _ = chkpnt.read(source.path)
    if len(held) != chkpnt.STATIC:
        raise Unusable(f"{source.path}: {len(held)} entries, expected {chkpnt.STATIC}")
    cfg = training.cfg_args(source.root, source.warnings)
    background = source.option(BACKGROUND, *training.background(cfg))
    still = splats(held, FIRST, source)
    model = StaticModel(scene.drawn_by(still, Appearance(background=background)))
    cameras = training.cameras(source.root, source.warnings)
    return Loaded(
        model,
        scene.report(source, FORMAT.name, model, scene.STILL, still.sh_degree, cameras),
    )


def splats(held: Sequence[Any], first: int, source: Source) -> Splats:
    """Six entries of a tuple from `first` on, activated; rows that are not finite are left out."""
    path = source.path
    if isinstance(held[first], Tensor) and not held[first].numel():
        return _none()  # of a tuple whose static half is still empty
    means = checkpoint.tensor(held[first], f"entry {first} (xyz)", path, (None, 3))
    n = len(means)

    def entry(i: int, name: str, *shape: int | None) -> Tensor:
        return checkpoint.tensor(held[first + i], f"entry {first + i} ({name})", path, (n, *shape))

    dc, rest = entry(1, "features_dc", 1, 3), entry(2, "features_rest", None, 3)
    if 1 + rest.shape[1] not in HARMONICS:
        raise Unusable(f"{path}: {1 + rest.shape[1]} static coefficients, expected 1, 4, 9 or 16")
    quats = entry(4, "rotation", 4)
    turned = quats.isfinite().all(1, keepdim=True)
    if not turned.all():  # a trainer's conversion may take the root of a negative trace
        source.warnings.append(f"{int((~turned).sum()):,} static Gaussians are drawn unrotated")
        quats = torch.where(turned, quats, 0.0)
    fields = {
        "static positions": means,
        "static scales": entry(3, "scaling", 3),
        "static opacities": entry(5, "opacity", 1).clamp(-1e4, 1e4),
    }
    colors = torch.cat([dc, rest], 1)
    rows = sanitize.finite_rows(fields, source.warnings)
    if rows is not None:
        fields = {name: field[rows] for name, field in fields.items()}
        quats, colors = quats[rows], colors[rows]
    return Splats(
        means=fields["static positions"],
        quats=rotation.normalized(quats),
        scales=sanitize.scales(fields["static scales"], source.warnings),
        opacities=torch.sigmoid(fields["static opacities"][:, 0]),
        colors=sanitize.colors(colors, source.warnings),
        appearance=Appearance(),
        index=rows,
    )


def _none() -> Splats:
    return Splats(
        means=torch.empty(0, 3),
        quats=torch.empty(0, 4),
        scales=torch.empty(0, 3),
        opacities=torch.empty(0),
        colors=torch.empty(0, 1, 3),
        appearance=Appearance(),
    )


FORMAT = Format(
    "3dgs-checkpoint",
    "a chkpnt*.pth of 3D Gaussian Splatting",
    sniff,
    load,
    COMMON,
)
