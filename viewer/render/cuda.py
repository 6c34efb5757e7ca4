"""CUDA: Gaussians sliced, projected, sorted and blended by kernels of our own, in tiles.

Nothing in a frame waits for the host: counts stay on the device, and the launches of a frame are
recorded once as a CUDA graph. Pairs of tile and splat that have no room are noticed when the count
comes back, and the frame is drawn again with room for them.
"""

import ctypes
from collections.abc import Callable
from functools import partial

import moderngl
import numpy as np
import torch

from viewer.core.camera import Camera
from viewer.core.settings import Mode, RenderSettings
from viewer.core.splats import Appearance, Footprint, Splats
from viewer.core.target import TensorTarget
from viewer.core.temporal import TemporalGaussians
from viewer.core.timing import Spans
from viewer.cuda import source as kernels
from viewer.cuda.buffers import (
    BLOCK,
    DEPTH_ITEMS,
    DEPTH_PASSES,
    PAIR_ITEMS,
    PIXELS,
    PIXELS_EACH,
    Buffers,
    Capacity,
    blocks,
    tile_passes,
)
from viewer.cuda.device import CudaDevice, Device, Kernel
from viewer.cuda.frame import COUNTER_WORDS, COUNTERS, Frame
from viewer.cuda.interop import gl_device, presenter
from viewer.cuda.plane import Plane, Presenter
from viewer.gl.target import TextureTarget
from viewer.render import cuda_rows
from viewer.render.cuda_frame import MODES, Constants, Form, set_camera, set_time
from viewer.render.cuda_rows import Rows
from viewer.render.protocol import Counts, Target, Unsliced

RECORD_WORDS, PACKED_WORDS = 12, 8  # of kernels/record.cuh
PAIRS_A_ROW = 4  # room for pairs at first
MOST_GRAPHS = 8
COUNTING = 528  # blocks that count digits
SPREADING = 1056  # blocks that write the pairs of large splats
Stage = tuple[str, Callable[[], None]]


def create(ctx: moderngl.Context | None, exact: bool, interop: str = "auto") -> "CudaRenderer":
    """The renderer on torch's CUDA device, that of `ctx` if torch has none yet. Raises Unusable."""
    fresh = torch.cuda.is_available() and not torch.cuda.is_initialized()
    device = CudaDevice(gl_device(ctx) if ctx is not None and fresh else None)
    return CudaRenderer(device, exact, None if ctx is None else presenter(ctx, interop))


