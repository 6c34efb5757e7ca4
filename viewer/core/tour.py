"""Tour: the camera path under the user's hands, and what its keys and its track do to it. Pure."""

import math
from dataclasses import dataclass, field, replace

from viewer.core import path_presets as presets
from viewer.core import playback as clock
from viewer.core.film import Film
from viewer.core.path import CameraPath, Key, stretched, through
from viewer.core.playback import Pacing, Playback
from viewer.core.rig import Rig

SPACING = 1.0  # seconds to a key put behind the last one
LEAST_GAP = 0.01  # seconds between two keys
SHORTEST = 4.0  # seconds: a preset is not hurried, however short the footage
LONGEST = 3600.0  # seconds that a key may be dragged to
LEAST_EXTENT = 5.0  # seconds that the track shows
EXTENTS = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0, 10.0)  # of a power of ten


@dataclass(frozen=True, slots=True)
class Tour:
    """seconds: the playhead of the path. follow: the camera goes along it. chosen: a key's number.

    shown: the track under the timeline, and the path in the scene. extent: seconds that the track
    shows. held: something on the track is in the user's hand. film, output: of an export. file:
    where the path is saved and loaded.
    """

    path: CameraPath = field(default_factory=CameraPath)
    seconds: float = 0.0
    follow: bool = False
    chosen: int | None = None
    shown: bool = False
    extent: float = LEAST_EXTENT
    held: bool = False
    film: Film = field(default_factory=Film)
    output: str = "view4d.mp4"
    file: str = "camera_path.json"

    @property
    def can_play(self) -> bool:
        """Whether there is a way to go."""
        return self.path.duration > 0


Moment = tuple[Tour, Rig, Playback]


def with_path(tour: Tour, path: CameraPath) -> Tour:
    """Another path in place of the present one, from its beginning."""
    return fitted(
        replace(tour, path=path, seconds=path.start, follow=False, chosen=None, shown=True)
    )


def add(tour: Tour, rig: Rig, p: Playback, behind: bool = False) -> Tour:
    """A key of the view and the time that are seen now; it takes the place of one at its frame.

    It goes to the path's playhead while that is followed, else to the second of the footage; where
    `behind`, or where nothing moves, a second after the last key.
    """
    keys = tour.path.keys
    if tour.follow and not behind:
        seconds = tour.seconds
    elif keys and (behind or p.frames < 2):
        seconds = tour.path.end + SPACING
    else:
        seconds = p.seconds if p.frames > 1 else 0.0
    added = Key(seconds, rig.position, rig.orientation, rig.fov_y, p.time)
    others = [k for k in keys if abs(k.seconds - seconds) > 0.5 / p.fps]
    path = through([*others, added], tour.path.closed)
    chosen = path.keys.index(added)
    return fitted(replace(tour, path=path, chosen=chosen, seconds=seconds, shown=True))


def reshoot(tour: Tour, index: int, rig: Rig) -> Tour:
    """A key sees what is seen now; when it is had, and which time it shows, stays."""
    keys = list(tour.path.keys)
    ends = {0, len(keys) - 1}
    for i in ends if tour.path.closed and index in ends else {index}:
        keys[i] = replace(
            keys[i], position=rig.position, orientation=rig.orientation, fov_y=rig.fov_y
        )
    return replace(tour, path=through(keys, tour.path.closed), chosen=index)


def delete(tour: Tour, index: int | None) -> Tour:
    """Without a key; without its first or its last a path no longer goes round."""
    if index is None or not 0 <= index < len(tour.path.keys):
        return tour
    keys = [key for i, key in enumerate(tour.path.keys) if i != index]
    path = through(keys, tour.path.closed and 0 < index < len(keys))
    follow = tour.follow and path.duration > 0
    seconds = min(max(tour.seconds, path.start), path.end)
    return fitted(replace(tour, path=path, chosen=None, follow=follow, seconds=seconds))


