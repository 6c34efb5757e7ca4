"""Deformable-3D-Gaussians: Gaussians of a 3DGS PLY, moved by one network of place and time.

Its variants (D-NeRF, real captures, 6-DoF) are told apart by the layers in deform.pth.
Source: utils/time_utils.py, utils/rigid_utils.py, scene/deform_model.py and
gaussian_renderer/__init__.py of ingra14m/Deformable-3D-Gaussians.
"""

import math
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from viewer.core import rotation
from viewer.core.errors import Unusable
from viewer.core.model import StaticModel, nbytes
from viewer.core.placing import placed
from viewer.core.splats import Appearance, Splats, covars_of
from viewer.formats import Format, Loaded, canonical, checkpoint, layout, ply, scene, training
from viewer.formats.network import Linear, batches, finite, linear, stacked
from viewer.formats.scene import Timing
from viewer.formats.source import (
    BACKGROUND,
    COMMON,
    FPS,
    FRAMES,
    TIME_RANGE,
    Match,
    Progress,
    Source,
)

NETWORK = "deform.pth"
OCTAVES, MAX_OCTAVES = 10, 20  # of the encoding of places; of that of time, at most
PLACE = 3 * (1 + 2 * OCTAVES)  # numbers a place is encoded in
WARM_UP = 3000  # iterations before the network is trained
GUESSED_FRAMES, GUESSED_FPS = 150, 30.0  # the trainer's own turntables have 150
SCREW_EPSILON = 1e-5  # added to the screw axis, as the trainer does
FAR = 1e3  # no quaternion offset goes beyond: products of six of them stay finite
LARGEST = math.exp(10)  # world units, standard deviation


@dataclass(frozen=True, eq=False, slots=True)
class Deformation:
    """The network: layers with ReLU, one of which also sees the input again, and plain heads.

    Inputs are a place's encoding [PLACE], then that of time; behind them the layer before.
    """

    layers: tuple[Linear, ...]
    skip: int  # the layer that sees the input again
    octaves: int  # of the encoding of time
    timenet: tuple[Linear, Linear] | None  # turns the encoding of time into its input
    heads: Linear  # one below the other
    outputs: Mapping[str, int]  # of each head

    def biases(self, time: Tensor) -> dict[int, Tensor]:
        """Bias [W] at a time [] of the layers that see it, which is the same for every Gaussian.

        Summed in float32 whatever the layers' precision: half of it tells few times apart.
        """
        tau = encoded(time.view(1, 1), self.octaves)
        if self.timenet is not None:
            first, second = self.timenet
            tau = second(functional.relu(first(tau)))
        columns = slice(PLACE, PLACE + tau.shape[1])
        found = {}
        for i in {0, self.skip}:
            weight, bias = self.layers[i].weight, self.layers[i].bias
            found[i] = (bias.float() + weight[:, columns].float() @ tau[0]).to(bias.dtype)
        return found

    def __call__(self, places: Tensor, biases: Mapping[int, Tensor]) -> dict[str, Tensor]:
        """What the heads say [n, outputs] of encoded places [n, PLACE], at the time of `biases`."""
        first, *others = self.layers
        h = functional.relu_(functional.linear(places, first.weight[:, :PLACE], biases[0]))
        for i, layer in enumerate(others, 1):
            if i == self.skip:
                seen = functional.linear(places, layer.weight[:, :PLACE], biases[i])
                h = torch.addmm(seen, h, layer.weight[:, -h.shape[1] :].T)
            else:
                h = layer(h)
            h = functional.relu_(h)
        said = self.heads(h).float().split(list(self.outputs.values()), 1)
        return dict(zip(self.outputs, said, strict=True))

    @property
    def memory(self) -> int:
        """Bytes held."""
        every = (*self.layers, *(self.timenet or ()), self.heads)
        return sum(layer.memory for layer in every)


