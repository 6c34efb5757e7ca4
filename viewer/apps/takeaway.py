"""What one takes out of the window, and brings back: the view as text, the picture as a file."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from viewer.apps.desk import Order
from viewer.core import look
from viewer.core import playback as clock
from viewer.core.files import replacing
from viewer.core.state import State


def look_of(order: Order, state: State) -> str:
    """The view as a line of text."""
    path = str(order.path.absolute())
    return look.line(path, order.options, state.rig, state.playback.time, state.settings)


def gone_to(state: State, text: str) -> State:
    """The open scene as a copied line says. Raises ValueError for a text that is none."""
    seen = look.parsed(text, state.settings)
    p = state.playback
    if seen.time is not None:
        p = replace(clock.seek(p, seen.time), playing=False)
    return replace(state, rig=seen.rig, playback=p, settings=seen.settings, camera_index=None)


def save_picture(picture: np.ndarray, name: str) -> Path:
    """Write [H, W, 3] uint8 under the first free number in the present folder."""
    path = next(p for i in range(1, 10**6) if not (p := Path(f"{name}-{i:04}.png")).exists())
    with replacing(path) as beside:
        Image.fromarray(picture).save(beside, format="PNG")
    return path
