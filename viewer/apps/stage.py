"""The picture in the window: drawn again only if something in it changed."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import moderngl
import numpy as np

from viewer.apps.desk import Scene
from viewer.apps.pace import Spans, smoothed
from viewer.core import delivery
from viewer.core.delivery import Delivery
from viewer.core.state import FrameStats, State
from viewer.frame import Frame, FramePath
from viewer.gl.target import TextureTarget


@dataclass(frozen=True, eq=False, slots=True)
class Shown:
    """The picture on screen and what it was made from. frame: None after an error."""

    key: tuple[object, ...]
    frame: Frame | None
    pending: bool
    again: Callable[[], Frame] | None = None  # draws it once more, and waits for all of it


class Stage:
    """Owns the frame path and the last frame of it."""

    def __init__(self, ctx: moderngl.Context) -> None:
        self.path = FramePath(ctx, may_compile=False)
        self.stats = FrameStats()
        self.delivery = Delivery()
        self._shown: Shown | None = None

    @property
    def drawn(self) -> bool:
        """Whether a frame of this scene was tried."""
        return self._shown is not None

    @property
    def frame(self) -> Frame | None:
        """The one on screen."""
        return self._shown.frame if self._shown else None

    def image(self) -> np.ndarray | None:
        """The picture on screen [H, W, 3] uint8, whole; None where there is none."""
        held = self._shown
        if held is None or held.frame is None or held.again is None:
            return None
        self.path.finish()
        if self.path.stale:
            self._shown = held = replace(held, frame=held.again())
        assert held.frame is not None
        return held.frame.picture.read()[..., :3]

    @property
    def pending(self) -> bool:
        """Whether a newer slice than the one on screen is on its way."""
        return self._shown is not None and (self._shown.pending or self.path.stale)

    def forget(self) -> None:
        """The last frame is no more: another was drawn into its targets."""
        self._shown = None

    def clear(self) -> None:
        """Another scene is open."""
        self._shown, self.stats = None, FrameStats()

    def draw(
        self, scene: Scene, state: State, size: tuple[int, int], own: Spans
    ) -> TextureTarget | None:
        """The picture. own: spans of the rest of the frame before. Raises what drawing met, once.

        After that there is none until something changes.
        """
        key = (scene, state.rig, state.playback.shown, state.settings, size)
        held = self._shown
        if held is None or held.key != key or held.pending or self.path.stale:
            self._shown = Shown(key, None, False)  # the targets of the one before may be gone
            render = partial(
                self.path.render,
                *(scene.model, state.rig.camera(*size), state.playback.shown, state.settings),
            )
            frame = render()
            self._shown = held = Shown(key, frame, scene.model.pending, partial(render, whole=True))
            spans = smoothed(self.stats.spans, frame.stats.spans + own)
            self.stats = replace(frame.stats, spans=spans)
        picture = held.frame.picture if held.frame else None
        assert picture is None or isinstance(picture, TextureTarget)
        return picture

    def note(self, scene: Scene | None, state: State, now: float) -> None:
        """Count the frame of the scene that is seen at `now`, seconds of the clock."""
        p = state.playback
        late = scene.model.shown if scene is not None and self.pending else None
        self.delivery = delivery.seen(self.delivery, p, p.shown if late is None else late, now)

    def release(self) -> None:
        """Free everything on the device."""
        self.path.release()


def given_way(state: State, renderer: str) -> State:
    """After an error: back to the renderer that worked, and stand still."""
    return replace(
        state,
        settings=replace(state.settings, renderer=renderer),
        playback=replace(state.playback, playing=False),
    )
