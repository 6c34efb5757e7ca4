"""Model: something that can be seen at any time. What a format loads."""

from dataclasses import dataclass
from typing import Protocol

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


def nbytes(*tensors: Tensor | None) -> int:
    """Bytes that tensors hold together."""
    return sum(t.numel() * t.element_size() for t in tensors if t is not None)
