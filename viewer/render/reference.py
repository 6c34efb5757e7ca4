"""The truth: Gaussian splatting in plain torch, float64, tile by tile. Slow and literal.

Source of the formulas: 3D Gaussian Splatting (Kerbl et al. 2023) and its rasteriser's constants;
unlike that rasteriser a splat is not cut at three standard deviations, only where alpha < 1/255.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from viewer.core.camera import Camera
from viewer.core.settings import Mode, RenderSettings
from viewer.core.splats import (
    MAX_ALPHA,
    MIN_ALPHA,
    MIN_TRANSMITTANCE,
    Appearance,
    Compensation,
    Footprint,
    Splats,
)
from viewer.core.timing import Spans
from viewer.render.protocol import Counts, Target, Unsliced
from viewer.render.visibility import (
    CENTER_REACH,
    Box,
    compensation_of,
    divisor,
    front_to_back,
    in_camera,
    jacobian,
    largest_scale,
    reaches,
    sorted_rows,
)

TILE = 16  # pixels
EPSILON = 1e-6  # px⁴ and none, of Ex4DGS's opacity compensation
CHUNK = 4096  # splats blended at once: bounds memory at CHUNK x TILE² values


@dataclass(frozen=True, eq=False, slots=True)
class Projected:
    """Splats on the picture, nearest first; float64."""

    centers: Tensor  # [n, 2] pixels
    covars: Tensor  # [n, 3] xx xy yy, pixels², low-pass included
    depths: Tensor  # [n] camera z, world units
    opacities: Tensor  # [n] compensation included
    colors: Tensor  # [n, C]
    extents: Tensor  # [n, 2] half width and height of where alpha >= 1/255, pixels
    appearance: Appearance
    mode: Mode


class ReferenceRenderer:
    """`image` as a renderer; its result is uploaded where the target is a texture."""

    modes = frozenset(Mode)
    slices = False
    takes_cuda = False
    interactive = False
    stale = False

    def render(
        self,
        source: Splats | Unsliced,
        camera: Camera,
        settings: RenderSettings,
        target: Target,
        spans: Spans,
    ) -> Counts:
        """Draw nearest first."""
        assert isinstance(source, Splats)
        with spans.measure("project"):
            projected = project(source, camera, settings)
        with spans.measure("blend"):
            target.write(blend(projected, camera, settings))
        return Counts(len(source), len(projected.depths))

    def release(self) -> None:
        """Nothing is held."""


def image(splats: Splats, camera: Camera, settings: RenderSettings) -> Tensor:
    """The layer [H, W, C + 1] float32: premultiplied, as blended, not clamped, and alpha.

    What it holds in the modes that measure is told at Mode.measures.
    """
    return blend(project(splats, camera, settings), camera, settings)


def project(
    splats: Splats, camera: Camera, settings: RenderSettings, box: Box | None = None
) -> Projected:
    """Cull, sort and project splats for a camera; box: the part of the picture that matters."""
    rows, depths = front_to_back(splats, largest_scale(splats), camera, settings, box)
    splats = splats.rows(sorted_rows(rows, depths)).double()
    means, look = splats.means, splats.appearance
    p = in_camera(means, camera)
    viewmat = torch.from_numpy(camera.viewmat).to(means)
    focal = means.new_tensor([camera.K[0, 0], camera.K[1, 1]])
    principal = means.new_tensor([camera.K[0, 2], camera.K[1, 2]])
    w = divisor(p[:, 2:], camera)
    ratio = p[:, :2] / w  # [n, 2] x / z, y / z

    used = jacobian(camera, look)
    low, high = means.new_tensor(used.low), means.new_tensor(used.high)
    bounded = torch.minimum(torch.maximum(ratio, low), high)
    J = means.new_zeros(len(means), 2, 3)
    J[:, 0, 0] = used.focal[0] / w[:, 0]
    J[:, 1, 1] = used.focal[1] / w[:, 0]
    if look.footprint is Footprint.GAUSSIAN:  # a disc stays round
        J[:, :, 2] = -means.new_tensor(used.focal) * bounded / w
    T = J @ viewmat[:3, :3]
    sharp = T @ (splats.covariances() * settings.scale**2) @ T.transpose(1, 2)
    xx, xy, yy = sharp[:, 0, 0] + look.low_pass, sharp[:, 0, 1], sharp[:, 1, 1] + look.low_pass

    before = sharp[:, 0, 0] * sharp[:, 1, 1] - sharp[:, 0, 1].square()
    kind = compensation_of(look, settings)
    opacities = splats.opacities * compensation(before, xx * yy - xy * xy, kind)
    extents = reaches(opacities, look).unsqueeze(1) * torch.stack([xx, yy], 1).sqrt()
    if settings.mode is Mode.CENTERS:
        extents = torch.full_like(extents, CENTER_REACH)
    center = torch.from_numpy(camera.center).to(means)
    colors = splats.seen_from(center, settings.sh_degree)
    if settings.mode is Mode.DEPTH:
        colors = p[:, 2:].expand(-1, 3)
    elif settings.mode.measures:
        colors = torch.ones_like(p)
    return Projected(
        centers=ratio * focal + principal,
        covars=torch.stack([xx, xy, yy], 1),
        depths=p[:, 2],
        opacities=opacities,
        colors=colors,
        extents=extents,
        appearance=look,
        mode=settings.mode,
    )


def compensation(before: Tensor, after: Tensor, kind: Compensation) -> Tensor:
    """Factor of opacity from determinants before and after the low-pass.

    Source of the epsilons: cuda_rasterizer/forward.cu of autonomousvision/mip-splatting.
    """
    if kind is Compensation.NONE:
        return torch.ones_like(before)
    if kind is Compensation.MIP:
        return (before.clamp_min(0) / after).sqrt()
    factor = (before.clamp_min(EPSILON) / (after.clamp_min(EPSILON) + EPSILON) + EPSILON).sqrt()
    return torch.where((before > EPSILON) & (after > EPSILON), factor, 0.0)


def blend(projected: Projected, camera: Camera, settings: RenderSettings) -> Tensor:
    """Blend nearest first, tile by tile: [H, W, C + 1] float32."""
    channels = projected.colors.shape[1] + 1
    out = projected.colors.new_zeros(camera.height, camera.width, channels)
    pixels_of = PIXELS.get(settings.mode, _blend_pixels)
    low, high = projected.centers - projected.extents, projected.centers + projected.extents
    for top in range(0, camera.height, TILE):
        bottom = min(top + TILE, camera.height)
        band = ((high[:, 1] > top) & (low[:, 1] < bottom)).nonzero().squeeze(1)
        band_low, band_high = low[band, 0], high[band, 0]
        for left in range(0, camera.width, TILE):
            right = min(left + TILE, camera.width)
            touching = band[(band_high > left) & (band_low < right)]
            if len(touching):
                ys = torch.arange(top, bottom).to(out) + 0.5
                xs = torch.arange(left, right).to(out) + 0.5
                grid = torch.cartesian_prod(ys, xs).flip(1)  # [P, 2] x, y
                tile = pixels_of(projected, touching, grid, settings)
                out[top:bottom, left:right] = tile.reshape(bottom - top, right - left, channels)
    return out.float()


def surface_depth(
    splats: Splats, camera: Camera, settings: RenderSettings, x: float, y: float
) -> float | None:
    """Median depth of one pixel: where half of what it shows lies in front; None where empty.

    x, y: pixels from the top left. Works for every renderer: no picture is read back.
    """
    projected = project(splats, camera, replace(settings, mode=Mode.MEDIAN), (x, y, x, y))
    if not len(projected.depths):
        return None
    pixel = projected.centers.new_tensor([[x, y]])
    depth, _, _, alpha = _median_pixels(
        projected, torch.arange(len(projected.depths)), pixel, settings
    )[0].tolist()
    return depth / alpha if alpha >= 2 * MIN_ALPHA else None


def _blend_pixels(
    projected: Projected, rows: Tensor, pixels: Tensor, settings: RenderSettings
) -> Tensor:
    """[P, C + 1] at pixels [P, 2] of the splats `rows`, which are nearest first."""
    floor = MIN_TRANSMITTANCE if settings.transmittance_stop else 0.0
    transmittance = pixels.new_ones(len(pixels))
    running = torch.ones_like(transmittance, dtype=torch.bool)
    color = pixels.new_zeros(len(pixels), projected.colors.shape[1])
    for part in rows.split(CHUNK):
        alpha = _alphas(projected, part, pixels)  # [n, P]
        after = torch.cumprod(1 - alpha, 0) * transmittance
        keep = (after >= floor) & running
        before = torch.cat([transmittance.unsqueeze(0), after[:-1]])
        color += (alpha * before * keep).T @ projected.colors[part]
        kept = torch.where(keep, after, torch.ones_like(after)).amin(0)
        transmittance = torch.minimum(transmittance, kept)
        running = keep[-1]
    return torch.cat([color, 1 - transmittance.unsqueeze(1)], 1)


def _median_pixels(
    projected: Projected, rows: Tensor, pixels: Tensor, settings: RenderSettings
) -> Tensor:
    """[P, 4] depth in front of which lies half of what a pixel shows, times alpha; alpha."""
    half = _blend_pixels(projected, rows, pixels, settings)[:, 3] / 2
    depth, transmittance = torch.zeros_like(half), torch.ones_like(half)
    for part in rows.split(CHUNK):
        shown = 1 - torch.cumprod(1 - _alphas(projected, part, pixels), 0) * transmittance
        reached = shown >= half
        first = (~reached).sum(0).clamp_max(len(part) - 1)
        here = reached[-1] & (depth == 0)
        depth = torch.where(here, projected.depths[part][first], depth)
        transmittance = 1 - shown[-1]
    return torch.stack([*[2 * half * depth] * 3, 2 * half], 1)


def _count_pixels(
    projected: Projected, rows: Tensor, pixels: Tensor, settings: RenderSettings
) -> Tensor:
    """[P, 4] how many splats are drawn over a pixel, four times."""
    count = pixels.new_zeros(len(pixels))
    for part in rows.split(CHUNK):
        count += (_alphas(projected, part, pixels) > 0).sum(0)
    return count.unsqueeze(1).expand(-1, 4)


PIXELS = {Mode.MEDIAN: _median_pixels, Mode.OVERDRAW: _count_pixels}  # others are blended


def _alphas(projected: Projected, rows: Tensor, pixels: Tensor) -> Tensor:
    """[n, P] alpha of splats at pixels; 0 where it is skipped."""
    offset = pixels.unsqueeze(0) - projected.centers[rows].unsqueeze(1)  # [n, P, 2]
    if projected.mode is Mode.CENTERS:
        dot = (CENTER_REACH - offset.norm(dim=2)).clamp(0, MAX_ALPHA)
        drawn = (projected.opacities[rows].unsqueeze(1) >= MIN_ALPHA) & (dot >= MIN_ALPHA)
        return dot * drawn
    xx, xy, yy = projected.covars[rows].unsqueeze(2).unbind(1)  # [n, 1] each
    dx, dy = offset.unbind(2)
    square = (yy * dx * dx - 2 * xy * dx * dy + xx * dy * dy) / (xx * yy - xy * xy)
    look = projected.appearance
    fall = torch.exp(-0.5 * square) if look.footprint is Footprint.GAUSSIAN else 1 - square
    alpha = (projected.opacities[rows].unsqueeze(1) * fall).clamp_max(look.max_alpha)
    return torch.where(alpha >= MIN_ALPHA, alpha, torch.zeros_like(alpha))
