"""The camera path as a line in the scene, its keys as small cameras. It knows no depth."""

import math

import numpy as np
from imgui_bundle import ImVec2, imgui

from viewer.core.camera import Camera
from viewer.core.path import Key
from viewer.core.rig import matrix
from viewer.core.session import Session
from viewer.core.state import State
from viewer.ui import theme

SIZE = 0.06  # of a small camera, in distances from the eye to the pivot
NEAREST = 1e-3  # of the same: what is nearer is cut off
MOST_CAMERAS = 64  # drawn of a path with more keys
ASPECT = 1.6  # of a small camera


def path_lines(state: State, session: Session) -> None:
    """Draw them behind all panels; nothing while one goes along the path oneself."""
    tour = state.tour
    if not tour.shown or tour.follow or not tour.path.keys:
        return
    camera, s = state.rig.camera(*session.size), session.scale
    dense = imgui.get_io().display_framebuffer_scale.x
    near = NEAREST * state.rig.distance
    draw = imgui.get_background_draw_list()
    line = tour.path.line()
    _polyline(draw, seen(camera, line[:-1], line[1:], near) / dense, theme.ACCENT, 2.0 * s)
    step = max(1, len(tour.path.keys) // MOST_CAMERAS)
    for i in range(0, len(tour.path.keys), step):
        color = theme.ACCENT if i == tour.chosen else theme.TEXT
        edges = frustum(tour.path.keys[i], SIZE * state.rig.distance)
        _polyline(draw, seen(camera, edges[:, 0], edges[:, 1], near) / dense, color, 1.2 * s)


def seen(camera: Camera, starts: np.ndarray, ends: np.ndarray, near: float) -> np.ndarray:
    """Framebuffer pixels [M, 2, 2] of the segments [N, 3] to [N, 3] of the world.

    What lies nearer than `near` is cut off each; segments that are cut off whole are left out.
    """
    R, t = camera.viewmat[:3, :3], camera.viewmat[:3, 3]
    a, b = starts @ R.T + t, ends @ R.T + t
    front = np.maximum(a[:, 2], b[:, 2]) > near
    a, b = a[front], b[front]
    a, b = _cut(a, b, near), _cut(b, a, near)
    pixels = np.stack([a, b], 1) @ camera.K.T
    return pixels[..., :2] / pixels[..., 2:]


def frustum(key: Key, size: float) -> np.ndarray:
    """Edges [8, 2, 3] of a small camera at a key, `size` deep, world space."""
    half = size * math.tan(min(key.fov_y, 2.0) / 2)
    x, y = half * ASPECT, half
    corners = np.array([[-x, -y, size], [x, -y, size], [x, y, size], [-x, y, size]])
    around = np.stack([corners, np.roll(corners, -1, 0)], 1)
    rays = np.stack([np.zeros_like(corners), corners], 1)
    edges = np.concatenate([around, rays])
    return edges @ matrix(key.orientation).T + np.array(key.position)


def _cut(moved: np.ndarray, kept: np.ndarray, near: float) -> np.ndarray:
    """Ends `moved` [N, 3] in camera space, brought along their segments to `near` where nearer."""
    behind = moved[:, 2] < near
    depth = np.where(behind, kept[:, 2] - moved[:, 2], 1.0)
    share = np.where(behind, (near - moved[:, 2]) / depth, 0.0)[:, None]
    return moved + share * (kept - moved)


def _polyline(
    draw: imgui.ImDrawList, segments: np.ndarray, color: theme.Tone, width: float
) -> None:
    packed = theme.u32(color, 0.85)
    for (ax, ay), (bx, by) in segments.tolist():
        draw.add_line(ImVec2(ax, ay), ImVec2(bx, by), packed, width)
