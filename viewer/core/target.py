"""TensorTarget: what a renderer draws into where there is no OpenGL."""

import numpy as np
import torch
from torch import Tensor


def to_bytes(image: np.ndarray) -> np.ndarray:
    """uint8 of float32 display values: clamped to 0..1 and rounded to nearest."""
    return (np.clip(image, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)


class TensorTarget:
    """A picture in memory: premultiplied RGBA float32 [H, W, 4], row 0 on top.

    While features are drawn it holds their channels and alpha instead. background: what it is to
    be shown over; a renderer that can do so itself leaves that as `picture`, 8 bits.
    """

    def __init__(
        self, width: int, height: int, background: tuple[float, float, float] | None = None
    ) -> None:
        self.width, self.height, self.background = width, height, background
        self.image = torch.zeros(1, 1, 4).expand(height, width, 4)  # until it is written
        self.picture: Tensor | None = None

    def write(self, image: Tensor) -> None:
        """Replace the picture by `image` [H, W, 4]."""
        self.image = image

    def read(self) -> np.ndarray:
        """The picture [H, W, 4]: uint8 where it is of 8 bits, else float32, not clamped."""
        image = self.image if self.image.dtype == torch.uint8 else self.image.float()
        return image.cpu().numpy()

    def over(self, background: tuple[float, float, float] | Tensor) -> "TensorTarget":
        """The picture over an opaque background: one colour, or [H, W, 3]."""
        rgb, alpha = self.image[..., :3], self.image[..., 3:]
        behind = self.image.new_tensor(background) if isinstance(background, tuple) else background
        shown = rgb + (1 - alpha) * behind.to(rgb)
        target = TensorTarget(self.width, self.height)
        target.write(torch.cat([shown, torch.ones_like(alpha)], dim=-1))
        return target

    def release(self) -> None:
        """Let the memory go."""
        self.image = torch.zeros(0, 0, 4)
