"""Native 4D Gaussian Splatting: training checkpoints chkpnt*.pth of 19 entries.

Compiled into linear motion, constant covariances and a window in time. Also read by its kin: the
functions here serve every family that keeps this tuple or its parameters.
Source: scene/gaussian_model.py, utils/general_utils.py, utils/sh_utils.py and
gaussian_renderer/__init__.py of fudan-zvg/4d-gaussian-splatting.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from viewer.core import rotation
from viewer.core.decoder import Environment
from viewer.core.errors import Unusable
from viewer.core.report import DatasetCamera
from viewer.core.splats import Appearance
from viewer.core.temporal import Gaussians4D
from viewer.formats import (
    Format,
    Loaded,
    checkpoint,
    chkpnt,
    durations,
    sanitize,
    scene,
    training,
    wrong_fov,
)
from viewer.formats.gaussian4d import conditioned, isoclinic
from viewer.formats.scene import Timing
from viewer.formats.source import (
    BACKGROUND,
    COMMON,
    Match,
    Option,
    Progress,
    Source,
    silent,
)

CULL = 0.05  # a Gaussian is drawn while its window is above this
SKY = 60.0  # world units, radius of the environment map's sphere
SAMPLE = 20_000  # Gaussians looked at to guess the order of the rotation
HARMONICS = (1, 4, 9, 16)  # coefficients of degree 0 to 3
UNUSED = {6: 4, 33: 16}  # coefficients stored without 4D evaluation, and how many are read


class Order(Enum):
    """How the 4x4 rotation's axes are stored; code of before 2024-09-15 wrote `plain`."""

    REVERSED = "reversed"
    PLAIN = "plain"


def _order(text: str) -> Order:
    try:
        return Order(text)
    except ValueError:
        raise ValueError("expected reversed or plain") from None


ROT4D_ORDER = Option("rot4d_order", "axes of the 4D rotation: reversed or plain", _order)


@dataclass(frozen=True, eq=False, slots=True)
class Parameters:
    """What a checkpoint of the family stores, before any activation; float32, rows finite."""

    means: Tensor  # [N, 3]
    scales: Tensor  # [N, 3] log
    quats: Tensor  # [N, 4] the left quaternion
    opacities: Tensor  # [N, 1] logit
    center: Tensor  # [N, 1] model time
    scale_t: Tensor  # [N, 1] log
    quats_r: Tensor | None  # [N, 4] the right quaternion; None where Gaussians do not move

    def tensors(self) -> Mapping[str, Tensor]:
        """Fields by the name a user would know."""
        named = {
            "positions": self.means,
            "scales": self.scales,
            "quaternions": self.quats,
            "opacities": self.opacities,
            "times": self.center,
            "time scales": self.scale_t,
            "right quaternions": self.quats_r,
        }
        return {name: tensor for name, tensor in named.items() if tensor is not None}

    def rows(self, index: Tensor) -> "Parameters":
        """The Gaussians at positions index [n]."""
        right = None if self.quats_r is None else self.quats_r[index]
        return Parameters(
            self.means[index],
            self.scales[index],
            self.quats[index],
            self.opacities[index],
            self.center[index],
            self.scale_t[index],
            right,
        )


@dataclass(frozen=True, eq=False, slots=True)
class Run:
    """A checkpoint of the family and what was decided about it. held: mapped, not yet read."""

    held: Sequence[Any]
    cfg: Mapping[str, Any]
    duration: tuple[float, float]
    timing: Timing
    appearance: Appearance
    cameras: Sequence[DatasetCamera]


def sniff(path: Path) -> Match | None:
    """A training tuple of 19 entries: the file, or the newest of a run."""
    found = chkpnt.sniffed(path, chkpnt.NATIVE4D)
    return None if found is None else Match(*found, supersedes=("3dgs-ply",))


def load(source: Source) -> Loaded:
    """The moving scene."""
    run = opened(source, chkpnt.NATIVE4D)
    model = scene.indexed(*dynamic(run, source), run.timing, run.appearance, source, CULL)
    degree = math.isqrt(model.gaussians.colors.shape[1]) - 1
    report = scene.report(source, FORMAT.name, model, run.timing, degree, run.cameras)
    return Loaded(model, report)


