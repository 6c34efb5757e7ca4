"""render: one picture, from any camera at any time, to a file."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from viewer.apps.opening import Opening, camera_of, frame_path, load, suffix_of, time_of
from viewer.core.files import replacing
from viewer.core.target import to_bytes


@dataclass(frozen=True, slots=True)
class RenderRequest:
    """output: .png is what the window shows; .npy is premultiplied RGBA float32, unclamped."""

    opening: Opening
    output: Path


def render(request: RenderRequest) -> int:
    """Draw and save; prints what was drawn by what."""
    kind = suffix_of(request.output, (".png", ".npy"))
    model, report = load(request.opening)
    time, camera = time_of(request.opening, report), camera_of(request.opening, report)
    settings = request.opening.settings
    with frame_path(settings.renderer, "f4", request.opening.gpu) as (path, _):
        frame = path.render(model, camera, time, settings)
        layer, picture = frame.layer.read(), frame.picture.read()
    with replacing(request.output) as beside:
        if kind == ".npy":
            with beside.open("wb") as file:
                np.save(file, layer.astype(np.float32))
        else:
            shown = picture if picture.dtype == np.uint8 else to_bytes(picture)
            Image.fromarray(shown[..., :3]).save(beside, format="PNG")
    stats = frame.stats
    passes = f" in {stats.passes} passes" if stats.passes else ""
    print(
        f"{request.output}: {camera.width}x{camera.height} at time {time:g}, "
        f"{stats.alive} of {stats.total} Gaussians, {stats.renderer}{passes} on {stats.adapter}"
    )
    for warning in report.warnings:
        print(f"warning: {warning}")
    return 0
