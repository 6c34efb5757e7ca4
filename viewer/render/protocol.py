"""What a renderer and its target are."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from torch import Tensor

from viewer.core.camera import Camera
from viewer.core.settings import Mode, RenderSettings
from viewer.core.splats import Appearance, Splats
from viewer.core.temporal import TemporalGaussians
from viewer.core.timing import Spans


class Counts(NamedTuple):
    """Of a frame. alive: Gaussians in the slice. drawn: those that may touch the picture.

    A renderer whose counts stay on the device gives those of the frame before: to read this one's
    would wait for it. told: how it went about it, where that was decided by measuring. nbytes: what
    it holds on the device. passes: draws of all splats, where one does not do.
    """

    alive: int
    drawn: int
    told: str = ""
    nbytes: int = 0
    passes: int = 0


@dataclass(frozen=True, eq=False, slots=True)
class Unsliced:
    """A model and the time at which a renderer shall slice it. time: model time."""

    model: TemporalGaussians
    time: float

    @property
    def appearance(self) -> Appearance:
        """Of its slices."""
        return self.model.appearance


class Target(Protocol):
    """Premultiplied RGBA, a texture or a tensor, of width x height pixels."""

    width: int
    height: int

    def write(self, image: Tensor) -> None:
        """Replace the picture by `image` [H, W, 4] float32, row 0 on top."""
        ...

    def read(self) -> np.ndarray:
        """The picture [H, W, 4], row 0 on top: uint8 of an 8-bit texture, else float32."""
        ...

    def release(self) -> None:
        """Free it."""
        ...


class Renderer(Protocol):
    """Splats to a Target. If it cannot run here its constructor raises Unusable saying why."""

    modes: frozenset[Mode]  # what it can draw; asking for another mode is an error
    slices: bool  # takes a TemporalGaussians unsliced, as its own first pass
    takes_cuda: bool  # takes splats that lie on CUDA's device
    interactive: bool  # quick enough for a window
    stale: bool  # the last frame turned out to lack something: it is to be drawn again

    def render(
        self,
        source: Splats | Unsliced,
        camera: Camera,
        settings: RenderSettings,
        target: Target,
        spans: Spans,
    ) -> Counts:
        """Draw `source` into `target`, replacing what was there; Unsliced if it `slices`."""
        ...

    def release(self) -> None:
        """Free what it holds on the device."""
        ...
