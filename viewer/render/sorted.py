"""OpenGL 4.3: depth sort, one quad a splat, blended front to back.

TemporalGaussians are sliced and projected by a compute pass of their own (slice_gl.py); other
splats are brought once each and projected in drawing order. Both are drawn as quads that hug their
ellipses. Blending cannot stop at a transmittance, which the tolerance allows. What an older OpenGL
does is in sorted_host.py.
"""

from functools import partial
from typing import Any

import moderngl
import numpy as np
import torch
from torch import Tensor

from viewer.core import sh
from viewer.core.camera import Camera
from viewer.core.decoder import FEATURES
from viewer.core.errors import Unusable
from viewer.core.settings import Mode, RenderSettings
from viewer.core.splats import Splats
from viewer.core.temporal import TemporalGaussians
from viewer.core.timing import Spans
from viewer.cuda.ferry import Cargo, Ferry
from viewer.gl.buffers import Storage, storage_limit
from viewer.gl.program import compute_program
from viewer.gl.target import TextureTarget
from viewer.render.depth_order import DepthOrder
from viewer.render.projection import (
    Precision,
    run,
    set_harmonics,
    set_projection,
)
from viewer.render.protocol import Counts, Renderer, Target, Unsliced
from viewer.render.quads import STORAGE, Quads, draw_quads
from viewer.render.slice_gl import GaussianSlicer
from viewer.render.sorted_host import HostSortedRenderer
from viewer.render.visibility import beside, front_to_back, largest_scale, sorted_rows

COMPUTES = 430  # from this version of OpenGL on there are compute shaders and storage buffers


def create(ctx: moderngl.Context, exact: bool) -> Renderer:
    """The renderer `sorted` as this context can run it."""
    if ctx.version_code < COMPUTES:
        return HostSortedRenderer(ctx)
    return SortedRenderer(ctx, Precision(exact))


