"""Swift4D: static Gaussians, and dynamic ones that a 4D hash grid moves.

Source: scene/hash_deform.py, scene/gaussian_model.py, gaussian_renderer/__init__.py of
WuJH2001/swift4d.
"""

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from viewer.core import sh
from viewer.core.errors import Unusable
from viewer.core.model import Model, StaticModel, nbytes
from viewer.core.placing import placed
from viewer.core.splats import Appearance, Splats
from viewer.formats import (
    Format,
    Loaded,
    canonical,
    checkpoint,
    layout,
    network,
    ply,
    scene,
    tcnn,
    training,
)
from viewer.formats.canonical import Canonical
from viewer.formats.ply import Header
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
    choice,
    positive,
)
from viewer.formats.tcnn import HASH_INDEX, Activation, Grid, Group, Network, Trained

NETWORK, DYNAMIC = "FDHash.pth", "dynamic"
CAPTURE_FRAMES, CAPTURE_FPS = 300, 30.0
THRESHOLD = 7.0  # of `dynamic`, in the published configurations but one
MAX_LOG2_SIZE = 24  # of a level's table, looked for
HEADS = {  # by field of Canonical and of Splats: key in the file, and numbers a Gaussian
    "means": ("xyz_deform", 3),
    "scales": ("scales_deform", 3),
    "quats": ("rotations_deform", 4),
    "opacities": ("opacity_deform", 1),
    "colors": ("shs_deform", 48),
}

ACTIVATION = Option("activation", "what follows the encoder: ReLU or None", choice(Activation))
DYNAMIC_THRO = Option("dynamic_thro", "Gaussians move whose `dynamic` is over this", positive)


class Sizes(NamedTuple):
    """Numbers of cfg_args that shape the networks, by their names there; and their largest."""

    n_levels: int = 16
    n_features_per_level: int = 4
    base_resolution: int = 16
    n_neurons: int = 128


LARGEST = Sizes(32, 8, 4096, 128)


@dataclass(frozen=True, eq=False, slots=True)
class Deformation:
    """The networks; heads are by field of Canonical."""

    grid: Grid
    table: Tensor  # [entries, features]
    groups: tuple[Group, ...]  # of the grid's levels
    encoder: Trained
    heads: Mapping[str, Trained]

    def offsets(self, places: Tensor, time: Tensor) -> dict[str, Tensor]:
        """What is added to each field of n Gaussians at a time [], at places [n, 3] in the cube."""
        points = torch.cat([places, time.expand(len(places), 1)], 1)
        hidden = self.encoder(self.grid.encode(self.table, points, self.groups))
        return {name: head(hidden).float() for name, head in self.heads.items()}

    @property
    def memory(self) -> int:
        """Bytes held."""
        parts = (self.encoder, *self.heads.values())
        return nbytes(self.table) + sum(part.memory for part in parts)


class Swift4D:
    """Static Gaussians as they are drawn, and what the dynamic ones among them are made of."""

    frame_times: Tensor | None = None

    def __init__(
        self,
        still: Splats,
        moving: Canonical,
        places: Tensor,
        deformation: Deformation,
        time_range: tuple[float, float],
    ) -> None:
        """moving: rows moving.index of `still`; places: [n, 3] theirs in the unit cube."""
        assert moving.index is not None
        self._still, self._moving, self._rows = still, moving, moving.index
        self._places, self._deformation = places, deformation
        self.time_range, self.appearance = time_range, still.appearance
        self.count = len(still)
        held = StaticModel(still).memory + moving.memory + deformation.memory
        self.memory = held + nbytes(places)

    def slice(self, time: float) -> Splats:
        """Every Gaussian; time counts from 0 to 1, and stands still outside."""
        return self.at(torch.tensor(time, dtype=torch.float32, device=self._places.device))

    def on(self, device: torch.device, exact: bool) -> "Swift4D":
        """As Movable says."""
        there, network = copy(self), self._deformation
        dtype = None if exact else torch.float16
        there._still, there._moving = self._still.to(device), placed(self._moving, device)
        there._rows, there._places = self._rows.to(device), self._places.to(device)
        there._deformation = replace(
            placed(network, device),
            encoder=placed(network.encoder, device, dtype),
            heads=placed(network.heads, device, dtype),
        )
        return there

    def at(self, time: Tensor) -> Splats:
        """As Recordable says."""
        stored = {name: getattr(self._moving, name) for name in HEADS}
        moved = {name: torch.empty_like(field) for name, field in stored.items()}
        for part in network.batches(len(self._places), time.device):
            offsets = self._deformation.offsets(self._places[part], time.clamp(0, 1))
            for name, offset in offsets.items():
                before = stored[name][part]
                # Harmonics of a degree under 3 take the coefficients that they have.
                change = offset[:, : before[0].numel()].reshape(before.shape)
                moved[name][part] = network.finite(before + change, before)
        drawn = replace(self._moving, **moved).splats(self.appearance)
        fields = {
            name: getattr(self._still, name).index_copy(0, self._rows, getattr(drawn, name))
            for name in HEADS
        }
        return replace(self._still, **fields)


