"""Rig: where the user stands, as plain numbers, and the pure moves that change it.

It knows nothing of buttons and keys (controls.py maps them) and needs no torch.
"""

import math
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np

from viewer.core.camera import Camera, intrinsics

Vec3 = tuple[float, float, float]
Quat = tuple[float, float, float, float]

MIN_FOV, MAX_FOV = math.radians(5), math.radians(140)
MAX_ELEVATION = math.radians(89)


class Side(Enum):
    """Where one stands to look along an axis."""

    FRONT = "front"
    BACK = "back"
    LEFT = "left"
    RIGHT = "right"
    TOP = "top"
    BOTTOM = "bottom"


@dataclass(frozen=True, slots=True)
class Rig:
    """A camera that turns about a pivot `distance` in front of it, or flies.

    position: camera centre, world units. orientation: w x y z, unit, world_from_cam.
    up: world direction that stays upright while orbiting, unit. fov_y: radians. orthographic: what
    is at the pivot has the size that the lens gives it, and so has all that is nearer or farther.
    """

    position: Vec3 = (0.0, 0.0, 0.0)
    orientation: Quat = (1.0, 0.0, 0.0, 0.0)
    distance: float = 1.0
    up: Vec3 = (0.0, -1.0, 0.0)
    fov_y: float = math.radians(50)
    orthographic: bool = False

    @property
    def axes(self) -> np.ndarray:
        """[3, 3] world_from_cam: columns are the camera's right, down and forward in world axes."""
        return matrix(self.orientation)

    @property
    def pivot(self) -> Vec3:
        """The point the rig orbits about, world space."""
        return vector(np.array(self.position) + self.distance * self.axes[:, 2])

    def camera(self, width: int, height: int) -> Camera:
        """The view on a grid of width x height pixels."""
        viewmat = np.eye(4)
        viewmat[:3, :3] = self.axes.T
        viewmat[:3, 3] = -self.axes.T @ np.array(self.position)
        size = (max(1, width), max(1, height))
        K = intrinsics(self.fov_y, size)
        if self.orthographic:
            K[[0, 1], [0, 1]] /= self.distance
        return Camera(viewmat, K, *size, self.orthographic)


def from_camera(camera: Camera, distance: float, up: Vec3) -> Rig:
    """The rig that stands where a camera stands, with its pivot `distance` ahead."""
    return Rig(
        position=vector(camera.center),
        orientation=quaternion(camera.viewmat[:3, :3].T),
        distance=distance,
        up=up,
        fov_y=min(max(camera.fov_y, MIN_FOV), MAX_FOV),
    )


def orbit(rig: Rig, yaw: float, pitch: float) -> Rig:
    """Turn about the pivot: yaw about world up, pitch about the camera's right; radians."""
    turned = look(rig, yaw, pitch)
    position = np.array(rig.pivot) - rig.distance * turned.axes[:, 2]
    return replace(turned, position=vector(position))


def look(rig: Rig, yaw: float, pitch: float) -> Rig:
    """Turn on the spot; positive yaw looks right, positive pitch looks up; radians.

    Pitch stops just short of straight up and straight down, where yaw would lose its meaning.
    """
    axes, up = rig.axes, np.array(rig.up)
    elevation = math.asin(float(np.clip(axes[:, 2] @ up, -1, 1)))
    wanted = min(max(elevation + pitch, -MAX_ELEVATION), MAX_ELEVATION)
    # A view already beyond the limit (a dataset camera) may stay there, but not go further.
    pitch = wanted - elevation if abs(elevation) <= MAX_ELEVATION or pitch * elevation < 0 else 0.0
    turn = about(up, -yaw) @ about(axes[:, 0], pitch)
    return replace(rig, orientation=quaternion(turn @ axes))


def roll(rig: Rig, angle: float) -> Rig:
    """Turn about the viewing axis; radians, clockwise on screen."""
    return replace(rig, orientation=quaternion(about(rig.axes[:, 2], angle) @ rig.axes))


def pan(rig: Rig, dx: float, dy: float, height: int) -> Rig:
    """Move sideways so that a point at the pivot's depth follows the pointer by (dx, dy) pixels."""
    step = 2 * rig.distance * math.tan(rig.fov_y / 2) / max(1, height)
    return fly(rig, (-dx * step, -dy * step, 0.0))


def dolly(rig: Rig, notches: float) -> Rig:
    """Move towards the pivot (positive) or away; each notch changes the distance by a tenth."""
    distance = max(rig.distance * 0.9**notches, 1e-6)
    position = np.array(rig.pivot) - distance * rig.axes[:, 2]
    return replace(rig, position=vector(position), distance=distance)


def fly(rig: Rig, step: Vec3) -> Rig:
    """Move by `step` along the camera's right, down and forward; world units."""
    return replace(rig, position=vector(np.array(rig.position) + rig.axes @ np.array(step)))


