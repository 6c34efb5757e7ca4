"""Neural transformation caches: the step of 3DGStream from one frame of Gaussians to the next.

A hash grid and a small network, or the network alone, give each place in a box a shift and a turn.
Source: ntc/__init__.py, scene/gaussian_model.py and configs/cache of SJoJoK/3DGStream.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from viewer.core import rotation
from viewer.core.errors import Unusable
from viewer.formats import checkpoint, network, tcnn
from viewer.formats.tcnn import Activation, Grid, Network, Trained

OUTPUTS = 8  # a shift, a turn w x y z, and one that is not used
PARAMETERS, BOX = "model.params", ("xyz_bound_min", "xyz_bound_max")
MAX_CONFIG = 1 << 20  # bytes
STRING_OR_COMMENT = re.compile(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
MAX_GROWTH = 4.0  # of resolution from a level to the next


class State(NamedTuple):
    """Where Gaussians are and how they are turned; nothing else of them changes."""

    means: Tensor  # [N, 3] world units
    quats: Tensor  # [N, 4] w x y z, unit length


@dataclass(frozen=True, slots=True)
class Layout:
    """What the parameters of a cache are: the network's, then the grid's where there is one."""

    network: Network
    grid: Grid | None

    @property
    def size(self) -> int:
        """How many there are."""
        table = 0 if self.grid is None else self.grid.entries * self.grid.features
        return self.network.size + table


ALONE = Layout(Network(3, 64, 2, OUTPUTS, fill=1.0), None)


@dataclass(frozen=True, eq=False, slots=True)
class Cache:
    """The step to one frame. low, high: [3] box outside of which nothing moves, world units."""

    grid: Grid | None
    table: Tensor  # [entries, features]
    trained: Trained
    low: Tensor
    high: Tensor

    def step(self, state: State) -> State:
        """The state of the next frame. Turns come before those that Gaussians have."""
        places = (state.means - self.low) / (self.high - self.low)
        inside = ((places >= 0) & (places <= 1)).all(1).nonzero()[:, 0]
        means, quats = state.means.clone(), state.quats.clone()
        for part in network.batches(len(inside), inside.device):
            rows = inside[part]
            x = places[rows]
            said = self.trained(x if self.grid is None else self.grid.encode(self.table, x))
            mean, quat = state.means[rows], state.quats[rows]
            turned = rotation.product(quat, rotation.normalized(said[:, 3:7]))
            means[rows] = network.finite(mean + said[:, :3], mean)
            quats[rows] = rotation.normalized(network.finite(turned, quat))
        return State(means, quats)


def configured(path: Path) -> Layout:
    """The layout that a tiny-cuda-nn configuration says. Raises Unusable."""
    config = lenient_json(path)
    layers, encoding = (_section(config, name, path) for name in ("network", "encoding"))
    _expect(layers, "otype", ("FullyFusedMLP",), path)
    _expect(layers, "activation", (Activation.RELU.value,), path)
    _expect(layers, "output_activation", tuple(a.value for a in Activation), path)
    width, hidden = (
        _whole(layers, "n_neurons", 64, 128, path),
        _whole(layers, "n_hidden_layers", 2, 16, path),
    )
    output = Activation(layers.get("output_activation", Activation.NONE.value))
    if "encoding" not in config:
        return Layout(Network(3, width, hidden, OUTPUTS, output, fill=1.0), None)
    _expect(encoding, "otype", ("HashGrid",), path)
    grid = Grid(
        3,
        _whole(encoding, "n_levels", 16, 32, path),
        _whole(encoding, "n_features_per_level", 4, 8, path),
        _whole(encoding, "log2_hashmap_size", 15, 24, path),
        _whole(encoding, "base_resolution", 16, 4096, path),
        _growth(encoding, path),
    )
    return Layout(Network(grid.width, width, hidden, OUTPUTS, output), grid)


def published(count: int) -> Layout | None:
    """The published layout with that many parameters."""
    grids = (Grid(3, 16, 4, 15), Grid(3, 16, 8, 15), Grid(3, 16, 4, 14))
    layouts = (ALONE, *(Layout(Network(grid.width, 64, 2, OUTPUTS), grid) for grid in grids))
    return next((layout for layout in layouts if layout.size == count), None)


def parameters(path: Path) -> int:
    """How many a cache has; cheap. Raises Unusable."""
    stored = checkpoint.view(checkpoint.state(path).get(PARAMETERS), PARAMETERS, path, (None,))
    return len(stored)


def check(path: Path, layout: Layout) -> None:
    """Raise Unusable unless a cache has that layout; cheap: its parameters are not read."""
    _stored(path, layout)


def read(path: Path, layout: Layout, like: Tensor) -> Cache:
    """The cache, on the device of `like`. Raises Unusable."""
    stored, low, high = _stored(path, layout)
    held = tcnn.as_evaluated(stored.to(like.device))
    table, size = held[layout.network.size :], layout.network.size
    if layout.grid is not None:
        table = table.view(layout.grid.entries, layout.grid.features)
    trained = layout.network.trained(held[:size])
    return Cache(layout.grid, table, trained, low.to(like.device), high.to(like.device))


def lenient_json(path: Path) -> Mapping[str, Any]:
    """A small JSON object that may have comments. Raises Unusable."""
    try:
        size = path.stat().st_size
        if size > MAX_CONFIG:
            raise ValueError(f"{size} bytes")
        text = path.read_text(encoding="utf-8")
        held = json.loads(STRING_OR_COMMENT.sub(lambda found: found[1] or " ", text))
        if not isinstance(held, dict):
            raise ValueError(f"holds a {type(held).__name__}")
    except (OSError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise Unusable(f"{path}: is not readable as JSON ({reason}), expected an object") from error
    return held


def _stored(path: Path, layout: Layout) -> tuple[Tensor, Tensor, Tensor]:
    """Parameters [layout.size] as the file has them, and the box."""
    held = checkpoint.state(path)
    stored = checkpoint.view(held.get(PARAMETERS), PARAMETERS, path, (layout.size,))
    low, high = (network.tensor(held, name, path, (3,)) for name in BOX)
    return stored, low, high


def _section(config: Mapping[str, Any], name: str, path: Path) -> Mapping[str, Any]:
    found = config.get(name, {})
    if not isinstance(found, dict):
        raise Unusable(f"{path}: {name} is a {type(found).__name__}, expected an object")
    return found


def _expect(section: Mapping[str, Any], name: str, known: tuple[str, ...], path: Path) -> None:
    found = section.get(name, known[0])
    if found not in known:
        raise Unusable(f"{path}: {name} is {found!r:.60}, expected {' or '.join(known)}")


def _whole(section: Mapping[str, Any], name: str, otherwise: int, most: int, path: Path) -> int:
    found = section.get(name, otherwise)
    if type(found) is not int or not 1 <= found <= most:
        raise Unusable(f"{path}: {name} is {found!r:.60}, expected a whole number from 1 to {most}")
    return found


def _growth(section: Mapping[str, Any], path: Path) -> float:
    found = section.get("per_level_scale", 2.0)
    if type(found) not in (int, float) or not 1 <= found <= MAX_GROWTH:
        raise Unusable(
            f"{path}: per_level_scale is {found!r:.60}, expected a number from 1 to {MAX_GROWTH:g}"
        )
    return float(found)
