"""Clouds of a point_planes or 4K4D model, and the networks that give their points size and colour.

Source: easyvolcap/models/samplers/point_planes_sampler.py and spherical_harmonics.py of
zju3dv/EasyVolcap; r4dv_sampler.py and image_based_spherical_harmonics.py of zju3dv/4K4D.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from viewer.core import sh
from viewer.core.errors import Unusable
from viewer.core.model import nbytes
from viewer.formats import checkpoint, kplanes
from viewer.formats.kplanes import KPlanes
from viewer.formats.network import Linear, batches, finite, linear
from viewer.formats.source import Progress

NESTED = ("", ".mlp", ".mlp.mlp")  # between the name of a network and its layers
MAX_LAYERS = 16
RESIDUAL = 0.1  # world units, of what the network that moves points says
RADIUS_SHIFT, ALPHA_SHIFT = -5.0, 5.0  # before the sigmoid
LARGEST = 1e4  # of what a network says: sigmoids are 0 or 1 long before


class Cloud(NamedTuple):
    """Points of one frame. rows: [n] places in the file, of `stored`, where some were left out."""

    means: Tensor  # [n, 3] as stored: half precision in real-time models
    rows: Tensor | None
    stored: int


class Dressed(NamedTuple):
    """Points as they are drawn; float32."""

    means: Tensor  # [n, 3]
    radii: Tensor  # [n] where discs end
    opacities: Tensor  # [n]
    coefficients: Tensor  # [n, K, 3]


@dataclass(frozen=True, eq=False, slots=True)
class Layers:
    """A network with `hidden` between its layers."""

    layers: tuple[Linear, ...]
    hidden: Callable[[Tensor], Tensor]

    def __call__(self, x: Tensor) -> Tensor:
        """Outputs [n, outputs] of inputs [n, inputs], finite."""
        for layer in self.layers[:-1]:
            x = self.hidden(layer(x))
        return self.layers[-1](x).nan_to_num(0.0).clamp_(-LARGEST, LARGEST)

    @property
    def inputs(self) -> int:
        """Numbers that go in."""
        return self.layers[0].weight.shape[1]

    @property
    def outputs(self) -> int:
        """Numbers that come out."""
        return len(self.layers[-1].bias)

    @property
    def memory(self) -> int:
        """Bytes held."""
        return sum(layer.memory for layer in self.layers)


class Moving(NamedTuple):
    """What moves points from where they are stored."""

    planes: KPlanes
    network: Layers


@dataclass(frozen=True, eq=False, slots=True)
class Clouds:
    """A sampler of the model: the whole, its foreground or its background.

    output: what the sums of its spherical harmonics mean.
    """

    clouds: tuple[Cloud, ...]
    moving: Moving | None
    planes: KPlanes
    shape: Layers  # to a radius and an opacity
    color: Layers  # to spherical harmonics
    output: sh.Output

    def at(self, i: int, radii: tuple[float, float]) -> Dressed:
        """Frame i, or the last one; radii: smallest and largest, world units."""
        i = min(i, len(self.clouds) - 1)
        time = i / max(len(self.clouds) - 1, 1)
        cloud = self.clouds[i].means
        parts = [
            self._dressed(cloud[rows].float(), time, radii)
            for rows in batches(len(cloud), cloud.device)
        ]
        parts = parts or [self._dressed(cloud.float(), time, radii)]
        return Dressed(*(torch.cat(fields) for fields in zip(*parts, strict=True)))

    def _dressed(self, means: Tensor, time: float, radii: tuple[float, float]) -> Dressed:
        if self.moving is not None:
            offset = self.moving.network(self.moving.planes(means, time))
            means = finite(means + RESIDUAL * offset, means)
        features = self.planes(means, time)
        radius, alpha = self.shape(features).unbind(1)
        low, high = radii
        colors = self.color(features)
        return Dressed(
            means,
            torch.sigmoid(radius + RADIUS_SHIFT) * (high - low) + low,
            torch.sigmoid(alpha + ALPHA_SHIFT),
            colors.view(len(colors), 3, self.color.outputs // 3)
            .transpose(1, 2)
            .contiguous(),  # stored by channel
        )

    @property
    def memory(self) -> int:
        """Bytes held."""
        clouds = sum(nbytes(cloud.means, cloud.rows) for cloud in self.clouds)
        moving = self.moving.planes.memory + self.moving.network.memory if self.moving else 0
        return clouds + moving + self.planes.memory + self.shape.memory + self.color.memory


def frames(held: Mapping[str, object], sampler: str) -> int:
    """Clouds of a sampler, numbered from 0."""
    count = 0
    while f"{sampler}pcds.{count}" in held:
        count += 1
    return count


def moves(held: Mapping[str, object], sampler: str) -> bool:
    """Whether there is a network that moves the points of a sampler."""
    return _found(held, f"{sampler}resd_regressor") is not None


def read(
    held: Mapping[str, object], sampler: str, path: Path, move: bool, progress: Progress
) -> Clouds:
    """A sampler of a state dict, its names beginning with `sampler`. Raises Unusable."""
    moving = None
    if move:
        network = layers(held, f"{sampler}resd_regressor", path, 3, functional.relu)
        planes = kplanes.read(held, f"{sampler}pcd_embedder", path, network.inputs)
        moving = Moving(planes, network)
    shape = layers(held, f"{sampler}geo_regressor", path, 2, functional.relu)
    color, output = _color(held, sampler, path)
    if color.inputs != shape.inputs:
        raise Unusable(
            f"{path}: its networks for shape and colour take {shape.inputs} and {color.inputs} "
            "features, expected as many"
        )
    planes = kplanes.read(held, f"{sampler}xyz_embedder", path, shape.inputs)
    count, clouds = frames(held, sampler), []
    for i in range(count):
        progress(i / count, "reading the frames")
        clouds.append(_cloud(held, f"{sampler}pcds.{i}", path))
    return Clouds(tuple(clouds), moving, planes, shape, color, output)


def layers(
    held: Mapping[str, object],
    name: str,
    path: Path,
    outputs: int | None,
    hidden: Callable[[Tensor], Tensor],
) -> Layers:
    """The network `name`, of as many layers as there are. Raises Unusable."""
    nested = _found(held, name) or f"{name}.mlp.linears"
    found = [linear(held, f"{nested}.0", path)]
    while f"{nested}.{len(found)}.weight" in held and len(found) < MAX_LAYERS:
        found.append(linear(held, f"{nested}.{len(found)}", path, inputs=len(found[-1].bias)))
    if outputs is not None and len(found[-1].bias) != outputs:
        raise Unusable(f"{path}: {name} has {len(found[-1].bias)} outputs, expected {outputs}")
    return Layers(tuple(found), hidden)


def _found(held: Mapping[str, object], name: str) -> str | None:
    """Where the layers of a network are; the spelling changed over time."""
    spelled = (f"{name}{nested}.linears" for nested in NESTED)
    return next((spelling for spelling in spelled if f"{spelling}.0.weight" in held), None)


def _color(held: Mapping[str, object], sampler: str, path: Path) -> tuple[Layers, sh.Output]:
    """The network for spherical harmonics, and what their sum means. Raises Unusable."""
    for name, hidden, output in (
        ("rgb_regressor.sh_mlp", functional.relu, sh.Output.SIGMOID),
        ("rgb_regressor.mlp_regressor", functional.relu, sh.Output.SIGMOID),
        ("ibr_regressor.sh_mlp", functional.softplus, sh.Output.RESIDUAL),
    ):
        if _found(held, f"{sampler}{name}") is not None:
            found = layers(held, f"{sampler}{name}", path, None, hidden)
            if found.outputs not in (3, 12, 27, 48):
                raise Unusable(
                    f"{path}: {sampler}{name} has {found.outputs} outputs, expected 3, 12, 27 or "
                    "48 (degree 0 to 3)"
                )
            return found, output
    raise Unusable(
        f"{path}: has no network for the colours of {sampler.rstrip('.')}, expected "
        "rgb_regressor.sh_mlp or ibr_regressor.sh_mlp"
    )


def _cloud(held: Mapping[str, object], name: str, path: Path) -> Cloud:
    means = checkpoint.view(held.get(name), name, path, (None, 3)).clone()
    known = means.float().isfinite().all(1)
    if known.all():
        return Cloud(means, None, len(means))
    rows = known.nonzero()[:, 0]
    return Cloud(means[rows], rows, len(means))
