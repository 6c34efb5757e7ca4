"""CUDA: Gaussians sliced, projected, sorted and blended by kernels of our own, in tiles.

Nothing in a frame waits for the host: counts stay on the device, and the launches of a frame are
recorded once as a CUDA graph. Pairs of tile and splat that have no room are noticed when the count
comes back, and the frame is drawn again with room for them.
"""

import ctypes
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import moderngl
import numpy as np
import torch

from viewer.core import sh
from viewer.core.camera import Camera
from viewer.core.settings import Mode, RenderSettings
from viewer.core.splats import (
    MIN_ALPHA,
    MIN_TRANSMITTANCE,
    Appearance,
    Compensation,
    Footprint,
    Splats,
)
from viewer.core.target import TensorTarget
from viewer.core.temporal import TemporalGaussians
from viewer.core.timing import Spans
from viewer.cuda import source as kernels
from viewer.cuda.buffers import (
    BLOCK,
    DEPTH_ITEMS,
    DEPTH_PASSES,
    PAIR_ITEMS,
    PART,
    PIXELS,
    PIXELS_EACH,
    Buffers,
    Capacity,
    blocks,
)
from viewer.cuda.device import CudaDevice, Device, Kernel
from viewer.cuda.frame import COUNTER_WORDS, COUNTERS, Frame
from viewer.cuda.interop import gl_device, presenter
from viewer.cuda.plane import Plane, Presenter
from viewer.gl.target import TextureTarget
from viewer.render import cuda_rows
from viewer.render.cuda_rows import Rows
from viewer.render.projection import CONSTANTS
from viewer.render.protocol import Counts, Target, Unsliced
from viewer.render.visibility import (
    compensation_of,
    far_plane,
    jacobian,
    least_opacity,
    near_plane,
)

RECORD_WORDS, PACKED_WORDS = 12, 8  # of kernels/record.cuh
PAIRS_A_ROW = 4  # room for pairs at first
MOST_GRAPHS = 8
COUNTING = 528  # blocks that count digits
SPREADING = 1056  # blocks that write the pairs of large splats
Constants = dict[str, float | int]
Stage = tuple[str, Callable[[], None]]


@dataclass(frozen=True, slots=True)
class Form:
    """What the kernels are compiled for, besides the rows they read."""

    mode: str  # "blend", "median", "overdraw" or "dots"
    discs: bool
    extra: int  # channels beyond three
    planes: bool  # three channels and alpha each, as textures hold them
    halves: bool  # the layer
    picture: bool  # over its background, too
    packed: bool  # records

    @property
    def constants(self) -> Constants:
        """As #defines."""
        return {
            **CONSTANTS,
            "TILE_SIZE": PIXELS,
            "EACH": PIXELS_EACH,
            "PART": PART,
            "LEAST_LEVEL": math.log2(MIN_ALPHA),
            "PACKED": int(self.packed),
            "MEDIAN": int(self.mode == "median"),
            "OVERDRAW": int(self.mode == "overdraw"),
            "DOTS": int(self.mode == "dots"),
            "DISCS": int(self.discs),
            "EXTRA": self.extra,
            "PLANES": int(self.planes),
            "HALVES": int(self.halves),
            "PICTURE": int(self.picture),
        }


MODES = {Mode.MEDIAN: "median", Mode.OVERDRAW: "overdraw", Mode.CENTERS: "dots"}


def create(ctx: moderngl.Context | None, exact: bool) -> "CudaRenderer":
    """The renderer on torch's CUDA device, that of `ctx` if torch has none yet. Raises Unusable."""
    fresh = torch.cuda.is_available() and not torch.cuda.is_initialized()
    device = CudaDevice(gl_device(ctx) if ctx is not None and fresh else None)
    return CudaRenderer(device, exact, None if ctx is None else presenter(ctx))


