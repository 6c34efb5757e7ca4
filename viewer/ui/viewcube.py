"""A cube that turns as the scene does: a click on a face looks at that side, a drag orbits.

The name under it says whether there is perspective; a click on it changes that.
"""

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
LENS = 22.0  # design pixels: height of what stands under the cube
HALF = 25.0  # half an edge of the cube
READABLE = 0.45  # of a face's normal towards the eye: less, and its name is left out
EDGE_ON = 0.06  # less, and a face is a sliver that a smoothed edge would make spikes of
STILL = 3.0  # pixels: a press that moved farther was a drag
FLAGS = widgets.FIXED | imgui.WindowFlags_.no_background.value


Corner = tuple[float, float]  # half edges, right and down


class Face(NamedTuple):
    """A side seen. facing: 0..1, 1 head on."""

    side: Side
    corners: tuple[Corner, ...]
    facing: float


# Each pair of sides lies along one axis, the first at its positive end.
PAIRS = ((Side.RIGHT, Side.LEFT), (Side.TOP, Side.BOTTOM), (Side.FRONT, Side.BACK))
SQUARE = ((-1, -1), (1, -1), (1, 1), (-1, 1))


def faces(rig: Rig) -> list[Face]:
    """The sides of the cube that are seen."""
    up, ahead = np.array(rig.up), rigs.ahead_of(rig.up)
    axes = (np.stack([np.cross(ahead, up), up, -ahead]) @ rig.axes).tolist()
    seen = []
    for i, pair in enumerate(PAIRS):
        (x, y, away), (ux, uy, _), (vx, vy, _) = axes[i], axes[i - 1], axes[i - 2]
        end = -1 if away > 0 else 1
        if abs(away) > EDGE_ON:
            corners = tuple(
                (end * x + a * ux + b * vx, end * y + a * uy + b * vy) for a, b in SQUARE
            )
            seen.append(Face(pair[away > 0], corners, abs(away)))
    return seen


def inside(corners: tuple[Corner, ...], x: float, y: float) -> bool:
    """Whether a place lies in a convex polygon."""
    ends = (*corners[1:], corners[0])
    turns = [
        (bx - ax) * (y - ay) - (by - ay) * (x - ax)
        for (ax, ay), (bx, by) in zip(corners, ends, strict=True)
    ]
    return min(turns) >= 0 or max(turns) <= 0


def viewcube(state: State, session: Session, right: float) -> State:
    """Draw it in the top right corner, its right edge at `right` points."""
    s = session.scale
    side = SIZE * s
    imgui.set_next_window_pos(ImVec2(right - side, 12 * s))
    imgui.set_next_window_size(ImVec2(side, side + LENS * s))
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
    state = replace(state, rig=_lens(state.rig, side, LENS * s))
    imgui.end()
    return state


def _lens(rig: Rig, width: float, height: float) -> Rig:
    """What kind of view it is, in the middle below the cube."""
    widgets.push_font_size(12.0)
    name = "Orthographic" if rig.orthographic else "Perspective"
    imgui.set_cursor_pos(ImVec2(0, width))
    at = imgui.get_cursor_screen_pos()
    if imgui.invisible_button("lens", ImVec2(width, height)):
        rig = moves.toggle_orthographic(rig)
    lit = imgui.is_item_hovered()
    text = imgui.calc_text_size(name)
    middle = ImVec2(at.x + (width - text.x) / 2, at.y + (height - text.y) / 2)
    draw = imgui.get_window_draw_list()
    low, high = imgui.get_item_rect_min(), imgui.get_item_rect_max()
    tone, alpha = (theme.FIELD_HOVERED, 0.92) if lit else (theme.FIELD, 0.85)
    draw.add_rect_filled(low, high, theme.u32(tone, alpha), imgui.get_style().frame_rounding)
    draw.add_text(middle, theme.u32(theme.TEXT, 0.95 if lit else 0.8), name)
    imgui.pop_font()
    imgui.set_item_tooltip("With perspective or without (keypad 5)")
    return rig


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
            text = imgui.calc_text_size(name)
            x, y = (sum(place) / 4 * half for place in zip(*face.corners, strict=True))
            place = ImVec2(middle[0] + x - text.x / 2, middle[1] + y - text.y / 2)
            draw.add_text(place, theme.u32(theme.TEXT, 0.35 + 0.6 * face.facing), name)
    imgui.pop_font()
