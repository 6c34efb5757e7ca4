"""Delivery: how many of the scene's frames are really seen while it plays. A value; time is given.

What counts is the frame in the picture, not the one asked for: of a model that is slow to slice the
last finished one is shown meanwhile.
"""

import math
from dataclasses import dataclass, replace

from viewer.core.playback import Loop, Playback

LASTS = 1.5  # seconds that the rate is taken over


@dataclass(frozen=True, slots=True)
class Delivery:
    """frame: number of the last one seen; None while nothing plays. dropped: since play began.

    moments: clock of each frame lately seen, seconds, oldest first.
    """

    frame: int | None = None
    dropped: int = 0
    moments: tuple[float, ...] = ()

    @property
    def rate(self) -> float:
        """Frames seen a second; 0 until two were."""
        if len(self.moments) < 2:
            return 0.0
        return (len(self.moments) - 1) / (self.moments[-1] - self.moments[0])


def seen(d: Delivery, p: Playback, time: float, now: float) -> Delivery:
    """What it is once the picture of a model time is shown at `now`."""
    if not p.playing or p.held or p.frames < 2:
        return replace(d, frame=None, moments=())
    frame = math.floor((time - p.start) / p.step + 1e-6)
    if d.frame is None:
        return Delivery(frame, 0, (now,))
    if frame == d.frame or now <= d.moments[-1]:
        return d
    # A jump passes more frames than there was time for: none of those was meant to be seen.
    possible = math.ceil((now - d.moments[-1]) * p.fps * p.speed) + 1
    missed = max(min(_passed(p, d.frame, frame), possible) - 1, 0)
    lately = tuple(m for m in d.moments if m >= now - LASTS) or d.moments[-1:]
    return Delivery(frame, d.dropped + missed, (*lately, now))


def _passed(p: Playback, before: int, after: int) -> int:
    """Frames that the playhead went through from one to another; over the end of a loop too."""
    if p.loop is not Loop.REPEAT:
        return abs(after - before)
    around = round((p.last - p.first) / p.step) + 1
    return ((before - after) if p.backwards else (after - before)) % max(around, 1)
