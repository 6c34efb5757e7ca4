"""Markers: times that the user wants to find again. Set, removed, and gone to."""

from dataclasses import replace

from viewer.core import playback as clock
from viewer.core.playback import Playback

SAME = 0.5  # frames: a marker this near is the one that is meant


def toggle(p: Playback) -> Playback:
    """Set a marker at the playhead, or remove the one that is there."""
    others = tuple(m for m in p.markers if abs(m - p.time) >= SAME * p.step)
    removed = len(others) < len(p.markers)
    return replace(p, markers=others if removed else tuple(sorted((*others, p.time))))


def jump(p: Playback, way: int) -> Playback:
    """Go to the next marker (1) or the one before (-1); without one the playhead stays."""
    near = SAME * p.step
    coming = [m for m in p.markers if (m - p.time) * way >= near]
    return clock.seek(p, min(coming, key=lambda m: abs(m - p.time))) if coming else p
