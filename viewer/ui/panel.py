"""The settings on the right: how it is drawn, from where, what was loaded, and the window's own."""

from dataclasses import replace
from pathlib import Path

from imgui_bundle import ImVec2, imgui

from viewer.core.report import Report
from viewer.core.session import Session
from viewer.core.state import SCALES, Actions, Interface, State, Theme, reset
from viewer.ui import overlays, picture, theme, widgets
from viewer.ui.exportpanel import cut_section, export_section
from viewer.ui.viewpoint import navigation, viewpoint

WIDTH = 308.0  # design pixels
ROOM = (330.0, 120.0)  # a smaller window shows none
CAPS = (0, 24, 30, 60, 120, 144, 240)
FLAGS = widgets.FIXED & ~(
    imgui.WindowFlags_.no_scrollbar.value | imgui.WindowFlags_.no_scroll_with_mouse.value
)
OPEN = imgui.TreeNodeFlags_.default_open.value


def panel(state: State, report: Report, session: Session, room: float) -> tuple[State, Actions]:
    """Draw it down the right side; room: points down to the timeline."""
    s, display = session.scale, imgui.get_io().display_size
    if display.x < ROOM[0] * s or room < ROOM[1] * s:
        return state, Actions()
    if not state.interface.panel:
        return _menu_button(state, s), Actions()
    margin = 12 * s
    imgui.set_next_window_pos(ImVec2(display.x - margin - WIDTH * s, margin))
    least, most = ImVec2(WIDTH * s, 0), ImVec2(WIDTH * s, room - 2 * margin)
    imgui.set_next_window_size_constraints(least, most)
    imgui.begin("settings", None, FLAGS | imgui.WindowFlags_.always_auto_resize.value)
    state, actions = _head(state, report, s)
    state, asked = _sections(state, report, session)
    imgui.end()
    return state, actions | asked


def panel_width(shown: bool, session: Session) -> float:
    """Points that it takes from the width of the window."""
    fits = imgui.get_io().display_size.x >= ROOM[0] * session.scale
    return (WIDTH + 12) * session.scale if shown and fits else 0.0


def _sections(state: State, report: Report, session: Session) -> tuple[State, Actions]:
    s, actions = session.scale, Actions()
    if widgets.section("Picture", OPEN):
        state = replace(state, settings=picture.picture(state.settings, report, session))
    if widgets.section("Camera", OPEN):
        state = viewpoint(state, report, s)
    if widgets.section("Navigation"):
        state = replace(state, navigation=navigation(state.navigation))
    if session.scene and widgets.section("Camera path"):
        state, asked = export_section(state, session)
        actions |= asked
    if session.scene and widgets.section("Gaussians as files"):
        state, asked = cut_section(state, session)
        actions |= asked
    told = report.warnings or any(setting.origin == "given" for setting in report.settings)
    if session.scene and widgets.section("Scene", OPEN if told else 0):
        actions |= _scene(report, s)
    if widgets.section("Window"):
        state = replace(state, interface=_window(state.interface, s))
        if imgui.button("Reset all settings", ImVec2(-1, 0)):
            state = reset(state)
        imgui.set_item_tooltip("As at first; the scene, your place in it and its time stay")
        if imgui.button("Save picture (F12)", ImVec2(-1, 0)):
            actions |= Actions(screenshot=True)
        imgui.set_item_tooltip("Shift+F12: with the interface")
    if session.recents and widgets.section("Recent"):
        actions |= overlays.recent_list(session, len(session.recents))
    return state, actions


def _menu_button(state: State, s: float) -> State:
    display, side = imgui.get_io().display_size, 30 * s
    imgui.set_next_window_pos(ImVec2(display.x - side - 12 * s, 12 * s))
    imgui.set_next_window_size(ImVec2(side, side))
    imgui.push_style_var(imgui.StyleVar_.window_padding.value, ImVec2(0, 0))
    imgui.begin("menu", None, widgets.FIXED)
    imgui.pop_style_var()
    pressed = widgets.icon_button("menu", "menu", ImVec2(side, side), "Settings (G)")
    imgui.end()
    return replace(state, interface=replace(state.interface, panel=True)) if pressed else state