class SortedRenderer:
    """Exact order-dependent blending on any GPU with OpenGL 4.3."""

    modes = frozenset(Mode)
    slices = True
    takes_cuda = True
    interactive = True
    stale = False

    def __init__(
        self, ctx: moderngl.Context, precision: Precision, ferry: Ferry | None = None
    ) -> None:
        self._ctx, self._precision = ctx, precision
        self._ferry = ferry or Ferry(ctx)
        self._project = compute_program(ctx, "project", precision.constants)
        self._quads = Quads(ctx, precision.constants | STORAGE)
        names = ("means", "opacities", "shapes", "scales", "colors", "order", "records", "origins")
        self._storage = {name: Storage(ctx) for name in names}
        self._slicer = GaussianSlicer(ctx, precision)
        self._arguments = compute_program(ctx, "quads", {})
        self._draws = Storage(ctx), Storage(ctx)  # arguments of this frame's draw and the last's
        self._turn = 0
        self._counted: TemporalGaussians | None = None  # whose counts the last frame left
        self._depths: DepthOrder | None = None  # made for the first model that is sliced here
        self._limit = storage_limit(ctx)
        self._uploaded: Splats | None = None
        self._sizes = torch.empty(0)

    def render(
        self,
        source: Splats | Unsliced,
        camera: Camera,
        settings: RenderSettings,
        target: Target,
        spans: Spans,
    ) -> Counts:
        """Draw front to back into a texture target."""
        assert isinstance(target, TextureTarget)
        if isinstance(source, Unsliced):
            return self._unsliced(source, camera, settings, target, spans)
        self._slicer.forget()  # one scene at a time lies on the device
        fresh = source is not self._uploaded
        with spans.measure("cull"):
            if fresh:
                self._check_size(source)
                self._uploaded, self._sizes = None, largest_scale(source)
            rows, depths = front_to_back(source, self._sizes, camera, settings)
        with spans.measure("sort"):
            found = sorted_rows(rows, depths)
        with spans.measure("upload" if fresh else "sort"):
            cargo = self._cargo(source, camera, settings, fresh)
            cargo.append((found.to(torch.int32), self._storage["order"]))
            told = self._ferry.bring(cargo, settings.interop)
            self._uploaded = source
        count = len(found)
        with spans.measure("project"):
            self._run_projection(source, camera, settings, count)
        with spans.measure("blend"):
            held = self._storage
            features = held["colors"], (FEATURES, 3)
            bind = partial(_bind, held["records"], held["order"], features, True)
            issue = partial(draw_quads, count)
            self._quads.draw(source.appearance, camera, settings, target, bind, issue)
        return Counts(len(source), count, told, self.nbytes)

    def _unsliced(
        self,
        source: Unsliced,
        camera: Camera,
        settings: RenderSettings,
        target: TextureTarget,
        spans: Spans,
    ) -> Counts:
        if self._uploaded is not None:
            self._uploaded = None
            self._ferry.release()
            for storage in self._storage.values():
                storage.shrink()
        with spans.measure("slice"):
            sliced = self._slicer.run(source.model, source.time, camera, settings)
        if self._depths is None:
            self._depths = DepthOrder(self._ctx)
        with spans.measure("sort"):
            self._depths.sort(sliced.keys, sliced.rows)
            draw = self._draws[self._turn]
            self._write_draw(self._depths.kept, sliced.alive, draw)
        with spans.measure("blend"):
            features = sliced.features, (FEATURES - 3, 0)
            bind = partial(_bind, sliced.records, self._depths.order, features, False)
            issue = partial(_draw_counted, draw)
            self._quads.draw(source.appearance, camera, settings, target, bind, issue)
        return self._counts(source.model)

    def _write_draw(self, kept: Storage, alive: Storage, draw: Storage) -> None:
        draw.bind(0)
        kept.bind(4)
        alive.bind(5)
        self._arguments.run(1)
        self._ctx.memory_barrier(moderngl.SHADER_STORAGE_BARRIER_BIT | moderngl.COMMAND_BARRIER_BIT)

    def _counts(self, model: TemporalGaussians) -> Counts:
        """Of the frame before, which the device has finished; of this one where it has as well."""
        assert self._depths is not None
        own = self._depths.waits or self._counted is not model
        last = self._turn if own else self._turn ^ 1
        self._counted, self._turn = model, self._turn ^ 1
        _, drawn, _, _, alive = self._draws[last].read(5, np.uint32).tolist()
        return Counts(alive, drawn, self._depths.told, self.nbytes)

    @property
    def nbytes(self) -> int:
        """Bytes held on the device, without programs and targets."""
        own = sum(storage.nbytes for storage in (*self._storage.values(), *self._draws))
        own += self._slicer.nbytes + self._quads.nbytes
        return own + (self._depths.nbytes if self._depths else 0)

    def release(self) -> None:
        """Free programs and buffers."""
        self._ferry.release()
        for storage in self._storage.values():
            storage.release()
        self._quads.release()
        self._project.release()
        self._slicer.release()
        self._arguments.release()
        for draw in self._draws:
            draw.release()
        if self._depths is not None:
            self._depths.release()

    def _cargo(
        self, splats: Splats, camera: Camera, settings: RenderSettings, fresh: bool
    ) -> list[Cargo]:
        """What this frame needs and the buffers do not hold. fresh: nothing of these splats yet."""
        parts: dict[str, Tensor | None] = {}
        if fresh:
            shapes = (splats.quats, splats.covars, splats.radii)
            parts["means"], parts["opacities"] = splats.means, splats.opacities
            parts["shapes"] = next(shape for shape in shapes if shape is not None)
            parts["scales"], parts["origins"] = splats.scales, splats.sh_origins
            parts["colors"] = splats.colors
        if self._colors_in_torch(splats):
            center = beside(camera.center, splats.means)
            parts["colors"] = splats.seen_from(center, settings.sh_degree)
        return [(part, self._storage[name]) for name, part in parts.items() if part is not None]

    def _check_size(self, splats: Splats) -> None:
        expected = _channels(splats)
        if not splats.view_dependent and splats.colors.shape[1] != expected:
            raise Unusable(
                f"sorted blends {expected} channels here, this model has {splats.colors.shape[1]}"
            )
        largest = self._limit // self._precision.record_bytes
        if len(splats) > largest:
            raise Unusable(
                f"{len(splats)} splats at once, this driver's storage buffers hold {largest}",
                "--renderer reference draws any number, slowly",
            )

    def _colors_in_torch(self, splats: Splats) -> bool:
        """Coefficients over the driver's limit are evaluated in torch instead, each frame."""
        return splats.view_dependent and splats.colors.numel() * 4 > self._limit

    def _run_projection(
        self, splats: Splats, camera: Camera, settings: RenderSettings, count: int
    ) -> None:
        view_dependent = splats.view_dependent and not self._colors_in_torch(splats)
        coefficients = splats.colors.shape[1] if view_dependent else _channels(splats) // 3
        degree = min(sh.degree(coefficients), settings.sh_degree) if view_dependent else -1
        program: Any = self._project
        set_projection(program, camera, splats.appearance, settings)
        set_harmonics(program, camera, splats.appearance, degree)
        program["count"] = count
        program["shape_kind"] = _shape_kind(splats)
        program["has_origins"] = splats.sh_origins is not None
        program["coefficients"] = coefficients
        self._storage["records"].reserve(count * self._precision.record_bytes)
        for slot, storage in enumerate(self._storage.values()):
            storage.bind(slot)
        if count:
            run(program, count)
            self._ctx.memory_barrier(moderngl.SHADER_STORAGE_BARRIER_BIT)


def _bind(
    records: Storage,
    order: Storage,
    features: tuple[Storage, tuple[int, int]],
    in_order: bool,
    program: moderngl.Program,
) -> None:
    """For fetch_storage.glsl. features: their buffer, its row and where the last six begin."""
    order.bind(5)
    records.bind(6)
    program["in_order"] = in_order
    if "feature_row" in program:
        features[0].bind(4)
        program["feature_row"] = features[1]


def _draw_counted(arguments: Storage, quads: moderngl.VertexArray) -> None:
    """As many as the device counted."""
    quads.render_indirect(arguments.buffer, moderngl.TRIANGLE_STRIP, count=1)


def _channels(splats: Splats) -> int:
    return 3 if splats.appearance.decoder is None else FEATURES


def _shape_kind(splats: Splats) -> int:
    """As project.comp counts them."""
    return 0 if splats.quats is not None else 1 if splats.covars is not None else 2
