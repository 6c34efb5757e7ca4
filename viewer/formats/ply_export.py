"""Any slice as a standard 3DGS PLY, which other viewers open.

What the picture needs beyond the standard stands in comments that `ply_3dgs` honours; what cannot
be said at all is approximated, and named in a warning.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from viewer.core import rotation, sh
from viewer.core.splats import Compensation, Footprint, Splats
from viewer.formats import ply, sanitize

MAX_LOGIT = 30.0  # an opacity of 1; its sigmoid is 1 in float32
DIRECTIONS = 64  # from which colours that are no plain harmonics are fitted
CHUNK = 1 << 16  # splats fitted at once


def write(path: Path, splats: Splats) -> list[str]:
    """Write splats, inverse activations applied; returns what had to be approximated.

    Plain RGB becomes degree 0; covariances are split into quaternions and scales.
    """
    splats, warnings = as_standard(splats)
    quats, scales = _shape(splats)
    colors = splats.colors if splats.view_dependent else sh.constant(splats.colors)
    named: dict[str, Tensor] = dict(zip("xyz", splats.means.unbind(1), strict=True))
    zero = torch.zeros(len(splats))
    named |= {n: zero for n in ("nx", "ny", "nz")}
    named |= {f"f_dc_{c}": colors[:, 0, c] for c in range(3)}
    higher = colors.shape[1] - 1
    named |= {
        f"f_rest_{c * higher + k}": colors[:, k + 1, c] for c in range(3) for k in range(higher)
    }
    named["opacity"] = torch.logit(splats.opacities.double()).clamp(-MAX_LOGIT, MAX_LOGIT)
    named |= {f"scale_{i}": scales[:, i].log().clamp_min(sanitize.MIN_LOG_SCALE) for i in range(3)}
    named |= {f"rot_{i}": quats[:, i] for i in range(4)}
    arrays = {name: t.float().cpu().numpy() for name, t in named.items()}
    ply.write(path, arrays, _comments(splats))
    return warnings


def as_standard(splats: Splats) -> tuple[Splats, list[str]]:
    """The nearest splats that a 3DGS PLY and its comments can say, and what was lost."""
    look, warnings = splats.appearance, []
    if look.decoder is not None:
        warnings.append("its decoder works on pixels: the PLY has the base colours alone")
        rgb = look.decoder.base(splats.colors)
        splats = replace(splats, colors=rgb, appearance=replace(look, decoder=None))
    if look.sh_output is not sh.Output.SHIFTED:
        warnings.append("its colours are no plain harmonics: the PLY has a fit of them")
        look = replace(splats.appearance, sh_output=sh.Output.SHIFTED)
        splats = replace(splats, colors=_fitted(splats), appearance=look)
    if splats.sh_origins is not None:
        warnings.append("its colours turn about stored positions, in the PLY about the moved ones")
        splats = replace(splats, sh_origins=None)
    if look.footprint is Footprint.PARABOLOID and splats.radii is not None:
        warnings.append("its points are discs: the PLY has Gaussians of the same weight")
        look = replace(splats.appearance, footprint=Footprint.GAUSSIAN)
        splats = replace(splats, radii=splats.radii / 2, appearance=look)
    if look.jacobian is not None:
        warnings.append(
            "its footprints are those of a wrong field of view: viewers that do not read the "
            "PLY's comment show others"
        )
    if look.environment is not None:
        warnings.append("its environment map is left out of the PLY")
        splats = replace(splats, appearance=replace(splats.appearance, environment=None))
    return splats, warnings


def _comments(splats: Splats) -> list[str]:
    lines, look = ["written by view4d"], splats.appearance
    if not splats.view_dependent:
        lines.append("view4d.colors rgb")
    if look.compensation is not Compensation.NONE:
        lines += ["SplatRenderMode: mip", f"view4d.compensation {look.compensation.value}"]
    lines += [
        f"view4d.low_pass {look.low_pass!r}",
        f"view4d.near {look.near!r}",
        f"view4d.background {_numbers(look.background)}",
    ]
    if look.jacobian is not None:
        lines.append(f"view4d.jacobian {_numbers((*look.jacobian.focal, look.jacobian.slope))}")
    return lines


def _numbers(values: tuple[float, ...]) -> str:
    return " ".join(f"{v!r}" for v in values)


def _shape(splats: Splats) -> tuple[Tensor, Tensor]:
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
