"""Decoder: colour of a pixel from blended features and the pixel's ray (SpacetimeGaussians FULL).

Source: Sandwich in helper_model.py of oppo-us-research/SpacetimeGaussians.
"""

from dataclasses import dataclass
from enum import Enum

import numpy as np
import torch
from torch import Tensor

from viewer.core.camera import Camera

FEATURES = 9  # blended channels: base colour, view features, time features, three each
HIDDEN, INPUTS = 6, 12  # of the network: both features and the ray


class Activation(Enum):
    """What follows the network; the values are the trainer's names (`rgbfunction`)."""

    SIGMOID = "sandwich"
    CLAMP = "sandwichnoact"
    NONE = "sandwichnoactss"


@dataclass(frozen=True, eq=False, slots=True)
class Decoder:
    """Two matrices: rgb = activation(base + second relu(first [view, time, origin, direction])).

    first: [6, 12]. second: [3, 6]. Both float32.
    """

    first: Tensor
    second: Tensor
    activation: Activation

    def __post_init__(self) -> None:
        for name, matrix, shape in (
            ("first", self.first, (HIDDEN, INPUTS)),
            ("second", self.second, (3, HIDDEN)),
        ):
            if tuple(matrix.shape) != shape:
                raise ValueError(f"{name} has shape {tuple(matrix.shape)}, expected {shape}")

    def decode(self, features: Tensor, camera: Camera) -> Tensor:
        """RGB [H, W, 3] of blended features [H, W, 9] over nothing; empty pixels have one too."""
        height, width = features.shape[:2]
        directions = torch.from_numpy(camera.directions()).to(features)
        origin = torch.from_numpy(camera.origins()).to(features).expand(height, width, 3)
        inputs = torch.cat([features[..., 3:], origin, directions], -1)
        hidden = torch.relu(inputs @ self.first.to(features).T)
        rgb = features[..., :3] + hidden @ self.second.to(features).T
        return self.activated(rgb)

    def base(self, features: Tensor) -> Tensor:
        """RGB [N, 3] of features [N, 9] without the network: what a plain viewer can show."""
        return self.activated(features[..., :3])

    def activated(self, rgb: Tensor) -> Tensor:
        """The activation alone."""
        if self.activation is Activation.SIGMOID:
            return torch.sigmoid(rgb)
        return rgb.clamp(0, 1) if self.activation is Activation.CLAMP else rgb


@dataclass(frozen=True, eq=False, slots=True)
class Environment:
    """What lies behind everything: a picture on a sphere around the origin (native 4DGS).

    pixels: [3, R, R] float32; u runs along the last axis. radius: world units.
    Source: gaussian_renderer/__init__.py of fudan-zvg/4d-gaussian-splatting.
    """

    pixels: Tensor
    radius: float

    def seen(self, camera: Camera) -> Tensor:
        """RGB [H, W, 3] behind each pixel of a camera."""
        d = torch.from_numpy(camera.directions()).float()
        o = torch.from_numpy(camera.origins()).float()
        along = (d * o).sum(-1)
        inside = along.square() - (o.square().sum(-1) - self.radius**2)
        p = o + d * (inside.clamp_min(0).sqrt() - along).unsqueeze(-1)
        u = torch.atan2(p[..., 1], p[..., 0]) / (2 * np.pi) + 0.5
        v = torch.acos((p[..., 2] / self.radius).clamp(-1, 1)) / np.pi
        grid = torch.stack([2 * u - 1, 2 * v - 1], -1).unsqueeze(0)
        pixels = self.pixels.float().unsqueeze(0)
        sampled = torch.nn.functional.grid_sample(pixels, grid, align_corners=False)
        return sampled[0].permute(1, 2, 0)
