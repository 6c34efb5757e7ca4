"""Camera paths that need no keys set by hand: each begins where the user stands."""

import math
from collections.abc import Callable
from dataclasses import replace

from viewer.core import rig as rigs
from viewer.core.path import CameraPath, Key, through
from viewer.core.playback import Playback
from viewer.core.rig import Rig

ARC = math.radians(10)  # between the keys of a turn: its speed is even to 1 %
SWAY, NOD = math.radians(25), math.radians(8)  # half the size of a figure of eight
NEARER = 0.5  # of the distance, where a dolly ends
Preset = Callable[[Rig, Playback, float], CameraPath]


def still(rig: Rig, p: Playback, seconds: float) -> CameraPath:
    """The view as it is, while the footage plays from the playhead on."""
    return through([key(rig, p, 0.0), key(rig, p, seconds)])


def orbit(rig: Rig, p: Playback, seconds: float, angle: float = math.tau) -> CameraPath:
    """A turn about the pivot by `angle`, radians; a full one goes round without a halt."""
    count = max(2, math.ceil(abs(angle) / ARC))
    keys = [
        key(rigs.orbit(rig, angle * i / count, 0.0), p, seconds * i / count)
        for i in range(count + 1)
    ]
    return through(keys, closed=math.isclose(abs(angle) % math.tau, 0.0, abs_tol=1e-9))


def dolly(rig: Rig, p: Playback, seconds: float) -> CameraPath:
    """Towards the pivot, to half the distance."""
    notches = math.log(NEARER) / math.log(0.9)
    return through([key(rig, p, 0.0), key(rigs.dolly(rig, notches), p, seconds)])


def figure_eight(rig: Rig, p: Playback, seconds: float) -> CameraPath:
    """A lying eight about the pivot, which stays in the middle of the picture."""
    count = 24
    keys = []
    for i in range(count + 1):
        phase = math.tau * i / count
        seen = rigs.orbit(rig, SWAY * math.sin(phase), NOD * math.sin(2 * phase))
        keys.append(key(seen, p, seconds * i / count))
    return through(keys, closed=True)


def bullet_time(rig: Rig, p: Playback, seconds: float) -> CameraPath:
    """A full turn about the instant of the playhead."""
    return through((replace(k, time=p.time) for k in orbit(rig, p, seconds).keys), closed=True)


def key(rig: Rig, p: Playback, seconds: float) -> Key:
    """The view of a rig, at the time that the footage reaches `seconds` after the playhead."""
    return Key(seconds, rig.position, rig.orientation, rig.fov_y, p.after(seconds))


PRESETS: dict[str, Preset] = {
    "still": still,
    "orbit": orbit,
    "dolly": dolly,
    "figure-eight": figure_eight,
    "bullet-time": bullet_time,
}
