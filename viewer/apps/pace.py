"""Pace: when the next frame is due, and whether anything moves at all. A value; time is given."""

from dataclasses import dataclass, replace

KEPT = 120  # frame times
SETTLE = 8  # frames drawn after the last change: the interface needs a few to come to rest
IDLE_WAIT = 1.0  # seconds an idle window sleeps, unless something happens
WORK_WAIT = 1 / 30  # while only a progress bar moves
WEIGHT = 0.12  # of the newest frame in the times that are shown

Spans = tuple[tuple[str, float], ...]  # name, milliseconds


@dataclass(frozen=True, slots=True)
class Pace:
    """started: clock of the last frame, seconds. times: ms between frames, oldest first.

    calm: frames since something last changed.
    """

    started: float | None = None
    times: tuple[float, ...] = ()
    calm: int = 0

    @property
    def idle(self) -> bool:
        """Whether frames come only when asked for."""
        return self.calm > SETTLE

    def wait(self, working: bool) -> float:
        """Seconds to wait for an event before the next frame."""
        if working:
            return WORK_WAIT if self.idle else 0.0
        return IDLE_WAIT if self.idle else 0.0

    def rest(self, now: float, cap: int) -> float:
        """Seconds to sleep so that no more than `cap` frames a second are drawn; 0: no limit."""
        if not cap or self.started is None:
            return 0.0
        return max(0.0, self.started + 1 / cap - now)

    def began(self, now: float, active: bool) -> "Pace":
        """A frame begins at `now`. Waits of an idle window count as no frame's time."""
        times = self.times
        if self.started is not None and not self.idle:
            times = (*times, (now - self.started) * 1e3)[-KEPT:]
        return replace(self, started=now, times=times, calm=0 if active else self.calm + 1)


def smoothed(shown: Spans, newest: Spans) -> Spans:
    """Stage times that can be read while they change; a stage that did not run counts as 0.

    Stages keep their rows once seen, so that the table stands still.
    """
    old, new = dict(shown), dict(newest)
    names = list(old) if set(new) <= set(old) else [*new, *(n for n in old if n not in new)]
    return tuple(
        (n, old[n] + WEIGHT * (new.get(n, 0.0) - old[n]) if n in old else new[n]) for n in names
    )