def sniff(path: Path) -> Match | None:
    """A PLY with `dynamic`, or with FDHash.pth beside it: either file, their folder, or the run's.

    The iterations of the warm-up stage (coarse_iteration_*) are opened by their own path alone.
    """
    file = path.with_name("point_cloud.ply") if path.name == NETWORK else layout.point_cloud(path)
    if file is None or not file.is_file():
        return None
    found = [f"{NETWORK} beside it"] if file.with_name(NETWORK).is_file() else []
    header = ply.read_header(file)
    if header is None:
        return None
    if DYNAMIC in header.vertex.names:
        found.insert(0, f"property {DYNAMIC}")
    if not found:
        return None
    where = (f"newest of {n} iterations",) if (n := layout.iterations(path)) > 1 else ()
    return Match(file, (f"PLY with {' and '.join(found)}", *where), supersedes=("3dgs-ply",))


def load(source: Source) -> Loaded:
    """The moving scene; without networks that can be read it stands still, with a warning."""
    cfg = training.cfg_args(source.root, source.warnings)
    header = ply.header(source.path)
    gaussians = canonical.read(header, source.part(0, 0.5), source.warnings)
    appearance = Appearance(background=source.option(BACKGROUND, *training.background(cfg)))
    rows = _dynamic(source, cfg, header, gaussians)
    timing = _timing(source, cfg)
    try:
        model: Model = _moving(source, cfg, gaussians, rows, appearance, timing)
    except Unusable as error:
        source.warnings.append(f"{error.cause}: the scene stands still")
        model, timing = StaticModel(gaussians.splats(appearance)), scene.STILL
    degree = sh.degree(gaussians.colors.shape[1])
    cameras = training.cameras(source.root, source.warnings)
    return Loaded(model, scene.report(source, FORMAT.name, model, timing, degree, cameras))


def _dynamic(
    source: Source, cfg: Mapping[str, Any], header: Header, gaussians: Canonical
) -> Tensor | None:
    """Rows [n] of the Gaussians that move; None where the PLY does not say."""
    threshold = source.option(DYNAMIC_THRO, *training.number(cfg, DYNAMIC_THRO.name, THRESHOLD))
    if DYNAMIC not in header.vertex.names:
        return None
    (values,) = ply.columns(header, [(DYNAMIC,)], source.part(0.5, 0.6))
    kept = values[:, 0] if gaussians.index is None else values[gaussians.index.numpy(), 0]
    return torch.from_numpy(np.flatnonzero(kept > threshold))


def _moving(
    source: Source,
    cfg: Mapping[str, Any],
    gaussians: Canonical,
    rows: Tensor | None,
    appearance: Appearance,
    timing: Timing,
) -> Swift4D:
    """Raises Unusable where the networks are missing, or not those of cfg_args."""
    path = source.path.with_name(NETWORK)
    output = source.option(ACTIVATION, *_activation(cfg))
    if rows is None:
        raise Unusable(f"{source.path}: has no property {DYNAMIC}, which says what moves")
    if source.path.parent.name.startswith("coarse_"):
        raise Unusable(f"{source.path}: saved in the warm-up, before motion is trained")
    if not path.is_file():
        raise Unusable(f"{path}: is missing, and the motion with it")
    source.progress(0.6, "reading the networks")
    held = checkpoint.state(path)
    deformation = _deformation(source, held, path, _sizes(cfg), output)
    low, high = (network.tensor(held, f"xyz_bound_{end}", path, (3,)) for end in ("min", "max"))
    places = (gaussians.means[rows] - low) / (high - low)
    inside = ((places >= 0) & (places <= 1)).all(1)
    moved = rows[inside]
    source.evidence += (f"{len(moved):,} of {len(gaussians):,} Gaussians move",)
    parts = {name: getattr(gaussians, name)[moved] for name in HEADS}
    moving = Canonical(**parts, index=moved)
    still = gaussians.splats(appearance)
    return Swift4D(still, moving, places[inside], deformation, timing.time_range)


