"""The CUDA runtime, called by name; what fails says which call, and what that usually means."""

from dataclasses import dataclass
from typing import Any

from viewer.core.errors import Unusable
from viewer.cuda.bindings import module

MOST_DEVICES = 16

# Why CUDA refuses an OpenGL context, by error code.
MEANING = {
    35: "no NVIDIA driver, or one older than this CUDA",
    100: "no CUDA device is to be seen, or OpenGL is on none",
    219: "the OpenGL context is not one that CUDA can share",
    304: "the system does not offer it: WSL2, or an OpenGL that is not NVIDIA's",
    801: "the driver does not support it",
    999: "OpenGL does not reach the NVIDIA driver itself: VirtualGL, or another vendor's",
}


class CudaFailure(Unusable):
    """A call of the CUDA runtime failed."""


class Runtime:
    """Calls of the CUDA runtime. module: cuda.bindings.runtime, or what stands in for it."""

    def __init__(self, module: Any) -> None:
        self.module = module

    def __call__(self, name: str, *args: Any) -> Any:
        """What the call returns besides its status. Raises CudaFailure.

        A failed call leaves its error to be found by the next one that asks, torch's included;
        reading it clears it.
        """
        status, *values = getattr(self.module, name)(*args)
        if int(status):
            self.module.cudaGetLastError()
            raise CudaFailure(f"{name}: {self._told(status)}")
        return values[0] if len(values) == 1 else tuple(values)

    def _told(self, status: Any) -> str:
        code = int(status)
        _, text = self.module.cudaGetErrorString(status)
        said = text.decode(errors="replace") if isinstance(text, bytes) else str(text)
        meaning = MEANING.get(code)
        return f"{said} ({code})" + (f"; {meaning}" if meaning else "")


def load() -> Runtime:
    """The runtime of this machine. Raises Unusable where its Python module is missing."""
    return Runtime(module("runtime"))


def gl_devices(runtime: Runtime) -> tuple[int, ...]:
    """CUDA ordinals of the devices behind the current OpenGL context. Raises CudaFailure."""
    every = runtime.module.cudaGLDeviceList.cudaGLDeviceListAll
    count, devices = runtime("cudaGLGetDevices", MOST_DEVICES, every)
    if not count:
        raise CudaFailure(f"cudaGLGetDevices: none; {MEANING[100]}")
    return tuple(int(device) for device in devices[:count])


@dataclass(frozen=True, slots=True)
class Gpu:
    """A device that CUDA sees."""

    ordinal: int
    name: str
    capability: tuple[int, int]
    memory: int  # bytes


def gpus(runtime: Runtime) -> list[Gpu]:
    """All devices that CUDA sees. Raises CudaFailure where there is no driver."""
    found = []
    for ordinal in range(runtime("cudaGetDeviceCount")):
        of = runtime("cudaGetDeviceProperties", ordinal)
        name = of.name.decode(errors="replace").rstrip("\0")
        found.append(Gpu(ordinal, name, (of.major, of.minor), of.totalGlobalMem))
    return found


def versions(runtime: Runtime) -> tuple[str, str]:
    """CUDA version that the driver serves, and that of the runtime. Raises CudaFailure."""
    numbers = (runtime("cudaDriverGetVersion"), runtime("cudaRuntimeGetVersion"))
    driver, own = (f"{n // 1000}.{n % 1000 // 10}" for n in numbers)
    return driver, own
