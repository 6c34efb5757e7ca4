"""4DGaussians: Gaussians of a 3DGS PLY, moved by a network that reads six feature planes.

D-NeRF, DyNeRF, HyperNeRF and other configurations, with their switches as cfg_args has them.
Source: scene/deformation.py, scene/grid.py, gaussian_renderer/__init__.py of hustvl/4DGaussians.
"""

import math
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from viewer.core import rotation
from viewer.core.errors import Unusable
from viewer.core.model import StaticModel, nbytes
from viewer.core.placing import placed
from viewer.core.splats import Appearance, Splats
from viewer.formats import (
    Format,
    Loaded,
    canonical,
    checkpoint,
    layout,
    planes,
    ply,
    scene,
    training,
)
from viewer.formats.canonical import Canonical
from viewer.formats.network import Linear, batches, finite, linear
from viewer.formats.planes import Planes
from viewer.formats.scene import Timing
from viewer.formats.source import (
    BACKGROUND,
    COMMON,
    FPS,
    FRAMES,
    TIME_RANGE,
    Match,
    Option,
    Source,
    yes_or_no,
)

NETWORK = "deformation.pth"
NET, VOXELS = "deformation_net", "deformation_net.empty_voxel"
COARSE = "coarse_"  # iterations of the warm-up stage, whose network is untrained
CAPTURE_FPS = 30.0
# Words in the configuration or data path of what has frame i of n at i / n, not at i / (n - 1).
OPEN_ENDED = ("dynerf", "multipleview", "panoptic")

DEFORM_OPACITY = Option("deform_opacity", "whether opacities change (no_do)", yes_or_no)
DEFORM_SH = Option("deform_sh", "whether colours change (no_dshs)", yes_or_no)


class Head(NamedTuple):
    """key: in the file. switch: of cfg_args that turns it off. option: that overrides it."""

    key: str
    switch: str
    option: Option[bool] | None = None


HEADS = {  # by field of Canonical
    "means": Head("pos_deform", "no_dx"),
    "scales": Head("scales_deform", "no_ds"),
    "quats": Head("rotations_deform", "no_dr"),
    "opacities": Head("opacity_deform", "no_do", DEFORM_OPACITY),
    "colors": Head("shs_deform", "no_dshs", DEFORM_SH),
}
MASK = "mask"  # name of static_mlp among the heads: what the stored values are multiplied with


@dataclass(frozen=True, eq=False, slots=True)
class Deformation:
    """The network. Heads begin alike: ReLU, a layer as wide as the trunk, ReLU, a last layer."""

    trunk: tuple[Linear, ...]
    first: Linear  # the heads' first layers, one below the other
    last: Mapping[str, Linear]  # by field of Canonical, or MASK
    turns: bool  # quaternions are multiplied with the offset, not added to it

    def offsets(self, features: Tensor) -> dict[str, Tensor]:
        """What the heads say [n, outputs] of features [n, F]."""
        h = self.trunk[0](features)
        for layer in self.trunk[1:]:
            h = layer(functional.relu_(h))
        hidden = functional.relu_(self.first(functional.relu_(h)))
        parts = hidden.split([layer.weight.shape[1] for layer in self.last.values()], 1)
        said = zip(self.last.items(), parts, strict=True)
        return {name: layer(h).float() for (name, layer), h in said}

    @property
    def memory(self) -> int:
        """Bytes held."""
        return sum(layer.memory for layer in (*self.trunk, self.first, *self.last.values()))


