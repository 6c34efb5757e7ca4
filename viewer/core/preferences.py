"""Preferences: what the window remembers between sessions, as plain JSON.

A missing or broken file is the defaults: it must never keep the window from opening.
"""

import contextlib
import json
import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from viewer.core.errors import Unusable
from viewer.core.files import replacing

MOST_PLACES = 50
MOST_RECENTS = 10
SMALLEST, LARGEST = 64, 16384  # pixels, of a window worth remembering


@dataclass(frozen=True, slots=True)
class Place:
    """Where a scene was left. pose: as `viewer.core.look.pose`; times: model time."""

    pose: str
    time: float
    mark_in: float | None = None
    mark_out: float | None = None
    markers: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Preferences:
    """recents: newest first. size: of the window. fps_cap: 0 is none. units: of the ruler.

    ball, to_pointer, inertia: how the hand moves the camera. places: by path, newest first.
    """

    recents: tuple[str, ...] = ()
    size: tuple[int, int] = (1280, 800)
    vsync: bool = True
    fps_cap: int = 0
    panel: bool = True
    units: str = "frames"
    theme: str = "dark"
    scale: float = 1.0
    cube: bool = True
    ball: bool = False
    to_pointer: bool = True
    inertia: bool = False
    places: tuple[tuple[str, Place], ...] = ()


def load(path: Path) -> Preferences:
    """Read them; each entry that is missing or makes no sense is its default."""
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return Preferences()
    if not isinstance(entries, dict):
        return Preferences()
    default = Preferences()
    recents = entries.get("recents")
    names = [r for r in recents if isinstance(r, str)] if isinstance(recents, list) else []
    cap = entries.get("fps_cap")
    units = entries.get("units")
    theme = entries.get("theme")
    scale: Any = entries.get("scale")
    return Preferences(
        recents=tuple(dict.fromkeys(names))[:MOST_RECENTS],
        size=_size(entries.get("size")) or default.size,
        vsync=_bool(entries.get("vsync"), default.vsync),
        fps_cap=cap if type(cap) is int and 0 <= cap <= 1000 else default.fps_cap,
        panel=_bool(entries.get("panel"), default.panel),
        units=units if units in ("frames", "seconds", "time") else default.units,
        theme=theme if theme in ("dark", "light") else default.theme,
        scale=float(scale) if _number(scale) and 0.5 <= scale <= 3 else default.scale,
        cube=_bool(entries.get("cube"), default.cube),
        ball=_bool(entries.get("ball"), default.ball),
        to_pointer=_bool(entries.get("to_pointer"), default.to_pointer),
        inertia=_bool(entries.get("inertia"), default.inertia),
        places=_places(entries.get("places")),
    )


def save(preferences: Preferences, path: Path) -> None:
    """Write them. A disk that is full or read-only is no reason to bother the user at closing."""
    with contextlib.suppress(OSError, Unusable):
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as beside:
            beside.write_text(json.dumps(asdict(preferences), indent=1), encoding="utf-8")


def with_recent(preferences: Preferences, opened: str) -> Preferences:
    """The same with a path on top of the recent ones."""
    others = [r for r in preferences.recents if r != opened]
    return replace(preferences, recents=(opened, *others)[:MOST_RECENTS])


def with_place(preferences: Preferences, opened: str, place: Place) -> Preferences:
    """The same that knows where a scene was left."""
    others = [(path, kept) for path, kept in preferences.places if path != opened]
    return replace(preferences, places=((opened, place), *others)[:MOST_PLACES])


def _places(value: Any) -> tuple[tuple[str, Place], ...]:
    """Those that make sense."""
    found = []
    for entry in value if isinstance(value, list) else ():
        if isinstance(entry, list) and len(entry) == 2 and isinstance(entry[0], str):
            place = _place(entry[1])
            found += [(entry[0], place)] if place else []
    return tuple(found[:MOST_PLACES])


def _place(value: Any) -> Place | None:
    if not isinstance(value, dict):
        return None
    pose, markers = value.get("pose"), value.get("markers")
    time: Any = value.get("time")
    marks = value.get("mark_in"), value.get("mark_out")
    if not isinstance(pose, str) or not isinstance(markers, list):
        return None
    numbers = [time, *markers, *(mark for mark in marks if mark is not None)]
    return Place(pose, time, *marks, tuple(markers)) if all(map(_number, numbers)) else None


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _bool(value: Any, default: bool) -> bool:
    return value if isinstance(value, bool) else default


def _size(value: Any) -> tuple[int, int] | None:
    if not (isinstance(value, list) and len(value) == 2):
        return None
    sane = all(type(side) is int and SMALLEST <= side <= LARGEST for side in value)
    return (value[0], value[1]) if sane else None
