"""TemporalGaussians: every explicit 4D model in one form, and the index that finds who is alive.

A Gaussian moves on a polynomial, may turn linearly, and fades in and out in a Gaussian window:

    mean(t) = means + sum_k motion[k] dt^(k+1)      quat(t) = normalize(quats + omega dt)
    opacity(t) = opacities exp(-1/2 (dt / width)^2)      dt = t - center
    color(t) = colors + color_rate dt + sum_h waves[h] cos(2 pi h dt / period)
"""

import math
from copy import copy
from dataclasses import dataclass, fields, replace
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from viewer.core import rotation
from viewer.core.model import Model, StaticModel, nbytes
from viewer.core.placing import placed
from viewer.core.splats import MIN_ALPHA, Appearance, Splats

MIN_WIDTH = 1e-18  # a window narrower than this is one instant; its square must not underflow
COLUMNS = 16  # numbers of a row that are moved at once when rows change places
CLASSES = 12  # life classes: octaves of half-life below the model's own span


@dataclass(frozen=True, eq=False, slots=True)
class Gaussians4D:
    """The fields of TemporalGaussians, float32, one device, in any order.

    Shape is quats and scales, or covars. omega needs quats.
    """

    means: Tensor  # [N, 3] at the Gaussian's own centre in time
    motion: Tensor  # [N, M, 3] coefficients of dt, dt², dt³
    opacities: Tensor  # [N] 0..1 before the window
    center: Tensor  # [N] model time
    width: Tensor  # [N] standard deviation of the window, model time; inf = always there
    colors: Tensor  # [N, C] or [N, K, 3]
    quats: Tensor | None = None  # [N, 4] w x y z, raw where omega is added
    scales: Tensor | None = None  # [N, 3]
    omega: Tensor | None = None  # [N, 4] per unit of time
    covars: Tensor | None = None  # [N, 6]
    color_rate: Tensor | None = None  # [N, C] per unit of time
    waves: Tensor | None = None  # [N, H, K, 3] coefficients of cos(2 pi h dt / period), h = 1..H
    period: float = 1.0  # model time
    fixed_directions: bool = False  # SH directions point to means, not to mean(t)

    def tensors(self) -> dict[str, Tensor]:
        """All fields there are, by name."""
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in named.items() if isinstance(value, Tensor)}

    def rows(self, index: Tensor) -> "Gaussians4D":
        """The Gaussians at positions index [n]."""
        return replace(self, **{k: t.index_select(0, index) for k, t in self.tensors().items()})

    def reordered(self, order: Tensor) -> "Gaussians4D":
        """The Gaussians at positions order [n], in the memory of these, which are used up."""
        if len(order) == len(self.means) and bool((order.diff() == 1).all()):
            return self
        return replace(self, **{k: _moved(t, order) for k, t in self.tensors().items()})

    def colors_at(self, dt: Tensor) -> Tensor:
        """Colours or coefficients at dt [N, 1] after each one's own centre in time."""
        colors = self.colors
        if self.color_rate is not None:
            colors = colors + self.color_rate * dt
        if self.waves is not None:
            for h in range(self.waves.shape[1]):
                wave = torch.cos(dt.unsqueeze(-1) * (2 * math.pi * (h + 1) / self.period))
                colors = colors + self.waves[:, h] * wave
        return colors


def _moved(field: Tensor, order: Tensor) -> Tensor:
    """Rows of a field that nobody else holds: in its own memory, unless that is now too large."""
    n = len(order)
    if n < 0.9 * len(field) or not field.is_contiguous() or not n:
        return field.index_select(0, order)
    for columns in field.view(len(field), -1).split(COLUMNS, 1):  # a few at a time: a small copy
        columns[:n] = columns.index_select(0, order)
    return field[:n]


def half_lives(opacities: Tensor, width: Tensor, cull: float = 0.0) -> Tensor:
    """[N] float64: how far from its centre in time a Gaussian can still be seen; -1 = never.

    opacity(t) >= 1/255 and window(t) >= cull hold exactly for |dt| <= this.
    """
    o = opacities.double()
    floor = torch.clamp(MIN_ALPHA / o.clamp_min(1e-30), min=cull) if cull > 0 else MIN_ALPHA / o
    reach = width.double() * torch.sqrt(2 * torch.log(1 / floor).clamp_min(0))
    reach = torch.where(torch.isinf(width), torch.full_like(reach, math.inf), reach)
    return torch.where(o >= MIN_ALPHA, reach, torch.full_like(reach, -1.0))


class TimeIndex:
    """Finds the Gaussians alive at t in a few contiguous ranges of a store sorted by `order`.

    Lives are grouped by octave of half-life and sorted by centre within a group, so the alive of a
    group lie between two binary searches; what is read too much is bounded by the octave.
    """

    def __init__(self, center: Tensor, half_life: Tensor, span: float) -> None:
        """center, half_life: [N] in model time (half_life < 0: never seen). span: length of all."""
        c = center.double().cpu().numpy()
        h = half_life.cpu().numpy()
        seen = np.flatnonzero(h >= 0)
        c, h = c[seen], h[seen]
        # Rounding of float32 times must not lose a Gaussian at the very edge of its life.
        h += 1e-5 * h
        h += 1e-6 * np.maximum(np.abs(c), span)
        octave = np.ceil(np.log2(np.maximum(h, 1e-300) / max(span, 1e-300)))
        group = np.clip(octave, 2 - CLASSES, 1).astype(np.int8)
        order = np.lexsort((c, group))
        self.order = torch.from_numpy(seen[order])  # [n] position in the source of each stored row
        self._center = c[order]
        group, h = group[order], h[order]
        starts = np.flatnonzero(np.r_[True, group[1:] != group[:-1]]) if len(group) else []
        ends = [*starts[1:], len(group)] if len(group) else []
        self._groups = [
            (int(a), int(b), float(h[a:b].max())) for a, b in zip(starts, ends, strict=True)
        ]

    def ranges(self, time: float) -> list[tuple[int, int]]:
        """Half-open ranges of stored rows, ascending, that hold every Gaussian alive at `time`."""
        found: list[tuple[int, int]] = []
        for start, end, reach in self._groups:
            if math.isinf(reach):
                a, b = start, end
            else:
                part = self._center[start:end]
                a = start + int(np.searchsorted(part, time - reach, side="left"))
                b = start + int(np.searchsorted(part, time + reach, side="right"))
            if a < b:
                if found and found[-1][1] == a:
                    found[-1] = (found[-1][0], b)
                else:
                    found.append((a, b))
        return found


