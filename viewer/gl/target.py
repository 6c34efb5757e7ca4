"""TextureTarget: a texture that a renderer draws into, read with row 0 on top."""

import moderngl
import numpy as np
from torch import Tensor


class TextureTarget:
    """Premultiplied RGBA on the device. dtype: "f1" (8 bits), "f2" (half) or "f4" (float).

    More than three channels lie three to a texture, each texture with the same alpha.
    """

    def __init__(
        self, ctx: moderngl.Context, width: int, height: int, dtype: str, channels: int = 3
    ) -> None:
        limit = int(ctx.info["GL_MAX_TEXTURE_SIZE"])
        if max(width, height) > limit:
            raise ValueError(f"size {width}x{height} is over this device's limit of {limit}")
        self.width, self.height = width, height
        self.layers = [ctx.texture((width, height), 4, dtype=dtype) for _ in range(channels // 3)]
        for layer in self.layers:
            layer.filter = moderngl.NEAREST, moderngl.NEAREST
        self.framebuffer = ctx.framebuffer(self.layers)
        self._ctx, self.dtype = ctx, dtype

    @property
    def channels(self) -> int:
        """Channels without alpha."""
        return 3 * len(self.layers)

    @property
    def color(self) -> moderngl.Texture:
        """The only texture, or that of the first three channels."""
        return self.layers[0]

    def write(self, image: Tensor) -> None:
        """Replace the picture by `image` [H, W, channels + 1], float32."""
        rows = image.flip(0).cpu().numpy()
        kinds = {"f1": np.uint8, "f2": np.float16, "f4": np.float32}
        scaled = np.clip(rows, 0, 1) * 255 + 0.5 if self.dtype == "f1" else rows
        for i, layer in enumerate(self.layers):
            rgba = scaled[..., [3 * i, 3 * i + 1, 3 * i + 2, -1]]
            layer.write(np.ascontiguousarray(rgba.astype(kinds[self.dtype])))

    def read(self) -> np.ndarray:
        """The first texture [H, W, 4]: uint8 of an 8-bit target, else float32, not clamped."""
        dtype = "f1" if self.dtype == "f1" else "f4"
        raw = self.framebuffer.read(components=4, alignment=1, dtype=dtype)
        kind = np.uint8 if dtype == "f1" else np.float32
        return np.frombuffer(raw, kind).reshape(self.height, self.width, 4)[::-1].copy()

    def release(self) -> None:
        """Free texture and framebuffer."""
        # moderngl binds the last used framebuffer again later on; it must not be a deleted one.
        self._ctx.detect_framebuffer(0).use()
        self.framebuffer.release()
        for layer in self.layers:
            layer.release()
