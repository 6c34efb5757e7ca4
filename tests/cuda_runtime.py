"""A stand-in for cuda.bindings.runtime: device memory is host memory, textures are OpenGL's own."""

# ruff: noqa: N802  (named as CUDA has them)

import ctypes
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import moderngl
import pytest

OS_CALL_FAILED, UNKNOWN, NO_DEVICE, BAD_VALUE, BAD_HANDLE = 304, 999, 100, 1, 400


class Handle:
    """A handle that is no number but can be made one, as cuda.bindings has them."""

    def __init__(self, number: int) -> None:
        self._number = number

    def __int__(self) -> int:
        return self._number


class StandIn:
    """Answers as the runtime does: (status, values...).

    fails: status that a call answers with; a call may also be made to fail later on. lossy: pixels
    are changed on their way. null: registering succeeds and gives nothing.
    """

    cudaMemcpyKind = SimpleNamespace(  # noqa: N815
        cudaMemcpyHostToDevice=1, cudaMemcpyDeviceToHost=2, cudaMemcpyDeviceToDevice=3
    )
    cudaGLDeviceList = SimpleNamespace(cudaGLDeviceListAll=1)  # noqa: N815

    def __init__(self) -> None:
        self.fails: dict[str, int] = {}
        self.null = self.lossy = False
        self.current, self.drawing = 0, [0]
        self.calls: list[str] = []
        self.textures: dict[int, moderngl.Texture] = {}  # by OpenGL's name
        self.memory: dict[int, Any] = {}  # what lives, by address
        self.registered: dict[int, int] = {}  # OpenGL's name, by handle
        self.mapped: dict[int, bytearray] = {}  # what was copied, by handle
        self.error = 0
        self._next = 1

    def count(self, name: str) -> int:
        """How often a call was made."""
        return self.calls.count(name)

    def __getattr__(self, name: str) -> Callable[..., tuple[Any, ...]]:
        if not name.startswith("cuda"):
            raise AttributeError(name)
        answer = getattr(self, f"_{name[4:]}")

        def call(*args: Any) -> tuple[Any, ...]:
            self.calls.append(name)
            status = self.fails.get(name, 0)
            if not status:
                value = answer(*args)
                return value if isinstance(value, tuple) else (0, value)
            self.error = status
            return status, None, None

        return call

    # What is asked of the machine.

    def _GetErrorString(self, status: int) -> bytes:
        return f"error {status}".encode()

    def _GetLastError(self) -> tuple[int]:
        error, self.error = self.error, 0
        return (error,)

    def _GetDevice(self) -> int:
        return self.current

    def _GetDeviceCount(self) -> int:
        return 1

    def _GetDeviceProperties(self, ordinal: int) -> SimpleNamespace:
        return SimpleNamespace(name=b"Stand-In 1\0\0", major=9, minor=0, totalGlobalMem=80 << 30)

    def _DriverGetVersion(self) -> int:
        return 13010

    def _RuntimeGetVersion(self) -> int:
        return 13000

    def _GLGetDevices(self, most: int, which: int) -> tuple[int, int, list[int]]:
        return 0, len(self.drawing), self.drawing + [0] * (most - len(self.drawing))

    # Memory and time.

    def _Malloc(self, size: int) -> int:
        held = ctypes.create_string_buffer(size)
        self.memory[ctypes.addressof(held)] = held
        return ctypes.addressof(held)

    def _HostAlloc(self, size: int, flags: int) -> int:
        return self._Malloc(size)

    def _Free(self, address: int) -> tuple[int]:
        return (0,) if not address or self.memory.pop(address, None) else (BAD_VALUE,)

    def _FreeHost(self, address: int) -> tuple[int]:
        return self._Free(address)

    def _Memcpy(self, to: int, source: int, count: int, kind: int) -> tuple[int]:
        ctypes.memmove(to, source, count)
        return (0,)

    def _MemcpyAsync(self, to: int, source: int, count: int, kind: int, stream: int) -> tuple[int]:
        return self._Memcpy(to, source, count, kind)

    def _EventCreateWithFlags(self, flags: int) -> Handle:
        return self._handle()

    def _EventCreate(self) -> Handle:
        return self._handle()

    def _EventElapsedTime(self, start: Handle, end: Handle) -> float:
        return 0.5

    def _EventRecord(self, event: Handle, stream: int) -> tuple[int]:
        return (0,)

    def _EventSynchronize(self, event: Handle) -> tuple[int]:
        return (0,)

    def _EventDestroy(self, event: Handle) -> tuple[int]:
        return (0,)

    # OpenGL's textures.

    def _GraphicsGLRegisterImage(self, name: int, target: int, flags: int) -> Handle | None:
        if self.null:
            return None
        handle = self._handle()
        self.registered[int(handle)] = name
        return handle

    def _GraphicsUnregisterResource(self, resource: Handle) -> tuple[int]:
        return (0,) if self.registered.pop(int(resource), None) else (BAD_HANDLE,)

    def _GraphicsMapResources(self, count: int, handles: int, stream: int) -> tuple[int]:
        for handle in self._handles(count, handles):
            if handle not in self.registered or handle in self.mapped:
                return (BAD_HANDLE,)
            self.mapped[handle] = bytearray()
        return (0,)

    def _GraphicsSubResourceGetMappedArray(
        self, resource: Handle, index: int, level: int
    ) -> tuple[int, int | None]:
        mapped = int(resource) in self.mapped
        return (0, int(resource)) if mapped else (BAD_HANDLE, None)

    def _Memcpy2DToArrayAsync(
        self, array: int, x: int, y: int, source: int, pitch: int, width: int, height: int, *_: int
    ) -> tuple[int]:
        for row in range(height):
            self.mapped[array] += ctypes.string_at(source + row * pitch, width)
        return (0,)

    def _GraphicsUnmapResources(self, count: int, handles: int, stream: int) -> tuple[int]:
        for handle in self._handles(count, handles):
            pixels = self.mapped.pop(handle)
            if self.lossy:
                pixels[-1] ^= 1
            if pixels:
                self.textures[self.registered[handle]].write(bytes(pixels))
        return (0,)

    def _handle(self) -> Handle:
        self._next += 1
        return Handle(self._next)

    def _handles(self, count: int, address: int) -> list[int]:
        return [int(h or 0) for h in (ctypes.c_void_p * count).from_address(address)]


@pytest.fixture
def standin(monkeypatch) -> StandIn:
    """It knows the textures that are made from now on."""
    made, texture = StandIn(), moderngl.Context.texture

    def remembered(*args, **kwargs):
        new = texture(*args, **kwargs)
        made.textures[new.glo] = new
        return new

    monkeypatch.setattr(moderngl.Context, "texture", remembered)
    return made
