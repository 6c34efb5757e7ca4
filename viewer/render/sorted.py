"""OpenGL 4.3: depth sort, one quad a splat, blended front to back.

The splats are uploaded once each, projected in a compute pass in drawing order, and drawn as
quads that hug their ellipses. Blending cannot stop at a transmittance, which the tolerance allows.
"""

import moderngl
import numpy as np
import torch

from viewer.core import sh
from viewer.core.camera import Camera
from viewer.core.decoder import FEATURES
from viewer.core.errors import Unusable
from viewer.core.settings import Mode, RenderSettings
from viewer.core.splats import MAX_ALPHA, MIN_ALPHA, Compensation, Footprint, Splats
from viewer.core.timing import Spans
from viewer.gl.buffers import Storage, storage_limit
from viewer.gl.program import compute_program, draw_program
from viewer.gl.target import TextureTarget
from viewer.render.protocol import Target
from viewer.render.reference import EPSILON
from viewer.render.visibility import (
    front_to_back,
    jacobian,
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
    "EPSILON": EPSILON,
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
        # By channels blended: RGB, and the features of a decoder in three textures.
        self._draw = {
            channels: draw_program(ctx, "splat", CONSTANTS | {"FEATURES": int(channels != 3)})
            for channels in (3, FEATURES)
        }
        self._quads = {n: ctx.vertex_array(program, []) for n, program in self._draw.items()}
        names = ("means", "opacities", "shapes", "scales", "colors", "order", "records", "origins")
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
            self._blend(source, camera, target, count)
        return count

    def release(self) -> None:
        """Free programs and buffers."""
        for storage in self._storage.values():
            storage.release()
        for quads, program in zip(self._quads.values(), self._draw.values(), strict=True):
            quads.release()
            program.release()
        self._project.release()

    def _upload(self, splats: Splats) -> None:
        self._check_size(splats)
        self._sizes = largest_scale(splats)
        self._storage["means"].write(splats.means)
        self._storage["opacities"].write(splats.opacities)
        if splats.radii is not None:
            self._storage["shapes"].write(splats.radii)
        elif splats.covars is not None:
            self._storage["shapes"].write(splats.covars)
        elif splats.quats is not None and splats.scales is not None:
            self._storage["shapes"].write(splats.quats)
            self._storage["scales"].write(splats.scales)
        if not self._colors_on_host(splats):
            self._storage["colors"].write(splats.colors)
        if splats.sh_origins is not None:
            self._storage["origins"].write(splats.sh_origins)
        self._uploaded = splats

    def _check_size(self, splats: Splats) -> None:
        expected = _channels(splats)
        if not splats.view_dependent and splats.colors.shape[1] != expected:
            raise Unusable(
                f"sorted blends {expected} channels here, this model has {splats.colors.shape[1]}"
            )
        largest = self._limit // RECORD_BYTES
        if len(splats) > largest:
            raise Unusable(
                f"{len(splats)} splats at once, this driver's storage buffers hold {largest}",
                "--renderer reference draws any number, slowly",
            )

    def _colors_on_host(self, splats: Splats) -> bool:
        """Coefficients over the driver's limit are evaluated in torch instead, each frame."""
        return splats.view_dependent and splats.colors.numel() * 4 > self._limit

    def _run_projection(
        self, splats: Splats, camera: Camera, settings: RenderSettings, count: int
    ) -> None:
        view_dependent = splats.view_dependent
        if self._colors_on_host(splats):
            center = torch.from_numpy(camera.center).to(splats.means)
            self._storage["colors"].write(splats.seen_from(center, settings.sh_degree))
            view_dependent = False
        look = splats.appearance
        coefficients = splats.colors.shape[1] if view_dependent else _channels(splats) // 3
        degree = min(sh.degree(coefficients), settings.sh_degree) if view_dependent else -1
        program = self._project
        _set_camera(program, camera)
        program["count"] = count
        program["camera_center"] = tuple(camera.center)
        J = jacobian(camera, look)
        program["jacobian_focal"], program["slope_low"], program["slope_high"] = J
        program["low_pass"] = look.low_pass
        program["scale"] = settings.scale
        program["shape_kind"] = _shape_kind(splats)
        program["discs"] = look.footprint is Footprint.PARABOLOID
        program["compensation"] = list(Compensation).index(look.compensation)
        program["sh_degree"] = degree
        program["sh_output"] = list(sh.Output).index(look.sh_output)
        program["has_origins"] = splats.sh_origins is not None
        program["coefficients"] = coefficients
        self._storage["records"].reserve(count * RECORD_BYTES)
        for slot, storage in enumerate(self._storage.values()):
            storage.bind(slot)
        if count:
            program.run(-(-count // GROUP))
            self._ctx.memory_barrier(moderngl.SHADER_STORAGE_BARRIER_BIT)

    def _blend(self, splats: Splats, camera: Camera, target: TextureTarget, count: int) -> None:
        ctx = self._ctx
        draw, quads = self._draw[target.channels], self._quads[target.channels]
        target.framebuffer.use()
        target.framebuffer.clear()
        ctx.enable_only(moderngl.BLEND)
        # Front to back: what is already there lets 1 - alpha of the next one through.
        ctx.blend_func = moderngl.ONE_MINUS_DST_ALPHA, moderngl.ONE
        draw["size"] = (camera.width, camera.height)
        draw["discs"] = splats.appearance.footprint is Footprint.PARABOLOID
        if count:
            quads.render(moderngl.TRIANGLE_STRIP, vertices=4, instances=count)


def _channels(splats: Splats) -> int:
    return 3 if splats.appearance.decoder is None else FEATURES


def _shape_kind(splats: Splats) -> int:
    """As project.comp counts them."""
    return 0 if splats.quats is not None else 1 if splats.covars is not None else 2


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