class TemporalGaussians:
    """Explicit 4D Gaussians as a Model. Rows are stored in the order of the time index."""

    def __init__(
        self,
        gaussians: Gaussians4D,
        time_range: tuple[float, float],
        appearance: Appearance,
        cull: float = 0.0,
        source_index: Tensor | None = None,
    ) -> None:
        """Takes the fields over: their memory is used for the rows in the index's order.

        cull: the family's hard threshold on the window; source_index: [N] place in the file.
        """
        g = gaussians
        half_life = half_lives(g.opacities, g.width, cull)
        self.index = TimeIndex(g.center, half_life, time_range[1] - time_range[0])
        order = self.index.order.to(g.means.device)
        self.gaussians = g.reordered(order)
        self.source_index = order if source_index is None else source_index.index_select(0, order)
        self.cull = cull
        self.time_range = time_range
        self.appearance = appearance
        self.count = g.center.shape[0]
        self.frame_times: Tensor | None = None
        self.memory = nbytes(*self.gaussians.tensors().values(), self.source_index)

    def slice(self, time: float) -> Splats:
        """The Gaussians seen at `time`: those with opacity >= 1/255 that the family keeps."""
        alive, opacities = self._alive(time)
        g = self.gaussians.rows(alive)
        dt = (time - g.center).unsqueeze(-1)  # [n, 1]
        means = g.means
        power = dt
        for k in range(g.motion.shape[1]):
            means = means + g.motion[:, k] * power
            power = power * dt
        quats = g.quats
        if quats is not None:
            quats = rotation.normalized(quats if g.omega is None else quats + g.omega * dt)
        return Splats(
            means=means,
            quats=quats,
            scales=g.scales,
            opacities=opacities,
            colors=g.colors_at(dt),
            appearance=self.appearance,
            covars=g.covars,
            index=self.source_index.index_select(0, alive),
            sh_origins=g.means if g.fixed_directions else None,
        )

    def on(self, device: torch.device, exact: bool) -> "TemporalGaussians":
        """As Movable says; ranges are still found on the host."""
        there = copy(self)
        there.gaussians = placed(self.gaussians, device)
        there.source_index = self.source_index.to(device)
        return there

    def thinned(self, step: int) -> "TemporalGaussians":
        """Every step-th Gaussian alone, for a quick look."""
        some = torch.arange(0, len(self.gaussians.means), step, device=self.gaussians.means.device)
        g, index = self.gaussians.rows(some), self.source_index.index_select(0, some)
        return TemporalGaussians(g, self.time_range, self.appearance, self.cull, index)

    def _alive(self, time: float) -> tuple[Tensor, Tensor]:
        """Stored rows [n] seen at `time` and their opacities [n]; reads only the ranges."""
        device = self.gaussians.means.device
        ranges = self.index.ranges(time)
        if not ranges:
            return torch.empty(0, dtype=torch.int64, device=device), self.gaussians.opacities[:0]
        rows, opacities = [], []
        for a, b in ranges:
            dt = time - self.gaussians.center[a:b]
            window = torch.exp(-0.5 * (dt / self.gaussians.width[a:b]).square())
            opacity = self.gaussians.opacities[a:b] * window
            keep = opacity >= MIN_ALPHA
            if self.cull > 0:
                keep &= window >= self.cull
            found = keep.nonzero().squeeze(1)
            rows.append(found + a)
            opacities.append(opacity.index_select(0, found))
        return torch.cat(rows), torch.cat(opacities)


@runtime_checkable
class Wrapper(Protocol):
    """A Model that stands before another one, which it slices at another pace."""

    @property
    def wrapped(self) -> Model:
        """The model that it slices."""
        ...


def explicit(model: Model) -> TemporalGaussians | None:
    """The TemporalGaussians that a model is, wraps or could be, which a renderer slices by itself.

    Made anew of a still scene at every call.
    """
    inner = model.wrapped if isinstance(model, Wrapper) else model
    if isinstance(inner, StaticModel):
        return _still(inner.splats)
    return inner if isinstance(inner, TemporalGaussians) else None


def _still(splats: Splats) -> TemporalGaussians | None:
    """Splats as Gaussians that are always there; None where they have radii or SH origins."""
    if splats.radii is not None or splats.sh_origins is not None:
        return None
    shown = splats
    if bool((splats.opacities < MIN_ALPHA).any()):  # the index leaves rows out, and so moves others
        shown = splats.rows((splats.opacities >= MIN_ALPHA).nonzero().squeeze(1))
    n = len(shown)
    fields = Gaussians4D(
        means=shown.means,
        motion=shown.means.new_zeros(n, 0, 3),
        opacities=shown.opacities,
        center=shown.means.new_zeros(n),
        width=shown.means.new_full((n,), math.inf),
        colors=shown.colors,
        quats=shown.quats,
        scales=shown.scales,
        covars=shown.covars,
    )
    return TemporalGaussians(fields, (0.0, 0.0), shown.appearance, source_index=shown.index)
