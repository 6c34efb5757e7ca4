"""CameraPath: keys over seconds, each a view and the model time it shows, and a curve through them.

Places and turns follow cubic Hermite curves with Catmull-Rom slopes for uneven spacing, and come to
rest at both ends; where two keys stand at one place, the camera stands too. Field of view and model
time never leave the range between two keys (Fritsch and Carlson, 1980).
"""

import itertools
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from viewer.core.rig import Quat, Rig, Vec3

N = TypeVar("N", float, np.ndarray)
Moment = tuple[float, np.ndarray]  # seconds, and what a curve goes through there
PARTS = 8  # of the line between two keys
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
        """The rig moved here, in perspective; its pivot stays as far ahead."""
        return replace(
            rig, position=self.position, orientation=self.orientation, fov_y=self.fov_y,
            orthographic=False,
        )  # fmt: skip


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
        seconds = np.array([[key.seconds] for key in self.keys])
        h, chords, slopes = np.diff(seconds, axis=0), np.diff(places, axis=0), 0 * places
        slopes[1:-1] = _parabola(h[:-1], h[1:], chords[:-1], chords[1:])
        if self.closed:
            slopes[[0, -1]] = _parabola(h[-1], h[0], chords[-1], chords[0])
        chord, first, second = _weights((np.arange(PARTS) / PARTS)[:, None, None], h)
        bent = places[:-1] + chord * chords + first * slopes[:-1] + second * slopes[1:]
        return np.concatenate([bent.transpose(1, 0, 2).reshape(-1, 3), places[-1:]])

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
    seconds: float,
    a: Moment | None,
    b: Moment | None,
    c: Moment | None,
    d: Moment | None,
    turns: bool,
) -> np.ndarray:
    """Between b and c. turns: quaternions, whose signs are made to agree first."""
    assert b is not None
    assert c is not None
    if turns:  # q and -q are one turn: each is taken on the side of its neighbour
        c = _agreeing(b, c)
        a = a and _agreeing(b, a)
        d = d and _agreeing(c, d)
    h = c[0] - b[0]
    chord, first, second = _weights((seconds - b[0]) / h, h)
    return b[1] + chord * (c[1] - b[1]) + first * _slope(a, b, c) + second * _slope(b, c, d)


def _weights(u: N, h: N) -> tuple[N, N, N]:
    """Cubic Hermite at the share u of h seconds: of the chord, and of the slopes at both ends."""
    return u * u * (3 - 2 * u), u * (1 - u) ** 2 * h, u * u * (u - 1) * h


def _slope(before: Moment | None, here: Moment, after: Moment | None) -> np.ndarray:
    """At a moment; none at an end of the path."""
    if before is None or after is None:
        return np.zeros_like(here[1])
    h, k = here[0] - before[0], after[0] - here[0]
    return _parabola(h, k, here[1] - before[1], after[1] - here[1])


def _parabola(
    h: float | np.ndarray, k: float | np.ndarray, coming: np.ndarray, going: np.ndarray
) -> np.ndarray:
    """Slope [..., C] of the parabola between two chords of h and k seconds; none beside a stand."""
    longest = np.minimum(np.abs(coming).max(-1), np.abs(going).max(-1))[..., None]
    return np.where(longest < SAME, 0.0, (coming / h * k + going / k * h) / (h + k))


def _agreeing(with_this: Moment, moment: Moment) -> Moment:
    return (moment[0], -moment[1]) if with_this[1] @ moment[1] < 0 else moment


def _graph(seconds: float, around: list[tuple[float, float] | None], eased: bool) -> float:
    """Between the two inner of four (seconds, value), monotone. eased: at rest at the ends."""
    a, b, c, d = around
    assert b is not None
    assert c is not None
    h = c[0] - b[0]
    chord = (c[1] - b[1]) / h
    rest = 0.0 if eased else chord
    first = rest if a is None else _monotone(a, b, c)
    second = rest if d is None else _monotone(b, c, d)
    along, begin, end = _weights((seconds - b[0]) / h, h)
    return b[1] + along * (c[1] - b[1]) + begin * first + end * second


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