class DeformableModel:
    """Canonical Gaussians and their deformation as a Model."""

    frame_times: Tensor | None = None

    def __init__(
        self,
        still: Splats,
        deformation: Deformation,
        time_range: tuple[float, float],
        progress: Progress,
    ) -> None:
        """still: with quats and scales, as they are before anything moves."""
        assert still.quats is not None
        assert still.scales is not None
        self._still, self._quats, self._scales = still, still.quats, still.scales
        self._deformation = deformation
        self._places = still.means.new_empty(len(still), PLACE)
        for part in batches(len(still), still.means.device):
            progress(part.start / len(still), "encoding places")
            self._places[part] = encoded(still.means[part], OCTAVES)
        self.time_range, self.appearance = time_range, still.appearance
        self.count = len(still)
        self.memory = deformation.memory + nbytes(
            still.means, still.quats, still.scales, still.opacities, still.colors, still.index,
            self._places,
        )  # fmt: skip

    def slice(self, time: float) -> Splats:
        """Every Gaussian, where and what it is at `time`."""
        return self.at(torch.tensor(time, dtype=torch.float32, device=self._still.means.device))

    def on(self, device: torch.device, exact: bool) -> "DeformableModel":
        """As Movable says."""
        dtype, there, network = None if exact else torch.float16, copy(self), self._deformation
        there._still, there._places = self._still.to(device), placed(self._places, device, dtype)
        there._quats, there._scales = self._quats.to(device), self._scales.to(device)
        there._deformation = replace(
            placed(network, device, dtype), timenet=placed(network.timenet, device)
        )
        return there

    def at(self, time: Tensor) -> Splats:
        """As Recordable says."""
        biases = self._deformation.biases(time)
        means = torch.empty_like(self._still.means)
        covars = means.new_empty(len(means), 6)
        for part in batches(self.count, means.device):
            said = self._deformation(self._places[part], biases)
            means[part] = _moved(self._still.means[part], said)
            covars[part] = _covars(self._quats[part], self._scales[part], said)
        return replace(self._still, means=means, quats=None, scales=None, covars=covars)


def encoded(values: Tensor, octaves: int) -> Tensor:
    """[n, C (1 + 2 octaves)] of values [n, C]: themselves, then sin and cos of 2^k times them."""
    parts = [values]
    for k in range(octaves):
        parts += [torch.sin(values * 2.0**k), torch.cos(values * 2.0**k)]
    return torch.cat(parts, 1)


def screw_motion(w: Tensor, v: Tensor, means: Tensor) -> Tensor:
    """Points [n, 3] after the rigid motion of se(3) vectors w (turn) and v [n, 3].

    The exponential map of Lynch and Park, "Modern Robotics", 3.3.3. No turn moves nothing.
    """
    angle = w.norm(dim=1, keepdim=True)  # [n, 1]
    axis, velocity = w / angle + SCREW_EPSILON, v / angle + SCREW_EPSILON
    sin, cos = torch.sin(angle), torch.cos(angle)

    def turned(point: Tensor, first: Tensor, second: Tensor) -> Tensor:
        once = torch.linalg.cross(axis, point)
        return first * once + second * torch.linalg.cross(axis, once)

    moved = means + turned(means, sin, 1 - cos)
    shift = angle * velocity + turned(velocity, 1 - cos, angle - sin)
    return torch.where(angle > 0, moved + shift, means)


def _moved(means: Tensor, said: Mapping[str, Tensor]) -> Tensor:
    """Means [n, 3] moved by a vector, or by a screw where the network has 6 degrees of freedom."""
    if "branch_w" in said:
        return finite(screw_motion(said["branch_w"], said["branch_v"], means), means)
    return finite(means + said["gaussian_warp"], means)


def _covars(quats: Tensor, scales: Tensor, said: Mapping[str, Tensor]) -> Tensor:
    """[n, 6]. Offsets come after activation; the sum is no unit quaternion, and the trainer's
    rasteriser takes it as it is.
    """
    turned = finite(quats + said["gaussian_rotation"].clamp(-FAR, FAR), quats)
    sizes = finite(scales + said["gaussian_scaling"], scales).clamp(-LARGEST, LARGEST)
    return covars_of(rotation.matrices(turned), sizes)


def sniff(path: Path) -> Match | None:
    """A run with point_cloud/iteration_* and deform/iteration_*: its root, folders or files."""
    file = _point_cloud(path)
    if file is None or not file.is_file() or not _networks(file):
        return None
    where = (f"newest of {n} iterations",) if (n := layout.iterations(path)) > 1 else ()
    evidence = (f"{file.name}, and {NETWORK} in deform/", *where)
    return Match(file, evidence, supersedes=("3dgs-ply",))


