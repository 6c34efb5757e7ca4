"""What training runs leave beside a model: cfg_args and cameras.json."""

import ast
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from viewer.core.camera import MAX_CAMERA_FILE, Camera
from viewer.core.report import DatasetCamera

MAX_CFG = 1 << 20  # bytes
MAX_CAMERAS = 1000  # kept of a file that lists one per camera and frame
BLACK, WHITE = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)


def cfg_args(root: Path, warnings: list[str]) -> Mapping[str, Any]:
    """Options of the run, parsed as literals and never evaluated; empty where there are none.

    A value that is no literal is left out; a file that is no Namespace is a warning.
    """
    path = root / "cfg_args"
    if not path.is_file():
        return {}
    try:
        if path.stat().st_size > MAX_CFG:
            raise ValueError(f"{path.stat().st_size} bytes")
        call = ast.parse(path.read_text().strip(), mode="eval").body
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name)):
            raise ValueError("not of the form Namespace(...)")
    except (OSError, ValueError, SyntaxError, RecursionError, MemoryError) as error:
        warnings.append(f"{path.name} was not understood ({error}); its options are guessed")
        return {}
    found = {}
    for keyword in call.keywords:
        try:
            if keyword.arg is not None:
                found[keyword.arg] = ast.literal_eval(keyword.value)
        except ValueError:
            continue  # an object of the trainer's own, such as a device
    return found


def background(cfg: Mapping[str, Any]) -> tuple[tuple[float, float, float], str]:
    """Colour the model was trained over, and where that is from."""
    if "white_background" in cfg:
        return (WHITE if cfg["white_background"] is True else BLACK), "cfg_args"
    return BLACK, "guessed"


def number(cfg: Mapping[str, Any], name: str, otherwise: float) -> tuple[float, str]:
    """A number over zero from cfg_args, and where it is from."""
    match cfg.get(name):
        case bool():
            pass
        case int() | float() as value if math.isfinite(value) and value > 0:
            return value, "cfg_args"
    return otherwise, "guessed"


def cameras(root: Path, warnings: list[str]) -> tuple[DatasetCamera, ...]:
    """Cameras of cameras.json, each pose once; empty where there are none.

    Entries that make no sense are counted in a warning; a negative focal length loses its sign.
    """
    path = root / "cameras.json"
    if not path.is_file():
        return ()
    try:
        size = path.stat().st_size
        if size > MAX_CAMERA_FILE:
            raise ValueError(f"{size} bytes")
        entries = json.loads(path.read_text())
        if not isinstance(entries, list):
            raise ValueError(f"holds a {type(entries).__name__}, expected a list")
    except (OSError, ValueError, RecursionError) as error:
        warnings.append(f"{path.name} was not understood ({error}); no cameras from it")
        return ()
    return from_entries(entries, path.name, warnings)


def from_entries(entries: list[Any], origin: str, warnings: list[str]) -> tuple[DatasetCamera, ...]:
    """Cameras of INRIA-style entries (position, rotation, fx, fy, width, height)."""
    seen: set[tuple[float, ...]] = set()
    found: list[DatasetCamera] = []
    bad = negative = 0
    for i, entry in enumerate(entries):
        try:
            pose = _pose(entry)
            if pose in seen:
                continue
            seen.add(pose)
            camera, signed = _camera(entry)
            negative += signed
            found.append(DatasetCamera(str(entry.get("img_name", i)), camera))
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
            bad += 1
    if bad:
        warnings.append(f"{bad} of {len(entries)} cameras in {origin} make no sense, left out")
    if negative:
        warnings.append(
            f"{negative} cameras in {origin} have a negative focal length; sign dropped"
        )
    if len(found) > MAX_CAMERAS:
        warnings.append(f"{len(found)} cameras in {origin}, the first {MAX_CAMERAS} are kept")
    return tuple(found[:MAX_CAMERAS])


def _pose(entry: dict[str, Any]) -> tuple[float, ...]:
    rotation = np.array(entry["rotation"], dtype=np.float64).reshape(9)
    position = np.array(entry["position"], dtype=np.float64).reshape(3)
    return tuple(np.round(np.concatenate([position, rotation]), 6).tolist())


def _camera(entry: dict[str, Any]) -> tuple[Camera, bool]:
    """The camera, and whether a focal length was negative. Raises ValueError."""
    world_from_cam = np.array(entry["rotation"], dtype=np.float64).reshape(3, 3)
    if not np.allclose(world_from_cam @ world_from_cam.T, np.eye(3), atol=1e-2):
        raise ValueError("rotation is not a rotation")
    viewmat = np.eye(4)
    viewmat[:3, :3] = world_from_cam.T
    viewmat[:3, 3] = -world_from_cam.T @ np.array(entry["position"], dtype=np.float64).reshape(3)
    fx, fy = float(entry["fx"]), float(entry["fy"])
    width, height = int(entry["width"]), int(entry["height"])
    K = np.array([[abs(fx), 0, width / 2], [0, abs(fy), height / 2], [0, 0, 1]])
    return Camera(viewmat, K, width, height), fx < 0 or fy < 0
