"""CameraPath: keys over seconds, each a view and the model time it shows, and a curve through them.

Places and turns follow cubic Hermite curves with Catmull-Rom slopes for uneven spacing, and come to
rest at both ends; where two keys stand at one place, the camera stands too. Field of view and model
time never leave the range between two keys (Fritsch and Carlson, 1980).
"""

import itertools
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from viewer.core.rig import Quat, Rig, Vec3

Moment = tuple[float, np.ndarray]  # seconds, and what a curve goes through there
PARTS = 12  # of the line between two keys
MOST_BENT = 64  # keys of a line that is bent between them
SAME = 1e-9  # keys whose places differ by less stand at one


@dataclass(frozen=True, slots=True)
class Key:
    """A view and when it is had.

    seconds: on the clock of the path. position: camera centre, world units. orientation: w x y z,
    unit, world_from_cam. fov_y: radians. time: model time shown; one beyond the last frame of a
    model begins it again.
    """

    seconds: float
    position: Vec3
    orientation: Quat
    fov_y: float
    time: float

    def on(self, rig: Rig) -> Rig:
        """The rig moved here; its pivot stays as far ahead."""
        return replace(rig, position=self.position, orientation=self.orientation, fov_y=self.fov_y)


@dataclass(frozen=True, slots=True)
class CameraPath:
    """Keys in ascending order of seconds. closed: the last key is the first view again, so that it
    goes round without a halt. Raises ValueError where seconds do not ascend.
    """

    keys: tuple[Key, ...] = ()
    closed: bool = False

    def __post_init__(self) -> None:
        seconds = [key.seconds for key in self.keys]
        if any(not b > a for a, b in itertools.pairwise(seconds)):
            raise ValueError("the seconds of its keys do not ascend")

    @property
    def start(self) -> float:
        """Seconds of the first key."""
        return self.keys[0].seconds if self.keys else 0.0

    @property
    def end(self) -> float:
        """Seconds of the last key."""
        return self.keys[-1].seconds if self.keys else 0.0

    @property
    def duration(self) -> float:
        """Seconds from the first key to the last."""
        return self.end - self.start

    def at(self, seconds: float) -> Key:
        """The view at a moment; before the first key and after the last it stands still.

        Raises ValueError where there is no key.
        """
        keys = self.keys
        if not keys:
            raise ValueError("a path without keys goes nowhere")
        seconds = min(max(seconds, self.start), self.end)
        i = bisect_right(keys, seconds, key=lambda key: key.seconds) - 1
        if seconds == keys[i].seconds:
            return keys[i]
        around = self._around(i)
        places = _curve(seconds, *(_moment(k, k and k.position) for k in around), turns=False)
        turns = _curve(seconds, *(_moment(k, k and k.orientation) for k in around), turns=True)
        w, x, y, z = turns / np.linalg.norm(turns)
        fov = _graph(seconds, [k and (k.seconds, k.fov_y) for k in around], eased=not self.closed)
        time = _graph(seconds, [k and (k.seconds, k.time) for k in around], eased=False)
        return Key(seconds, _vec(places), (float(w), float(x), float(y), float(z)), fov, time)

    def line(self) -> np.ndarray:
        """[M, 3] places along the path, near enough to draw; of a path of many keys those alone."""
        places = np.array([key.position for key in self.keys]).reshape(-1, 3)
        if not 2 <= len(places) <= MOST_BENT:
            return places
        parts = []
        for i, (key, following) in enumerate(itertools.pairwise(self.keys)):
            between = np.linspace(key.seconds, following.seconds, PARTS, endpoint=False)
            around = (_moment(k, k and k.position) for k in self._around(i))
            parts.append(_curve(between[:, None], *around, turns=False))
        return np.concatenate([*parts, places[-1:]])

    def _around(self, i: int) -> list[Key | None]:
        """Keys i - 1 to i + 2; beyond an end None, or what lies over the seam."""
        keys, length = self.keys, self.duration
        before = keys[i - 1] if i > 0 else None
        after = keys[i + 2] if i + 2 < len(keys) else None
        if self.closed and before is None:
            before = replace(keys[-2], seconds=keys[-2].seconds - length)
        if self.closed and after is None:
            after = replace(keys[1], seconds=keys[1].seconds + length)
        return [before, keys[i], keys[i + 1], after]