class HexPlaneModel:
    """Canonical Gaussians and their deformation as a Model."""

    frame_times: Tensor | None = None

    def __init__(
        self,
        gaussians: Canonical,
        deformation: Deformation,
        planes: Planes,
        mask: Tensor | None,
        time_range: tuple[float, float],
        appearance: Appearance,
    ) -> None:
        """mask: [N, 1] of an empty_voxel, which does not change with time."""
        self._gaussians, self._deformation = gaussians, deformation
        self._planes, self._mask = planes, mask
        self.time_range, self.appearance = time_range, appearance
        self.count = len(gaussians)
        self.memory = gaussians.memory + deformation.memory + planes.memory + nbytes(mask)

    def slice(self, time: float) -> Splats:
        """Every Gaussian, where and what it is at `time`."""
        return self.at(torch.tensor(time, dtype=torch.float32, device=self._gaussians.means.device))

    def on(self, device: torch.device, exact: bool) -> "HexPlaneModel":
        """As Movable says."""
        there = copy(self)
        there._gaussians, there._mask = placed((self._gaussians, self._mask), device)
        there._planes = placed(self._planes, device)
        there._deformation = placed(self._deformation, device, None if exact else torch.float16)
        return there

    def at(self, time: Tensor) -> Splats:
        """As Recordable says."""
        rows = self._planes.at(time)
        moving = [name for name in self._deformation.last if name != MASK]
        stored = {name: getattr(self._gaussians, name) for name in moving}
        moved = {name: torch.empty_like(field) for name, field in stored.items()}
        for part in batches(self.count, time.device):
            offsets = self._deformation.offsets(self._planes.features(rows, part))
            mask = offsets.pop(MASK, None if self._mask is None else self._mask[part])
            for name, offset in offsets.items():
                still = stored[name][part]
                offset = offset.view_as(still)
                moved[name][part] = finite(self._moved(name, still, offset, mask), still)
        return replace(self._gaussians, **moved).splats(self.appearance)

    def _moved(self, name: str, still: Tensor, offset: Tensor, mask: Tensor | None) -> Tensor:
        if name == "quats":
            return rotation.product(still, offset) if self._deformation.turns else still + offset
        if mask is None:
            return still + offset
        return still * mask.view(-1, *[1] * (still.dim() - 1)) + offset


def sniff(path: Path) -> Match | None:
    """point_cloud.ply with deformation.pth beside it: either file, their folder, or the run's."""
    file = path.with_name("point_cloud.ply") if path.name == NETWORK else _point_cloud(path)
    if file is None or file.name != "point_cloud.ply" or not file.is_file():
        return None
    if not file.with_name(NETWORK).is_file():
        return None
    where = (f"newest of {n} iterations",) if (n := layout.iterations(path)) > 1 else ()
    evidence = (f"{file.name} with {NETWORK} beside it", *where)
    return Match(file, evidence, supersedes=("3dgs-ply", "sequence"))


def load(source: Source) -> Loaded:
    """The moving scene; what the warm-up saved, with its network untrained, stands still."""
    cfg = training.cfg_args(source.root, source.warnings)
    gaussians = canonical.read(ply.header(source.path), source.part(0, 0.4), source.warnings)
    appearance = Appearance(background=source.option(BACKGROUND, *_background(cfg)))
    if source.path.parent.name.startswith(COARSE):
        source.warnings.append("saved in the warm-up, before motion is trained: it stands still")
        model, timing = StaticModel(gaussians.splats(appearance)), scene.STILL
    else:
        model, timing = _moving(source, cfg, gaussians, appearance)
    degree = math.isqrt(gaussians.colors.shape[1]) - 1
    cameras = training.cameras(source.root, source.warnings)
    return Loaded(model, scene.report(source, FORMAT.name, model, timing, degree, cameras))


def _point_cloud(path: Path) -> Path | None:
    """As other runs have it; where only the warm-up was saved, the newest of that."""
    found = layout.point_cloud(path)
    if found is not None or not path.is_dir():
        return found
    saved = [*path.glob(f"{COARSE}iteration_*"), *path.glob(f"point_cloud/{COARSE}iteration_*")]
    newest = max(saved, key=lambda folder: layout.natural(folder.name), default=None)
    return None if newest is None else newest / "point_cloud.ply"


def _moving(
    source: Source, cfg: Mapping[str, Any], gaussians: Canonical, appearance: Appearance
) -> tuple[HexPlaneModel, Timing]:
    if cfg.get("no_grid") is True or cfg.get("grid_pe", 0) != 0:
        raise Unusable(
            f"{source.root / 'cfg_args'}: no_grid or grid_pe is set, expected a plain HexPlane "
            "(the trainer itself cannot run the others)"
        )
    path = source.path.with_name(NETWORK)
    held = checkpoint.state(path)
    means = gaussians.means
    grid = planes.read(held, f"{NET}.grid", path, means, source.part(0.4, 0.8))
    timing = _timing(source, cfg, grid.times)
    deformation = _deformation(source, cfg, held, grid.still.shape[1], gaussians)
    mask = None
    if MASK not in deformation.last and _switch(cfg, "empty_voxel", f"{VOXELS}.grid" in held):
        mask = planes.voxels(held, VOXELS, path, means)
    return HexPlaneModel(gaussians, deformation, grid, mask, timing.time_range, appearance), timing


