"""Any slice as a standard 3DGS PLY, which other viewers open.

What the picture needs beyond the standard stands in comments that `ply_3dgs` honours; what cannot
be said at all is approximated, and named in a warning.
"""

from pathlib import Path

import torch
from torch import Tensor

from viewer.core import sh
from viewer.core.splats import Compensation, Splats
from viewer.formats import ply, sanitize, standard

MAX_LOGIT = 30.0  # an opacity of 1; its sigmoid is 1 in float32


def write(path: Path, splats: Splats) -> list[str]:
    """Write splats, inverse activations applied; returns what had to be approximated.

    Plain RGB becomes degree 0; covariances are split into quaternions and scales.
    """
    splats, warnings = standard.as_standard(splats)
    if splats.appearance.jacobian is not None:
        warnings.append(
            "its footprints are those of a wrong field of view: viewers that do not read the "
            "PLY's comment show others"
        )
    quats, scales = standard.shape(splats)
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
