"""Models that no renderer slices itself, sliced on CUDA's device by their own torch code.

What a recordable model does at a time is recorded once as a CUDA graph and repeated with another
time: no launch is waited for by the processor one by one.
"""

import logging
from collections.abc import Callable
from dataclasses import replace

import torch

from viewer.core.model import Model, Movable, Recordable
from viewer.core.splats import Splats
from viewer.core.temporal import Wrapper

Slice = Callable[[float], Splats]

log = logging.getLogger(__name__)


def cuda_device() -> torch.device | None:
    """Where slices are made for renderers that take them there; None without CUDA."""
    if not torch.cuda.is_available():
        return None
    return torch.device("cuda", torch.cuda.current_device())


class DeviceSlicer:
    """One model at a time, moved to a device. exact: float32; else networks count in halves."""

    def __init__(self, exact: bool) -> None:
        self._exact = exact
        self._known: tuple[Model, torch.device] | None = None
        self._slice: Slice | None = None
        self._last: tuple[float, Splats] | None = None
        self.nbytes = 0  # of the model, on the device

    def slice(self, model: Model, time: float, device: torch.device) -> Splats | None:
        """The scene at `time`, on the device; None where the model stays on the processor.

        The same time gives the same object, another time another one, over the same memory: a
        slice is good until the next is asked for.
        """
        inner = model.wrapped if isinstance(model, Wrapper) else model
        if self._known is None or self._known[0] is not inner or self._known[1] != device:
            self._adopt(inner, device)
        if self._slice is None:
            return None
        if self._last is None or self._last[0] != time:
            self._last = time, self._slice(time)
        return self._last[1]

    def release(self) -> None:
        """Let the model go."""
        self._known, self._slice, self._last, self.nbytes = None, None, None, 0

    def _adopt(self, model: Model, device: torch.device) -> None:
        self.release()
        self._known = model, device
        if not isinstance(model, Movable):
            return
        try:
            self._slice = slicing(model.on(device, self._exact), device)
        except torch.OutOfMemoryError:
            log.warning("no room on %s for the model: it is sliced on the processor", device)
            return
        self.nbytes = model.memory


def slicing(model: Model, device: torch.device) -> Slice:
    """What slices a model that lies on a device."""
    if device.type != "cuda" or not isinstance(model, Recordable):
        return model.slice
    try:
        return recorded(model, device)
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        log.warning("slices cannot be recorded, and are made one launch at a time: %s", error)
        return model.slice


def recorded(model: Recordable, device: torch.device) -> Slice:
    """Its slice as a CUDA graph; every call gives other Splats over the same memory."""
    time = torch.zeros((), device=device)
    aside = torch.cuda.Stream(device)
    aside.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(aside):  # once beforehand: libraries make their handles and workspaces
        model.at(time)
    torch.cuda.current_stream(device).wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        splats = model.at(time)

    def again(at: float) -> Splats:
        time.fill_(at)
        graph.replay()
        return replace(splats)

    return again
