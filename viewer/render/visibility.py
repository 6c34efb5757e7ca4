"""Which splats can be seen, nearest first: shared by every renderer that sorts on the host."""

import torch
from torch import Tensor

from viewer.core.camera import Camera
from viewer.core.settings import RenderSettings
from viewer.core.splats import FRUSTUM_CLAMP, MIN_ALPHA, Appearance, Splats


def near_plane(appearance: Appearance, settings: RenderSettings) -> float:
    """Nearest depth that is drawn, world units."""
    return appearance.near if settings.near is None else settings.near


def jacobian_limit(camera: Camera) -> tuple[float, float]:
    """Bounds of x / z and y / z in the Jacobian."""
    return (
        FRUSTUM_CLAMP * camera.width / (2 * float(camera.K[0, 0])),
        FRUSTUM_CLAMP * camera.height / (2 * float(camera.K[1, 1])),
    )


def in_camera(means: Tensor, camera: Camera) -> Tensor:
    """[N, 3] camera-space positions of world-space means, in the means' own precision.

    All renderers sort by this depth, so that near-equal depths fall the same way everywhere.
    """
    viewmat = torch.from_numpy(camera.viewmat).to(means)
    return means @ viewmat[:3, :3].T + viewmat[:3, 3]


def largest_scale(splats: Splats) -> Tensor:
    """[N] an upper bound of each splat's standard deviation in any direction, world units."""
    if splats.covars is not None:
        return splats.covars[:, [0, 3, 5]].sum(1).clamp_min(0).sqrt()
    assert splats.scales is not None
    return splats.scales.amax(1)


def front_to_back(
    splats: Splats, sizes: Tensor, camera: Camera, settings: RenderSettings
) -> tuple[Tensor, Tensor]:
    """Rows [n] that may touch the picture, and their depths [n]: not yet in order.

    sizes: [N] from `largest_scale`. Nothing that could reach alpha 1/255 at a pixel is left out.
    """
    p = in_camera(splats.means, camera)
    x, y, z = p.unbind(1)
    fx, fy = float(camera.K[0, 0]), float(camera.K[1, 1])
    limit_x, limit_y = jacobian_limit(camera)
    # |J| <= focal / z * sqrt(1 + limit²): bounds the projected standard deviation.
    stretch = max(fx, fy) * (1 + limit_x**2 + limit_y**2) ** 0.5 * settings.scale
    sigma = (stretch * sizes / z).square_().add_(splats.appearance.low_pass).sqrt_()
    reach = sigma * (2 * (splats.opacities / MIN_ALPHA).clamp_min(1).log()).sqrt()
    u, v = fx * x / z + float(camera.K[0, 2]), fy * y / z + float(camera.K[1, 2])
    seen = (z > near_plane(splats.appearance, settings)) & (splats.opacities >= MIN_ALPHA)
    seen &= (u + reach > 0) & (u - reach < camera.width)
    seen &= (v + reach > 0) & (v - reach < camera.height)
    rows = seen.nonzero().squeeze(1)
    return rows, z.index_select(0, rows)


def sorted_rows(rows: Tensor, depths: Tensor) -> Tensor:
    """Rows [n] by depth, nearest first, ties in row order.

    Positive floats sort as the integers that share their bits, and torch sorts those faster.
    """
    order = torch.sort(depths.view(torch.int32), stable=True).indices
    return rows.index_select(0, order)
