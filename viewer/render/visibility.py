"""Which splats can be seen, nearest first: shared by every renderer that sorts in torch."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from viewer.core.camera import Camera
from viewer.core.settings import Mode, RenderSettings
from viewer.core.splats import (
    FRUSTUM_CLAMP,
    MIN_ALPHA,
    Appearance,
    Compensation,
    Footprint,
    Splats,
)

Box = tuple[float, float, float, float]  # left, top, right, bottom, pixels

FARTHEST = 3e38  # world units: no depth in float32 is beyond it, and it is not infinite
CENTER_REACH = 2.0  # pixels: where the dot of Mode.CENTERS ends


def near_plane(appearance: Appearance, settings: RenderSettings) -> float:
    """Nearest depth that is drawn, world units."""
    return appearance.near if settings.near is None else settings.near


def far_plane(settings: RenderSettings) -> float:
    """Farthest depth that is drawn, world units."""
    return FARTHEST if settings.far is None else settings.far


def least_opacity(settings: RenderSettings) -> float:
    """Opacity below which a splat is not drawn, before compensation."""
    return max(MIN_ALPHA, settings.min_opacity)


def compensation_of(appearance: Appearance, settings: RenderSettings) -> Compensation:
    """The model's own, or what the user wants: antialiased or not."""
    own = appearance.compensation
    if settings.antialias is None or (settings.antialias and own is not Compensation.NONE):
        return own
    return Compensation.MIP if settings.antialias else Compensation.NONE


class Jacobian(NamedTuple):
    """How a covariance is projected: focal in pixels, bounds of x / z and y / z; x and y each."""

    focal: tuple[float, float]
    low: tuple[float, float]
    high: tuple[float, float]


def jacobian(camera: Camera, appearance: Appearance) -> Jacobian:
    """The true Jacobian, bounded as 3DGS does, or the one the model was trained with.

    Of an orthographic view it has no slope: [[fx, 0, 0], [0, fy, 0]].
    """
    fx, fy = float(camera.K[0, 0]), float(camera.K[1, 1])
    fixed = appearance.jacobian
    if fixed is not None:
        slope = (fixed.slope, fixed.slope)
        return Jacobian((fx * fixed.focal[0], fy * fixed.focal[1]), slope, slope)
    if camera.orthographic:
        return Jacobian((fx, fy), (0.0, 0.0), (0.0, 0.0))
    x = FRUSTUM_CLAMP * camera.width / (2 * fx)
    y = FRUSTUM_CLAMP * camera.height / (2 * fy)
    return Jacobian((fx, fy), (-x, -y), (x, y))


def in_camera(means: Tensor, camera: Camera) -> Tensor:
    """[N, 3] camera-space positions of world-space means, in the means' own precision.

    All renderers sort by this depth, so that near-equal depths fall the same way everywhere.
    """
    viewmat = beside(camera.viewmat, means)
    return means @ viewmat[:3, :3].T + viewmat[:3, 3]


def beside(values: np.ndarray, tensor: Tensor) -> Tensor:
    """A small array where `tensor` lies, in its precision; the host does not wait for the device.

    CUDA has taken what is not pinned before the call returns, so that `values` may change.
    """
    return torch.from_numpy(values).to(tensor, non_blocking=True)


def divisor(z: Tensor, camera: Camera) -> Tensor:
    """What x and y at depths z are divided by, to be seen: depth, or nothing where orthographic."""
    return torch.ones_like(z) if camera.orthographic else z


def largest_scale(splats: Splats) -> Tensor:
    """[N] an upper bound of each splat's standard deviation in any direction, world units."""
    if splats.radii is not None:
        return splats.radii
    if splats.covars is not None:
        xx, _, _, yy, _, zz = splats.covars.unbind(1)
        return (xx + yy + zz).clamp_min(0).sqrt()
    assert splats.scales is not None
    return splats.scales.amax(1)


def reaches(opacities: Tensor, appearance: Appearance) -> Tensor:
    """[N] where alpha falls to 1/255: standard deviations, or radii of a disc."""
    if appearance.footprint is Footprint.PARABOLOID:
        return (1 - MIN_ALPHA / opacities).clamp_min(0).sqrt()
    return (2 * (opacities / MIN_ALPHA).clamp_min(1).log()).sqrt()


def front_to_back(
    splats: Splats,
    sizes: Tensor,
    camera: Camera,
    settings: RenderSettings,
    box: Box | None = None,
) -> tuple[Tensor, Tensor]:
    """Rows [n] that may touch the picture, and their depths [n]: not yet in order.

    sizes: [N] from `largest_scale`. Nothing that could reach alpha 1/255 at a pixel is left out.
    box: the part of the picture that matters; None is all.
    """
    left, top, right, bottom = box or (0.0, 0.0, float(camera.width), float(camera.height))
    p = in_camera(splats.means, camera)
    x, y, z = p.unbind(1)
    fx, fy = float(camera.K[0, 0]), float(camera.K[1, 1])
    w, J = divisor(z, camera), jacobian(camera, splats.appearance)
    if settings.mode is Mode.CENTERS:
        reach = torch.full_like(z, CENTER_REACH)
    else:
        # |J| <= focal / w * sqrt(1 + limit²): bounds the projected standard deviation.
        stretch = max(J.focal) * (1 + J.high[0] ** 2 + J.high[1] ** 2) ** 0.5 * settings.scale
        sigma = (stretch * sizes / w).square_().add_(splats.appearance.low_pass).sqrt_()
        reach = sigma * reaches(splats.opacities, splats.appearance)
    u, v = fx * x / w + float(camera.K[0, 2]), fy * y / w + float(camera.K[1, 2])
    seen = (z > near_plane(splats.appearance, settings)) & (z <= far_plane(settings))
    seen &= splats.opacities >= least_opacity(settings)
    seen &= (u + reach > left) & (u - reach < right)
    seen &= (v + reach > top) & (v - reach < bottom)
    # Here the host waits for the device, once a frame: OpenGL is told how many quads to draw.
    rows = seen.nonzero().squeeze(1)
    return rows, z.index_select(0, rows)


def sorted_rows(rows: Tensor, depths: Tensor) -> Tensor:
    """Rows [n] by depth, nearest first, ties in row order; sorted where they lie."""
    if depths.device.type == "cpu":
        order = torch.from_numpy(ascending(depths.numpy().view(np.uint32)))
    else:
        order = depths.sort(stable=True).indices
    return rows.index_select(0, order)


def ascending(keys: np.ndarray) -> np.ndarray:
    """[n] positions of uint32 keys in ascending order, stable: of positive floats, their bits.

    NumPy's stable sort of 16 bits counts, so two of them beat any comparison. torch.sort of many is
    as quick, but its threads spin for each other: beside a busy process one took 140 ms.
    """
    order = np.argsort(keys.astype(np.uint16), kind="stable")
    return order[np.argsort((keys[order] >> 16).astype(np.uint16), kind="stable")]
