"""A stand-in for cuda.bindings.runtime: device memory is the host's, what is drawn OpenGL's own."""

# ruff: noqa: N802  (named as CUDA has them)

import ctypes
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import moderngl
import pytest

OS_CALL_FAILED, UNKNOWN, NO_DEVICE, BAD_VALUE, BAD_HANDLE = 304, 999, 100, 1, 400
GARBAGE = b"\xcd"  # what is mapped to be written holds nothing that anyone may count on
BYTES = {"f1": 1, "f2": 2, "f4": 4}  # of a number
Held = moderngl.Texture | moderngl.Buffer


class Handle:
    """A handle that is no number but can be made one, as cuda.bindings has them."""

    def __init__(self, number: int) -> None:
        self._number = number

    def __int__(self) -> int:
        return self._number


class StandIn:
    """Answers as the runtime does: (status, values...).

    fails: status that a call answers with; a call may also be made to fail later on. lossy: for
    what kinds the last byte is changed on its way. null: registering succeeds and gives nothing.
    """

    cudaMemcpyKind = SimpleNamespace(  # noqa: N815
        cudaMemcpyHostToDevice=1, cudaMemcpyDeviceToHost=2, cudaMemcpyDeviceToDevice=3
    )
    cudaGLDeviceList = SimpleNamespace(cudaGLDeviceListAll=1)  # noqa: N815

    def __init__(self) -> None:
        self.fails: dict[str, int] = {}
        self.null = False
        self.lossy: set[type[Held]] = set()
        self.current, self.drawing = 0, [0]
        self.calls: list[str] = []
        self.made: dict[tuple[type[Held], int], Held] = {}  # by kind and OpenGL's name
        self.memory: dict[int, Any] = {}  # what lives, by address
        self.registered: dict[int, Held] = {}  # by handle
        self.mapped: dict[int, ctypes.Array[ctypes.c_char]] = {}  # what it will hold, by handle
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

    # OpenGL's textures and buffers.

    def _GraphicsGLRegisterImage(self, name: int, target: int, flags: int) -> Handle | None:
        return self._register(moderngl.Texture, name)

    def _GraphicsGLRegisterBuffer(self, name: int, flags: int) -> Handle | None:
        return self._register(moderngl.Buffer, name)

    def _register(self, kind: type[Held], name: int) -> Handle | None:
        if self.null:
            return None
        handle = self._handle()
        self.registered[int(handle)] = self.made[kind, name]
        return handle

    def _GraphicsUnregisterResource(self, resource: Handle) -> tuple[int]:
        return (0,) if self.registered.pop(int(resource), None) else (BAD_HANDLE,)

    def _GraphicsMapResources(self, count: int, handles: int, stream: int) -> tuple[int]:
        for handle in self._handles(count, handles):
            if handle not in self.registered or handle in self.mapped:
                return (BAD_HANDLE,)
            size = _size(self.registered[handle])
            self.mapped[handle] = ctypes.create_string_buffer(GARBAGE * size, size)
        return (0,) if count else (BAD_VALUE,)

    def _GraphicsSubResourceGetMappedArray(
        self, resource: Handle, index: int, level: int
    ) -> tuple[int, int | None]:
        known = isinstance(self.registered[int(resource)], moderngl.Texture)
        return (0, int(resource)) if known and int(resource) in self.mapped else (UNKNOWN, None)

    def _GraphicsResourceGetMappedPointer(
        self, resource: Handle
    ) -> tuple[int, int | None, int | None]:
        known = isinstance(self.registered[int(resource)], moderngl.Buffer)
        if not known or int(resource) not in self.mapped:
            return UNKNOWN, None, None
        held = self.mapped[int(resource)]
        return 0, ctypes.addressof(held), len(held)

    def _Memcpy2DToArrayAsync(
        self, array: int, x: int, y: int, source: int, pitch: int, width: int, height: int, *_: int
    ) -> tuple[int]:
        held = self.mapped[array]
        if width * height > len(held):
            return (BAD_VALUE,)
        for row in range(height):
            ctypes.memmove(ctypes.addressof(held) + row * width, source + row * pitch, width)
        return (0,)

    def _GraphicsUnmapResources(self, count: int, handles: int, stream: int) -> tuple[int]:
        for handle in self._handles(count, handles):
            held, values = self.registered[handle], bytearray(self.mapped.pop(handle))
            if type(held) in self.lossy:
                values[-1] ^= 1
            held.write(bytes(values))
        return (0,)

    def _handle(self) -> Handle:
        self._next += 1
        return Handle(self._next)

    def _handles(self, count: int, address: int) -> list[int]:
        return [int(h or 0) for h in (ctypes.c_void_p * count).from_address(address)]


def _size(held: Held) -> int:
    if isinstance(held, moderngl.Buffer):
        return held.size
    return held.width * held.height * held.components * BYTES[held.dtype]


@pytest.fixture
def standin(monkeypatch) -> StandIn:
    """It knows the textures and buffers that are made from now on."""
    known = StandIn()
    for name, kind in (("texture", moderngl.Texture), ("buffer", moderngl.Buffer)):
        make = getattr(moderngl.Context, name)

        def remembered(*args, make=make, kind=kind, **kwargs):
            new = make(*args, **kwargs)
            known.made[kind, new.glo] = new
            return new

        monkeypatch.setattr(moderngl.Context, name, remembered)
    return known
