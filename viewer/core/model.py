"""Model: something that can be seen at any time. What a format loads."""

from dataclasses import dataclass
from typing import Protocol, Self, runtime_checkable

import torch
from torch import Tensor

from viewer.core.splats import Appearance, Splats


class Model(Protocol):
    """A scene over time. Time is in the model's own unit, the one it was trained in."""

    @property
    def count(self) -> int:
        """Gaussians stored (the largest frame's, for sequences)."""
        ...

    @property
    def time_range(self) -> tuple[float, float]:
        """First and last time."""
        ...

    @property
    def frame_times(self) -> Tensor | None:
        """[F] float64 stored instants where only those exist; None when continuous."""
        ...

    @property
    def appearance(self) -> Appearance:
        """How its Gaussians become a picture."""
        ...

    @property
    def memory(self) -> int:
        """Bytes held at rest."""
        ...

    def slice(self, time: float) -> Splats:
        """The scene at a time: same time, same splats, in any order of calls.

        Where only instants are stored it is the latest not after `time`.
        """
        ...


@runtime_checkable
class Movable(Protocol):
    """A Model that can be sliced on another device."""

    def on(self, device: torch.device, exact: bool) -> Self:
        """The same scene, there; where it is not `exact`, networks count in half precision."""
        ...


@runtime_checkable
class Recordable(Protocol):
    """A Model whose slice is the same operations at every time: a CUDA graph can repeat them."""

    def at(self, time: Tensor) -> Splats:
        """The scene at a time [] float32 on the model's own device.

        The host reads no value, and no shape depends on one.
        """
        ...


@dataclass(frozen=True, eq=False, slots=True)
class StaticModel:
    """A scene that does not move."""

    splats: Splats

    @property
    def count(self) -> int:
        """Gaussians stored."""
        return len(self.splats)

    @property
    def time_range(self) -> tuple[float, float]:
        """A single instant."""
        return (0.0, 0.0)

    @property
    def frame_times(self) -> Tensor | None:
        """None: the same at every time."""
        return None

    @property
    def appearance(self) -> Appearance:
        """How its Gaussians become a picture."""
        return self.splats.appearance

    @property
    def memory(self) -> int:
        """Bytes held at rest."""
        return nbytes(*self.splats.tensors())

    def slice(self, time: float) -> Splats:
        """The scene, whatever the time."""
        return self.splats

    def on(self, device: torch.device, exact: bool) -> "StaticModel":
        """As Movable says."""
        return StaticModel(self.splats.to(device))


def nbytes(*tensors: Tensor | None) -> int:
    """Bytes that tensors hold together."""
    return sum(t.numel() * t.element_size() for t in tensors if t is not None)
