"""The camera's part of the settings: lens, upright axis, dataset cameras, how the hand moves it."""

import math
from dataclasses import replace

from imgui_bundle import ImVec2, imgui

from viewer.core import moves
from viewer.core import rig as rigs
from viewer.core.navigation import Navigation
from viewer.core.report import Report
from viewer.core.rig import MAX_FOV, MIN_FOV, Rig, Side
from viewer.core.state import State, go_to_camera, toggle_compare
from viewer.ui import theme, widgets

CAMERA_ROWS = 8


def viewpoint(state: State, report: Report, s: float) -> State:
    """Draw it, and return the state as changed."""
    widgets.row("Field of view", widgets.LABEL * s)
    changed, degrees = imgui.slider_float(
        "##fov", math.degrees(state.rig.fov_y), math.degrees(MIN_FOV), math.degrees(MAX_FOV),
        "%.1f°", imgui.SliderFlags_.always_clamp.value,
    )  # fmt: skip
    if changed:
        state = replace(state, rig=replace(state.rig, fov_y=math.radians(degrees)))
    if imgui.checkbox("Orthographic", state.rig.orthographic)[0]:
        state = replace(state, rig=moves.toggle_orthographic(state.rig))
    imgui.set_item_tooltip("Without perspective: near and far things are of one size (keypad 5)")
    half = ImVec2((imgui.get_content_region_avail().x - 8 * s) / 2, 0)
    if imgui.button("First view", half):
        state = replace(state, rig=report.home, camera_index=None)
    imgui.set_item_tooltip("R")
    imgui.same_line(0, 8 * s)
    if imgui.button("Level", half):
        state = replace(state, rig=moves.level(state.rig))
    imgui.set_item_tooltip("Level the horizon (U)")
    state = _sides(state, s)
    state = replace(state, rig=_upright(state.rig, report, s))
    return _dataset(state, report, s) if report.cameras else state


def _upright(rig: Rig, report: Report, s: float) -> Rig:
    """The direction that stays up while one orbits."""
    named = {"as found": report.up, **moves.UP_AXES}
    now = next((name for name, up in named.items() if math.dist(up, rig.up) < 1e-3), "own")
    widgets.row("Upright", widgets.LABEL * s)
    if imgui.begin_combo("##up", now):
        for name, up in named.items():
            if imgui.selectable(name, name == now)[0]:
                rig = moves.with_up(rig, up)
        if imgui.selectable("top of this view", False)[0]:
            rig = replace(rig, up=rigs.vector(-rig.axes[:, 1]))
        imgui.end_combo()
    imgui.set_item_tooltip("The direction that stays up while you orbit")
    return rig


def navigation(hand: Navigation) -> Navigation:
    """How the hand moves the camera."""
    ball = imgui.checkbox("Turn as a ball", hand.ball)[1]
    imgui.set_item_tooltip("Over the poles too, with no upright axis (Shift+U)")
    pointer = imgui.checkbox("Wheel goes to the pointer", hand.to_pointer)[1]
    inertia = imgui.checkbox("Inertia", hand.inertia)[1]
    imgui.set_item_tooltip("A turn goes on for a moment after you let go")
    return Navigation(ball, pointer, inertia)


def _sides(state: State, s: float) -> State:
    widgets.row("View from", widgets.LABEL * s)
    if imgui.begin_combo("##side", "a side"):
        for side in Side:
            if imgui.selectable(side.value, False)[0]:
                rig = rigs.from_side(state.rig, side)
                state = replace(state, rig=rig, camera_index=None)
        imgui.end_combo()
    imgui.set_item_tooltip("keypad 1 3 7; with Ctrl the other side")
    return state


def _dataset(state: State, report: Report, s: float) -> State:
    widgets.dim(f"{len(report.cameras)} cameras of the dataset (PgUp, PgDn)")
    shown = imgui.checkbox("Show them in the scene", state.interface.cameras)[1]
    imgui.set_item_tooltip("Click on one to go there (C; N: the nearest)")
    state = replace(state, interface=replace(state.interface, cameras=shown))
    compared = imgui.checkbox("Compare with its images", state.compare.shown)[0]
    imgui.set_item_tooltip("The dataset's image over the picture, and its PSNR (Y)")
    if compared:
        state = toggle_compare(state, report)
    rows = min(len(report.cameras), CAMERA_ROWS)
    tall = rows * imgui.get_text_line_height_with_spacing() + 4 * s
    imgui.push_style_color(imgui.Col_.child_bg.value, theme.vec(theme.HOLLOW))
    imgui.begin_child("cameras", ImVec2(0, tall))
    clipper = imgui.ListClipper()
    clipper.begin(len(report.cameras))
    while clipper.step():
        for i in range(clipper.display_start, clipper.display_end):
            found = report.cameras[i]
            when = "" if found.time is None else f"  t {found.time:.3g}"
            label = f"{i + 1}  {found.name}{when}##{i}"
            if imgui.selectable(label, i == state.camera_index)[0]:
                state = go_to_camera(state, report, i)
    imgui.end_child()
    imgui.pop_style_color()
    return state