def retime(tour: Tour, index: int, seconds: float) -> Tour:
    """A key at another second, short of its neighbours; the time that it shows stays."""
    keys = list(tour.path.keys)
    low = keys[index - 1].seconds + LEAST_GAP if index > 0 else 0.0
    high = keys[index + 1].seconds - LEAST_GAP if index + 1 < len(keys) else LONGEST
    keys[index] = replace(keys[index], seconds=min(max(seconds, low), high))
    return replace(tour, path=through(keys, tour.path.closed))


def close(tour: Tour, closed: bool) -> Tour:
    """Going round: where the last key is not the first view, one that is comes behind it."""
    path = tour.path
    keys = list(path.keys)
    if len(keys) < 2:
        return tour
    first, last = keys[0], keys[-1]
    there = math.dist(first.position, last.position) < 1e-6
    if closed and not there:
        between = path.duration / (len(keys) - 1)
        step = (last.time - first.time) / (len(keys) - 1)
        keys.append(replace(first, seconds=path.end + between, time=last.time + step))
    return fitted(replace(tour, path=through(keys, closed)))


def preset(tour: Tour, name: str, rig: Rig, p: Playback) -> Tour:
    """One of the PRESETS, from where the user stands, as long as the footage or a few passes."""
    footage = p.frames / p.fps if p.frames > 1 else SHORTEST
    seconds = footage * math.ceil(SHORTEST / footage)
    return with_path(tour, presets.PRESETS[name](rig, p, seconds))


def last(tour: Tour, duration: float) -> Tour:
    """The same way in another number of seconds."""
    path = stretched(tour.path, duration)
    return fitted(replace(tour, path=path, seconds=path.start))


def go(tour: Tour, rig: Rig, p: Playback, seconds: float) -> Moment:
    """Stand on the path at a second of it, at the time that it shows then."""
    if not tour.path.keys:
        return tour, rig, p
    key = tour.path.at(seconds)
    time = clock.wrapped(p, key.time)
    return replace(tour, seconds=key.seconds), key.on(rig), clock.seek(p, time)


def follow(tour: Tour, rig: Rig, p: Playback, on: bool) -> Moment:
    """Begin to play along the path, from its beginning where its end is reached, or stop."""
    if not on or not tour.can_play:
        return replace(tour, follow=False), rig, p
    begin = tour.path.start if tour.seconds >= tour.path.end else tour.seconds
    tour, rig, p = go(replace(tour, follow=True), rig, p, begin)
    return tour, rig, replace(p, playing=True)


def tick(tour: Tour, rig: Rig, p: Playback, dt: float) -> Moment:
    """`dt` seconds later. One who moved the camera or the time otherwise has left the path."""
    if not tour.follow:
        return tour, rig, clock.tick(p, dt)
    _, expected, there = go(tour, rig, p, tour.seconds)
    if rig != expected or p.time != there.time or p.held:
        return replace(tour, follow=False), rig, clock.tick(p, dt)
    if tour.held:
        return tour, rig, p
    path = tour.path
    along = replace(
        p, time=tour.seconds, start=path.start, end=path.end, step=1 / p.fps, mark_in=None,
        mark_out=None, pacing=Pacing.SMOOTH,
    )  # fmt: skip
    along = clock.tick(along, dt)
    tour, rig, there = go(tour, rig, p, along.time)
    there = replace(there, playing=along.playing, backwards=along.backwards, overrun=along.overrun)
    return tour, rig, there


def is_video(tour: Tour) -> bool:
    """Whether its export is one file, not a folder of pictures."""
    return tour.output.strip().lower().endswith(".mp4")


def fitted(tour: Tour) -> Tour:
    """The track shows the whole path, with room to drag the last key to."""
    least = max(1.15 * tour.path.end, LEAST_EXTENT)
    power = 10.0 ** math.floor(math.log10(least))
    return replace(tour, extent=next(power * m for m in EXTENTS if power * m >= least * 0.999))
