"""SpacetimeGaussians: polynomial motion and linear turning; plain RGB, or features for a decoder.

The LITE model blends RGB. The FULL model blends nine features and decodes each pixel by a small
network, whose weights lie beside the PLY.
Source: scene/ourslite.py, scene/oursfull.py, helper_model.py and renderer/__init__.py of
oppo-us-research/SpacetimeGaussians.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from viewer.core.decoder import HIDDEN, INPUTS, Activation, Decoder
from viewer.core.errors import BadArgument, Unusable
from viewer.core.splats import Appearance
from viewer.core.temporal import Gaussians4D
from viewer.formats import (
    Format,
    Loaded,
    checkpoint,
    layout,
    ply,
    sanitize,
    scene,
    training,
)
from viewer.formats.ply import Header
from viewer.formats.scene import Timing
from viewer.formats.source import (
    BACKGROUND,
    COMMON,
    FPS,
    TIME_RANGE,
    Match,
    Option,
    Source,
    choice,
    whole,
)

GROUPS = {
    "positions": ("x", "y", "z"),
    "centres": ("trbf_center",),
    "widths": ("trbf_scale",),
    "motions": tuple(f"motion_{i}" for i in range(9)),
    "colours": ("f_dc_0", "f_dc_1", "f_dc_2"),
    "opacities": ("opacity",),
    "scales": ("scale_0", "scale_1", "scale_2"),
    "quaternions": ("rot_0", "rot_1", "rot_2", "rot_3"),
    "rotation rates": ("omega_0", "omega_1", "omega_2", "omega_3"),
}
FULL = {
    "colours": tuple(f"f_dc_{i}" for i in range(6)),  # base, view features
    "time features": ("f_t_0", "f_t_1", "f_t_2"),
}
DURATION, CAPTURE_FPS = 50, 30.0  # of every published configuration and of its footage


RGBFUNCTION = Option("rgbfunction", "what follows the decoder of a FULL model", choice(Activation))
FRAMES = Option("duration", "frames trained on; frame i is at time i / duration", whole)


def sniff(path: Path) -> Match | None:
    """A PLY with trbf_center: the file, a run's newest iteration, or the only PLY of a folder."""
    file = layout.point_cloud(path)
    header = None if file is None else ply.read_header(file)
    if file is None or header is None or "trbf_center" not in header.vertex.names:
        return None
    where = (f"newest of {n} iterations",) if (n := layout.iterations(path)) > 1 else ()
    kind = "FULL (f_t_*)" if _is_full(header) else "LITE"
    return Match(file, (f"PLY with trbf_center, trbf_scale, motion_*: {kind}", *where))


def load(source: Source) -> Loaded:
    """The moving scene, with its decoder where it has one."""
    header = ply.header(source.path)
    cfg = training.cfg_args(source.root, source.warnings)
    duration = source.option(FRAMES, *_whole(*training.number(cfg, "duration", DURATION)))
    timing = timing_of(source, duration)
    background = source.option(BACKGROUND, *training.background(cfg))
    gaussians, rows = _gaussians(header, source)
    decoder = None
    if _is_full(header):
        decoder = _decoder(source, cfg, gaussians.colors)
    elif RGBFUNCTION.name in source.given:
        raise BadArgument(f"--option {RGBFUNCTION.name}: this is a LITE model, without a decoder")
    appearance = Appearance(background=background, decoder=decoder)
    model = scene.indexed(gaussians, rows, timing, appearance, source)
    cameras = training.cameras(source.root, source.warnings)
    return Loaded(model, scene.report(source, FORMAT.name, model, timing, 0, cameras))


def timing_of(source: Source, duration: int) -> Timing:
    """Frames at 0, 1 / D, ..., (D - 1) / D, as the trainer normalises them."""
    fps = source.option(FPS, CAPTURE_FPS, "guessed")
    timing = Timing((0.0, (duration - 1) / duration), 1 / duration, fps)
    return scene.within(source, timing, source.origin_of(FRAMES))


