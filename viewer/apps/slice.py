"""slice: the Gaussians at one time, as arrays or as a file that other viewers open."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from viewer.apps.opening import Opening, camera_of, load, suffix_of, time_of
from viewer.core.files import replacing
from viewer.core.splats import Splats
from viewer.formats import ply_export, splat_export, spz_export

WRITERS = {".ply": ply_export.write, ".splat": splat_export.write, ".spz": spz_export.write}


@dataclass(frozen=True, slots=True)
class SliceRequest:
    """output: .npz, or an ending of WRITERS.

    A camera in the opening evaluates view-dependent colour for it, in an .npz.
    """

    opening: Opening
    output: Path


def slice_to_file(request: SliceRequest) -> int:
    """Slice and save; prints how many were alive."""
    opening = request.opening
    kind = suffix_of(request.output, (".npz", *WRITERS))
    model, report = load(opening)
    time = time_of(opening, report)
    splats = model.slice(time)
    lost: list[str] = []
    with replacing(request.output) as beside:
        if kind in WRITERS:
            lost = WRITERS[kind](beside, splats)
        else:
            posed = any(v is not None for v in (opening.camera, opening.view, opening.rig))
            center = camera_of(opening, report).center if posed else None
            with beside.open("wb") as file:
                np.savez(
                    file,
                    allow_pickle=False,
                    **arrays(splats, center, opening.settings.sh_degree),
                )
    print(f"{request.output}: {len(splats)} of {model.count} Gaussians at time {time:g}")
    for warning in (*report.warnings, *lost):
        print(f"warning: {warning}")
    return 0


def arrays(
    splats: Splats, camera_center: np.ndarray | None, sh_degree: int
) -> dict[str, np.ndarray]:
    """What the .npz holds; of covars and radii, and of colors and sh, there is one."""
    n = len(splats)
    named: dict[str, Tensor | None] = {
        "index": torch.arange(n) if splats.index is None else splats.index,
        "means": splats.means,
        "covars": splats.covariances() if splats.radii is None else None,
        "radii": splats.radii,
        "opacities": splats.opacities,
        "quats": splats.quats,
        "scales": splats.scales,
    }
    if splats.view_dependent and camera_center is None:
        named["sh"] = splats.colors
    else:
        center = np.zeros(3) if camera_center is None else camera_center
        seen = splats.seen_from(torch.from_numpy(center).to(splats.means), sh_degree)
        named["colors"] = seen
    return {name: t.cpu().numpy() for name, t in named.items() if t is not None}
