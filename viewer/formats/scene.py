"""The report of a loaded model: where it lies, which way is up, and from where it looks best."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from viewer.core import rig as rigs
from viewer.core.model import Model, StaticModel
from viewer.core.report import Bounds, DatasetCamera, Report
from viewer.core.rig import Rig, Vec3
from viewer.core.splats import Appearance, Splats
from viewer.core.temporal import Gaussians4D, TemporalGaussians
from viewer.formats import Loaded, training
from viewer.formats.source import BACKGROUND, TIME_RANGE, UP, Codec, Source

OPAQUE = 0.1  # fainter Gaussians say little about where a scene is
STRAYS = 0.02  # of the Gaussians on either side of an axis are left out of the bounds
SAMPLES = 200_000  # Gaussians looked at
DOWN_Y: Vec3 = (0.0, -1.0, 0.0)  # most captures have y pointing down
CONE = math.radians(50)  # half angle about +z that a forward-facing capture looks into
FORWARD_FOV = 2 * math.atan(0.5 / 0.8 * 9 / 16)  # fx = 0.8 W at 16:9, as such captures have
RAISED = math.radians(12)  # the first view of an object looks down on it by this
ASPECT, MARGIN = 16 / 9, 1.1  # of the picture that an object is fitted into, and room around it


@dataclass(frozen=True, slots=True)
class Timing:
    """time_range and frame_step in model time; fps of the footage; names of stored frames."""

    time_range: tuple[float, float]
    frame_step: float
    fps: float
    frame_names: tuple[str, ...] = ()


STILL = Timing((0.0, 0.0), 1.0, 30.0)


def evenly(time_range: tuple[float, float], frames: int, fps: float) -> Timing:
    """So many frames spread over a time range, one at either end."""
    start, end = time_range
    return Timing(time_range, (end - start) / max(frames - 1, 1) or 1.0, fps)


def within(source: Source, timing: Timing, origin: str) -> Timing:
    """The same timing, of the time range that was given, if one was."""
    found = source.option(TIME_RANGE, timing.time_range, origin)
    return replace(timing, time_range=found)


def indexed(
    gaussians: Gaussians4D,
    rows: Tensor | None,
    timing: Timing,
    appearance: Appearance,
    source: Source,
    cull: float = 0.0,
) -> TemporalGaussians:
    """The moving model of fields that nobody else holds: it keeps its own, in another order.

    rows: [N] places in the source file, where some were left out. cull: threshold on the window.
    """
    source.progress(0.8, "building the time index")
    return TemporalGaussians(gaussians, timing.time_range, appearance, cull, rows)


def static(source: Source, name: str, codec: Codec) -> Loaded:
    """One instant as a scene that does not move, drawn as its file says."""
    splats = codec.read(source.path, source.part(0, 0.9), source.warnings)
    background = source.option(BACKGROUND, training.BLACK, "guessed")
    model = StaticModel(drawn_by(splats, replace(splats.appearance, background=background)))
    cameras = training.cameras(source.root, source.warnings)
    return Loaded(model, report(source, name, model, STILL, splats.sh_degree, cameras))


def drawn_by(splats: Splats, appearance: Appearance) -> Splats:
    """The same splats with another appearance."""
    return replace(splats, appearance=appearance)


def report(
    source: Source,
    name: str,
    model: Model,
    timing: Timing,
    sh_degree: int,
    cameras: Sequence[DatasetCamera] = (),
) -> Report:
    """The report of a model that `source` was loaded as, with its first view."""
    points = _sample(model, timing, source)
    guess = _up_of(cameras) if cameras else None
    up = source.option(UP, guess or DOWN_Y, cameras[0].origin if guess else "guessed")
    bounds = _bounds(points)
    instants = model.frame_times
    return Report(
        path=str(source.path),
        format=name,
        evidence=source.evidence,
        count=model.count,
        sh_degree=sh_degree,
        time_range=timing.time_range,
        frame_step=timing.frame_step,
        fps=timing.fps,
        memory=model.memory,
        bounds=bounds,
        home=home(points, bounds, cameras, up),
        background=model.appearance.background,
        frame_times=None if instants is None else tuple(instants.tolist()),
        frame_names=timing.frame_names,
        cameras=tuple(cameras),
        settings=tuple(source.settings),
        warnings=tuple(source.warnings),
    )


def home(points: np.ndarray, bounds: Bounds, cameras: Sequence[DatasetCamera], up: Vec3) -> Rig:
    """The first view of points [n, 3]: the first dataset camera, else a guess from their shape."""
    if cameras:
        camera = cameras[0].camera
        p = points @ camera.viewmat[:3, :3].T + camera.viewmat[:3, 3]
        reach = max(math.dist(tuple(camera.center), bounds.center), 0.05 * bounds.radius, 1e-3)
        tan_x = camera.width / (2 * camera.K[0, 0])
        return rigs.from_camera(camera, _depth_ahead(p, tan_x, reach), up)
    if _looks_ahead(points):
        return _from_origin(points, bounds, up)
    outside = rigs.facing(_from_outside(up), up, Rig().fov_y)
    distance = _fitting(outside, bounds)
    position = np.array(bounds.center) - distance * outside.axes[:, 2]
    return replace(outside, position=_vec(position), distance=distance)


def _from_origin(points: np.ndarray, bounds: Bounds, up: Vec3) -> Rig:
    """Looks along +z, as the middle camera of a capture does; at the scene where that misses it."""
    rig = Rig(up=up, fov_y=FORWARD_FOV)
    x, y, z = np.median(points, axis=0)
    if max(abs(x), abs(y)) > 0.5 * math.tan(CONE) * z:
        return rigs.aim(rig, (float(x), float(y), float(z)))
    return replace(rig, distance=_depth_ahead(points, math.tan(CONE), bounds.radius))


def _fitting(rig: Rig, bounds: Bounds) -> float:
    """Distance of the box's centre at which the whole box is in the picture."""
    half = (np.array(bounds.high) - np.array(bounds.low)) / 2
    signs = np.array(np.meshgrid(*[[-1, 1]] * 3)).reshape(3, 8).T
    right, down, ahead = (signs * half @ rig.axes).T  # corners in camera axes
    tan = math.tan(rig.fov_y / 2) / MARGIN
    reach = np.maximum(np.abs(down) / tan, np.abs(right) / (tan * ASPECT)) - ahead
    return float(reach.max())


