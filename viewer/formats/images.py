"""Images of a data set: where they lie, and their colours over a background."""

from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image, UnidentifiedImageError

from viewer.core.errors import Unusable

ENDINGS = ("", ".png", ".jpg", ".jpeg")  # Blender's file_path has none
MOST_PIXELS = 1 << 27
BROKEN = (OSError, UnidentifiedImageError, ValueError, SyntaxError, Image.DecompressionBombError)


def inside(folder: Path, name: str) -> Path | None:
    """The path of a name inside a folder; None for one that leads out of it.

    A data set has no say over what else is opened here.
    """
    relative = PurePosixPath(name.replace("\\", "/"))
    if relative.is_absolute() or ".." in relative.parts or ":" in name:
        return None
    return folder / relative


def size_of(path: Path) -> tuple[int, int] | None:
    """Width and height by the header of an image; the ending may be left out. None if none."""
    for file in _candidates(path):
        try:
            with Image.open(file) as image:
                return image.size
        except BROKEN:
            continue
    return None


def read(path: Path, background: tuple[float, float, float]) -> np.ndarray:
    """[H, W, 3] uint8, over a background where the image has alpha; the ending may be left out.

    Raises Unusable.
    """
    found = next((file for file in _candidates(path) if file.is_file()), None)
    if found is None:
        raise Unusable(f"{path}: the image is not there")
    try:
        with Image.open(found) as image:
            if image.width * image.height > MOST_PIXELS:
                raise ValueError(f"{image.width}x{image.height} pixels are too many")
            held = np.asarray(image.convert("RGBA"), dtype=np.float32)
    except BROKEN as error:
        raise Unusable(f"{found}: cannot be read as an image ({error})") from None
    rgb, alpha = held[..., :3], held[..., 3:] / 255
    over = rgb * alpha + 255 * np.array(background, np.float32) * (1 - alpha)
    return (over + 0.5).astype(np.uint8)


def _candidates(path: Path) -> list[Path]:
    return [path.with_name(path.name + ending) for ending in ENDINGS if path.name]
