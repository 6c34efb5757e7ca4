"""Moves of the rig that need more than it: a point under the pointer, a ball, a horizon. Pure."""

import math
from dataclasses import replace

import numpy as np

from viewer.core import rig as rigs
from viewer.core.rig import MAX_FOV, MIN_FOV, Rig, Vec3, about, facing_along, quaternion, vector

NEAREST = 1e-6  # world units from the camera to its pivot
UP_AXES: dict[str, Vec3] = {
    "+X": (1.0, 0.0, 0.0),
    "-X": (-1.0, 0.0, 0.0),
    "+Y": (0.0, 1.0, 0.0),
    "-Y": (0.0, -1.0, 0.0),
    "+Z": (0.0, 0.0, 1.0),
    "-Z": (0.0, 0.0, -1.0),
}


def at_pixel(rig: Rig, pixel: tuple[float, float], size: tuple[int, int]) -> Vec3:
    """The world point under a pixel at the pivot's depth; size: the window's, pixels."""
    focal = _focal(rig, size)
    x, y = pixel[0] - size[0] / 2, pixel[1] - size[1] / 2
    ray = np.array([x / focal, y / focal, 1.0])
    return vector(np.array(rig.position) + rig.distance * (rig.axes @ ray))


def pixel_of(rig: Rig, point: Vec3, size: tuple[int, int]) -> tuple[float, float] | None:
    """Where a world point is seen; None behind the camera."""
    x, y, z = (np.array(point) - np.array(rig.position)) @ rig.axes
    if z <= 0:
        return None
    scale = _focal(rig, size) / _divisor(rig, z)
    return (float(size[0] / 2 + scale * x), float(size[1] / 2 + scale * y))


def dolly_to(rig: Rig, point: Vec3, notches: float) -> Rig:
    """Nearer to a point ahead (positive) or farther by a tenth a notch: it stays where it is seen.

    The pivot comes to the point's depth. An orthographic view grows about the point instead, and
    its eye stays in front of it.
    """
    offset = np.array(rig.position) - np.array(point)
    depth = -float(offset @ rig.axes[:, 2])
    if depth <= 0:
        return rig
    scale = 0.9**notches
    if rig.orthographic:
        distance = max(rig.distance * scale, NEAREST)
        across = offset + depth * rig.axes[:, 2]
        ahead = distance + max(depth - rig.distance, 0.0)
        position = np.array(point) + distance / rig.distance * across - ahead * rig.axes[:, 2]
        return replace(rig, position=vector(position), distance=distance)
    position = np.array(point) + scale * offset
    return replace(rig, position=vector(position), distance=max(depth * scale, NEAREST))


def drag_to(rig: Rig, point: Vec3, pixel: tuple[float, float], size: tuple[int, int]) -> Rig:
    """Moved sideways so that a point ahead is seen at a pixel."""
    x, y, z = (np.array(point) - np.array(rig.position)) @ rig.axes
    if z <= 0:
        return rig
    unit = _divisor(rig, z) / _focal(rig, size)
    wanted = (pixel[0] - size[0] / 2) * unit, (pixel[1] - size[1] / 2) * unit
    step = rig.axes @ np.array([x - wanted[0], y - wanted[1], 0.0])
    return replace(rig, position=vector(np.array(rig.position) + step))


def swept(pixel: tuple[float, float], drag: tuple[float, float], size: tuple[int, int]) -> float:
    """Angle by which a drag that ends at a pixel goes round the middle; radians, clockwise."""
    x, y = pixel[0] - size[0] / 2, pixel[1] - size[1] / 2
    before = math.atan2(y - drag[1], x - drag[0])
    return math.remainder(math.atan2(y, x) - before, math.tau)


def tumble(rig: Rig, yaw: float, pitch: float) -> Rig:
    """Turn about the pivot as a ball under the hand: about the view's own axes, without a pole."""
    axes = rig.axes
    turned = about(axes[:, 1], yaw) @ about(axes[:, 0], pitch) @ axes
    pivot = np.array(rig.pivot)
    position = pivot - rig.distance * turned[:, 2]
    return replace(rig, position=vector(position), orientation=quaternion(turned))


def level(rig: Rig) -> Rig:
    """The same view with its horizon level."""
    return replace(rig, orientation=facing_along(rig.axes[:, 2], rig))


def with_up(rig: Rig, up: Vec3) -> Rig:
    """Another direction stays up, and the horizon is level to it."""
    return level(replace(rig, up=up))


def zoom_lens(rig: Rig, fov_y: float) -> Rig:
    """Another field of view, radians, with what is at the pivot as large as before (dolly zoom)."""
    fov_y = min(max(fov_y, MIN_FOV), MAX_FOV)
    distance = rig.distance * math.tan(rig.fov_y / 2) / math.tan(fov_y / 2)
    position = np.array(rig.pivot) - distance * rig.axes[:, 2]
    return replace(rig, position=vector(position), distance=distance, fov_y=fov_y)


def fly(rig: Rig, step: Vec3) -> Rig:
    """Move along the camera's right, down and forward; world units.

    Forward an orthographic view also grows: nothing else of the way would be seen.
    """
    if not rig.orthographic:
        return rigs.fly(rig, step)
    x, y, z = step
    z = min(z, rig.distance / 2)
    return replace(rigs.fly(rig, (x, y, z)), distance=rig.distance - z)


def toggle_orthographic(rig: Rig) -> Rig:
    """Without perspective, or with it again; what is at the pivot keeps its size."""
    return replace(rig, orthographic=not rig.orthographic)


def _divisor(rig: Rig, z: float) -> float:
    """Depth at which what lies at depth z has its size."""
    return rig.distance if rig.orthographic else z


def _focal(rig: Rig, size: tuple[int, int]) -> float:
    return max(size[1], 1) / (2 * math.tan(rig.fov_y / 2))