def _deformation(
    source: Source, held: Mapping[str, object], path: Path, sizes: Sizes, output: Activation
) -> Deformation:
    width = sizes.n_neurons
    features = sizes.n_levels * sizes.n_features_per_level
    encoder = Network(features, width, 1, width, output)
    parameters = _parameters(held, "enc_model.params", path, None)
    grid = tcnn.as_trained(_grid(len(parameters), encoder, sizes, path), source)
    heads = {}
    for name, (key, outputs) in HEADS.items():
        head = Network(width, width, 2, outputs)
        heads[name] = head.trained(_parameters(held, f"{key}.params", path, head.size))
    table = parameters[encoder.size :].view(grid.entries, grid.features)
    groups = grid.grouped(table.device)
    return Deformation(grid, table, groups, encoder.trained(parameters[: encoder.size]), heads)


def _parameters(held: Mapping[str, object], name: str, path: Path, size: int | None) -> Tensor:
    """As they are evaluated. Raises Unusable where they are not finite."""
    stored = checkpoint.view(held.get(name), name, path, (size,))
    if not all(bool(extreme.isfinite()) for extreme in stored.aminmax()):
        raise Unusable(f"{path}: {name} holds numbers that are not finite, expected none")
    return tcnn.as_evaluated(stored)


def _grid(length: int, encoder: Network, sizes: Sizes, path: Path) -> Grid:
    """The grid whose table, after the encoder's weights, fills `length` numbers."""
    levels, features, base, _ = sizes
    grids = [Grid(4, levels, features, log2, base) for log2 in range(3, MAX_LOG2_SIZE + 1)]
    for grid in grids:
        if encoder.size + grid.entries * features == length:
            return grid
    raise Unusable(
        f"{path}: enc_model.params has {length} numbers, expected {encoder.size} and a hash table "
        f"of {levels} levels, {features} numbers an entry, as cfg_args or the defaults have it"
    )


def _sizes(cfg: Mapping[str, Any]) -> Sizes:
    """Those of cfg_args; the defaults where they are missing or absurd."""
    found = {}
    for name, largest in LARGEST._asdict().items():
        value = cfg.get(name)
        if type(value) is int and 0 < value <= largest:
            found[name] = value
    return Sizes(**found)


def _activation(cfg: Mapping[str, Any]) -> tuple[Activation, str]:
    for activation in Activation:
        if cfg.get(ACTIVATION.name) == activation.value:
            return activation, "cfg_args"
    return Activation.RELU, "guessed"


def _timing(source: Source, cfg: Mapping[str, Any]) -> Timing:
    """Frame i of the n trained on is at i / n."""
    first, final = cfg.get("first_frame", 0), cfg.get("final_frame")
    found, origin = CAPTURE_FRAMES, "guessed"
    if type(first) is int and type(final) is int and final > first:
        found, origin = final - first, "cfg_args"
    frames = source.option(FRAMES, found, origin)
    fps = source.option(FPS, CAPTURE_FPS, "guessed")
    timing = Timing((0.0, (frames - 1) / frames), 1 / frames, fps)
    return scene.within(source, timing, source.origin_of(FRAMES))


FORMAT = Format(
    "swift4d",
    "a Swift4D run's folder, or a point_cloud.ply with FDHash.pth beside it",
    sniff,
    load,
    (DYNAMIC_THRO, ACTIVATION, HASH_INDEX, FRAMES, TIME_RANGE, FPS, *COMMON),
)
