"""TemporalGaussians sliced and projected by OpenGL: no torch and no upload in the frame.

The model lies in storage buffers, written once. A frame reads the ranges alive at its time, and
leaves in each row's slot a record for the picture and the depth as a key; slots follow the order of
stored rows, so what is drawn does not depend on how the device schedules its work.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import moderngl
import numpy as np
from torch import Tensor

from viewer.core import sh
from viewer.core.camera import Camera
from viewer.core.decoder import FEATURES
from viewer.core.errors import Unusable
from viewer.core.settings import RenderSettings
from viewer.core.temporal import TemporalGaussians
from viewer.gl.buffers import Storage, storage_limit
from viewer.gl.program import compute_program
from viewer.render import packing
from viewer.render.projection import (
    Precision,
    run,
    set_harmonics,
    set_projection,
)
from viewer.render.visibility import far_plane, near_plane

Buffers = tuple[Storage, Storage, Storage]  # lives, geometry, colours


@dataclass(frozen=True, eq=False, slots=True)
class Sliced:
    """What `GaussianSlicer.run` leaves on the device. rows: slots that have a key."""

    rows: int
    records: Storage  # [rows] of include/record.glsl, as the precision has them
    keys: Storage  # [rows] uint32: bits of the depth, HIDDEN for what is not drawn
    features: Storage  # [rows, 6]: channels 3 to 8 where the model has a decoder
    alive: Storage  # [1] uint32: how many the slice holds


class GaussianSlicer:
    """Holds one model on the device and slices it. A model beyond a buffer's limit is split."""

    def __init__(self, ctx: moderngl.Context, precision: Precision) -> None:
        self._ctx, self._precision = ctx, precision
        self._units = packing.Units()
        self._model: TemporalGaussians | None = None
        self._program: moderngl.ComputeShader | None = None
        self._parts: list[tuple[int, int, Buffers]] = []  # first row, past the last, their fields
        self._records, self._keys = Storage(ctx), Storage(ctx)
        self._features, self._alive = Storage(ctx), Storage(ctx)

    def run(
        self,
        model: TemporalGaussians,
        time: float,
        camera: Camera,
        settings: RenderSettings,
    ) -> Sliced:
        """Slice and project. Raises Unusable where one instant is too much for a buffer."""
        if model is not self._model:
            self._adopt(model)
        ranges = model.index.ranges(time)
        rows = sum(b - a for a, b in ranges)
        limit = storage_limit(self._ctx) // self._precision.record_bytes
        if rows > limit:
            raise Unusable(
                f"{rows} Gaussians at once, this driver's storage buffers hold {limit}",
                "--renderer reference draws any number, slowly",
            )
        decoded = model.appearance.decoder is not None
        self._records.reserve(rows * self._precision.record_bytes)
        self._keys.reserve(rows * 4)
        self._features.reserve(rows * 4 * (FEATURES - 3) * decoded)
        self._alive.write(np.zeros(1, np.uint32))
        self._dispatch(model, time, camera, settings, ranges)
        return Sliced(rows, self._records, self._keys, self._features, self._alive)

    @property
    def nbytes(self) -> int:
        """Bytes held on the device: the model's, then those of a frame."""
        frame = (self._records, self._keys, self._features, self._alive)
        model = (buffer for _, _, buffers in self._parts for buffer in buffers)
        return sum(buffer.nbytes for buffer in (*frame, *model))

    def forget(self) -> None:
        """Let the model go."""
        for _, _, buffers in self._parts:
            for buffer in buffers:
                buffer.release()
        if self._program is not None:
            self._program.release()
        self._parts, self._program, self._model = [], None, None

    def release(self) -> None:
        """Free program and buffers."""
        self.forget()
        for storage in (self._records, self._keys, self._features, self._alive):
            storage.release()

    def _dispatch(
        self,
        model: TemporalGaussians,
        time: float,
        camera: Camera,
        settings: RenderSettings,
        ranges: list[tuple[int, int]],
    ) -> None:
        program: moderngl.ComputeShader | None = self._program
        assert program is not None
        set_projection(program, camera, model.appearance, settings)
        program["time"], program["near"] = time, near_plane(model.appearance, settings)
        program["far"] = far_plane(settings)
        program["cull"] = model.cull
        if not self._precision.exact:
            program["width_unit"] = self._units.width
            if "scale_unit" in program:  # a covariance has none
                program["scale_unit"] = self._units.scale
        colors = model.gaussians.colors
        if colors.dim() == 3:
            degree = min(sh.degree(colors.shape[1]), settings.sh_degree)
            set_harmonics(program, camera, model.appearance, degree)
        self._alive.bind(5)
        self._records.bind(6)
        self._keys.bind(7)
        if model.appearance.decoder is not None:
            self._features.bind(3)
        slot = 0
        for first, last, buffers in self._parts:
            for at, buffer in enumerate(buffers):
                buffer.bind(at)
            for a, b in _within(ranges, first, last):
                program["first"], program["count"], program["slot"] = a - first, b - a, slot
                run(program, b - a)
                slot += b - a
        self._ctx.memory_barrier(moderngl.SHADER_STORAGE_BARRIER_BIT)

    def _adopt(self, model: TemporalGaussians) -> None:
        self.forget()
        self._program = compute_program(
            self._ctx, "slice", self._precision.constants | packing.form(model)
        )
        self._units = packing.units(model.gaussians)
        widest = max(part.shape[1] for part in self._rows(model, slice(0, 1)))
        count, step = len(model.index.order), max(1, storage_limit(self._ctx) // (4 * widest))
        for first in range(0, count, step):
            last = min(first + step, count)
            buffers = (Storage(self._ctx), Storage(self._ctx), Storage(self._ctx))
            for buffer, rows in zip(buffers, self._rows(model, slice(first, last)), strict=True):
                buffer.write(rows)
            self._parts.append((first, last, buffers))
        self._model = model

    def _rows(self, model: TemporalGaussians, rows: slice) -> tuple[Tensor, Tensor, Tensor]:
        if self._precision.exact:
            return packing.exact(model.gaussians, rows)
        return packing.packed(model.gaussians, rows, self._units)


def _within(ranges: list[tuple[int, int]], first: int, last: int) -> Iterator[tuple[int, int]]:
    for a, b in ranges:
        if max(a, first) < min(b, last):
            yield max(a, first), min(b, last)
