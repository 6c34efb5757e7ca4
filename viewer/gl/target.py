"""TextureTarget: a texture that a renderer draws into, read with row 0 on top."""

import moderngl
import numpy as np
from torch import Tensor


class TextureTarget:
    """Premultiplied RGBA on the device. dtype: "f1" (8 bits), "f2" (half) or "f4" (float)."""

    def __init__(self, ctx: moderngl.Context, width: int, height: int, dtype: str) -> None:
        limit = int(ctx.info["GL_MAX_TEXTURE_SIZE"])
        if max(width, height) > limit:
            raise ValueError(f"size {width}x{height} is over this device's limit of {limit}")
        self.width, self.height = width, height
        self.color = ctx.texture((width, height), 4, dtype=dtype)
        self.color.filter = moderngl.NEAREST, moderngl.NEAREST
        self.framebuffer = ctx.framebuffer([self.color])
        self._ctx, self._dtype = ctx, dtype

    def write(self, image: Tensor) -> None:
        """Replace the picture by `image` [H, W, 4], float32."""
        rows = image.flip(0).cpu().numpy()
        kinds = {"f1": np.uint8, "f2": np.float16, "f4": np.float32}
        scaled = np.clip(rows, 0, 1) * 255 + 0.5 if self._dtype == "f1" else rows
        self.color.write(np.ascontiguousarray(scaled.astype(kinds[self._dtype])))

    def read(self) -> np.ndarray:
        """The picture [H, W, 4]: uint8 of an 8-bit target, else float32, not clamped."""
        dtype = "f1" if self._dtype == "f1" else "f4"
        raw = self.framebuffer.read(components=4, alignment=1, dtype=dtype)
        kind = np.uint8 if dtype == "f1" else np.float32
        return np.frombuffer(raw, kind).reshape(self.height, self.width, 4)[::-1].copy()

    def release(self) -> None:
        """Free texture and framebuffer."""
        # moderngl binds the last used framebuffer again later on; it must not be a deleted one.
        self._ctx.detect_framebuffer(0).use()
        self.framebuffer.release()
        self.color.release()
