"""Zoom: the part of the whole range of time that the ruler shows, as two shares of it."""

from viewer.core.playback import Playback

Part = tuple[float, float]  # 0 <= first < second <= 1

WHOLE: Part = (0.0, 1.0)
STEP = 0.8  # of the length, for one notch of the wheel
LEAST_FRAMES = 4.0  # on screen, zoomed in as far as it goes


def share(p: Playback, time: float) -> float:
    """Where a time lies in the whole range; 0 where there is no range."""
    return (time - p.start) / (p.end - p.start) if p.end > p.start else 0.0


def zoomed(part: Part, at: float, notches: float, frames: int) -> Part:
    """Nearer (positive) or farther, with the share `at` staying where it is on screen."""
    low, high = part
    least = min(LEAST_FRAMES / max(frames - 1, 1), 1.0)
    length = min(max((high - low) * STEP**notches, least), 1.0)
    begin = at - (at - low) * length / (high - low)
    return _kept(begin, length)


def panned(part: Part, by: float) -> Part:
    """Moved by a share of the whole range."""
    low, high = part
    return _kept(low + by, high - low)


def following(part: Part, at: float) -> Part:
    """Turned to the page that begins (or ends) at the playhead, once that has left this one."""
    low, high = part
    if low <= at <= high:
        return part
    return _kept(at if at > high else at - (high - low), high - low)


def playing_part(p: Playback) -> Part:
    """From the mark in to the mark out, with a little room."""
    low, high = share(p, p.first), share(p, p.last)
    return _kept(low - 0.02 * (high - low), 1.04 * (high - low)) if high > low else WHOLE


def _kept(begin: float, length: float) -> Part:
    length = min(length, 1.0)
    begin = min(max(begin, 0.0), 1.0 - length)
    return (begin, begin + length)