def load(source: Source) -> Loaded:
    """The moving scene; what the warm-up saved, with its network untrained, stands still."""
    iteration, known = source.path.parent.name, _networks(source.path)
    if iteration not in known:
        raise Unusable(
            f"{source.path}: its network deform/{iteration}/{NETWORK} is missing, "
            f"found those of {', '.join(known)}"
        )
    path = known[iteration]
    held = checkpoint.state(path)
    if "nodes" in held:
        raise Unusable(f"{path}: a SC-GS model (control nodes), expected Deformable-3D-Gaussians")
    cfg = training.cfg_args(source.root, source.warnings)
    appearance = Appearance(background=source.option(BACKGROUND, *training.background(cfg)))
    gaussians = canonical.read(ply.header(source.path), source.part(0, 0.6), source.warnings)
    still = gaussians.splats(appearance)
    deformation = _deformation(held, path)
    if cfg.get("is_blender") is (deformation.timenet is None):
        source.warnings.append("is_blender of cfg_args contradicts the network, which is followed")
    if int(iteration.removeprefix("iteration_")) <= WARM_UP:
        source.warnings.append("saved in the warm-up, before motion is trained: it stands still")
        model, timing = StaticModel(still), scene.STILL
    else:
        timing = _timing(source)
        model = DeformableModel(still, deformation, timing.time_range, source.part(0.6, 0.8))
    cameras = training.cameras(source.root, source.warnings)
    return Loaded(model, scene.report(source, FORMAT.name, model, timing, still.sh_degree, cameras))


def _point_cloud(path: Path) -> Path | None:
    """The PLY to open at a run's root, at a folder or file in it, or at its network's."""
    if path.name == NETWORK:
        path = path.parent
    if path.parent.name == "deform" and layout.ITERATION.match(path.name):
        return path.parent.parent / "point_cloud" / path.name / "point_cloud.ply"
    return layout.point_cloud(path.parent if path.name == "deform" else path)


def _networks(file: Path) -> dict[str, Path]:
    """Networks of the run that a PLY is part of, by the name of their iteration, in order."""
    folder = file.parent
    if folder.parent.name != "point_cloud" or not layout.ITERATION.match(folder.name):
        return {}
    found = folder.parent.parent.glob(f"deform/iteration_*/{NETWORK}")
    return {p.parent.name: p for p in sorted(found, key=lambda p: layout.natural(p.parent.name))}


def _deformation(held: Mapping[str, object], path: Path) -> Deformation:
    """The network of a state dict. Raises Unusable naming the layer that does not fit."""
    timenet = None
    if "timenet.0.weight" in held:
        first = linear(held, "timenet.0", path)
        timenet = first, linear(held, "timenet.2", path, inputs=len(first.weight))
    layers = [linear(held, "linear.0", path)]
    width, inputs = layers[0].weight.shape
    while f"linear.{len(layers)}.weight" in held:
        layers.append(linear(held, f"linear.{len(layers)}", path, width))
    skips = [i for i, layer in enumerate(layers) if layer.weight.shape[1] == inputs + width]
    plain = all(layer.weight.shape[1] in (width, inputs + width) for layer in layers[1:])
    if len(skips) != 1 or not plain:
        shapes = ", ".join(str(list(layer.weight.shape)) for layer in layers)
        raise Unusable(
            f"{path}: layers of {shapes}, expected [W, I], one [W, I + W], others [W, W]"
        )
    seen = inputs - PLACE if timenet is None else timenet[0].weight.shape[1]
    octaves, odd = divmod(seen - 1, 2)
    fits = timenet is None or inputs - PLACE == len(timenet[1].weight)
    if not fits or odd or not 0 <= octaves <= MAX_OCTAVES:
        raise Unusable(
            f"{path}: linear.0 takes {inputs} numbers, expected {PLACE} of the place, and of "
            "the time an odd number or as many as timenet gives"
        )
    outputs = {"gaussian_rotation": 4, "gaussian_scaling": 3}
    rigid = "branch_w.weight" in held
    outputs |= {"branch_w": 3, "branch_v": 3} if rigid else {"gaussian_warp": 3}
    heads = stacked([linear(held, name, path, n, width) for name, n in outputs.items()])
    return Deformation(tuple(layers), skips[0], octaves, timenet, heads, outputs)


def _timing(source: Source) -> Timing:
    """Frame i of n is at i / (n - 1)."""
    frames = source.option(FRAMES, GUESSED_FRAMES, "guessed")
    time_range = source.option(TIME_RANGE, (0.0, 1.0), "guessed")
    return scene.evenly(time_range, frames, source.option(FPS, GUESSED_FPS, "guessed"))


FORMAT = Format(
    "deformable-3dgs",
    "a Deformable-3D-Gaussians run's folder, with point_cloud/ and deform/",
    sniff,
    load,
    (FRAMES, TIME_RANGE, FPS, *COMMON),
)
