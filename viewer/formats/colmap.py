"""COLMAP's sparse models: cameras and images, binary or text. Points are skipped.

Source of the layout: COLMAP's documentation, page "Output Format".
"""

import struct
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from viewer.core import rig
from viewer.core.report import DatasetCamera, Shot
from viewer.formats import images, layout, poses

FOLDERS = ("sparse/0", "sparse", ".")
IMAGES = "images"
MAX_NAME = 4096  # bytes
SOME = 1 << 16  # bytes of a line read at once
POINT = 24  # bytes: x, y, id of a point seen in an image


class Lens(NamedTuple):
    """One model of a lens. focals: 1 or 2, then the principal point. values: of all parameters."""

    name: str
    focals: int
    values: int


# By number, as the binary files have them.
LENSES = (
    Lens("SIMPLE_PINHOLE", 1, 3), Lens("PINHOLE", 2, 4), Lens("SIMPLE_RADIAL", 1, 4),
    Lens("RADIAL", 1, 5), Lens("OPENCV", 2, 8), Lens("OPENCV_FISHEYE", 2, 8),
    Lens("FULL_OPENCV", 2, 12), Lens("FOV", 2, 5), Lens("SIMPLE_RADIAL_FISHEYE", 1, 4),
    Lens("RADIAL_FISHEYE", 1, 5), Lens("THIN_PRISM_FISHEYE", 2, 12),
    Lens("RAD_TAN_THIN_PRISM_FISHEYE", 2, 16), Lens("SIMPLE_DIVISION", 1, 4),
    Lens("DIVISION", 2, 5), Lens("SIMPLE_FISHEYE", 1, 3), Lens("FISHEYE", 2, 4),
    Lens("EUCM", 2, 6),
)  # fmt: skip
BY_NAME = {lens.name: lens for lens in LENSES}


class _Sensor(NamedTuple):
    """What several images share: size, K [3, 3], and whether lines are straight."""

    size: tuple[int, int]
    K: np.ndarray
    straight: bool


class _Image(NamedTuple):
    """quat, position: world to camera, w x y z and [3]."""

    quat: tuple[float, ...]
    position: tuple[float, ...]
    sensor: int
    name: str


def files(folder: Path) -> list[Path]:
    """cameras and images of the sparse model of a data set, in that order; or nothing."""
    for inner in FOLDERS:
        for ending in (".bin", ".txt"):
            pair = [folder / inner / (name + ending) for name in ("cameras", "images")]
            if all(path.is_file() for path in pair):
                return pair
    return []


def cameras(folder: Path, warnings: list[str]) -> tuple[DatasetCamera, ...]:
    """Cameras of the sparse model of a data set, by name; empty where there is none."""
    pair = files(folder)
    if not pair:
        return ()
    origin = pair[1].relative_to(folder).as_posix()
    at = pair[0].relative_to(folder).as_posix()
    try:
        sensors = (_binary_sensors if pair[0].suffix == ".bin" else _text_sensors)(pair[0])
        at = origin
        taken = list((_binary_images if pair[1].suffix == ".bin" else _text_images)(pair[1]))
    except (OSError, ValueError, struct.error) as error:
        poses.warn_of_file(at, error, warnings)
        return ()
    taken.sort(key=lambda image: layout.natural(image.name))
    kept = poses.collected(taken, _camera_of(sensors, origin, folder), origin, warnings)
    bent = sum(1 for image, _ in kept if not sensors[image.sensor].straight)
    poses.warn_of_distortion(bent, origin, warnings)
    return tuple(camera for _, camera in kept)


def _camera_of(
    sensors: Mapping[int, _Sensor], origin: str, folder: Path
) -> Callable[[_Image], DatasetCamera]:
    def camera_of(image: _Image) -> DatasetCamera:
        sensor = sensors[image.sensor]
        w, x, y, z = image.quat
        if not 0.5 < np.linalg.norm(image.quat) < 2:
            raise ValueError("its quaternion has no length")
        cam_from_world = rig.matrix((w, x, y, z))
        center = -cam_from_world.T @ np.array(image.position)
        camera = poses.camera(cam_from_world.T, center, sensor.K, sensor.size)
        at = images.inside(folder / IMAGES, image.name)
        shots = (Shot(str(at)),) if at is not None else ()
        return DatasetCamera(image.name, camera, None, origin, shots)

    return camera_of


