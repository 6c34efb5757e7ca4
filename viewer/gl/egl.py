"""Which of EGL's devices is which of CUDA's, asked of libEGL."""

import ctypes
import ctypes.util
from collections.abc import Callable, Sequence

from viewer.core.errors import Unusable

CUDA_DEVICE_NV = 0x323A  # of EGL_NV_device_cuda
MOST_DEVICES = 64

Address = Callable[[str], int]  # of a function of EGL's; 0: there is none of that name

_Devices = ctypes.CFUNCTYPE(
    ctypes.c_uint, ctypes.c_int, ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(ctypes.c_int)
)
_Attribute = ctypes.CFUNCTYPE(
    ctypes.c_uint, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(ctypes.c_ssize_t)
)


def library() -> Address:
    """libEGL of this machine, which then has no function where there is no libEGL."""
    try:
        egl = ctypes.CDLL(ctypes.util.find_library("EGL") or "libEGL.so.1")
    except OSError:
        return lambda name: 0
    egl.eglGetProcAddress.restype = ctypes.c_void_p
    egl.eglGetProcAddress.argtypes = [ctypes.c_char_p]
    return lambda name: egl.eglGetProcAddress(name.encode()) or 0


def cuda_ordinals(address: Address) -> list[int | None]:
    """CUDA's ordinal of each device, in EGL's order; None for one that is not CUDA's."""
    places = [address(name) for name in ("eglQueryDevicesEXT", "eglQueryDeviceAttribEXT")]
    if not all(places):
        return []
    devices, attribute = _Devices(places[0]), _Attribute(places[1])
    handles, count = (ctypes.c_void_p * MOST_DEVICES)(), ctypes.c_int()
    if not devices(MOST_DEVICES, handles, ctypes.byref(count)):
        return []
    found: list[int | None] = []
    for handle in handles[: count.value]:
        ordinal = ctypes.c_ssize_t()
        known = attribute(handle, CUDA_DEVICE_NV, ctypes.byref(ordinal))
        found.append(ordinal.value if known else None)
    return found


def device_index(gpu: int, ordinals: Sequence[int | None]) -> int | None:
    """Index of EGL's device that is CUDA's `gpu`; None where EGL has none of CUDA's at all.

    Raises Unusable where it has others.
    """
    if gpu in ordinals:
        return ordinals.index(gpu)
    others = sorted({ordinal for ordinal in ordinals if ordinal is not None})
    if others:
        known = ", ".join(map(str, others))
        raise Unusable(f"EGL has no device that is CUDA device {gpu}, only {known}")
    return None
