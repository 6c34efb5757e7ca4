"""The device that kernels run on: compiles, launches, records graphs.

Memory is torch's, taken when something grows and never in a frame.
"""

import ctypes
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from viewer.core.errors import Unusable
from viewer.cuda import nvrtc
from viewer.cuda.bindings import checked, module
from viewer.cuda.source import Source

Argument = ctypes.c_uint64 | ctypes.c_uint32 | ctypes.Structure
Kernel = Any  # whatever a device launches


class Device(Protocol):
    """Runs kernels in order."""

    name: str
    memory: torch.device  # where its tensors lie

    @property
    def stream(self) -> int:
        """Handle of the stream that work is queued on."""
        ...

    def build(self, source: Source) -> Mapping[str, Kernel]:
        """The kernels of a module, by name."""
        ...

    def launch(self, kernel: Kernel, blocks: int, threads: int, *args: Argument) -> None:
        """Queue a kernel on a grid of blocks of threads."""
        ...

    def recorded(self, work: Callable[[], None]) -> Callable[[], None]:
        """What queues the same launches as `work` at once, with the arguments they have now."""
        ...

    def send(self, source: int, pinned: torch.Tensor) -> None:
        """Queue a copy of device memory at `source` into `pinned`, host memory."""
        ...

    def wait(self) -> None:
        """Until everything queued is done."""
        ...


@dataclass(frozen=True, eq=False, slots=True)
class Graph:
    """A recorded frame; holds what it needs."""

    executable: Any
    device: "CudaDevice"

    def __call__(self) -> None:
        checked(self.device.driver.cuGraphLaunch(self.executable, self.device.stream))

    def __del__(self) -> None:
        self.device.driver.cuGraphExecDestroy(self.executable)


class CudaDevice:
    """An NVIDIA GPU through the driver API, on torch's current stream."""

    def __init__(self, ordinal: int | None = None) -> None:
        """Raises Unusable, saying why, where there is none or no way to reach it."""
        if not torch.cuda.is_available():
            reason = "has no CUDA" if torch.version.cuda is None else "finds no CUDA device"
            raise Unusable(f"PyTorch {torch.__version__} {reason}")
        driver = module("driver")
        number = torch.cuda.current_device() if ordinal is None else ordinal
        self.driver = driver
        self.memory = torch.device("cuda", number)
        torch.zeros(1, device=self.memory)  # makes torch's context, and makes it current
        self.name = torch.cuda.get_device_name(number)
        major, minor = torch.cuda.get_device_capability(number)
        self._architecture = 10 * major + minor
        known = nvrtc.architectures()
        if self._architecture not in known:
            raise Unusable(
                f"NVRTC compiles for sm_{known[0]} to sm_{known[-1]}, {self.name} is"
                f" sm_{self._architecture}"
            )
        self._recording: Any = None  # the stream that a graph is recorded on

    @property
    def stream(self) -> int:
        """Handle of the stream that work is queued on."""
        if self._recording is not None:
            return self._recording.cuda_stream
        return torch.cuda.current_stream(self.memory).cuda_stream

    def build(self, source: Source) -> Mapping[str, Kernel]:
        """As Device says."""
        code = nvrtc.compiled(source, self._architecture)
        loaded = checked(self.driver.cuModuleLoadData(code))
        get = self.driver.cuModuleGetFunction
        return {name: checked(get(loaded, name.encode())) for name in source.kernels}

    def launch(self, kernel: Kernel, blocks: int, threads: int, *args: Argument) -> None:
        """As Device says."""
        places = (ctypes.c_void_p * len(args))(*(ctypes.addressof(arg) for arg in args))
        at = ctypes.addressof(places)
        checked(
            self.driver.cuLaunchKernel(kernel, blocks, 1, 1, threads, 1, 1, 0, self.stream, at, 0)
        )

    def recorded(self, work: Callable[[], None]) -> Callable[[], None]:
        """As Device says."""
        stream = torch.cuda.Stream(self.memory)
        mode = self.driver.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_RELAXED
        checked(self.driver.cuStreamBeginCapture(stream.cuda_stream, mode))
        self._recording = stream
        try:
            work()
        finally:
            self._recording = None
            graph = checked(self.driver.cuStreamEndCapture(stream.cuda_stream))
        executable = checked(self.driver.cuGraphInstantiate(graph, 0))
        checked(self.driver.cuGraphDestroy(graph))
        return Graph(executable, self)

    def send(self, source: int, pinned: torch.Tensor) -> None:
        """As Device says."""
        count = pinned.numel() * pinned.element_size()
        checked(self.driver.cuMemcpyDtoHAsync(pinned.data_ptr(), source, count, self.stream))

    def wait(self) -> None:
        """As Device says."""
        torch.cuda.synchronize(self.memory)
