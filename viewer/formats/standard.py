"""What a standard 3DGS file can say: plain harmonics, Gaussians as quaternions and scales.

What cannot be said is approximated, near enough, and named.
"""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from viewer.core import rotation, sh
from viewer.core.splats import Footprint, Splats

DIRECTIONS = 64  # from which colours that are no plain harmonics are fitted
CHUNK = 1 << 16  # splats fitted at once


def as_standard(splats: Splats) -> tuple[Splats, list[str]]:
    """The nearest splats that a 3DGS file can say, and what was lost."""
    look, warnings = splats.appearance, []
    if look.decoder is not None:
        warnings.append("its decoder works on pixels: the file has the base colours alone")
        rgb = look.decoder.base(splats.colors)
        splats = replace(splats, colors=rgb, appearance=replace(look, decoder=None))
    if look.sh_output is not sh.Output.SHIFTED:
        warnings.append("its colours are no plain harmonics: the file has a fit of them")
        look = replace(splats.appearance, sh_output=sh.Output.SHIFTED)
        splats = replace(splats, colors=_fitted(splats), appearance=look)
    if splats.sh_origins is not None:
        warnings.append("its colours turn about stored positions, in the file about the moved ones")
        splats = replace(splats, sh_origins=None)
    if look.footprint is Footprint.PARABOLOID and splats.radii is not None:
        warnings.append("its points are discs: the file has Gaussians of the same weight")
        look = replace(splats.appearance, footprint=Footprint.GAUSSIAN)
        splats = replace(splats, radii=splats.radii / 2, appearance=look)
    if look.environment is not None:
        warnings.append("its environment map is left out of the file")
        splats = replace(splats, appearance=replace(splats.appearance, environment=None))
    return splats, warnings


def shape(splats: Splats) -> tuple[Tensor, Tensor]:
    """quats [N, 4] and scales [N, 3]: round for points, by eigenvectors of covariances."""
    if splats.quats is not None and splats.scales is not None:
        return splats.quats, splats.scales
    if splats.radii is not None:
        identity = splats.radii.new_tensor([1.0, 0.0, 0.0, 0.0]).expand(len(splats), 4)
        return identity, splats.radii.unsqueeze(1).expand(-1, 3)
    values, vectors = torch.linalg.eigh(splats.covariances().double().cpu())
    vectors[:, :, 0] *= torch.linalg.det(vectors).sign().unsqueeze(1)  # rotations, not mirrors
    return rotation.quaternions(vectors), values.clamp_min(0).sqrt()


def _fitted(splats: Splats) -> Tensor:
    """Coefficients [N, 16, 3] whose 3DGS colours are nearest to the splats' own all around."""
    directions = _sphere(DIRECTIONS).to(splats.means)
    basis = sh.basis(directions, sh.MAX_DEGREE)  # [D, 16]
    inverse = torch.linalg.pinv(basis)
    parts = []
    for some in splats.colors.split(CHUNK):
        seen = [
            sh.colors(some, d.expand(len(some), 3), output=splats.appearance.sh_output)
            for d in directions
        ]
        parts.append(torch.einsum("kd,dnc->nkc", inverse, torch.stack(seen) - 0.5))
    return torch.cat(parts) if parts else splats.colors.new_empty(0, 16, 3)


def _sphere(count: int) -> Tensor:
    """[count, 3] unit directions, evenly spread (Fibonacci lattice)."""
    i = np.arange(count) + 0.5
    z, angle = 1 - 2 * i / count, np.pi * (1 + 5**0.5) * i
    radius = np.sqrt(1 - z * z)
    return torch.from_numpy(np.stack([radius * np.cos(angle), radius * np.sin(angle), z], 1))
