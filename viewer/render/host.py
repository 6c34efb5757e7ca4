"""Splats to records in torch, for OpenGL without compute shaders: project.comp where they lie.

Numbers and layout are those of shaders/include/record.glsl; here all splats go through at once.
"""

import moderngl
import torch
from torch import Tensor

from viewer.core import rotation
from viewer.core.camera import Camera
from viewer.core.decoder import FEATURES
from viewer.core.errors import Unusable
from viewer.core.settings import Mode, RenderSettings
from viewer.core.splats import MIN_ALPHA, Footprint, Splats
from viewer.core.timing import Spans
from viewer.cuda.ferry import Cargo, Ferry
from viewer.gl.data_texture import WIDTH, DataTexture
from viewer.render.reference import compensation
from viewer.render.visibility import (
    CENTER_REACH,
    beside,
    compensation_of,
    divisor,
    front_to_back,
    in_camera,
    jacobian,
    largest_scale,
    reaches,
    sorted_rows,
)

FETCH: dict[str, float | int] = {"STORAGE": 0, "DATA_WIDTH": WIDTH}  # of fetch_texture.glsl


def records(splats: Splats, camera: Camera, settings: RenderSettings) -> Tensor:
    """Records [n, 12] float32 of splats [n] in front of the camera, in their order.

    center 2, major 2, minor 2, opacity, reach, RGB as blended, depth; opacity 0: touches no pixel.
    """
    look = splats.appearance
    p = in_camera(splats.means, camera)
    xx, xy, yy, before = _covariances(splats, p, camera, settings)
    # det(A + k I) = det A + k tr A + k²: keeps thin splats from cancelling to nothing.
    after = before.clamp_min(0) + look.low_pass * (xx + yy) + look.low_pass**2
    opacities = splats.opacities * compensation(before, after, compensation_of(look, settings))
    xx, yy = xx + look.low_pass, yy + look.low_pass
    difference = xx - yy
    large = 0.5 * (xx + yy + torch.hypot(difference, 2 * xy))
    angle = 0.5 * torch.atan2(2 * xy, difference)
    long, short = large.sqrt(), (after / large).sqrt()
    cos, sin = angle.cos(), angle.sin()

    axes = [long * cos, long * sin, -short * sin, short * cos]
    reach = reaches(opacities, look)
    K = camera.K
    w = divisor(p[:, 2], camera)
    u = float(K[0, 0]) * p[:, 0] / w + float(K[0, 2])
    v = float(K[1, 1]) * p[:, 1] / w + float(K[1, 2])
    wide, high = reach * xx.sqrt(), reach * yy.sqrt()
    if settings.mode is Mode.CENTERS:
        ones, zeros = torch.ones_like(u), torch.zeros_like(u)
        axes = [ones, zeros, zeros, ones]
        reach = wide = high = CENTER_REACH * ones
    seen = (opacities >= MIN_ALPHA) & (u + wide > 0) & (u - wide < camera.width)
    seen &= (v + high > 0) & (v - high < camera.height)
    center = beside(camera.center, splats.means)
    r, g, b = splats.seen_from(center, settings.sh_degree)[:, :3].unbind(1)
    columns = [u, v, *axes, opacities * seen, reach, r, g, b, p[:, 2]]
    return torch.stack(columns, 1)


def features(splats: Splats) -> Tensor:
    """The last six of a decoder's nine features as [n, 8] float32: view 3, 0, time 3, 0."""
    held = splats.colors.new_zeros(len(splats), 8)
    held[:, 0:3], held[:, 4:7] = splats.colors[:, 3:6], splats.colors[:, 6:9]
    return held


