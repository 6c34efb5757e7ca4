"""MappedPresenter: CUDA copies into OpenGL's textures; nothing leaves the device."""

import ctypes
from collections.abc import Sequence
from typing import Any

import moderngl

from viewer.cuda.plane import Plane
from viewer.cuda.runtime import CudaFailure, Runtime

TEXTURE_2D = 0x0DE1  # GL_TEXTURE_2D
WRITE_DISCARD = 2  # cudaGraphicsRegisterFlagsWriteDiscard: what it held is not wanted


class MappedPresenter:
    """A texture is registered when it is first seen, and mapped, with the others, once a frame.

    Mapping waits, on the device, for what OpenGL was told before; unmapping makes what OpenGL is
    told afterwards wait for the copies. The host waits for neither.
    """

    told = "CUDA-OpenGL interop"

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._kind = runtime.module.cudaMemcpyKind.cudaMemcpyDeviceToDevice
        self._registered: dict[int, tuple[moderngl.Texture, Any]] = {}  # by OpenGL's name

    def present(self, planes: Sequence[Plane], stream: int) -> None:
        """As Presenter says. Raises CudaFailure."""
        resources = [self._resource(plane.texture) for plane in planes]
        handles = (ctypes.c_void_p * len(planes))(*map(int, resources))
        where = len(planes), ctypes.addressof(handles), stream
        self._runtime("cudaGraphicsMapResources", *where)
        try:
            for plane, resource in zip(planes, resources, strict=True):
                self._copy(plane, resource, stream)
        finally:
            self._runtime("cudaGraphicsUnmapResources", *where)

    def release(self) -> None:
        """As Presenter says."""
        for name in list(self._registered):
            self._unregister(name)

    def _copy(self, plane: Plane, resource: Any, stream: int) -> None:
        array = self._runtime("cudaGraphicsSubResourceGetMappedArray", resource, 0, 0)
        size = plane.pitch, plane.pitch, plane.texture.height  # of a row: step and width
        self._runtime(
            "cudaMemcpy2DToArrayAsync", array, 0, 0, plane.pointer, *size, self._kind, stream
        )

    def _resource(self, texture: moderngl.Texture) -> Any:
        held = self._registered.get(texture.glo)
        if held is not None and held[0] is texture:
            return held[1]
        for name, (other, _) in list(self._registered.items()):
            if name == texture.glo or _is_released(other):
                self._unregister(name)
        call = "cudaGraphicsGLRegisterImage"
        resource = self._runtime(call, texture.glo, TEXTURE_2D, WRITE_DISCARD)
        if resource is None or not int(resource):
            raise CudaFailure(
                f"{call}: no handle, and no error either", "cuda-bindings 12.9.3 and 13.0.2 do so"
            )
        self._registered[texture.glo] = texture, resource
        return resource

    def _unregister(self, name: int) -> None:
        _, resource = self._registered.pop(name)
        try:
            self._runtime("cudaGraphicsUnregisterResource", resource)
        except CudaFailure:
            return  # the driver dropped it with the texture


def _is_released(texture: moderngl.Texture) -> bool:
    return isinstance(texture.mglo, moderngl.InvalidObject)