def _deformation(
    source: Source,
    cfg: Mapping[str, Any],
    held: Mapping[str, object],
    features: int,
    gaussians: Canonical,
) -> Deformation:
    path, trunk = source.path.with_name(NETWORK), f"{NET}.feature_out"
    layers = [linear(held, f"{trunk}.0", path, inputs=features)]
    width = len(layers[0].weight)
    while f"{trunk}.{2 * len(layers)}.weight" in held:
        layers.append(linear(held, f"{trunk}.{2 * len(layers)}", path, width, width))
    heads = {
        name: _head(held, head.key, path, width)
        for name, head in HEADS.items()
        if _applies(source, cfg, head, held)
    }
    for name, (_, last) in list(heads.items()):
        said, wanted = len(last.weight), getattr(gaussians, name).flatten(1).shape[1]
        if said != wanted:
            what = f"{HEADS[name].key} gives {said} numbers a Gaussian and {wanted} are stored"
            if name != "colors":
                raise Unusable(f"{path}: {what}, expected as many")
            source.warnings.append(f"{what}: colours do not change")
            del heads[name]
    if _switch(cfg, "static_mlp", f"{NET}.static_mlp.1.weight" in held):
        heads[MASK] = _head(held, "static_mlp", path, width, 1)
    none = layers[0].weight.new_empty(0, width)
    first = Linear(
        torch.cat([none, *(head.weight for head, _ in heads.values())]),
        torch.cat([none[:, 0], *(head.bias for head, _ in heads.values())]),
    )
    last = {name: head for name, (_, head) in heads.items()}
    return Deformation(tuple(layers), first, last, cfg.get("apply_rotation") is True)


def _head(
    held: Mapping[str, object], key: str, path: Path, width: int, outputs: int | None = None
) -> tuple[Linear, Linear]:
    name = f"{NET}.{key}"
    first = linear(held, f"{name}.1", path, width, width)
    return first, linear(held, f"{name}.3", path, outputs, width)


def _applies(
    source: Source, cfg: Mapping[str, Any], head: Head, held: Mapping[str, object]
) -> bool:
    """Whether a head is used. All are stored; where cfg_args does not say, trained ones are."""
    off = cfg.get(head.switch)
    if head.option is None:
        return off is not True
    if isinstance(off, bool):
        return source.option(head.option, not off, "cfg_args")
    return source.option(head.option, _trained(held, head.key), "guessed from its weights")


def _trained(held: Mapping[str, object], key: str) -> bool:
    """Whether a head has weights beyond those it was initialised with (Xavier, uniform)."""
    for layer in (1, 3):
        weight = held.get(f"{NET}.{key}.{layer}.weight")
        if isinstance(weight, Tensor) and weight.dim() == 2 and weight.numel():
            initial = math.sqrt(6 / sum(weight.shape)) * (1 + 1e-6)
            if bool((weight.abs() > initial).any()):
                return True
    return False


def _switch(cfg: Mapping[str, Any], name: str, otherwise: bool) -> bool:
    return cfg[name] is True if isinstance(cfg.get(name), bool) else otherwise


def _background(cfg: Mapping[str, Any]) -> tuple[tuple[float, float, float], str]:
    """White where cfg_args does not say: this trainer's default."""
    found, origin = training.background(cfg)
    return (training.WHITE if origin == "guessed" else found), origin


def _timing(source: Source, cfg: Mapping[str, Any], times: int) -> Timing:
    """Frames over 0..1; `times` is the planes' resolution, in published runs half the frames."""
    frames = source.option(FRAMES, 2 * times, "guessed from the planes' resolution")
    words = f"{cfg.get('configs', '')} {cfg.get('source_path', '')}".lower()
    known = next((word for word in OPEN_ENDED if word in words), None)
    end = 1.0 if known is None else (frames - 1) / frames
    origin = "guessed" if known is None else f"as {known} readers"
    time_range = source.option(TIME_RANGE, (0.0, end), origin)
    return scene.evenly(time_range, frames, source.option(FPS, CAPTURE_FPS, "guessed"))


FORMAT = Format(
    "4dgaussians",
    "a 4DGaussians run's folder, or a point_cloud.ply with deformation.pth beside it",
    sniff,
    load,
    (FRAMES, TIME_RANGE, DEFORM_OPACITY, DEFORM_SH, FPS, *COMMON),
)
