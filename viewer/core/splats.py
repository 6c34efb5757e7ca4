"""Splats: Gaussians at one instant, ready to draw; Appearance: what else the picture needs."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from enum import Enum

import torch
from torch import Tensor

from viewer.core import rotation, sh
from viewer.core.decoder import Decoder, Environment

LOW_PASS = 0.3  # px², added to the diagonal of the 2D covariance (3DGS)
NEAR = 0.2  # world units, nearest depth that is drawn (3DGS)
MAX_ALPHA = 0.99  # of one splat at one pixel
MIN_ALPHA = 1 / 255  # below it a splat is skipped at that pixel
MIN_TRANSMITTANCE = 1e-4  # a pixel stops before the splat that would take it below
FRUSTUM_CLAMP = 1.3  # of tan(fov / 2), bounds x / z and y / z in the Jacobian only
UPPER = (0, 1, 2, 4, 5, 8)  # xx xy xz yy yz zz of nine
# Which of quats, scales, covars and radii are given.
SHAPES = ([True, True, False, False], [False, False, True, False], [False, False, False, True])


class Compensation(Enum):
    """What happens to opacity when the low-pass widens a splat."""

    NONE = "none"
    MIP = "mip"  # times sqrt(det(cov) / det(cov + low_pass)): Mip-Splatting, "antialiased"
    EX4DGS = "ex4dgs"  # the same with its trainer's epsilons: nothing where det(cov) <= 1e-6


class Footprint(Enum):
    """How alpha falls off around a splat."""

    GAUSSIAN = "gaussian"  # exp(-1/2 d²), d in standard deviations
    PARABOLOID = "paraboloid"  # 1 - d², d in radii: the discs of 4K4D


@dataclass(frozen=True, slots=True)
class FixedJacobian:
    """The Jacobian of a trainer that got its field of view wrong (native 4DGS on N3V data).

    focal: of the camera's own focal lengths, x and y. slope: stands for x / z and y / z everywhere.
    """

    focal: tuple[float, float]
    slope: float


@dataclass(frozen=True, slots=True)
class Appearance:
    """How a model's Gaussians become a picture; belongs to the model, obeyed by every renderer.

    low_pass: px². near: world units. background: RGB 0..1. sh_output: what coefficients sum to.
    jacobian: None is the true one. decoder: colours are features for it. environment: lies behind
    everything, in place of the background.
    """

    low_pass: float = LOW_PASS
    compensation: Compensation = Compensation.NONE
    near: float = NEAR
    background: tuple[float, float, float] = (0.0, 0.0, 0.0)
    footprint: Footprint = Footprint.GAUSSIAN
    sh_output: sh.Output = sh.Output.SHIFTED
    jacobian: FixedJacobian | None = None
    decoder: Decoder | None = None
    environment: Environment | None = None

    @property
    def max_alpha(self) -> float:
        """Most that one splat covers of a pixel."""
        return MAX_ALPHA if self.footprint is Footprint.GAUSSIAN else 1.0


@dataclass(frozen=True, eq=False, slots=True)
class Splats:
    """Gaussians or points at one instant: activated, world space, float32, one device.

    Shape is quats and scales, or covars, or radii: one of the three. Colours [N, C] are blended as
    they are; [N, K, 3] are spherical-harmonic coefficients. Raises ValueError naming a wrong shape.
    """

    means: Tensor  # [N, 3] world units
    quats: Tensor | None  # [N, 4] w x y z, unit length
    scales: Tensor | None  # [N, 3] standard deviations, world units, > 0
    opacities: Tensor  # [N] 0..1, temporal window included
    colors: Tensor  # [N, C] or [N, K, 3]
    appearance: Appearance
    covars: Tensor | None = None  # [N, 6] xx xy xz yy yz zz
    index: Tensor | None = None  # [N] int64, place in the source file; None = row number
    radii: Tensor | None = None  # [N] of points: standard deviation, or where a disc ends
    sh_origins: Tensor | None = None  # [N, 3] where SH directions point; None = means

    def __post_init__(self) -> None:
        n = self.means.shape[0]
        wanted = {
            "means": (self.means, (n, 3)),
            "quats": (self.quats, (n, 4)),
            "scales": (self.scales, (n, 3)),
            "opacities": (self.opacities, (n,)),
            "covars": (self.covars, (n, 6)),
            "index": (self.index, (n,)),
            "radii": (self.radii, (n,)),
            "sh_origins": (self.sh_origins, (n, 3)),
        }
        for name, (tensor, shape) in wanted.items():
            if tensor is not None and tuple(tensor.shape) != shape:
                raise ValueError(f"{name} has shape {tuple(tensor.shape)}, expected {shape}")
        given = [s is not None for s in (self.quats, self.scales, self.covars, self.radii)]
        if given not in SHAPES:
            raise ValueError("expected quats and scales, or covars, or radii, and one of them only")
        if self.colors.shape[0] != n or self.colors.dim() not in (2, 3):
            raise ValueError(
                f"colors has shape {tuple(self.colors.shape)}, expected [{n}, C] or [{n}, K, 3]"
            )
        if self.colors.dim() == 3:
            sh.degree(self.colors.shape[1])

    def __len__(self) -> int:
        return self.means.shape[0]

    @property
    def view_dependent(self) -> bool:
        """Whether colours are spherical harmonics."""
        return self.colors.dim() == 3

    @property
    def sh_degree(self) -> int:
        """Degree of the spherical harmonics; 0 where there are none."""
        return sh.degree(self.colors.shape[1]) if self.view_dependent else 0

    def covariances(self) -> Tensor:
        """[N, 3, 3] world-space covariance, R diag(scales²) Rᵀ where shape is quats and scales."""
        if self.radii is not None:
            return torch.diag_embed(self.radii.square().unsqueeze(1).expand(-1, 3))
        if self.covars is not None:
            rows = self.covars[:, [0, 1, 2, 1, 3, 4, 2, 4, 5]]
            return rows.reshape(-1, 3, 3)
        assert self.quats is not None
        assert self.scales is not None
        half = rotation.matrices(self.quats) * self.scales.unsqueeze(1)  # R diag(s)
        return half @ half.transpose(1, 2)

    def seen_from(self, center: Tensor, max_degree: int = sh.MAX_DEGREE) -> Tensor:
        """Colours [N, C] as they are blended for a camera centre [3], world space."""
        if not self.view_dependent:
            return self.colors
        origins = self.means if self.sh_origins is None else self.sh_origins
        directions = torch.nn.functional.normalize(origins - center, dim=-1)
        return sh.colors(self.colors, directions, max_degree, self.appearance.sh_output)

    def rows(self, index: Tensor) -> "Splats":
        """The splats at positions index [n]."""
        return self._mapped(lambda field: field.index_select(0, index))

    def double(self) -> "Splats":
        """The same splats in float64, for arithmetic that must not round."""
        return self._mapped(lambda field: field.double() if field.is_floating_point() else field)

    def to(self, device: torch.device) -> "Splats":
        """The same splats on another device."""
        return self._mapped(lambda field: field.to(device))

    def tensors(self) -> tuple[Tensor, ...]:
        """Those that are given."""
        held = (getattr(self, f.name) for f in fields(self))
        return tuple(t for t in held if isinstance(t, Tensor))

    def _mapped(self, change: Callable[[Tensor], Tensor]) -> "Splats":
        tensors = {f.name: getattr(self, f.name) for f in fields(self)}
        return replace(self, **{k: change(v) for k, v in tensors.items() if isinstance(v, Tensor)})


def covars_of(matrices: Tensor, scales: Tensor) -> Tensor:
    """[N, 6] xx xy xz yy yz zz of A Aᵀ, A = M diag(scales); M [N, 3, 3], scales [N, 3]."""
    half = matrices * scales.unsqueeze(1)
    return (half @ half.transpose(1, 2)).reshape(-1, 9)[:, UPPER]
