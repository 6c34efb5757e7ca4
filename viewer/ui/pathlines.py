"""The camera path as a line in the scene, its keys as small cameras. It knows no depth."""

import math
from collections.abc import Sequence

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
MOST_CAMERAS = 40  # drawn of a path with more keys
ASPECT = 1.6  # of a small camera
WIDEST = 2.0  # radians that it opens
CORNERS = np.array([(0, 0, 0), (-1, -1, 1), (1, -1, 1), (1, 1, 1), (-1, 1, 1)])
EDGES = ((0, 1), (0, 2), (0, 3), (0, 4), (1, 2), (2, 3), (3, 4), (4, 1))


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
    _segments(draw, seen(camera, line[:-1], line[1:], near) / dense, theme.ACCENT, 2.0 * s)
    keys = tour.path.keys
    shown = keys[:: max(1, math.ceil(len(keys) / MOST_CAMERAS))]
    chosen = keys[tour.chosen : tour.chosen + 1] if tour.chosen is not None else ()
    size, eye = SIZE * state.rig.distance, state.rig.position
    for some, color in ((shown, theme.TEXT), (chosen, theme.ACCENT)):
        # The one that the eye is in would frame the whole picture.
        edges = frusta([key for key in some if math.dist(key.position, eye) > size], size)
        _segments(draw, seen(camera, edges[:, 0], edges[:, 1], near) / dense, color, 1.2 * s)


def seen(camera: Camera, starts: np.ndarray, ends: np.ndarray, near: float) -> np.ndarray:
    """Framebuffer pixels [M, 2, 2] of the segments [N, 3] to [N, 3] of the world.

    What lies nearer than `near` is cut off each; segments that are cut off whole are left out.
    """
    R, t = camera.viewmat[:3, :3], camera.viewmat[:3, 3]
    a, b = starts @ R.T + t, ends @ R.T + t
    front = np.maximum(a[:, 2], b[:, 2]) > near
    a, b = a[front], b[front]
    a, b = _cut(a, b, near), _cut(b, a, near)
    return camera.pixels_of(np.stack([a, b], 1))


def frusta(keys: Sequence[Key], size: float) -> np.ndarray:
    """Edges [8 K, 2, 3] of a small camera at each key, `size` deep, world space."""
    if not keys:
        return np.empty((0, 2, 3))
    half = np.array([math.tan(min(key.fov_y, WIDEST) / 2) for key in keys])
    scale = np.stack([half * ASPECT, half, np.ones_like(half)], 1)[:, None] * size
    axes = np.stack([matrix(key.orientation).T for key in keys])
    corners = CORNERS * scale @ axes + np.array([[key.position] for key in keys])
    return corners[:, EDGES].reshape(-1, 2, 3)


def _cut(moved: np.ndarray, kept: np.ndarray, near: float) -> np.ndarray:
    """Ends `moved` [N, 3] in camera space, brought along their segments to `near` where nearer."""
    behind = moved[:, 2] < near
    depth = np.where(behind, kept[:, 2] - moved[:, 2], 1.0)
    share = np.where(behind, (near - moved[:, 2]) / depth, 0.0)[:, None]
    return moved + share * (kept - moved)


def _segments(
    draw: imgui.ImDrawList, segments: np.ndarray, color: theme.Tone, width: float
) -> None:
    packed = theme.u32(color, 0.85)
    for (ax, ay), (bx, by) in segments.tolist():
        draw.add_line(ImVec2(ax, ay), ImVec2(bx, by), packed, width)