def window(trbf_scale: Tensor) -> Tensor:
    """Width of exp(-1/2 (dt / width)²) of the trainer's exp(-(dt / scale)²); scale is linear."""
    return trbf_scale / math.sqrt(2)


def _is_full(header: Header) -> bool:
    return "f_t_0" in header.vertex.names


def _decoder(source: Source, cfg: Mapping[str, Any], colors: Tensor) -> Decoder:
    """The network beside the PLY. Raises Unusable for another kind of network."""
    found, origin = _stated_activation(cfg), "cfg_args"
    if found is None:
        base = colors[:, :3]
        inside = not len(base) or bool(((base.median(0).values - 0.5).abs() <= 0.5).all())
        found, origin = Activation.CLAMP if inside else Activation.SIGMOID, "guessed"
        source.warnings.append("rgbfunction is not in cfg_args, guessed from the base colours")
    activation = source.option(RGBFUNCTION, found, origin)
    path = source.path.with_suffix(".pt")
    if not path.is_file():
        source.warnings.append(f"{path.name} is missing: colours without their decoder")
        nothing = torch.zeros(HIDDEN, INPUTS), torch.zeros(3, HIDDEN)
        return Decoder(*nothing, activation)
    weights = checkpoint.state(path)
    if set(weights) != {"mlp1.weight", "mlp2.weight"}:
        raise Unusable(
            f"{path}: a decoder of {', '.join(sorted(weights))[:80]}, "
            "expected mlp1.weight and mlp2.weight"
        )
    shapes = (HIDDEN, INPUTS, 1, 1), (3, HIDDEN, 1, 1)
    first, second = (
        checkpoint.tensor(weights[name], name, path, shape)[:, :, 0, 0].nan_to_num(0.0, 0.0, 0.0)
        for name, shape in zip(("mlp1.weight", "mlp2.weight"), shapes, strict=True)
    )
    return Decoder(first, second, activation)


def _stated_activation(cfg: Mapping[str, Any]) -> Activation | None:
    named = cfg.get("rgbfunction")
    return next((a for a in Activation if a.value == named), None)


def _gaussians(header: Header, source: Source) -> tuple[Gaussians4D, Tensor | None]:
    """The fields, and the rows kept where some were left out."""
    groups = GROUPS | FULL if _is_full(header) else GROUPS
    parts = ply.columns(header, list(groups.values()), source.part(0, 0.7))
    fields = {name: torch.from_numpy(part) for name, part in zip(groups, parts, strict=True)}
    source.progress(0.7, "checking")
    rgb, rate = fields.pop("colours"), fields.pop("time features", None)
    if rate is not None:
        zero = torch.zeros_like(rate)
        rgb, rate = torch.cat([rgb, zero], 1), torch.cat([zero, zero, rate], 1)
    fields["opacities"] = fields["opacities"].clamp(-1e4, 1e4)  # fully opaque is an infinite logit
    rows = sanitize.finite_rows(fields, source.warnings)
    if rows is not None:
        fields = {name: part[rows] for name, part in fields.items()}
        rgb, rate = rgb[rows], None if rate is None else rate[rows]
    sanitize.count_zero_quats(
        fields["quaternions"], source.warnings, omega=fields["rotation rates"]
    )
    return Gaussians4D(
        means=fields["positions"],
        motion=fields["motions"].reshape(-1, 3, 3),  # degree by degree
        opacities=torch.sigmoid(fields["opacities"][:, 0]),
        center=fields["centres"][:, 0].contiguous(),
        width=window(torch.exp(fields["widths"][:, 0])),
        colors=sanitize.colors(rgb, source.warnings),
        quats=fields["quaternions"],
        scales=sanitize.scales(fields["scales"], source.warnings),
        omega=fields["rotation rates"],
        color_rate=None if rate is None else sanitize.colors(rate, source.warnings),
    ), rows


def _whole(value: float, origin: str) -> tuple[int, str]:
    return max(1, round(value)), origin


FORMAT = Format(
    "spacetime",
    "a SpacetimeGaussians run's folder, or its point_cloud.ply",
    sniff,
    load,
    (FRAMES, TIME_RANGE, FPS, RGBFUNCTION, *COMMON),
)