def _sensor(lens: Lens, size: tuple[int, int], values: tuple[float, ...]) -> _Sensor:
    """Raises ValueError for a wrong number of parameters."""
    if len(values) != lens.values:
        raise ValueError(f"{lens.name} has {len(values)} parameters, expected {lens.values}")
    cx, cy = values[lens.focals : lens.focals + 2]
    K = poses.intrinsics(values[0], values[lens.focals - 1], cx, cy)
    bent = "FISHEYE" in lens.name or any(values[lens.focals + 2 :])
    return _Sensor(size, K, not bent)


def _binary_sensors(path: Path) -> dict[int, _Sensor]:
    found = {}
    with path.open("rb") as file:
        for _ in range(_count(file, path, 24)):
            key, kind, width, height = _unpacked(file, "<iiQQ")
            if not 0 <= kind < len(LENSES):
                raise ValueError(f"camera model {kind}, expected 0 to {len(LENSES) - 1}")
            lens = LENSES[kind]
            values = _unpacked(file, f"<{lens.values}d")
            found[key] = _sensor(lens, (width, height), values)
    return found


def _binary_images(path: Path) -> Iterator[_Image]:
    size = path.stat().st_size
    with path.open("rb") as file:
        for _ in range(_count(file, path, 73)):
            _, *pose, sensor = _unpacked(file, "<i7di")
            name = bytearray()
            while (letter := file.read(1)) != b"\0":
                if not letter or len(name) > MAX_NAME:
                    raise ValueError("the name of an image has no end")
                name += letter
            (points,) = _unpacked(file, "<Q")
            if points * POINT > size - file.tell():
                raise ValueError(f"ends before the {points} points of an image")
            file.seek(points * POINT, 1)
            yield _Image(tuple(pose[:4]), tuple(pose[4:]), sensor, name.decode("utf-8", "replace"))


def _count(file: BinaryIO, path: Path, least: int) -> int:
    """How many rows of at least `least` bytes a file says it has. Raises ValueError."""
    (count,) = _unpacked(file, "<Q")
    size = path.stat().st_size
    if count * least > size - 8:
        raise ValueError(f"{size} bytes, too few for the {count} entries it says")
    return count


def _unpacked(file: BinaryIO, form: str) -> tuple:
    held = file.read(struct.calcsize(form))
    if len(held) < struct.calcsize(form):
        raise ValueError("is cut")
    return struct.unpack(form, held)


def _text_sensors(path: Path) -> dict[int, _Sensor]:
    found = {}
    with path.open("rb") as file:
        while words := _words(file):
            if len(words) < 4 or words[1] not in BY_NAME:
                raise ValueError(f"has a line {' '.join(words)[:60]!r}")
            values = tuple(map(float, words[4:]))
            size = (int(words[2]), int(words[3]))
            found[int(words[0])] = _sensor(BY_NAME[words[1]], size, values)
    return found


def _text_images(path: Path) -> Iterator[_Image]:
    with path.open("rb") as file:
        while words := _words(file, 9):
            if len(words) < 10:
                raise ValueError(f"has a line {' '.join(words)[:60]!r}")
            pose = tuple(map(float, words[1:8]))
            yield _Image(pose[:4], pose[4:], int(words[8]), words[9])
            while (part := file.readline(SOME)) and not part.endswith(b"\n"):
                pass  # the line of points, which may be empty or very long


def _words(file: BinaryIO, spaces: int = -1) -> list[str]:
    """The next line that says something, parted at its first `spaces` spaces; or nothing."""
    while line := file.readline(SOME):
        text = line.decode("utf-8", "replace").strip()
        if text and not text.startswith("#"):
            return text.split(maxsplit=spaces)
    return []
