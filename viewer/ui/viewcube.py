"""A cube that turns as the scene does: a click on a face looks at that side, a drag orbits."""

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from imgui_bundle import ImVec2, imgui

from viewer.core import moves
from viewer.core import rig as rigs
from viewer.core.rig import Rig, Side
from viewer.core.session import Session
from viewer.core.state import State
from viewer.ui import theme, widgets

SIZE = 92.0  # design pixels
HALF = 25.0  # half an edge of the cube
READABLE = 0.45  # of a face's normal towards the eye: less, and its name is left out
EDGE_ON = 0.06  # less, and a face is a sliver that a smoothed edge would make spikes of
STILL = 3.0  # pixels: a press that moved farther was a drag
FLAGS = widgets.FIXED | imgui.WindowFlags_.no_background.value


class Face(NamedTuple):
    """A side seen. corners: [4, 2] in half edges, right and down. facing: 0..1, 1 head on."""

    side: Side
    corners: np.ndarray
    facing: float


def faces(rig: Rig) -> list[Face]:
    """The sides of the cube that are seen."""
    up, ahead = np.array(rig.up), rigs.ahead_of(rig.up)
    right = np.cross(ahead, up)
    axes = rig.axes
    seen = []
    for side, normal, u in (
        (Side.FRONT, -ahead, right),
        (Side.BACK, ahead, right),
        (Side.RIGHT, right, up),
        (Side.LEFT, -right, up),
        (Side.TOP, up, ahead),
        (Side.BOTTOM, -up, ahead),
    ):
        facing = -float(normal @ axes[:, 2])
        if facing > EDGE_ON:
            v = np.cross(normal, u)
            corners = np.stack([normal + a * u + b * v for a, b in _SQUARE])
            seen.append(Face(side, corners @ axes[:, :2], facing))
    return seen


_SQUARE = ((-1, -1), (1, -1), (1, 1), (-1, 1))


def inside(corners: np.ndarray, x: float, y: float) -> bool:
    """Whether a place lies in a convex polygon [n, 2]."""
    edges = np.roll(corners, -1, 0) - corners
    offset = np.array([x, y]) - corners
    turns = edges[:, 0] * offset[:, 1] - edges[:, 1] * offset[:, 0]
    return bool((turns >= 0).all() or (turns <= 0).all())


def viewcube(state: State, session: Session, right: float) -> State:
    """Draw it in the top right corner, its right edge at `right` points."""
    s = session.scale
    side = SIZE * s
    imgui.set_next_window_pos(ImVec2(right - side, 12 * s))
    imgui.set_next_window_size(ImVec2(side, side))
    imgui.push_style_var(imgui.StyleVar_.window_padding.value, ImVec2(0, 0))
    imgui.push_style_var(imgui.StyleVar_.window_border_size.value, 0.0)
    imgui.begin("viewcube", None, FLAGS)
    imgui.pop_style_var(2)
    at = imgui.get_cursor_screen_pos()
    middle = (at.x + side / 2, at.y + side / 2)
    pressed = imgui.invisible_button("cube", ImVec2(side, side))
    io, seen = imgui.get_io(), faces(state.rig)
    x = (io.mouse_pos.x - middle[0]) / (HALF * s)
    y = (io.mouse_pos.y - middle[1]) / (HALF * s)
    under = next((face.side for face in seen if inside(face.corners, x, y)), None)
    hovered = imgui.is_item_hovered() or imgui.is_item_active()
    drag = imgui.get_mouse_drag_delta(imgui.MouseButton_.left.value, STILL * s)
    dragged = bool(drag.x or drag.y)
    if pressed and under is not None and not dragged:
        rig = rigs.from_side(state.rig, under)
        state = replace(state, rig=rig, camera_index=None)
    elif imgui.is_item_active() and dragged:
        yaw, pitch = (math.pi * d / side for d in (io.mouse_delta.x, -io.mouse_delta.y))
        turn = moves.tumble if state.navigation.ball else rigs.orbit
        state = replace(state, rig=turn(state.rig, yaw, pitch), camera_index=None)
    _draw(seen, middle, HALF * s, under if hovered and not dragged else None)
    imgui.end()
    return state


def _draw(seen: list[Face], middle: tuple[float, float], half: float, lit: Side | None) -> None:
    draw = imgui.get_window_draw_list()
    widgets.push_font_size(11.0)
    for face in seen:
        a, b, c, d = (ImVec2(middle[0] + half * x, middle[1] + half * y) for x, y in face.corners)
        shade = theme.mixed(theme.FIELD, theme.FIELD_ACTIVE, face.facing)
        color = theme.ACCENT if face.side is lit else shade
        draw.add_quad_filled(a, b, c, d, theme.u32(color, 0.92))
        draw.add_quad(a, b, c, d, theme.u32(theme.TEXT, 0.22))
        if face.facing > READABLE:
            name = face.side.value.capitalize()
            text, center = imgui.calc_text_size(name), face.corners.mean(0) * half
            place = ImVec2(middle[0] + center[0] - text.x / 2, middle[1] + center[1] - text.y / 2)
            draw.add_text(place, theme.u32(theme.TEXT, 0.35 + 0.6 * face.facing), name)
    imgui.pop_font()
