"""Playback: the clock, as a value. It maps seconds on the wall to the model's own unit of time."""

import math
from dataclasses import dataclass, replace
from enum import Enum

FASTEST = 16.0
SPEEDS = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0, 2.0, 4.0, 8.0, 16.0)


class Loop(Enum):
    """What happens when the playhead meets the end of its range."""

    REPEAT = "loop"
    PING_PONG = "ping-pong"
    ONCE = "once"


class Pacing(Enum):
    """Which moments are shown. Only EVERY ever waits for a frame instead of dropping it."""

    SMOOTH = "smooth"
    FRAMES = "frames"
    EVERY = "every frame"


@dataclass(frozen=True, slots=True)
class Playback:
    """The playhead and how it moves. All times are in the model's unit.

    start, end: the first and the last frame. step: one frame. fps: frames a second at speed 1.
    mark_in, mark_out: the part that plays; None is the whole. Each frame lasts 1 / fps, the last
    too: `overrun` is how far into the last frame's own duration a looping playhead is.
    backwards: the way it plays; ping-pong turns it. markers: times the user marked, ascending.
    due: how much of a frame's duration is gone since the last, where every frame is shown.
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
    pacing: Pacing = Pacing.SMOOTH
    markers: tuple[float, ...] = ()
    due: float = 0.0
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

    @property
    def shown(self) -> float:
        """Model time of the picture: the playhead's, or that of the frame it is in."""
        if self.pacing is Pacing.SMOOTH:
            return self.time
        return min(self.time_of(math.floor(self.frame + 1e-6)), self.end)

    def time_of(self, frame: float) -> float:
        """Model time of a frame number."""
        return self.start + frame * self.step

    def after(self, seconds: float) -> float:
        """Model time that the footage reaches in so many seconds; it may lie past the end."""
        return self.time_of(self.frame + seconds * self.fps) if self.frames > 1 else self.time


def tick(p: Playback, dt: float) -> Playback:
    """The playhead `dt` seconds of wall clock later: late frames are dropped, or all are shown."""
    if not p.playing or p.held or dt <= 0 or p.frames < 2:
        return p
    if p.pacing is Pacing.EVERY:
        due = p.due + dt * p.speed * p.fps
        return replace(p, due=due) if due < 1 else replace(_onward(p), due=math.fmod(due, 1.0))
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
        gone = max(p.last - p.time if p.backwards else p.time - p.first, 0.0)
        done = gone + travel >= length
        place = min(gone + travel, length)
        time = p.last - place if p.backwards else p.first + place
        return replace(p, time=time, playing=not done, overrun=0.0)
    # Backwards a frame is left by its beginning too, so a loop goes the same way in reverse.
    if p.backwards:
        phase = min(p.time - p.first, length) + p.overrun - travel
    else:
        phase = max(p.time - p.first, 0.0) + p.overrun + travel
    phase %= length + p.step
    place = min(phase, length)
    return replace(p, time=p.first + place, overrun=phase - place)


def _onward(p: Playback) -> Playback:
    """The next whole frame of the part that plays."""
    low = math.ceil((p.first - p.start) / p.step - 1e-6)
    high = math.floor((p.last - p.start) / p.step + 1e-6)
    here = math.ceil(p.frame - 1e-6) if p.backwards else math.floor(p.frame + 1e-6)
    coming = max(here - 1, low - 1) if p.backwards else min(here + 1, high + 1)
    if low <= coming <= high:
        return replace(p, time=p.time_of(coming), overrun=0.0)
    if low > high:  # the marks stand between two frames
        return p
    outside = p.backwards == (coming > high)  # comes from before the part that plays
    if p.loop is Loop.ONCE and not outside:
        return replace(p, playing=False)
    if p.loop is Loop.PING_PONG and not outside:
        turned = min(here + 1, high) if p.backwards else max(here - 1, low)
        return replace(p, time=p.time_of(turned), backwards=not p.backwards, overrun=0.0)
    return replace(p, time=p.time_of(high if p.backwards else low), overrun=0.0)


def wrapped(p: Playback, time: float) -> float:
    """A model time within the footage: beyond the last frame's own duration it begins again."""
    if p.frames < 2:
        return p.start
    length = p.end - p.start
    return p.start + min((time - p.start) % (length + p.step), length)


def seek(p: Playback, time: float) -> Playback:
    """Put the playhead at a model time, kept between start and end."""
    if not math.isfinite(time):
        return p
    return replace(p, time=min(max(time, p.start), p.end), overrun=0.0)


def toggle(p: Playback) -> Playback:
    """Play or pause. Playing from the end of a range that plays once starts it again."""
    if p.playing:
        return replace(p, playing=False)
    begin, done = (p.last, p.time <= p.first) if p.backwards else (p.first, p.time >= p.last)
    again = p.loop is Loop.ONCE and done
    return replace(p, playing=True, time=begin if again else p.time, overrun=0.0)


def shuttle(p: Playback, backwards: bool) -> Playback:
    """Play one way at speed 1; the same way again doubles the speed (J and L of video editors)."""
    if p.playing and p.backwards is backwards:
        return replace(p, speed=min(2 * p.speed, FASTEST))
    turned = replace(p, playing=False, backwards=backwards, speed=1.0)
    return toggle(turned)


def entered(p: Playback, text: str) -> float:
    """The model time that a typed text means. Raises ValueError saying what can be typed.

    `123` a frame, `+10` or `-10` frames from here, `4.1s` or `1:04.5` footage, `50%` of the part
    that plays, `t0.62` model time.
    """
    word = text.strip().lower().replace(",", ".")
    try:
        if word.startswith("t"):
            return _finite(word[1:])
        if word.endswith("%"):
            return p.first + _finite(word[:-1]) / 100 * (p.last - p.first)
        if word.endswith("s") or ":" in word:
            minutes, _, seconds = word.removesuffix("s").rpartition(":")
            return p.time_of((60 * _finite(minutes or "0") + _finite(seconds)) * p.fps)
        if word.startswith(("+", "-")):
            return p.time_of(p.frame + _finite(word))
        return p.time_of(_finite(word))
    except ValueError:
        raise ValueError("expected 123, +10, 4.1s, 1:04.5, 50% or t0.62") from None


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError
    return value


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


def next_pacing(p: Playback) -> Playback:
    """The next of smooth, whole frames, every frame."""
    order = list(Pacing)
    return replace(p, pacing=order[(order.index(p.pacing) + 1) % len(order)], due=0.0)


def next_loop(p: Playback) -> Playback:
    """The next of repeat, ping-pong, once."""
    order = list(Loop)
    return replace(p, loop=order[(order.index(p.loop) + 1) % len(order)], backwards=False)
