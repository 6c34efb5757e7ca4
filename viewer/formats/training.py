"""What lies beside a model: cfg_args of the training run, and the cameras it was trained with."""

import ast
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from viewer.core.report import DatasetCamera
from viewer.formats import colmap, llff, poses, transforms

MAX_CFG = 1 << 20  # bytes
LARGEST = 1e12  # a number in cfg_args that makes sense, and that float holds
CAMERAS = "cameras.json"
SAME_POSE = 1e-3  # between two view matrices
DATA_SETS = (transforms, colmap, llff)  # that list cameras, in the order they are asked
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
        except (ValueError, TypeError):
            continue  # an object of the trainer's own, such as a device; a list as a key
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
        case int() | float() as value if 0 < value < LARGEST:
            return value, "cfg_args"
    return otherwise, "guessed"


def cameras(root: Path, warnings: list[str]) -> tuple[DatasetCamera, ...]:
    """Cameras that lie beside a model, each pose once; empty where there are none.

    Those of cameras.json, else of a data set in the folder, else of the one trained on. Entries
    that make no sense are counted in a warning. cameras.json names no images that are here; a data
    set does, by the pose.
    """
    listed = _listed(root / CAMERAS, warnings)
    return _with_shots(listed, root) if listed else data_set_cameras(root, warnings)


def data_set_cameras(root: Path, warnings: list[str]) -> tuple[DatasetCamera, ...]:
    """Cameras of the data set itself: in a run's folder, or where its cfg_args say it lies."""
    for folder in (root, *_trained_on(root)):
        for kind in DATA_SETS:
            found = kind.cameras(folder, warnings)
            if found:
                return found
    return ()


def data_set_files(folder: Path) -> list[Path]:
    """The files of a folder that make it training data: they say where its images are from."""
    return [path for kind in DATA_SETS for path in kind.files(folder)]


def from_entries(entries: list[Any], origin: str, warnings: list[str]) -> tuple[DatasetCamera, ...]:
    """Cameras of INRIA-style entries (position, rotation, fx, fy, width, height).

    A negative focal length loses its sign, with a warning.
    """
    listed = enumerate(entries)
    kept = poses.collected(listed, lambda entry: _camera(*entry, origin), origin, warnings)
    negative = sum(1 for (_, entry), _ in kept if float(entry["fx"]) < 0 or float(entry["fy"]) < 0)
    if negative:
        warnings.append(
            f"{negative} cameras in {origin} have a negative focal length; sign dropped"
        )
    return tuple(camera for _, camera in kept)


def _listed(path: Path, warnings: list[str]) -> tuple[DatasetCamera, ...]:
    """Cameras of a cameras.json."""
    entries = poses.parsed(path, list, warnings) if path.is_file() else None
    return from_entries(entries or [], path.name, warnings)


def _with_shots(listed: tuple[DatasetCamera, ...], root: Path) -> tuple[DatasetCamera, ...]:
    """The same with the images that a data set's cameras of the same poses took."""
    known = data_set_cameras(root, [])  # what is wrong with it matters to nobody here
    if not known:
        return listed
    poses_known = np.stack([each.camera.viewmat[:3] for each in known])
    found = []
    for each in listed:
        unlike = np.abs(poses_known - each.camera.viewmat[:3]).max((1, 2))
        twin = known[int(unlike.argmin())] if unlike.min() < SAME_POSE else None
        found.append(replace(each, shots=twin.shots) if twin is not None else each)
    return tuple(found)


def _trained_on(root: Path) -> list[Path]:
    """The data set's folder that cfg_args name, if it is on this machine."""
    named = cfg_args(root, []).get("source_path")
    if not isinstance(named, str) or not named or named.startswith(("//", "\\\\")):
        return []  # a model has no say over which other machines are asked for a file
    try:
        folder = (root / named).resolve()
        return [folder] if folder.is_dir() and folder != root.resolve() else []
    except (OSError, ValueError):
        return []


def _camera(i: int, entry: dict[str, Any], origin: str) -> DatasetCamera:
    world_from_cam = np.array(entry["rotation"], dtype=np.float64).reshape(3, 3)
    center = np.array(entry["position"], dtype=np.float64).reshape(3)
    width, height = int(entry["width"]), int(entry["height"])
    fx, fy = abs(float(entry["fx"])), abs(float(entry["fy"]))
    K = poses.intrinsics(fx, fy, width / 2, height / 2)
    camera = poses.camera(world_from_cam, center, K, (width, height))
    return DatasetCamera(str(entry.get("img_name", i)), camera, origin=origin)
