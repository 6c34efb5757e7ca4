"""transforms*.json: cameras of a data set as NeRF, D-NeRF, 4DGS and Nerfstudio write them.

transform_matrix is world from camera with OpenGL's axes (right, up, back). What is said of the lens
may stand in each frame or once for all.
"""

import math
from collections import ChainMap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np

from viewer.core.report import DatasetCamera, Shot
from viewer.formats import images, poses

FIRST = ("transforms.json", "transforms_train.json")  # the others follow by name
DISTORTION = ("k1", "k2", "k3", "k4", "p1", "p2")
GUESSED_SIZE = (800, 800)  # of Blender's data sets
LOOKED_AT = 8  # frames whose image is looked for


class _Frame(NamedTuple):
    """One image. said: its own values, then those of the whole file. size: where none is said."""

    path: Path
    said: Mapping[str, Any]
    size: tuple[int, int]


def files(folder: Path) -> list[Path]:
    """The transforms*.json of a folder, those of training first."""
    found = [p for p in folder.glob("transforms*.json") if p.is_file()]
    rank = {name: i for i, name in enumerate(FIRST)}
    return sorted(found, key=lambda p: (rank.get(p.name, len(FIRST)), p.name))


def cameras(folder: Path, warnings: list[str]) -> tuple[DatasetCamera, ...]:
    """Cameras of all transforms*.json of a folder; empty where there are none."""
    found = files(folder)
    if not found:
        return ()
    origin = found[0].name if len(found) == 1 else "transforms*.json"
    frames = [frame for path in found for frame in _frames(path, warnings)]
    kept = poses.collected(frames, _camera, origin, warnings)
    bent = sum(1 for frame, _ in kept if any(frame.said.get(name) for name in DISTORTION))
    poses.warn_of_distortion(bent, origin, warnings)
    return tuple(camera for _, camera in kept)


def _frames(path: Path, warnings: list[str]) -> Iterator[_Frame]:
    contents = poses.parsed(path, dict, warnings)
    if contents is None:
        return
    listed = contents.get("frames")
    if not isinstance(listed, list):
        poses.warn_of_file(path.name, ValueError("has no list of frames"), warnings)
        return
    said = [ChainMap(own if isinstance(own, dict) else {}, contents) for own in listed]
    sized = all("w" in each and "h" in each for each in said)
    size = GUESSED_SIZE if sized else _size(path, said, warnings)
    for each in said:
        yield _Frame(path, each, size)


def _camera(frame: _Frame) -> DatasetCamera:
    said = frame.said
    world_from_cam = np.array(said["transform_matrix"], dtype=np.float64)[:3, :4]
    rotation = world_from_cam[:, :3] * np.array([1.0, -1.0, -1.0])  # up, back to down, forward
    width, height = int(said.get("w", frame.size[0])), int(said.get("h", frame.size[1]))
    fx = _focal(said, "fl_x", "camera_angle_x", width)
    fy = _focal(said, "fl_y", "camera_angle_y", height)
    x, y = fx or fy, fy or fx  # pixels are square where one is not said
    if x is None or y is None:
        raise ValueError("says nothing of the focal length")
    K = poses.intrinsics(x, y, float(said.get("cx", width / 2)), float(said.get("cy", height / 2)))
    time = None if said.get("time") is None else float(said["time"])
    if time is not None and not math.isfinite(time):
        raise ValueError("its time is not finite")
    camera = poses.camera(rotation, world_from_cam[:, 3], K, (width, height))
    name = _name(said)
    at = images.inside(frame.path.parent, name) if "file_path" in said else None
    shots = (Shot(str(at), time),) if at is not None else ()
    return DatasetCamera(name, camera, time, frame.path.name, shots)


def _focal(said: Mapping[str, Any], focal: str, angle: str, size: int) -> float | None:
    if focal in said:
        return float(said[focal])
    return size / (2 * math.tan(float(said[angle]) / 2)) if angle in said else None


def _name(said: Mapping[str, Any]) -> str:
    return PurePosixPath(str(said.get("file_path", "camera")).replace("\\", "/")).as_posix()


def _size(path: Path, said: Sequence[Mapping[str, Any]], warnings: list[str]) -> tuple[int, int]:
    """Width and height where the file says none: of an image, of the principal point, guessed."""
    for each in said[:LOOKED_AT]:
        at = images.inside(path.parent, _name(each))
        found = images.size_of(at) if at is not None else None
        if found is not None:
            return found
    size, why = GUESSED_SIZE, "as of Blender's data sets"
    try:
        center = (float(said[0]["cx"]), float(said[0]["cy"]))
        size, why = (round(2 * center[0]), round(2 * center[1])), "by the principal point"
    except poses.NONSENSE:
        pass  # not said, or no number: an entry that is no camera is counted later
    warnings.append(
        f"{path.name} says no image size and no image is there: {size[0]}x{size[1]} taken, {why}"
    )
    return size
