"""MappedPresenter: CUDA copies into OpenGL's textures and buffers; nothing leaves the device."""

import ctypes
from collections.abc import Sequence
from typing import Any

import moderngl

from viewer.cuda.plane import Piece, Plane
from viewer.cuda.runtime import CudaFailure, Runtime

TEXTURE_2D = 0x0DE1  # GL_TEXTURE_2D
WRITE_DISCARD = 2  # cudaGraphicsRegisterFlagsWriteDiscard: what it held is not wanted
Held = moderngl.Texture | moderngl.Buffer


class MappedPresenter:
    """What it brings to is registered when first seen, and mapped, with the others, once a frame.

    Mapping waits, on the device, for what OpenGL was told before; unmapping makes what OpenGL is
    told afterwards wait for the copies. The host waits for neither.
    """

    told = "CUDA-OpenGL interop"

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._kind = runtime.module.cudaMemcpyKind.cudaMemcpyDeviceToDevice
        self._registered: dict[tuple[type, int], tuple[Held, Any]] = {}  # by kind, OpenGL's name

    def present(self, pieces: Sequence[Piece], stream: int) -> None:
        """As Presenter says. Raises CudaFailure."""
        resources = [self._resource(_held(piece)) for piece in pieces]
        handles = (ctypes.c_void_p * len(pieces))(*map(int, resources))
        where = len(pieces), ctypes.addressof(handles), stream
        self._runtime("cudaGraphicsMapResources", *where)
        try:
            for piece, resource in zip(pieces, resources, strict=True):
                self._copy(piece, resource, stream)
        finally:
            self._runtime("cudaGraphicsUnmapResources", *where)

    def release(self) -> None:
        """As Presenter says."""
        for name in list(self._registered):
            self._unregister(name)

    def _copy(self, piece: Piece, resource: Any, stream: int) -> None:
        how = self._kind, stream
        if isinstance(piece, Plane):
            array = self._runtime("cudaGraphicsSubResourceGetMappedArray", resource, 0, 0)
            size = piece.pitch, piece.pitch, piece.height  # of a row: step and width
            self._runtime("cudaMemcpy2DToArrayAsync", array, 0, 0, piece.pointer, *size, *how)
        else:
            at, _ = self._runtime("cudaGraphicsResourceGetMappedPointer", resource)
            self._runtime("cudaMemcpyAsync", at, piece.pointer, piece.nbytes, *how)

    def _resource(self, held: Held) -> Any:
        key = type(held), held.glo
        known = self._registered.get(key)
        if known is not None and known[0] is held:
            return known[1]
        for name, (other, _) in list(self._registered.items()):
            if name == key or _is_released(other):
                self._unregister(name)
        if isinstance(held, moderngl.Buffer):
            call, where = "cudaGraphicsGLRegisterBuffer", (held.glo, WRITE_DISCARD)
        else:
            call, where = "cudaGraphicsGLRegisterImage", (held.glo, TEXTURE_2D, WRITE_DISCARD)
        resource = self._runtime(call, *where)
        if resource is None or not int(resource):
            raise CudaFailure(
                f"{call}: no handle, and no error either", "cuda-bindings 12.9.3 and 13.0.2 do so"
            )
        self._registered[key] = held, resource
        return resource

    def _unregister(self, name: tuple[type, int]) -> None:
        _, resource = self._registered.pop(name)
        try:
            self._runtime("cudaGraphicsUnregisterResource", resource)
        except CudaFailure:
            return  # the driver dropped it with what it was of


def _held(piece: Piece) -> Held:
    return piece.texture if isinstance(piece, Plane) else piece.buffer


def _is_released(held: Held) -> bool:
    return isinstance(held.mglo, moderngl.InvalidObject)