def _covariances(
    splats: Splats, p: Tensor, camera: Camera, settings: RenderSettings
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """xx, xy, yy [n] on the picture and their determinant, before the low-pass; p: [n, 3].

    As cross products the determinants of needles do not cancel.
    """
    used = jacobian(camera, splats.appearance)
    w = divisor(p[:, 2], camera)
    if splats.radii is not None and splats.appearance.footprint is Footprint.PARABOLOID:
        size = splats.radii * (settings.scale / w)
        xx, yy = (used.focal[0] * size).square(), (used.focal[1] * size).square()
        return xx, torch.zeros_like(xx), yy, xx * yy
    R = beside(camera.viewmat[:3, :3], p).unsqueeze(2)  # [3, 3, 1]
    slope_x = (p[:, 0] / w).clamp(used.low[0], used.high[0])
    slope_y = (p[:, 1] / w).clamp(used.low[1], used.high[1])
    # Numbers of one kind lie side by side, [3, n]: sums over three are several times quicker.
    a = (used.focal[0] * settings.scale / w) * (R[0] - slope_x * R[2])  # rows of J R
    b = (used.focal[1] * settings.scale / w) * (R[1] - slope_y * R[2])
    if splats.covars is not None:
        xx, xy, xz, yy, yz, zz = splats.covars.unbind(1)
        S = torch.stack([xx, xy, xz, xy, yy, yz, xz, yz, zz]).reshape(3, 3, -1)
        sa, sb = _times(a, S), _times(b, S)
        xx, xy, yy = (sa * a).sum(0), (sa * b).sum(0), (sb * b).sum(0)
        return xx, xy, yy, xx * yy - xy * xy
    if splats.radii is not None:
        a, b = a * splats.radii, b * splats.radii
    elif splats.quats is not None and splats.scales is not None:
        axes = rotation.matrices(splats.quats).permute(1, 2, 0).contiguous()
        scales = splats.scales.T.contiguous()
        a, b = _times(a, axes) * scales, _times(b, axes) * scales
    xx, xy, yy = (a * a).sum(0), (a * b).sum(0), (b * b).sum(0)
    return xx, xy, yy, torch.linalg.cross(a, b, dim=0).square().sum(0)


def _times(a: Tensor, matrices: Tensor) -> Tensor:
    """Rows a [3, n] times matrices [3, 3, n]: [3, n]."""
    return (a.unsqueeze(1) * matrices).sum(0)


class RecordTextures:
    """The records of what a camera sees, nearest first, as data textures."""

    def __init__(self, ctx: moderngl.Context, ferry: Ferry) -> None:
        self._records, self._features = DataTexture(ctx), DataTexture(ctx)
        self._ferry = ferry
        self._measured: Splats | None = None
        self._sizes = torch.empty(0)

    def write(
        self, splats: Splats, camera: Camera, settings: RenderSettings, spans: Spans
    ) -> tuple[int, str]:
        """Cull, sort, project and upload; gives how many there are, and what Ferry says."""
        _check_channels(splats)
        with spans.measure("cull"):
            if splats is not self._measured:
                self._measured, self._sizes = splats, largest_scale(splats)
            rows, depths = front_to_back(splats, self._sizes, camera, settings)
        with spans.measure("sort"):
            found = sorted_rows(rows, depths)
        with spans.measure("project"):
            seen = splats.rows(found)
            projected = records(seen, camera, settings)
        with spans.measure("upload"):
            cargo: list[Cargo] = [(projected, self._records)]
            if splats.appearance.decoder is not None:
                cargo.append((features(seen), self._features))
            told = self._ferry.bring(cargo, settings.interop)
        return len(found), told

    def bind(self, program: moderngl.Program) -> None:
        """What fetch_texture.glsl reads, in the first two texture units."""
        for slot, (name, held) in enumerate(
            (("records", self._records), ("features", self._features))
        ):
            if name in program:
                program[name] = slot
                held.use(slot)

    @property
    def nbytes(self) -> int:
        """Bytes held on the device."""
        return self._records.nbytes + self._features.nbytes

    def release(self) -> None:
        """Free the textures."""
        self._ferry.release()
        self._records.release()
        self._features.release()


def _check_channels(splats: Splats) -> None:
    expected = 3 if splats.appearance.decoder is None else FEATURES
    if not splats.view_dependent and splats.colors.shape[1] != expected:
        raise Unusable(
            f"this renderer blends {expected} channels here, this model has "
            f"{splats.colors.shape[1]}"
        )
