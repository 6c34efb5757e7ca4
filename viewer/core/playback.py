"""Playback: the clock, as a value. It maps seconds on the wall to the model's own unit of time."""

import math
from dataclasses import dataclass, replace
from enum import Enum

SPEEDS = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0, 2.0, 4.0, 8.0, 16.0)


class Loop(Enum):
    """What happens when the playhead meets the end of its range."""

    REPEAT = "loop"
    PING_PONG = "ping-pong"
    ONCE = "once"


@dataclass(frozen=True, slots=True)
class Playback:
    """The playhead and how it moves. All times are in the model's unit.

    start, end: the first and the last frame. step: one frame. fps: frames a second at speed 1.
    mark_in, mark_out: the part that plays; None is the whole. Each frame lasts 1 / fps, the last
    too: `overrun` is how far a looping playhead has gone into the last frame's own duration.
    held: the user has the playhead in hand, so the clock does not move it.
    """

    time: float = 0.0
    start: float = 0.0
    end: float = 0.0
    step: float = 1.0
    fps: float = 30.0
    speed: float = 1.0
    playing: bool = False
    loop: Loop = Loop.REPEAT
    backwards: bool = False
    mark_in: float | None = None
    mark_out: float | None = None
    overrun: float = 0.0
    held: bool = False

    @property
    def first(self) -> float:
        """Where playing starts."""
        return self.start if self.mark_in is None else self.mark_in

    @property
    def last(self) -> float:
        """Where playing ends."""
        return self.end if self.mark_out is None else self.mark_out

    @property
    def frame(self) -> float:
        """The playhead in frames from the start, fractional between frames."""
        return (self.time - self.start) / self.step

    @property
    def frames(self) -> int:
        """How many frames there are."""
        return round((self.end - self.start) / self.step) + 1

    @property
    def seconds(self) -> float:
        """The playhead in seconds of footage."""
        return self.frame / self.fps

    def time_of(self, frame: float) -> float:
        """Model time of a frame number."""
        return self.start + frame * self.step


def tick(p: Playback, dt: float) -> Playback:
    """The playhead `dt` seconds of wall clock later. Late frames are dropped, never slowed."""
    if not p.playing or p.held or dt <= 0 or p.frames < 2:
        return p
    travel = dt * p.speed * p.fps * p.step
    length = p.last - p.first
    if p.loop is Loop.PING_PONG:
        if length <= 0:
            return p
        place = p.time - p.first
        phase = (2 * length - place if p.backwards else place) + travel
        phase = phase % (2 * length)
        place = phase if phase <= length else 2 * length - phase
        return replace(p, time=p.first + place, backwards=phase > length, overrun=0.0)
    if p.loop is Loop.ONCE:
        time = max(p.time, p.first) + travel
        done = time >= p.last
        return replace(p, time=p.last if done else time, playing=not done, overrun=0.0)
    period = length + p.step
    phase = math.fmod(max(p.time - p.first, 0.0) + p.overrun + travel, period)
    return replace(p, time=p.first + min(phase, length), overrun=max(phase - length, 0.0))


def seek(p: Playback, time: float) -> Playback:
    """Put the playhead at a model time, kept between start and end."""
    if not math.isfinite(time):
        return p
    return replace(p, time=min(max(time, p.start), p.end), overrun=0.0)


def toggle(p: Playback) -> Playback:
    """Play or pause. Playing from the end of a range that plays once starts it again."""
    if p.playing:
        return replace(p, playing=False)
    at_end = p.loop is Loop.ONCE and p.time >= p.last
    return replace(p, playing=True, time=p.first if at_end else p.time, overrun=0.0)


def step_frames(p: Playback, count: int) -> Playback:
    """Pause, and go to the frame `count` frames from the present one."""
    here = p.frame
    whole = round(here)
    if abs(here - whole) > 1e-6 * max(1.0, abs(here)):  # between frames: the next one that way
        whole = math.floor(here) if count > 0 else math.ceil(here)
    target = min(max(whole + count, 0), p.frames - 1)
    return seek(replace(p, playing=False), p.time_of(target))


def mark(p: Playback, which: str) -> Playback:
    """Set "in" or "out" at the playhead; a mark that would cross the other clears it."""
    if which == "in":
        beyond = p.mark_out is not None and p.time >= p.mark_out
        return replace(p, mark_in=p.time, mark_out=None if beyond else p.mark_out)
    beyond = p.mark_in is not None and p.time <= p.mark_in
    return replace(p, mark_out=p.time, mark_in=None if beyond else p.mark_in)


def move_mark(p: Playback, which: str, time: float) -> Playback:
    """Drag "in" or "out" to the frame nearest a time, a frame short of the other at the most.

    At the first or the last frame there is nothing left to mark.
    """
    frame = round(min(max((time - p.start) / p.step, 0), p.frames - 1))
    if which == "in":
        limit = math.ceil((p.last - p.start) / p.step - 1e-6) - 1
        frame = max(min(frame, limit), 0)
        return replace(p, mark_in=None if frame == 0 else p.time_of(frame))
    limit = math.floor((p.first - p.start) / p.step + 1e-6) + 1
    frame = min(max(frame, limit), p.frames - 1)
    return replace(p, mark_out=None if frame == p.frames - 1 else p.time_of(frame))


def clear_marks(p: Playback) -> Playback:
    """Play the whole range again."""
    return replace(p, mark_in=None, mark_out=None)


def faster(p: Playback, notches: int) -> Playback:
    """Speed one or more notches up or down the ladder SPEEDS."""
    nearest = min(range(len(SPEEDS)), key=lambda i: abs(math.log(SPEEDS[i] / p.speed)))
    return replace(p, speed=SPEEDS[min(max(nearest + notches, 0), len(SPEEDS) - 1)])


def next_loop(p: Playback) -> Playback:
    """The next of repeat, ping-pong, once."""
    order = list(Loop)
    return replace(p, loop=order[(order.index(p.loop) + 1) % len(order)], backwards=False)
