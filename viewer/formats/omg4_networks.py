"""The four small networks of OMG4, which make opacity and harmonics of a place and a time.

    g = cont(frequencies(contracted place, time))      opacity = opacity([g, base features])
    harmonics 0 = dc([g, base features])               harmonics 1..47 = sh([g, view features])

What a place gives to the first layer does not change with time: it can be summed once.
Source: gaussian_renderer/__init__.py of MinShirley/OMG4, its networks' settings in
scene/gaussian_model.py; the encoding is frequency.h of NVlabs/tiny-cuda-nn.
"""

import math
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from viewer.core.placing import placed
from viewer.core.splats import MIN_ALPHA, Splats
from viewer.core.temporal import TemporalGaussians
from viewer.formats import checkpoint
from viewer.formats.network import batches
from viewer.formats.source import Progress, silent
from viewer.formats.tcnn import Network, Trained, as_evaluated

FREQUENCIES = 16  # of each input, a sine and a cosine each
PLACE = 3 * 2 * FREQUENCIES  # inputs that a place becomes
WIDTH = 64  # of every hidden layer
CONTEXT = 13  # outputs of the first network
FEATURES = 6  # of a Gaussian: base, view, three each
COEFFICIENTS = 48  # harmonics predicted
DRAWN = 16  # coefficients that a slice has: degree 3
DC = Network(inputs=CONTEXT + 3, width=WIDTH, hidden=1, outputs=3, slope=0.01)
SH, OPACITY = replace(DC, outputs=3 * (COEFFICIENTS - 1)), replace(DC, outputs=1)
Decode = Callable[[Tensor, Tensor, float], tuple[Tensor, Tensor]]


@dataclass(frozen=True, eq=False, slots=True)
class Networks:
    """The four of them; `cont` is fed with a place and, in some files, a time."""

    cont: Trained
    dc: Trained
    sh: Trained
    opacity: Trained

    @property
    def memory(self) -> int:
        """Bytes held."""
        return sum(n.memory for n in (self.cont, self.dc, self.sh, self.opacity))

    def placed(self, places: Tensor, progress: Progress = silent) -> Tensor:
        """[n, 64] sums of the first layer over what places [n, 3], world space, give to it."""
        first = self.cont.matrices[0][:, :PLACE]
        sums = places.new_empty(len(places), WIDTH)
        for rows in batches(len(places), places.device):
            progress(rows.start / len(places), "encoding places")
            sums[rows] = frequencies(contracted(places[rows])) @ first.T
        return sums

    def timed(self, fraction: float) -> Tensor:
        """[64] sums over what a time gives, a fraction of the training's."""
        first = self.cont.matrices[0][:, PLACE:]
        given = torch.tensor([[fraction]], dtype=torch.float64, device=first.device)
        return (frequencies(given) @ first.T)[0]

    def opacities(self, context: Tensor, features: Tensor) -> Tensor:
        """[n] 0..1, of g [n, 13] and features [n, 6]."""
        return torch.sigmoid(self.opacity(torch.cat([context, features[:, :3]], 1))[:, 0])

    def harmonics(self, context: Tensor, features: Tensor) -> Tensor:
        """Coefficients [n, K, 3] of g [n, 13] and features [n, 6]."""
        constant = self.dc(torch.cat([context, features[:, :3]], 1))
        rest = self.sh(torch.cat([context, features[:, 3:]], 1))
        return torch.cat([constant, rest], 1).view(len(rest), -1, 3)


class Networked:
    """The Model: moving Gaussians whose opacity and harmonics networks make at each slice.

    The colours of its geometry are what the networks are given of each Gaussian, its opacities 1.
    """

    def __init__(self, geometry: TemporalGaussians, decode: Decode, memory: int) -> None:
        """decode: opacities [n] 0..1 and harmonics [n, K, 3] of means [n, 3], what is given
        [n, C], and a time. memory: bytes that it holds.
        """
        self._geometry, self._decode = geometry, decode
        self.count = geometry.count
        self.time_range = geometry.time_range
        self.frame_times: Tensor | None = None
        self.appearance = geometry.appearance
        self.memory = geometry.memory + memory

    def slice(self, time: float) -> Splats:
        """The Gaussians seen at `time`, with the opacity and harmonics they have then."""
        alive = self._geometry.slice(time)
        opacities = torch.empty_like(alive.opacities)
        colors = opacities.new_empty(len(alive), DRAWN, 3)
        for rows in batches(len(alive), opacities.device):
            opacities[rows], colors[rows] = self._decode(
                alive.means[rows], alive.colors[rows], time
            )
        opacities *= alive.opacities
        seen = (opacities >= MIN_ALPHA).nonzero().squeeze(1)
        return replace(alive, opacities=opacities, colors=colors).rows(seen)

    def on(self, device: torch.device, exact: bool) -> "Networked":
        """As Movable says; its networks are small, and stay in float32."""
        there = copy(self)
        there._geometry = self._geometry.on(device, exact)
        there._decode = placed(self._decode, device)
        return there


def read(held: Mapping[str, Any], times: int, used: int, path: Path) -> Networks:
    """The networks of a file, fed with so many times and making `used` coefficients.

    Raises Unusable naming one of another size.
    """

    def trained(name: str, network: Network) -> Trained:
        numbers = checkpoint.tensor(held.get(name), name, path, (network.size,))
        return network.trained(as_evaluated(numbers))

    sh = trained("MLP_sh", SH)
    cont = Network((3 + times) * 2 * FREQUENCIES, WIDTH, hidden=1, outputs=CONTEXT)
    return Networks(
        cont=trained("MLP_cont", cont),
        dc=trained("MLP_dc", DC),
        sh=replace(sh, network=replace(SH, outputs=3 * (used - 1))),
        opacity=trained("MLP_opacity", OPACITY),
    )


def contracted(places: Tensor) -> Tensor:
    """Places [n, 3] brought into 0..1, float64: the unit ball takes the middle half of it."""
    p = places.double()
    length = p.norm(dim=1, keepdim=True).clamp_min(1)
    return (2 - 1 / length) * p / length / 4 + 0.5


def frequencies(x: Tensor) -> Tensor:
    """[n, 32 D] float32: sin(2^k pi x), cos(2^k pi x) for k = 0..15, of each x of [n, D] float64.

    The phases go up to 2^15 pi: in float32 the last ones would be noise.
    """
    scales = math.pi * 2.0 ** torch.arange(FREQUENCIES, dtype=torch.float64, device=x.device)
    phases = x.unsqueeze(-1) * scales  # [n, D, 16]
    return torch.stack([torch.sin(phases), torch.cos(phases)], -1).flatten(1).float()