def opened(source: Source, entries: int) -> Run:
    """The run of a checkpoint, its options decided; its Gaussians are not read yet."""
    held, _ = chkpnt.read(source.path)
    if len(held) != entries:
        raise Unusable(f"{source.path}: {len(held)} entries, expected {entries}")
    cfg = training.cfg_args(source.root, source.warnings)
    cameras = training.cameras(source.root, source.warnings)
    center = checkpoint.view(held[13], "entry 13 (t)", source.path, (None, 1))
    duration = durations.time_duration(source, cfg, center.float())
    appearance, cameras = appearance_of(source, cfg, held[17], duration, cameras)
    timing = durations.timing_of(source, duration, source.origin_of(durations.TIME_DURATION))
    return Run(held, cfg, duration, timing, appearance, cameras)


def parameters(held: Sequence[Any], path: Path) -> Parameters:
    """The geometry of a training tuple. Raises Unusable naming an entry that is wrong."""
    means = checkpoint.tensor(held[1], "entry 1 (xyz)", path, (None, 3))
    n = len(means)

    def entry(i: int, name: str, width: int) -> Tensor:
        return checkpoint.tensor(held[i], f"entry {i} ({name})", path, (n, width))

    return Parameters(
        means=means,
        scales=entry(4, "scaling", 3),
        quats=entry(5, "rotation", 4),
        opacities=entry(6, "opacity", 1),
        center=entry(13, "t", 1),
        scale_t=entry(14, "scaling_t", 1),
        quats_r=entry(15, "rotation_r", 4) if held[16] is True else None,
    )


def dynamic(run: Run, source: Source) -> tuple[Gaussians4D, Tensor | None]:
    """The moving Gaussians of a run, and the rows kept where some were left out."""
    held, duration = run.held, run.duration
    stored = parameters(held, source.path)
    colors, waves = harmonics(held, len(stored.means), source.path)
    stored, rows = checked(stored, source.warnings)
    if rows is not None:
        colors, waves = colors[rows], None if waves is None else waves[rows]
    order = order_of(source, stored, duration[1] - duration[0])
    prefilter = run.cfg.get("prefilter_var")
    blur = float(prefilter) if isinstance(prefilter, int | float) and prefilter > 0 else 0.0
    shape = geometry(stored, order, blur, source.part(0.2, 0.7))
    return replace(
        shape,
        colors=sanitize.colors(colors, source.warnings),
        waves=None if waves is None else sanitize.colors(waves, source.warnings),
        period=max(duration[1] - duration[0], 1e-6),
        fixed_directions=True,
    ), rows


def checked(stored: Parameters, warnings: list[str]) -> tuple[Parameters, Tensor | None]:
    """Rows that are finite in every field, and which; absurd sizes brought into range."""
    stored = replace(stored, opacities=stored.opacities.clamp(-1e4, 1e4))
    rows = sanitize.finite_rows(stored.tensors(), warnings)
    if rows is not None:
        stored = stored.rows(rows)
    sanitize.count_zero_quats(stored.quats, warnings)
    return replace(
        stored,
        scales=sanitize.log_scales(stored.scales, warnings),
        scale_t=stored.scale_t.clamp(-sanitize.MAX_LOG_TIME, sanitize.MAX_LOG_TIME),
    ), rows


class Shape(NamedTuple):
    """The fields of Gaussians4D that depend on how a Gaussian turns in 4D."""

    motion: Tensor
    width: Tensor
    quats: Tensor | None = None
    scales: Tensor | None = None
    covars: Tensor | None = None


def geometry(stored: Parameters, order: Order, blur: float, progress: Progress) -> Gaussians4D:
    """Motion, shape and window of checked parameters; colours are left empty.

    blur: added to the window's variance (`prefilter_var`).
    """
    n = len(stored.means)
    if stored.quats_r is None:
        variance = torch.exp(stored.scale_t[:, 0])  # used as a variance, not squared
        motion = stored.means.new_empty(n, 0, 3)
        shape = Shape(motion, torch.sqrt(variance + blur))
        shape = shape._replace(
            quats=rotation.normalized(stored.quats), scales=torch.exp(stored.scales)
        )
    else:
        left, right = stored.quats, stored.quats_r
        scales = torch.exp(torch.cat([stored.scales, stored.scale_t], 1))
        given = conditioned(
            lambda rows: rotations(left[rows], right[rows], order), scales, progress
        )
        width = torch.sqrt(given.width.square() + blur) if blur else given.width
        shape = Shape(given.velocity.unsqueeze(1), width, covars=given.covars)
    return Gaussians4D(
        means=stored.means,
        motion=shape.motion,
        opacities=torch.sigmoid(stored.opacities[:, 0]),
        center=stored.center[:, 0].contiguous(),
        width=shape.width,
        colors=stored.means.new_empty(n, 0),
        quats=shape.quats,
        scales=shape.scales,
        covars=shape.covars,
    )


