"""Frames along a camera path, to a file: the one way of `record` and of the window."""

from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path

import moderngl
import numpy as np
import torch

from viewer.apps.writers import writer
from viewer.core import playback as clock
from viewer.core.camera import Camera
from viewer.core.errors import BadArgument
from viewer.core.film import Film
from viewer.core.model import Model
from viewer.core.path import CameraPath
from viewer.core.playback import Playback
from viewer.core.rig import Rig
from viewer.core.settings import RenderSettings
from viewer.core.state import FrameStats
from viewer.core.target import TensorTarget, to_bytes
from viewer.frame import Frame, FramePath

NOTHING = (0.0, 0.0, 0.0)


@dataclass(frozen=True, eq=False, slots=True)
class Shot:
    """What is taken. playback: the footage that the path's times wrap around in."""

    model: Model
    path: CameraPath
    playback: Playback
    settings: RenderSettings
    film: Film

    @property
    def frames(self) -> int:
        """How many."""
        return self.film.frames(self.path.duration)


@dataclass(frozen=True, slots=True)
class Step:
    """One moment was drawn; `written` frames are done."""

    fraction: float
    written: int
    stats: FrameStats


def export(draw: FramePath, shot: Shot, output: Path) -> Generator[Step, None, None]:
    """Draw and write, a step for each moment drawn; the file is there after the last step.

    Closing the iterator leaves nothing. Raises BadArgument or Unusable at its first step.
    """
    film, settings = shot.film, shot.settings
    if film.transparent and settings.mode.measures:
        raise BadArgument(f"a picture of {settings.mode.value} has no transparency")
    if film.transparent and settings.background is None:
        settings = replace(settings, background=NOTHING)  # a decoder then leaves alpha as it is
    with writer(output, film) as write:
        for i in range(shot.frames):
            moments = film.moments(i)
            total: np.ndarray | None = None
            for j, seconds in enumerate(moments):
                key = shot.path.at(shot.path.start + seconds)
                camera = key.on(Rig()).camera(*film.grid)
                time = clock.wrapped(shot.playback, key.time)
                frame = draw.render(shot.model, camera, time, settings)
                total = _added(total, frame, shot, camera)
                if j == len(moments) - 1:
                    write(_picture(total, film))
                done = (i * len(moments) + j + 1) / (shot.frames * len(moments))
                yield Step(done, i + (j == len(moments) - 1), frame.stats)


def check(film: Film, ctx: moderngl.Context | None) -> None:
    """Raises BadArgument where pictures of this size cannot be drawn here."""
    if ctx is not None and max(film.grid) > ctx.info["GL_MAX_TEXTURE_SIZE"]:
        width, height = film.grid
        limit = ctx.info["GL_MAX_TEXTURE_SIZE"]
        raise BadArgument(
            f"a picture of {width}x{height} samples is over the {limit} a side that can be drawn "
            "here: give a smaller --size or --supersample"
        )


def _added(total: np.ndarray | None, frame: Frame, shot: Shot, camera: Camera) -> np.ndarray:
    """The sum of a frame's moments so far [H, W, 4]; of a plain film the picture as drawn."""
    if not shot.film.sampled:
        return frame.picture.read()
    seen = _smaller(_seen(frame, shot, camera), shot.film.supersample)
    return seen if total is None else total + seen


def _seen(frame: Frame, shot: Shot, camera: Camera) -> np.ndarray:
    """A moment [H, W, 4]: the layer, over what lies behind it unless the film is transparent.

    Premultiplied, float32, before any rounding to 8 bits.
    """
    if shot.settings.mode.measures:  # its layer holds no colours
        picture = frame.picture.read()
        return picture / np.float32(255) if picture.dtype == np.uint8 else picture
    layer = frame.layer.read()
    if shot.film.transparent:
        return layer
    target = TensorTarget(camera.width, camera.height)
    target.write(torch.from_numpy(layer))
    look, asked = shot.model.appearance, shot.settings.background
    if look.environment is not None and asked is None:
        return target.over(look.environment.seen(camera)).read()
    return target.over(asked or look.background).read()


def _smaller(image: np.ndarray, factor: int) -> np.ndarray:
    """The means of factor x factor pixels."""
    height, width = image.shape[0] // factor, image.shape[1] // factor
    return image.reshape(height, factor, width, factor, 4).mean((1, 3))


def _picture(total: np.ndarray, film: Film) -> np.ndarray:
    """uint8 [H, W, 4] with straight alpha, of the sum over a frame's moments."""
    if total.dtype == np.uint8:
        return total
    mean = total / film.blur if film.sampled else total
    if film.transparent:
        alpha = mean[..., 3:]
        straight = mean[..., :3] / np.maximum(alpha, 1e-6)
        mean = np.concatenate([straight, alpha], -1)
    return to_bytes(mean)
