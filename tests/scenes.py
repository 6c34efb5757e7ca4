"""Synthetic splats that together use every form a renderer must draw; seeded."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from viewer.core import rotation, sh
from viewer.core.camera import Camera, look_at
from viewer.core.decoder import Activation, Decoder
from viewer.core.model import StaticModel
from viewer.core.splats import Appearance, Compensation, FixedJacobian, Footprint, Splats
from viewer.core.temporal import Gaussians4D, TemporalGaussians


def camera(width: int = 160, height: int = 90) -> Camera:
    """A camera four units away from the origin, slightly above it."""
    eye, target, up = np.array([0.3, -1.0, -4.0]), np.zeros(3), np.array([0.0, -1.0, 0.0])
    return look_at(eye, target, up, 0.9, (width, height))


def orthographic(camera: Camera, depth: float = 4.0) -> Camera:
    """The same view without perspective: what is `depth` away keeps its size."""
    K = camera.K.copy()
    K[[0, 1], [0, 1]] /= depth
    return replace(camera, K=K, orthographic=True)


def cloud(n: int, seed: int, degree: int | None = None, size: float = 0.05) -> Splats:
    """n random Gaussians in a ball; degree None is plain RGB."""
    g = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=g)

    coefficients = 0 if degree is None else (degree + 1) ** 2
    colors = torch.rand(n, 3, generator=g) if degree is None else normal(n, coefficients, 3) * 0.3
    return Splats(
        means=normal(n, 3),
        quats=rotation.normalized(normal(n, 4)),
        scales=torch.exp(normal(n, 3) * 0.7) * size,
        opacities=torch.rand(n, generator=g) * 0.98 + 0.01,
        colors=colors,
        appearance=Appearance(),
    )


def as_covars(splats: Splats) -> Splats:
    """The same splats with covariances for a shape."""
    rows = splats.covariances().reshape(-1, 9)[:, [0, 1, 2, 4, 5, 8]]
    return replace(splats, quats=None, scales=None, covars=rows)


def needles() -> Splats:
    """Splats a hundred times longer than wide."""
    splats = cloud(500, 5)
    return replace(splats, scales=splats.scales * torch.tensor([8.0, 0.08, 0.08]))


def around() -> Splats:
    """Splats on all sides of the camera: behind it, at the near plane, far outside the frustum."""
    splats = cloud(1500, 6, size=0.1)
    return replace(splats, means=splats.means * 4)


def ties() -> Splats:
    """Many splats at the same depth: they are drawn in the order they have."""
    splats = cloud(600, 7)
    return replace(splats, means=splats.means[:20].repeat(30, 1))


def points(appearance: Appearance) -> Splats:
    """Points with a radius each."""
    splats = cloud(1500, 13)
    radii = splats.scales[:, 0]
    return replace(splats, quats=None, scales=None, radii=radii, appearance=appearance)


def elsewhere() -> Splats:
    """Splats whose harmonics are seen from another place than their own."""
    splats = cloud(800, 14, degree=3)
    return replace(splats, sh_origins=splats.means.flip(0) * 2)


def features(activation: Activation = Activation.SIGMOID) -> Splats:
    """Nine blended channels and the decoder for them."""
    g = torch.Generator().manual_seed(15)
    decoder = Decoder(
        torch.randn(6, 12, generator=g), torch.randn(3, 6, generator=g) * 0.3, activation
    )
    splats = cloud(800, 16)
    colors = torch.rand(800, 9, generator=g) * 2 - 1
    return replace(splats, colors=colors, appearance=Appearance(decoder=decoder))


def with_appearance(splats: Splats, appearance: Appearance) -> Splats:
    """The same splats drawn by other rules."""
    return replace(splats, appearance=appearance)


SCENES: dict[str, Callable[[], Splats]] = {
    "rgb": lambda: cloud(3000, 0),
    "large and faint": lambda: with_opacity(cloud(800, 1, size=0.4), 0.08),
    "large and opaque": lambda: with_opacity(cloud(300, 2, size=0.3), 0.97),
    "sh degree 0": lambda: cloud(1000, 3, degree=0),
    "sh degree 1": lambda: cloud(1000, 3, degree=1),
    "sh degree 2": lambda: cloud(1000, 3, degree=2),
    "sh degree 3": lambda: cloud(1000, 3, degree=3),
    "covariances": lambda: as_covars(cloud(1000, 4)),
    "needles": needles,
    "around the camera": around,
    "equal depths": ties,
    "mip compensation": lambda: with_appearance(
        cloud(2000, 8, size=0.01), Appearance(low_pass=0.1, compensation=Compensation.MIP)
    ),
    "epsilons of Ex4DGS": lambda: with_appearance(
        cloud(2000, 8, size=0.01), Appearance(low_pass=0.1, compensation=Compensation.EX4DGS)
    ),
    "a trainer's wrong Jacobian": lambda: with_appearance(
        cloud(1000, 17), Appearance(jacobian=FixedJacobian((1.7, 1.3), -0.71))
    ),
    "points": lambda: points(Appearance()),
    "discs": lambda: points(Appearance(low_pass=0.0, footprint=Footprint.PARABOLOID)),
    "harmonics of another place": elsewhere,
    "sigmoid of harmonics": lambda: with_appearance(
        cloud(800, 3, degree=3), Appearance(sh_output=sh.Output.SIGMOID)
    ),
    "harmonics over grey": lambda: with_appearance(
        cloud(800, 3, degree=2), Appearance(sh_output=sh.Output.RESIDUAL)
    ),
    "empty": lambda: cloud(0, 9),
    "one": lambda: cloud(1, 10, size=0.5),
}


# Of `moving`: what a TemporalGaussians may hold.
FORMS: list[dict[str, Any]] = [
    *({"motion": degree, "shape": shape} for degree in range(4)
      for shape in ("quats", "omega", "covars")),
    *({"degree": degree, "changing": changing} for degree in range(4)
      for changing in ("", "waves", "fixed")),
    {"changing": "rate"}, {"cull": 0.05}, {"shape": "covars", "degree": 3, "changing": "waves"},
    {"appearance": Appearance(compensation=Compensation.MIP, low_pass=0.1)},
    {"appearance": Appearance(jacobian=FixedJacobian((1.7, 1.3), -0.71))},
]  # fmt: skip


class Instant:
    """A still scene that no renderer may slice by itself: what frames of sequences go through."""

    def __init__(self, splats: Splats) -> None:
        self._still = StaticModel(splats)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._still, name)


def with_opacity(splats: Splats, opacity: float) -> Splats:
    """The same splats, all of one opacity."""
    return replace(splats, opacities=torch.full_like(splats.opacities, opacity))


def moving(
    n: int,
    seed: int = 0,
    motion: int = 3,
    shape: str = "omega",
    degree: int | None = None,
    changing: str = "",
    cull: float = 0.0,
    appearance: Appearance | None = None,
) -> TemporalGaussians:
    """n random Gaussians over time 0 to 1.

    shape: quats, omega (quats that turn) or covars. degree: of harmonics, None is plain colours,
    nine of them where the appearance has a decoder. changing: rate, waves or fixed (directions).
    """
    look = appearance or Appearance()
    still = cloud(n, seed, degree)
    g = torch.Generator().manual_seed(seed + 1000)

    def normal(*size: int) -> torch.Tensor:
        return torch.randn(*size, generator=g)

    colors = still.colors if look.decoder is None else torch.rand(n, 9, generator=g)
    width = torch.exp(normal(n) - 1.5)
    width[torch.rand(n, generator=g) < 0.2] = torch.inf
    quats = still.quats * (0.5 + torch.rand(n, 1, generator=g))
    fields = Gaussians4D(
        means=still.means,
        motion=normal(n, motion, 3) * 0.3,
        opacities=still.opacities,
        center=torch.rand(n, generator=g),
        width=width,
        colors=colors,
        quats=None if shape == "covars" else quats,
        scales=None if shape == "covars" else still.scales,
        omega=normal(n, 4) if shape == "omega" else None,
        covars=as_covars(still).covars if shape == "covars" else None,
        color_rate=normal(*colors.shape) * 0.2 if changing == "rate" else None,
        waves=normal(n, 2, *colors.shape[1:]) * 0.2 if changing == "waves" else None,
        period=1.5,
        fixed_directions=changing == "fixed",
    )
    return TemporalGaussians(fields, (0.0, 1.0), look, cull)