def _depth_ahead(p: np.ndarray, tan_x: float, otherwise: float) -> float:
    """Median depth of camera-space points [n, 3] in the middle of the view."""
    ahead = p[p[:, 2] > 1e-6]
    middle = np.abs(ahead[:, :2]).max(1) < 0.5 * tan_x * ahead[:, 2]
    return float(np.median(ahead[middle, 2])) if middle.sum() > 10 else otherwise


def _looks_ahead(points: np.ndarray) -> bool:
    """Whether the scene lies in a cone ahead of the origin, as seen from where it was captured."""
    if len(points) < 10:
        return False
    distance = np.linalg.norm(points, axis=1)
    inside = points[:, 2] > math.cos(CONE) * distance
    empty_near = np.quantile(distance, 0.02) > 0.1 * np.median(distance)
    return bool(inside.mean() > 0.9 and empty_near)


def _from_outside(up: Vec3) -> Vec3:
    """Direction of a view from the front, slightly above."""
    d = rigs.ahead_of(up) * math.cos(RAISED) - np.array(up) * math.sin(RAISED)
    return (float(d[0]), float(d[1]), float(d[2]))


def _up_of(cameras: Sequence[DatasetCamera]) -> Vec3 | None:
    """Mean upward direction of the cameras; None where they disagree."""
    mean = np.mean([-c.camera.viewmat[1, :3] for c in cameras], axis=0)
    length = float(np.linalg.norm(mean))
    if length < 0.3:
        return None
    x, y, z = mean / length
    return (float(x), float(y), float(z))


def _bounds(points: np.ndarray) -> Bounds:
    if not len(points):
        return Bounds((-1.0, -1.0, -1.0), (1.0, 1.0, 1.0))
    low, high = np.quantile(points, [STRAYS, 1 - STRAYS], axis=0)
    middle, half = (low + high) / 2, np.maximum((high - low) / 2, 1e-3)
    return Bounds(_vec(middle - half), _vec(middle + half))


def _sample(model: Model, timing: Timing, source: Source) -> np.ndarray:
    """[n, 3] means of what is opaque at the start, in the middle and at the end; float64.

    A large scene is looked at in the middle alone: a network may take seconds for each time.
    """
    if isinstance(model, TemporalGaussians) and model.count > SAMPLES:
        model = model.thinned(-(-model.count // SAMPLES))
    start, end = timing.time_range
    middle = (start + end) / 2
    times = (middle,) if end <= start or model.count > SAMPLES else (start, middle, end)
    parts: list[Tensor] = []
    for i, time in enumerate(times):
        source.progress(0.9 + 0.1 * i / len(times), "finding the first view")
        splats = model.slice(time)
        opaque = splats.means[splats.opacities > OPAQUE]
        parts.append(opaque if len(opaque) >= 10 else splats.means)
    points = torch.cat(parts)
    step = max(1, len(points) // SAMPLES)
    return points[::step].double().cpu().numpy()


def _vec(v: np.ndarray) -> Vec3:
    return (float(v[0]), float(v[1]), float(v[2]))
