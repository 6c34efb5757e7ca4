"""Camera paths as files: our own JSON, Nerfstudio's camera_path.json, and INRIA's cameras.json.

Source of Nerfstudio's layout: get_path_from_json of its cameras/camera_paths.py. camera_to_world is
written row by row with OpenGL's axes (right, up, back), fov is the vertical angle in degrees,
render_time goes from 0 to 1.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from viewer.core import rig as rigs
from viewer.core.camera import MAX_CAMERA_FILE
from viewer.core.errors import Unusable
from viewer.core.files import replacing
from viewer.core.path import CameraPath, Key, through
from viewer.core.playback import Playback
from viewer.core.rig import Quat, Vec3
from viewer.formats import poses, training

MARK, VERSION = "view4d.camera_path", 1  # the name whose value is the version
NERFSTUDIO_FPS = 24.0  # where the file says none
LONGEST = 86400.0  # seconds
SPACING = 1.0  # seconds between cameras of a list without times


def load(path: Path, p: Playback, warnings: list[str]) -> CameraPath:
    """The path in a file. p: the footage, whose playhead gives time where a file says none.

    Raises Unusable with the file and what is wrong.
    """
    try:
        held = _parsed(path)
        if isinstance(held, list):
            return _listed(held, path.name, p, warnings)
        if MARK in held:
            return _own(held, p)
        if isinstance(held.get("camera_path"), list):
            return _nerfstudio(held, p)
        raise ValueError(f"has neither {MARK} nor camera_path")
    except OSError as error:
        raise Unusable(f"{path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        what = " ".join(str(error).split()) or "nested too deeply"
        raise Unusable(f"{path}: is no camera path: {what}") from None


def save(path: Path, camera_path: CameraPath) -> None:
    """Write our own JSON. Raises Unusable where that is not possible."""
    keys = [
        {
            "seconds": key.seconds,
            "position": key.position,
            "orientation": key.orientation,
            "fov": math.degrees(key.fov_y),
            "time": key.time,
        }
        for key in camera_path.keys
    ]
    lines = ",\n".join(f"  {json.dumps(key)}" for key in keys)
    head = f'{{"{MARK}": {VERSION}, "closed": {json.dumps(camera_path.closed)}, "keys": [\n'
    with replacing(path) as beside:
        beside.write_text(f"{head}{lines}\n]}}\n", encoding="utf-8")


def _parsed(path: Path) -> dict[str, Any] | list[Any]:
    size = path.stat().st_size
    if size > MAX_CAMERA_FILE:
        raise ValueError(f"it has {size} bytes")
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"it is not JSON ({error})") from None
    if not isinstance(held, dict | list):
        raise ValueError(f"it holds a {type(held).__name__}, expected an object or a list")
    return held


def _own(held: Mapping[str, Any], p: Playback) -> CameraPath:
    version, listed = held[MARK], held.get("keys")
    if version != VERSION:
        raise ValueError(f"its version is {version!r}, this program reads {VERSION}")
    if not isinstance(listed, list) or not listed:
        raise ValueError("it has no list of keys")
    keys = []
    for i, entry in enumerate(listed):
        try:
            keys.append(_own_key(entry, p))
        except poses.NONSENSE as error:
            raise ValueError(f"key {i} makes no sense ({_reason(error)})") from None
    return CameraPath(tuple(keys), held.get("closed") is True and len(keys) > 1)


def _own_key(entry: Mapping[str, Any], p: Playback) -> Key:
    seconds = _number(entry["seconds"])
    if not 0 <= seconds <= LONGEST:
        raise ValueError(f"seconds is {seconds:g}, expected 0 to {LONGEST:g}")
    time = entry.get("time")
    turn = np.array([_number(v) for v in entry["orientation"]])
    length = np.linalg.norm(turn)
    if turn.shape != (4,) or not length > 0:
        raise ValueError("orientation is no quaternion")
    x, y, z = (_number(v) for v in entry["position"])
    w, a, b, c = turn / length
    return Key(
        seconds=seconds,
        position=(x, y, z),
        orientation=(float(w), float(a), float(b), float(c)),
        fov_y=_angle(entry["fov"]),
        time=p.after(seconds) if time is None else _number(time),
    )


def _nerfstudio(held: Mapping[str, Any], p: Playback) -> CameraPath:
    listed = held["camera_path"]
    fps = _number(held.get("fps", NERFSTUDIO_FPS))
    if not listed or fps <= 0:
        raise ValueError("it has no cameras, or no frames a second")
    kind = str(held.get("camera_type", "perspective")).lower()
    if kind != "perspective":
        raise ValueError(f"its cameras are {kind}, expected perspective")
    timed = all(isinstance(entry, dict) and "render_time" in entry for entry in listed)
    keys = []
    for i, entry in enumerate(listed):
        seconds = i / fps
        try:
            matrix = np.array(entry["camera_to_world"], dtype=np.float64).reshape(4, 4)
            place, turn = _pose(matrix[:3, :3] * np.array([1.0, -1.0, -1.0]), matrix[:3, 3])
            time = p.after(seconds)
            if timed:
                time = p.start + _number(entry["render_time"]) * (p.end - p.start)
            keys.append(Key(seconds, place, turn, _angle(entry["fov"]), time))
        except poses.NONSENSE as error:
            raise ValueError(f"camera {i} makes no sense ({_reason(error)})") from None
    last = keys[-1]  # its frame lasts as long as any other
    return CameraPath((*keys, replace(last, seconds=len(keys) / fps)))


def _listed(entries: list[Any], origin: str, p: Playback, warnings: list[str]) -> CameraPath:
    """Cameras of a cameras.json in their order, each pose once."""
    keys = []
    for i, found in enumerate(training.from_entries(entries, origin, warnings)):
        camera = found.camera
        place, turn = _pose(camera.viewmat[:3, :3].T, camera.center)
        keys.append(Key(i * SPACING, place, turn, camera.fov_y, p.after(i * SPACING)))
    if not keys:
        raise ValueError("it lists no cameras")
    return through(keys)


def _pose(world_from_cam: np.ndarray, center: np.ndarray) -> tuple[Vec3, Quat]:
    """Checked as any camera is: a rotation [3, 3] (right, down, forward), a centre [3]."""
    checked = poses.camera(world_from_cam, center, np.eye(3), (1, 1))
    x, y, z = (float(v) for v in checked.center)
    return (x, y, z), rigs.quaternion(world_from_cam)


def _angle(degrees: object) -> float:
    angle = math.radians(_number(degrees))
    if not 0 < angle < math.pi:
        raise ValueError(f"fov is {degrees}, expected degrees under 180")
    return angle


def _number(value: Any) -> float:
    number = float(value)
    if isinstance(value, bool) or not math.isfinite(number):
        raise ValueError(f"{value!r} is no number")
    return number


def _reason(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"has no {error.args[0]}"
    return " ".join(str(error).split())[:120]