class CudaRenderer:
    """A tile rasteriser. exact: float32 throughout; else numbers are packed for display."""

    modes = frozenset(Mode)
    slices = True
    takes_cuda = True
    interactive = True

    def __init__(self, device: Device, exact: bool, textures: Presenter | None = None) -> None:
        """textures: brings pictures into OpenGL; needed for targets that are textures."""
        self._device, self._exact, self._textures = device, exact, textures
        self._modules: dict[object, dict[str, Kernel]] = {}
        self._model: TemporalGaussians | Splats | None = None
        self._rows: Rows | None = None
        self._buffers: Buffers | None = None
        self._frame = Frame()
        self._on_device = torch.empty(ctypes.sizeof(Frame), dtype=torch.uint8, device=device.memory)
        pinned = device.memory.type == "cuda"
        self._counters = torch.zeros(COUNTER_WORDS, dtype=torch.int32, pin_memory=pinned)
        self._seen = self._counters.numpy().view(np.uint32)  # the same memory
        self._layer = torch.empty(0, device=device.memory)
        self._picture = torch.empty(0, dtype=torch.uint8, device=device.memory)
        self._graphs: dict[object, Callable[[], None]] = {}
        self._sure: object = None  # model and size whose pairs were counted, and fitted

    def render(
        self,
        source: Splats | Unsliced,
        camera: Camera,
        settings: RenderSettings,
        target: Target,
        spans: Spans,
    ) -> Counts:
        """Draw into a tensor on the device or a texture."""
        rows = self._rows_of(source, spans)
        form = self._form(source.appearance, settings, target, rows)
        frame = self._frame
        set_camera(frame, camera, source.appearance, settings, rows.harmonics)
        set_time(frame, source, rows)
        frame.serial = frame.serial + 1 & 0x7FFFFFFF
        self._set_target(form, camera, source.appearance, settings, target)
        self._reserve(form)
        self._draw(form, rows, spans)
        key = isinstance(source, Splats) or source.model, camera.width, camera.height, form
        if self._sure != key:  # how many pairs it makes is not known yet: count them once
            self._device.wait()
            while self._lacks():
                self._reserve(form)
                self._draw(form, rows, spans)
                self._device.wait()
            self._sure = key
        self._show(target, form, spans)
        return Counts(self._counted("ALIVE"), self._counted("VISIBLE"), self._told, self.nbytes)

    @property
    def stale(self) -> bool:
        """Whether the last frame lacked room for some pairs, and is to be drawn again."""
        return self._counted("SERIAL") == self._frame.serial and self._lacks()

    @property
    def _told(self) -> str:
        return "" if self._textures is None else self._textures.told

    @property
    def nbytes(self) -> int:
        """Bytes held on the device."""
        tensors = (self._layer, self._picture, self._on_device)
        own = sum(t.numel() * t.element_size() for t in tensors)
        own += 0 if self._rows is None else self._rows.nbytes
        return own + (0 if self._buffers is None else self._buffers.nbytes)

    def release(self) -> None:
        """Free memory and graphs."""
        self._device.wait()
        self._graphs.clear()
        if self._textures is not None:
            self._textures.release()
        self._rows, self._model, self._buffers = None, None, None
        self._layer = self._picture = torch.empty(0)

    def _counted(self, name: str) -> int:
        return int(self._seen[COUNTERS.index(name)])

    def _lacks(self) -> bool:
        return self._buffers is not None and self._counted("PAIRS") > self._buffers.capacity.pairs

    def _rows_of(self, source: Splats | Unsliced, spans: Spans) -> Rows:
        model = source.model if isinstance(source, Unsliced) else source
        if self._rows is None or model is not self._model:
            with spans.measure("upload"):
                self._rows = None  # one scene at a time lies on the device
                memory = self._device.memory
                self._rows = (
                    cuda_rows.of_splats(model, memory)
                    if isinstance(model, Splats)
                    else cuda_rows.of_model(model, self._exact, memory)
                )
                self._model = model
        return self._rows

    def _form(self, look: Appearance, settings: RenderSettings, target: Target, rows: Rows) -> Form:
        assert isinstance(target, TextureTarget | TensorTarget)
        mode = MODES.get(settings.mode, "blend")
        decoded = look.decoder is not None and not settings.mode.measures
        into_texture = isinstance(target, TextureTarget)
        behind = None if into_texture else target.background
        return Form(
            mode=mode,
            discs=mode != "dots" and look.footprint is Footprint.PARABOLOID,
            extra=int(rows.constants["COLORS"]) - 3 if decoded else 0,
            planes=into_texture,
            halves=target.dtype == "f2" if into_texture else behind is not None and not self._exact,
            picture=behind is not None,
            packed=not self._exact,
        )

    def _set_target(
        self,
        form: Form,
        camera: Camera,
        look: Appearance,
        settings: RenderSettings,
        target: Target,
    ) -> None:
        width, height, channels = camera.width, camera.height, form.extra + 3
        planes = channels // 3 if form.planes else 1
        shape = (planes, height, width, 4) if form.planes else (height, width, channels + 1)
        kind = torch.float16 if form.halves else torch.float32
        if self._layer.shape != shape or self._layer.dtype != kind:
            self._layer = torch.empty(shape, dtype=kind, device=self._device.memory)
        if form.picture and self._picture.shape != (height, width, 4):
            size = (height, width, 4)
            self._picture = torch.empty(size, dtype=torch.uint8, device=self._device.memory)
        frame = self._frame
        frame.layer, frame.picture = self._layer.data_ptr(), self._picture.data_ptr()
        frame.width, frame.height, frame.flip = width, height, int(form.planes)
        frame.tiles_x, frame.tiles_y = blocks(width, PIXELS), blocks(height, PIXELS)
        frame.tile_passes = tile_passes(frame.tiles_x * frame.tiles_y)
        frame.background[:] = settings.background or look.background

    def _reserve(self, form: Form) -> None:
        """Room for this frame: never less than there was, so that a resize allocates little."""
        frame, held = self._frame, self._buffers
        words = PACKED_WORDS if form.packed else RECORD_WORDS
        had = held.capacity if held else Capacity(0, 0, 0, words, 0)
        rows = had.rows if had.rows >= frame.rows else max(frame.rows * 3 // 2, 1024)
        pairs = self._counted("PAIRS") * 3 // 2 if self._lacks() else had.pairs
        wanted = Capacity(
            rows,
            pairs or rows * PAIRS_A_ROW,
            max(had.tiles, frame.tiles_x * frame.tiles_y),
            words,
            max(had.extra, form.extra),
        )
        if self._buffers is None or self._buffers.capacity != wanted:
            self._device.wait()  # what is queued uses the buffers there are
            self._graphs.clear()
            self._buffers = None
            self._buffers = Buffers(self._device.memory, wanted)
            self._buffers.describe(frame)

    def _draw(self, form: Form, rows: Rows, spans: Spans) -> None:
        begin = self._module("begin", {})["begin"]
        at = ctypes.c_uint64(self._on_device.data_ptr())
        with spans.measure("slice" if spans.finish else "draw"):
            count = blocks(self._frame.scratch_quads, BLOCK)
            self._device.launch(begin, min(count, 1024), BLOCK, self._frame, at)
        if spans.finish is not None:
            for name, stage in self._stages(form, rows):
                with spans.measure(name):
                    stage()
            return
        frame = self._frame
        key = form, tuple(rows.constants.items()), frame.width, frame.height
        with spans.measure("draw"):
            if key not in self._graphs:
                if len(self._graphs) >= MOST_GRAPHS:
                    self._graphs.clear()
                stages = self._stages(form, rows)
                self._graphs[key] = self._device.recorded(lambda: _run(stages))
            self._graphs[key]()

    def _stages(self, form: Form, rows: Rows) -> list[Stage]:
        """Launches of a frame; grids are of the buffers' capacity, so that they never change."""
        assert self._buffers is not None
        held, frame = self._buffers, self._frame
        each = rows.constants | form.constants
        at = ctypes.c_uint64(self._on_device.data_ptr())
        capacity = held.capacity
        depths = self._module("radix", {"ITEMS": DEPTH_ITEMS, "BY_DEPTH": 1})
        pairs = self._module("radix", {"ITEMS": PAIR_ITEMS, "BY_DEPTH": 0})
        binning = self._module("tiles", form.constants | {"EXTRA": 0})

        def run(kernel: Kernel, count: int, *more: int) -> None:
            self._device.launch(kernel, count, BLOCK, at, *(ctypes.c_uint32(n) for n in more))

        def sort_depths() -> None:
            run(depths["digits"], min(held.depth_tiles, COUNTING))
            for number in range(DEPTH_PASSES):
                run(depths["sort"], held.depth_tiles, number)

        def bin_pairs() -> None:
            run(binning["tiles"], blocks(capacity.rows))
            run(binning["spread"], min(blocks(capacity.rows), SPREADING))
            run(pairs["digits"], min(held.pair_tiles, COUNTING))
            for number in range(frame.tile_passes):
                run(pairs["sort"], held.pair_tiles, number)

        def draw() -> None:
            blend = self._module("blend", form.constants)["blend"]
            tiles = frame.tiles_x * frame.tiles_y
            self._device.launch(blend, tiles, PIXELS * PIXELS // PIXELS_EACH, at)
            self._device.send(frame.counters, self._counters)

        gaussians = self._module("gaussians", each)["gaussians"]
        return [
            ("slice", partial(run, gaussians, blocks(capacity.rows))),
            ("sort", sort_depths),
            ("bin", bin_pairs),
            ("blend", draw),
        ]

    def _module(self, name: str, constants: Constants) -> dict[str, Kernel]:
        key = name, tuple(constants.items())
        if key not in self._modules:
            source = kernels.load(name, constants, fast=not self._exact)
            self._modules[key] = dict(self._device.build(source))
        return self._modules[key]

    def _show(self, target: Target, form: Form, spans: Spans) -> None:
        if isinstance(target, TensorTarget):
            target.write(self._layer)
            target.picture = self._picture if form.picture else None
            return
        assert isinstance(target, TextureTarget)
        assert self._textures is not None
        planes = [
            Plane(plane.data_ptr(), texture)
            for plane, texture in zip(self._layer, target.layers, strict=True)
        ]
        with spans.measure("present"):
            self._textures.present(planes, self._device.stream)


def _run(stages: list[Stage]) -> None:
    for _, launch in stages:
        launch()