def through(keys: Iterable[Key], closed: bool = False) -> CameraPath:
    """The path through keys in any order; of two at the same second the later one given stays."""
    at = {key.seconds: key for key in keys}
    return CameraPath(tuple(at[s] for s in sorted(at)), closed and len(at) > 1)


def stretched(path: CameraPath, duration: float) -> CameraPath:
    """The same path in another number of seconds (> 0); one of a single key stays as it is."""
    if path.duration <= 0:
        return path
    factor = duration / path.duration
    keys = (replace(k, seconds=path.start + (k.seconds - path.start) * factor) for k in path.keys)
    return CameraPath(tuple(keys), path.closed)


def _moment(key: Key | None, values: tuple[float, ...] | None) -> Moment | None:
    return None if key is None else (key.seconds, np.array(values))


def _curve(
    seconds: float | np.ndarray,
    a: Moment | None,
    b: Moment | None,
    c: Moment | None,
    d: Moment | None,
    turns: bool,
) -> np.ndarray:
    """Between b and c, at a second, or at many [S, 1]: then [S, C].

    turns: quaternions, whose signs are made to agree first.
    """
    assert b is not None
    assert c is not None
    if turns:  # q and -q are one turn: each is taken on the side of its neighbour
        c = _agreeing(b, c)
        a = a and _agreeing(b, a)
        d = d and _agreeing(c, d)
    h = c[0] - b[0]
    u = (seconds - b[0]) / h
    return (
        b[1]
        + u * u * (3 - 2 * u) * (c[1] - b[1])
        + u * (1 - u) ** 2 * h * _slope(a, b, c)
        - u * u * (1 - u) * h * _slope(b, c, d)
    )


def _slope(before: Moment | None, here: Moment, after: Moment | None) -> np.ndarray:
    """Of the parabola through three moments; none at an end, or beside a stand."""
    if before is None or after is None:
        return np.zeros_like(here[1])
    h, k = here[0] - before[0], after[0] - here[0]
    coming, going = here[1] - before[1], after[1] - here[1]
    if min(np.abs(coming).max(), np.abs(going).max()) < SAME:
        return np.zeros_like(here[1])
    return (coming / h * k + going / k * h) / (h + k)


def _agreeing(with_this: Moment, moment: Moment) -> Moment:
    return (moment[0], -moment[1]) if with_this[1] @ moment[1] < 0 else moment


def _graph(seconds: float, around: list[tuple[float, float] | None], eased: bool) -> float:
    """Between the two inner of four (seconds, value), monotone. eased: at rest at the ends."""
    a, b, c, d = around
    assert b is not None
    assert c is not None
    h = c[0] - b[0]
    u = (seconds - b[0]) / h
    chord = (c[1] - b[1]) / h
    rest = 0.0 if eased else chord
    first = rest if a is None else _monotone(a, b, c)
    second = rest if d is None else _monotone(b, c, d)
    return (
        b[1]
        + u * u * (3 - 2 * u) * (c[1] - b[1])
        + u * (1 - u) ** 2 * h * first
        - u * u * (1 - u) * h * second
    )


def _monotone(
    before: tuple[float, float], here: tuple[float, float], after: tuple[float, float]
) -> float:
    """The weighted harmonic mean of two chords, 0 where they point apart."""
    h, k = here[0] - before[0], after[0] - here[0]
    coming, going = (here[1] - before[1]) / h, (after[1] - here[1]) / k
    if coming * going <= 0:
        return 0.0
    first, second = 2 * k + h, k + 2 * h
    return (first + second) / (first / coming + second / going)


def _vec(v: np.ndarray) -> Vec3:
    return (float(v[0]), float(v[1]), float(v[2]))
