"""How CUDA's memory gets into OpenGL's textures and buffers here: tried once, then known."""

import logging
from collections.abc import Sequence
from typing import Any

import moderngl
import numpy as np

from viewer.core.errors import BadArgument, Unusable
from viewer.core.settings import INTEROP
from viewer.cuda import runtime as cuda
from viewer.cuda.mapped import MappedPresenter
from viewer.cuda.plane import Block, Piece, Plane, Presenter
from viewer.cuda.runtime import CudaFailure, Runtime
from viewer.cuda.upload import UploadPresenter
from viewer.gl import context

OTHER_GPU = (
    "on a notebook with two GPUs under Linux start it with __NV_PRIME_RENDER_OFFLOAD=1"
    " __GLX_VENDOR_LIBRARY_NAME=nvidia, under Windows set its graphics performance to high"
)
PATTERN = (61, 7)  # pixels; no power of two, no row a multiple of a word's alignment
KINDS: dict[str, Any] = {"f1": np.uint8, "f2": np.float16, "f4": np.float32}

log = logging.getLogger(__name__)


def presenter(
    ctx: moderngl.Context, wanted: str = "auto", runtime: Runtime | None = None
) -> Presenter:
    """The way of this machine: interop where a pattern arrives unharmed, else upload.

    wanted: one of INTEROP. runtime: None for the machine's own. Raises Unusable where CUDA cannot
    be reached, and where interop is `wanted` and does not work, saying why.
    """
    if wanted not in INTEROP:
        raise BadArgument(f"interop is {wanted!r}, expected {', '.join(INTEROP)}")
    runtime = runtime or cuda.load()
    if wanted == "upload":
        return UploadPresenter(runtime, "as asked for")
    try:
        mapped = probed(ctx, runtime)
    except Unusable as error:
        if wanted == "interop":
            raise
        log.warning("no CUDA-OpenGL interop: %s", error)
        return UploadPresenter(runtime, error.cause)
    return mapped if wanted == "interop" else GivingWay(mapped, runtime)


def gl_device(ctx: moderngl.Context, runtime: Runtime | None = None) -> int | None:
    """CUDA ordinal of the device that `ctx`, which is current, draws with.

    None, with the reason in the log, where it draws with no device of CUDA's.
    """
    try:
        return cuda.gl_devices(runtime or cuda.load())[0]
    except Unusable as error:
        log.info("no CUDA device behind %s: %s", context.adapter(ctx), error)
        return None


def probed(ctx: moderngl.Context, runtime: Runtime) -> MappedPresenter:
    """Interop that has brought a pattern into a texture of each kind, and into a buffer.

    Raises Unusable, saying why not.
    """
    try:
        drawing = cuda.gl_devices(runtime)
    except CudaFailure as error:
        cause = f"OpenGL is {context.adapter(ctx)}: {error.cause}"
        fix = "" if context.is_software(context.adapter(ctx)) else OTHER_GPU
        raise Unusable(cause, fix) from None
    computing = runtime("cudaGetDevice")
    if computing not in drawing:
        raise Unusable(
            f"OpenGL draws with CUDA device {drawing[0]}, CUDA computes with {computing}",
            f"--gpu {drawing[0]}",
        )
    mapped = MappedPresenter(runtime)
    try:
        _try_pattern(ctx, runtime, mapped)
    except Unusable:
        mapped.release()
        raise
    return mapped


def upload_cost(ctx: moderngl.Context, runtime: Runtime, size: tuple[int, int]) -> float:
    """Seconds that a picture of 8 bits takes by the host. Raises CudaFailure."""
    presented = UploadPresenter(runtime, "measured")
    texture = ctx.texture(size, 4)
    pixels = 0
    try:
        plane = Plane(runtime("cudaMalloc", 4 * size[0] * size[1]), texture)
        pixels = plane.pointer
        for _ in range(3):  # the first takes pages and wakes the bus
            presented.present([plane], stream=0)
        return presented.seconds
    finally:
        presented.release()
        runtime("cudaFree", pixels)
        texture.release()


class GivingWay:
    """Interop, and upload from the first frame in which interop fails."""

    def __init__(self, mapped: MappedPresenter, runtime: Runtime) -> None:
        self._presenter: MappedPresenter | UploadPresenter = mapped
        self._runtime = runtime

    @property
    def told(self) -> str:
        """As Presenter says."""
        return self._presenter.told

    def present(self, pieces: Sequence[Piece], stream: int) -> None:
        """As Presenter says. Raises CudaFailure where upload fails too."""
        try:
            self._presenter.present(pieces, stream)
        except CudaFailure as error:
            if isinstance(self._presenter, UploadPresenter):
                raise
            log.warning("CUDA-OpenGL interop stopped working: %s", error)
            self._presenter.release()
            self._presenter = UploadPresenter(self._runtime, error.cause)
            self._presenter.present(pieces, stream)

    def release(self) -> None:
        """As Presenter says."""
        self._presenter.release()


def _try_pattern(ctx: moderngl.Context, runtime: Runtime, mapped: MappedPresenter) -> None:
    width, height = PATTERN
    numbers = np.arange(4 * width * height) % 251  # exact in each kind
    sent = {dtype: numbers.astype(kind) for dtype, kind in KINDS.items()}
    textures = {dtype: ctx.texture(PATTERN, 4, dtype=dtype) for dtype in KINDS}
    alike = sent["f1"][1:].copy()  # an odd number of bytes
    buffer = ctx.buffer(reserve=alike.nbytes)
    memory: list[int] = []
    try:
        for values in (*sent.values(), alike):
            memory.append(int(runtime("cudaMalloc", values.nbytes)))
            to_device = runtime.module.cudaMemcpyKind.cudaMemcpyHostToDevice
            runtime("cudaMemcpy", memory[-1], values.ctypes.data, values.nbytes, to_device)
        *pixels, last = memory
        planes = [Plane(at, t) for at, t in zip(pixels, textures.values(), strict=True)]
        mapped.present([*planes, Block(last, alike.nbytes, buffer)], stream=0)
        for dtype, texture in textures.items():
            if texture.read() != sent[dtype].tobytes():
                raise Unusable(f"a test pattern of {dtype} pixels came out of interop changed")
        if buffer.read() != alike.tobytes():
            raise Unusable("a test pattern in a buffer came out of interop changed")
    finally:
        mapped.release()
        for at in memory:
            runtime("cudaFree", at)
        for held in (*textures.values(), buffer):
            held.release()