def rotations(left: Tensor, right: Tensor, order: Order) -> Tensor:
    """4D rotations [N, 4, 4] float64, axes x y z t, of two quaternions [N, 4] each."""
    product = isoclinic(rotation.normalized(left.double()), rotation.normalized(right.double()))
    return product.flip(1, 2) if order is Order.REVERSED else product


def order_of(source: Source, stored: Parameters, period: float) -> Order:
    """The order given, else the one under which the scene stands stiller, by a clear margin."""
    if stored.quats_r is None:
        return Order.REVERSED
    step = max(1, len(stored.means) // SAMPLE)
    some = torch.arange(0, len(stored.means), step)
    sample = stored.rows(some[(stored.opacities[some, 0] > 0)])
    reach = [_travel(sample, order, period) for order in Order]
    plain = reach[1] < 0.5 * reach[0]
    return source.option(ROT4D_ORDER, Order.PLAIN if plain else Order.REVERSED, "guessed")


def _travel(stored: Parameters, order: Order, period: float) -> float:
    """Median distance that Gaussians move while they are seen, world units."""
    if not len(stored.means):
        return 0.0
    shape = geometry(stored, order, 0.0, silent)
    lived = shape.width.clamp_max(period)
    return float((shape.motion[:, 0].norm(dim=1) * lived).median())


def harmonics(held: Sequence[Any], n: int, path: Path) -> tuple[Tensor, Tensor | None]:
    """Coefficients [N, K, 3] and those of the cosines [N, H, K, 3]: the active ones alone.

    As the CUDA path reads them: the cosines count only at spatial degree 3.
    """
    dc = checkpoint.view(held[2], "entry 2 (features_dc)", path, (n, 1, 3))
    rest = checkpoint.view(held[3], "entry 3 (features_rest)", path, (n, None, 3))
    stored = 1 + rest.shape[1]
    blocks = next((b for b in (1, 2, 3) if stored % b == 0 and stored // b in HARMONICS), 1)
    per_block = UNUSED.get(stored, stored // blocks)
    if per_block not in HARMONICS:
        raise Unusable(
            f"{path}: {stored} coefficients a Gaussian, expected 1, 4, 9 or 16 times 1, 2 or 3"
        )
    active, active_t = _degree(held[0], 3), _degree(held[18] if len(held) > 18 else 0, 2)
    used = min(per_block, (active + 1) ** 2)
    base = torch.cat([dc, rest[:, : used - 1]], 1).float()
    cosines = min(blocks - 1, active_t) if active == 3 else 0
    if not cosines:
        return base, None
    starts = [per_block * (h + 1) - 1 for h in range(cosines)]
    return base, torch.stack([rest[:, s : s + used] for s in starts], 1).float()


def _degree(held: object, most: int) -> int:
    return min(max(held, 0), most) if isinstance(held, int) else most


def appearance_of(
    source: Source,
    cfg: Mapping[str, Any],
    env_map: object,
    duration: tuple[float, float],
    cameras: Sequence[DatasetCamera],
) -> tuple[Appearance, Sequence[DatasetCamera]]:
    """How the scene is drawn, and its cameras with their true focal lengths."""
    background = source.option(BACKGROUND, *training.background(cfg))
    environment = _environment(env_map, source)
    jacobian, cameras = wrong_fov.projection_of(source, duration, cameras)
    appearance = Appearance(background=background, environment=environment, jacobian=jacobian)
    return appearance, cameras


def _environment(env_map: object, source: Source) -> Environment | None:
    if not isinstance(env_map, Tensor) or not env_map.numel():
        return None
    pixels = checkpoint.tensor(env_map, "entry 17 (env_map)", source.path, (3, None, None))
    return Environment(sanitize.colors(pixels, source.warnings), SKY)


FORMAT = Format(
    "native-4dgs",
    "a chkpnt*.pth of 4d-gaussian-splatting, or its run's folder",
    sniff,
    load,
    (*durations.OPTIONS, ROT4D_ORDER, *wrong_fov.OPTIONS, *COMMON),
)
