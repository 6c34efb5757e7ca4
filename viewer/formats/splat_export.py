"""Any slice as a `.splat`: 32 bytes a Gaussian, plain colour. `splat.py` reads it back."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from viewer.core import sh
from viewer.core.splats import Appearance, Compensation, Splats
from viewer.core.target import to_bytes
from viewer.formats import standard
from viewer.formats.splat import RECORD


def write(path: Path, splats: Splats) -> list[str]:
    """Write splats in their order; returns what had to be approximated."""
    splats, warnings = standard.as_standard(splats)
    warnings += unsaid(splats.appearance, compensations=(Compensation.NONE,))
    if splats.sh_degree:
        warnings.append("its colours depend on the direction: the file has their mean alone")
    quats, scales = standard.shape(splats)
    colors = splats.colors[:, 0] * sh.C0 + 0.5 if splats.view_dependent else splats.colors
    if len(colors) and bool(((colors < 0) | (colors > 1)).any()):
        warnings.append("its colours go beyond 0 to 1: the file has them cut")
    records = np.empty(len(splats), RECORD)
    records["mean"], records["scale"] = _numpy(splats.means), _numpy(scales)
    records["rgba"] = to_bytes(_numpy(torch.cat([colors, splats.opacities[:, None]], 1)))
    records["quat"] = to_bytes((_numpy(quats) + 1) / 2)
    path.write_bytes(records.tobytes())
    return warnings


def unsaid(look: Appearance, compensations: tuple[Compensation, ...]) -> list[str]:
    """What readers of a file without comments will draw otherwise, one line each."""
    plain = Appearance()
    lost = {
        "its low-pass": look.low_pass != plain.low_pass,
        "its compensation of opacity": look.compensation not in compensations,
        "its nearest depth": look.near != plain.near,
        "its footprints of a wrong field of view": look.jacobian is not None,
        "its background": look.background != plain.background,
    }
    return [f"{what} cannot be said in this file" for what, so in lost.items() if so]


def _numpy(values: Tensor) -> np.ndarray:
    return values.float().cpu().numpy()
