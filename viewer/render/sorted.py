"""OpenGL 4.3: depth sort, one quad a splat, blended front to back.

The splats are uploaded once each, projected in a compute pass in drawing order, and drawn as
quads that hug their ellipses. Blending cannot stop at a transmittance, which the tolerance allows.
"""

import moderngl
import numpy as np
import torch

from viewer.core import sh
from viewer.core.camera import Camera
from viewer.core.errors import Unusable
from viewer.core.settings import Mode, RenderSettings
from viewer.core.splats import MAX_ALPHA, MIN_ALPHA, Compensation, Splats
from viewer.core.timing import Spans
from viewer.gl.buffers import Storage, storage_limit
from viewer.gl.program import compute_program, draw_program
from viewer.gl.target import TextureTarget
from viewer.render.protocol import Target
from viewer.render.visibility import (
    front_to_back,
    jacobian_limit,
    largest_scale,
    sorted_rows,
)

RECORD_BYTES = 48
GROUP = 64  # local_size_x of project.comp
QUAD_PAD = 0.05  # pixels
CONSTANTS: dict[str, float | int] = {
    "MIN_ALPHA": MIN_ALPHA,
    "MAX_ALPHA": MAX_ALPHA,
    "QUAD_PAD": QUAD_PAD,
    "SH_C0": sh.C0,
    "SH_C1": sh.C1,
    **{f"SH_C2_{i}": value for i, value in enumerate(sh.C2)},
    **{f"SH_C3_{i}": value for i, value in enumerate(sh.C3)},
}


class SortedRenderer:
    """Exact order-dependent blending on any GPU with OpenGL 4.3."""

    modes = frozenset({Mode.COLOR})
    slices = False
    interactive = True

    def __init__(self, ctx: moderngl.Context) -> None:
        """Raises Unusable when the context has no compute shaders."""
        if ctx.version_code < 430:
            version = f"{ctx.version_code // 100}.{ctx.version_code % 100 // 10}"
            raise Unusable(f"sorted needs OpenGL 4.3, this context has {version}")
        self._ctx = ctx
        self._project = compute_program(ctx, "project", CONSTANTS)
        self._draw = draw_program(ctx, "splat", CONSTANTS)
        self._quads = ctx.vertex_array(self._draw, [])
        names = ("means", "opacities", "shapes", "scales", "colors", "order", "records")
        self._storage = {name: Storage(ctx) for name in names}
        self._limit = storage_limit(ctx)
        self._uploaded: Splats | None = None
        self._sizes = torch.empty(0)

    def render(
        self, source: Splats, camera: Camera, settings: RenderSettings, target: Target, spans: Spans
    ) -> int:
        """Draw front to back into a texture target."""
        assert isinstance(target, TextureTarget)
        if source is not self._uploaded:
            with spans.measure("upload"):
                self._upload(source)
        with spans.measure("cull"):
            rows, depths = front_to_back(source, self._sizes, camera, settings)
        with spans.measure("sort"):
            order = sorted_rows(rows, depths)
            self._storage["order"].write(order.to(torch.int32))
        count = len(order)
        with spans.measure("project"):
            self._run_projection(source, camera, settings, count)
        with spans.measure("blend"):
            self._blend(camera, target, count)
        return count

    def release(self) -> None:
        """Free programs and buffers."""
        for storage in self._storage.values():
            storage.release()
        self._quads.release()
        self._draw.release()
        self._project.release()

    def _upload(self, splats: Splats) -> None:
        self._check_size(splats)
        self._sizes = largest_scale(splats)
        self._storage["means"].write(splats.means)
        self._storage["opacities"].write(splats.opacities)
        if splats.covars is not None:
            self._storage["shapes"].write(splats.covars)
        elif splats.quats is not None and splats.scales is not None:
            self._storage["shapes"].write(splats.quats)
            self._storage["scales"].write(splats.scales)
        if not self._colors_on_host(splats):
            self._storage["colors"].write(splats.colors)
        self._uploaded = splats

    def _check_size(self, splats: Splats) -> None:
        if not splats.view_dependent and splats.colors.shape[1] != 3:
            raise Unusable(f"sorted draws RGB, this model blends {splats.colors.shape[1]} channels")
        largest = self._limit // RECORD_BYTES
        if len(splats) > largest:
            raise Unusable(
                f"{len(splats)} splats at once, this driver's storage buffers hold {largest}",
                "--renderer reference draws any number, slowly",
            )

    def _colors_on_host(self, splats: Splats) -> bool:
        """Coefficients over the driver's limit are evaluated in torch instead, each frame."""
        return splats.colors.numel() * 4 > self._limit

    def _run_projection(
        self, splats: Splats, camera: Camera, settings: RenderSettings, count: int
    ) -> None:
        view_dependent = splats.view_dependent
        if self._colors_on_host(splats):
            center = torch.from_numpy(camera.center).to(splats.means)
            self._storage["colors"].write(splats.seen_from(center, settings.sh_degree))
            view_dependent = False
        coefficients = splats.colors.shape[1] if view_dependent else 1
        degree = min(sh.degree(coefficients), settings.sh_degree) if view_dependent else -1
        program = self._project
        _set_camera(program, camera)
        program["count"] = count
        program["camera_center"] = tuple(camera.center)
        program["limit"] = jacobian_limit(camera)
        program["low_pass"] = splats.appearance.low_pass
        program["scale"] = settings.scale
        program["has_covars"] = splats.covars is not None
        program["compensate"] = splats.appearance.compensation is Compensation.MIP
        program["sh_degree"] = degree
        program["coefficients"] = coefficients
        self._storage["records"].reserve(count * RECORD_BYTES)
        for slot, storage in enumerate(self._storage.values()):
            storage.bind(slot)
        if count:
            program.run(-(-count // GROUP))
            self._ctx.memory_barrier(moderngl.SHADER_STORAGE_BARRIER_BIT)

    def _blend(self, camera: Camera, target: TextureTarget, count: int) -> None:
        ctx = self._ctx
        target.framebuffer.use()
        target.framebuffer.clear()
        ctx.enable_only(moderngl.BLEND)
        # Front to back: what is already there lets 1 - alpha of the next one through.
        ctx.blend_func = moderngl.ONE_MINUS_DST_ALPHA, moderngl.ONE
        self._draw["size"] = (camera.width, camera.height)
        if count:
            self._quads.render(moderngl.TRIANGLE_STRIP, vertices=4, instances=count)


def _set_camera(program: moderngl.ComputeShader, camera: Camera) -> None:
    K = camera.K
    viewmat = np.ascontiguousarray(camera.viewmat.T.astype(np.float32))  # columns first
    _uniform(program, "viewmat").write(viewmat)
    program["focal"] = (float(K[0, 0]), float(K[1, 1]))
    program["principal"] = (float(K[0, 2]), float(K[1, 2]))
    program["size"] = (camera.width, camera.height)


def _uniform(program: moderngl.ComputeShader, name: str) -> moderngl.Uniform:
    uniform = program[name]
    assert isinstance(uniform, moderngl.Uniform)
    return uniform