def _head(state: State, report: Report, s: float) -> tuple[State, Actions]:
    interface, side = state.interface, 26 * s
    imgui.align_text_to_frame_padding()
    room = imgui.get_content_region_avail().x - side - 8 * s
    imgui.text_unformatted(widgets.short(Path(report.path).name or "view4d", room))
    if report.path:
        imgui.set_item_tooltip(report.path)
    imgui.same_line(imgui.get_window_size().x - imgui.get_style().window_padding.x - side)
    if widgets.icon_button("hide", "menu", ImVec2(side, side), "Hide the settings (G)"):
        interface = replace(interface, panel=False)
    half = ImVec2((imgui.get_content_region_avail().x - 8 * s) / 2, 0)
    opening = imgui.button("Open…", half)
    imgui.set_item_tooltip("Ctrl+O, or drop a file or folder on the window")
    imgui.same_line(0, 8 * s)
    if imgui.button("Keys", half):
        interface = replace(interface, help=True)
    imgui.set_item_tooltip("F1")
    imgui.dummy(ImVec2(0, 0))
    return replace(state, interface=interface), Actions(open_dialog=opening)


def _scene(report: Report, s: float) -> Actions:
    for warning in report.warnings:
        widgets.colored(theme.WARNING, warning)
    facts = [
        ("Format", report.format),
        ("Gaussians", f"{report.count:,}"),
        ("Memory", f"{report.memory / 2**20:.1f} MiB"),
    ]
    if report.moves:
        start, end = report.time_range
        facts.append(("Time", f"{start:g} to {end:g}, {report.fps:g} frames/s"))
    if report.frame_times is not None:
        facts.append(("Instants", f"{len(report.frame_times)} stored"))
    for name, value in facts:
        _fact(name, value, s)
    widgets.dim("Recognised by")
    for line in report.evidence:
        widgets.wrapped(line)
    return _options(report)


def _options(report: Report) -> Actions:
    """A field for each option of the format: Enter loads the scene again with what it says."""
    actions = Actions()
    if report.settings:
        widgets.dim("Options, as --option NAME=VALUE")
    for setting in report.settings:
        widgets.wrapped(f"{setting.name}  ({setting.origin})")
        imgui.set_item_tooltip(f"{setting.help}. Enter loads the scene again")
        imgui.set_next_item_width(-1)
        flags = imgui.InputTextFlags_.enter_returns_true.value
        entered, text = imgui.input_text(f"##option {setting.name}", setting.value, flags)
        if entered and text.strip() != setting.value:
            actions |= Actions(option=(setting.name, text.strip()))
    return actions


def _fact(name: str, value: str, s: float) -> None:
    widgets.dim(name)
    imgui.same_line(widgets.LABEL * s)
    if imgui.get_cursor_pos_x() > widgets.LABEL * s + imgui.get_style().item_spacing.x:
        imgui.new_line()  # the name is longer than its column
    widgets.wrapped(value)


def _window(interface: Interface, s: float) -> Interface:
    interface = replace(interface, vsync=imgui.checkbox("Vertical sync", interface.vsync)[1])
    full = imgui.checkbox("Full screen (F11)", interface.fullscreen)[1]
    shown = imgui.checkbox("Statistics (H)", interface.statistics)[1]
    cube = imgui.checkbox("View cube", interface.cube)[1]
    watch = imgui.checkbox("Follow training", interface.watch)[1]
    imgui.set_item_tooltip("Load again when something newer is there; view and time stay")
    interface = replace(
        interface, theme=_theme(interface.theme, s), scale=_scale(interface.scale, s)
    )
    widgets.row("Frame limit", widgets.LABEL * s)
    if imgui.begin_combo("##cap", _cap_name(interface.fps_cap)):
        for cap in CAPS:
            if imgui.selectable(_cap_name(cap), cap == interface.fps_cap)[0]:
                interface = replace(interface, fps_cap=cap)
        imgui.end_combo()
    return replace(interface, fullscreen=full, statistics=shown, cube=cube, watch=watch)


def _theme(now: Theme, s: float) -> Theme:
    widgets.row("Colours", widgets.LABEL * s)
    names = [theme.value for theme in Theme]
    changed, index = imgui.combo("##theme", names.index(now.value), names)
    return Theme(names[index]) if changed else now


def _scale(now: float, s: float) -> float:
    widgets.row("Size", widgets.LABEL * s)
    if imgui.begin_combo("##size", f"{now:.0%}"):
        for scale in SCALES:
            if imgui.selectable(f"{scale:.0%}", scale == now)[0]:
                now = scale
        imgui.end_combo()
    return now


def _cap_name(cap: int) -> str:
    return f"{cap} fps" if cap else "none"
