"""Gaussians of a 3DGS PLY before any activation: what deformation networks take and move."""

from dataclasses import dataclass

import torch
from torch import Tensor

from viewer.core import rotation
from viewer.core.model import nbytes
from viewer.core.splats import Appearance, Splats
from viewer.formats import ply, ply_3dgs, sanitize
from viewer.formats.ply import Header
from viewer.formats.source import Progress


@dataclass(frozen=True, eq=False, slots=True)
class Canonical:
    """Gaussians as a trainer stores them; float32, one device, finite."""

    means: Tensor  # [N, 3] world units
    scales: Tensor  # [N, 3] logarithms of standard deviations
    quats: Tensor  # [N, 4] w x y z, of any length
    opacities: Tensor  # [N, 1] logits
    colors: Tensor  # [N, K, 3] spherical-harmonic coefficients
    index: Tensor | None  # [N] places in the file, where rows were left out

    def __len__(self) -> int:
        return len(self.means)

    @property
    def memory(self) -> int:
        """Bytes held."""
        s = self
        return nbytes(s.means, s.scales, s.quats, s.opacities, s.colors, s.index)

    def splats(self, appearance: Appearance) -> Splats:
        """As they are drawn."""
        bounded = self.scales.clamp(sanitize.MIN_LOG_SCALE, sanitize.MAX_LOG_SCALE)
        return Splats(
            means=self.means,
            quats=rotation.normalized(self.quats),
            scales=torch.exp(bounded),
            opacities=torch.sigmoid(self.opacities[:, 0]),
            colors=self.colors,
            appearance=appearance,
            index=self.index,
        )


def read(header: Header, progress: Progress, warnings: list[str]) -> Canonical:
    """The Gaussians of a PLY; rows that are not finite are left out. Raises Unusable."""
    harmonics = ply_3dgs.coefficients(header, warnings)
    named = {
        "positions": ply_3dgs.MEANS,
        "scales": ply_3dgs.SCALES,
        "quaternions": ply_3dgs.QUAT,
        "opacities": ("opacity",),
    }
    parts = ply.columns(header, [*named.values(), harmonics], progress)
    *fields, colors = (torch.from_numpy(part) for part in parts)
    checked = dict(zip(named, fields, strict=True))
    checked["opacities"] = checked["opacities"].clamp(-1e4, 1e4)  # an infinite logit is opaque
    rows = sanitize.finite_rows(checked, warnings)
    if rows is not None:
        checked = {name: field[rows] for name, field in checked.items()}
        colors = colors[rows]
    sanitize.count_zero_quats(checked["quaternions"], warnings)
    return Canonical(
        means=checked["positions"],
        scales=sanitize.log_scales(checked["scales"], warnings),
        quats=checked["quaternions"],
        opacities=checked["opacities"],
        colors=sanitize.colors(colors.reshape(len(colors), len(harmonics) // 3, 3), warnings),
        index=rows,
    )