def aim(rig: Rig, point: Vec3) -> Rig:
    """Make `point` the pivot without moving: the view turns to have it in the middle.

    An orthographic view moves instead of turning, so that it still looks along its axis.
    """
    if rig.orthographic:
        return replace(rig, position=vector(np.array(point) - rig.distance * rig.axes[:, 2]))
    offset = np.array(point) - np.array(rig.position)
    distance = float(np.linalg.norm(offset))
    if distance < 1e-9:
        return rig
    return replace(rig, orientation=facing_along(offset / distance, rig), distance=distance)


def frame(rig: Rig, center: Vec3, radius: float, aspect: float = 1.0) -> Rig:
    """Back off along the present direction until a sphere fills the picture; aspect is W / H."""
    half = min(rig.fov_y / 2, math.atan(math.tan(rig.fov_y / 2) * max(aspect, 1e-3)))
    distance = max(radius, 1e-6) / math.sin(half)
    position = np.array(center) - distance * rig.axes[:, 2]
    return replace(rig, position=vector(position), distance=distance)


def facing(direction: Vec3, up: Vec3, fov_y: float) -> Rig:
    """A rig at the origin that looks along `direction` with `up` upright."""
    d = np.array(direction, dtype=float)
    upright = Rig(up=up, fov_y=fov_y)
    return replace(upright, orientation=facing_along(d / np.linalg.norm(d), upright))


def ahead_of(up: Vec3) -> np.ndarray:
    """[3] unit world direction that a view from the front looks along: upright on `up`."""
    u = np.array(up)
    ahead = np.array([0.0, 0.0, 1.0]) if abs(u[2]) < 0.9 else np.array([0.0, 1.0, 0.0])
    ahead = ahead - u * (u @ ahead)
    return ahead / np.linalg.norm(ahead)


def from_side(rig: Rig, side: Side) -> Rig:
    """Look at the pivot along an axis, from as far as now."""
    up = np.array(rig.up)
    ahead = ahead_of(rig.up)
    right = np.cross(ahead, up)
    forward, above = {
        Side.FRONT: (ahead, up),
        Side.BACK: (-ahead, up),
        Side.RIGHT: (-right, up),
        Side.LEFT: (right, up),
        Side.TOP: (-up, ahead),
        Side.BOTTOM: (up, ahead),
    }[side]
    down = -above
    axes = np.stack([np.cross(down, forward), down, forward], 1)
    position = np.array(rig.pivot) - rig.distance * forward
    return replace(rig, position=vector(position), orientation=quaternion(axes))


def matrix(q: Quat) -> np.ndarray:
    """Rotation matrix [3, 3] of a quaternion w x y z."""
    w, x, y, z = np.array(q) / np.linalg.norm(q)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def quaternion(R: np.ndarray) -> Quat:
    """Quaternion w x y z, w >= 0, of a rotation matrix [3, 3]; the largest component leads."""
    trace = np.trace(R)
    squares = np.array([trace, R[0, 0], R[1, 1], R[2, 2]]) * 2 - trace + 1  # 4 w², 4 x², ...
    k = int(np.argmax(squares))
    wx, wy, wz = R[2, 1] - R[1, 2], R[0, 2] - R[2, 0], R[1, 0] - R[0, 1]
    xy, xz, yz = R[0, 1] + R[1, 0], R[0, 2] + R[2, 0], R[1, 2] + R[2, 1]
    s = squares[k]
    rows = [(s, wx, wy, wz), (wx, s, xy, xz), (wy, xy, s, yz), (wz, xz, yz, s)]
    q = np.array(rows[k], dtype=float)
    q = q / np.linalg.norm(q)
    q = -q if q[0] < 0 else q
    return (float(q[0]), float(q[1]), float(q[2]), float(q[3]))


def facing_along(forward: np.ndarray, rig: Rig) -> Quat:
    """Orientation that looks along a unit world direction [3], upright where that has a meaning."""
    right = np.cross(forward, np.array(rig.up))
    if np.linalg.norm(right) < 1e-6:  # straight up or down: keep the present right
        right = rig.axes[:, 0] - forward * (forward @ rig.axes[:, 0])
    if np.linalg.norm(right) < 1e-6:
        right = rig.axes[:, 1]
    right = right / np.linalg.norm(right)
    return quaternion(np.stack([right, np.cross(forward, right), forward], axis=1))


def about(axis: np.ndarray, angle: float) -> np.ndarray:
    """Rotation matrix [3, 3] about an axis [3] by radians."""
    half = angle / 2
    x, y, z = axis / np.linalg.norm(axis) * math.sin(half)
    return matrix((math.cos(half), float(x), float(y), float(z)))


def vector(v: np.ndarray) -> Vec3:
    """Three numbers as a plain tuple."""
    return (float(v[0]), float(v[1]), float(v[2]))