class CudaRenderer:
    """A tile rasteriser. exact: float32 throughout, and a frame is checked before it is given."""

    modes = frozenset(Mode)
    slices = True
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
        self._sure: object = None  # model and size whose pairs were counted and found to fit

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
        _set_camera(frame, camera, source.appearance, settings, rows.harmonics)
        _set_time(frame, source, rows)
        frame.serial = frame.serial + 1 & 0x7FFFFFFF
        self._set_target(form, camera, source.appearance, settings, target)
        if self._lacks():
            self._grow(form, self._counted("PAIRS"))
        self._reserve(form)
        self._draw(form, rows, spans)
        key = self._model, camera.width, camera.height, form
        if self._exact or self._sure != key:
            self._device.wait()
            while self._lacks():
                self._grow(form, self._counted("PAIRS"))
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
        frame.background[:] = settings.background or look.background

    def _reserve(self, form: Form) -> None:
        """Room for this frame's rows, its tiles, and pairs as there were."""
        frame, held = self._frame, self._buffers
        words = PACKED_WORDS if form.packed else RECORD_WORDS
        tiles = frame.tiles_x * frame.tiles_y
        had = held.capacity if held else Capacity(0, 0, 0, 0, 0)
        rows = had.rows if had.rows >= frame.rows else max(frame.rows * 3 // 2, 1024)
        pairs = had.pairs or rows * PAIRS_A_ROW
        self._hold(Capacity(rows, pairs, tiles, words, form.extra))

    def _grow(self, form: Form, pairs: int) -> None:
        assert self._buffers is not None
        self._hold(replace(self._buffers.capacity, pairs=pairs * 3 // 2))

    def _hold(self, capacity: Capacity) -> None:
        if self._buffers is None or self._buffers.capacity != capacity:
            self._device.wait()  # what is queued uses the buffers there are
            self._graphs.clear()
            self._buffers = None
            self._buffers = Buffers(self._device.memory, capacity)
            self._buffers.describe(self._frame)

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
        key = form, id(rows), frame.width, frame.height
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
            run(binning["spread"], SPREADING)
            run(pairs["digits"], min(held.pair_tiles, COUNTING))
            for number in range(held.passes):
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


def _set_camera(
    frame: Frame, camera: Camera, look: Appearance, settings: RenderSettings, harmonics: int
) -> None:
    K = camera.K
    frame.viewmat[:] = camera.viewmat[:3].flatten().tolist()
    frame.orthographic = camera.orthographic
    frame.focal[:] = float(K[0, 0]), float(K[1, 1])
    frame.principal[:] = float(K[0, 2]), float(K[1, 2])
    J = jacobian(camera, look)
    frame.jacobian_focal[:], frame.slope_low[:], frame.slope_high[:] = J
    frame.camera_center[:] = camera.center.tolist()
    frame.low_pass, frame.scale = look.low_pass, settings.scale
    frame.near, frame.far = near_plane(look, settings), far_plane(settings)
    frame.compensation = list(Compensation).index(compensation_of(look, settings))
    frame.least_opacity = least_opacity(settings)
    frame.least_transmittance = MIN_TRANSMITTANCE if settings.transmittance_stop else 0.0
    frame.mode = list(Mode).index(settings.mode)
    frame.sh_degree = min(sh.degree(harmonics), settings.sh_degree) if harmonics else 0
    frame.sh_output = list(sh.Output).index(look.sh_output)


def _set_time(frame: Frame, source: Splats | Unsliced, rows: Rows) -> None:
    if isinstance(source, Splats):
        ranges, frame.cull = [(0, len(source))], 0.0
    else:
        ranges, frame.cull = source.model.index.ranges(source.time), source.model.cull
        frame.time = source.time
    frame.range_count, total = len(ranges), 0
    for k, (a, b) in enumerate(ranges):
        frame.range_first[k], frame.range_slot[k] = a, total
        total += b - a
    frame.rows = total
    frame.lives, frame.geometry = rows.lives.data_ptr(), rows.geometry.data_ptr()
    frame.colors = rows.colors.data_ptr()
    frame.width_unit, frame.scale_unit = rows.units.width, rows.units.scale
