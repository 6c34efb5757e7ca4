"""The whole interface of one frame, between imgui.new_frame() and imgui.render()."""

from dataclasses import replace

from imgui_bundle import imgui

from viewer.core.report import Report
from viewer.core.session import Session
from viewer.core.state import Actions, FrameStats, State
from viewer.ui import dialog, overlays
from viewer.ui.cameras import cameras
from viewer.ui.comparebar import comparebar
from viewer.ui.hud import ROOM as HUD_ROOM
from viewer.ui.hud import hud
from viewer.ui.panel import panel, panel_width
from viewer.ui.pathlines import path_lines
from viewer.ui.pathtrack import height as path_height
from viewer.ui.pathtrack import path_track
from viewer.ui.timeline import height, timeline
from viewer.ui.viewcube import viewcube

MENU = 42.0  # design pixels that the menu button takes
CUBE_ROOM = (360.0, 200.0)  # design pixels: less, and there is no cube
LEAST = 40.0  # points: a window with a shorter side shows the picture alone


def interface(
    state: State, report: Report, stats: FrameStats, session: Session
) -> tuple[State, Actions]:
    """Draw every panel; the state as the user changed it, and what was asked for."""
    display = imgui.get_io().display_size
    if min(display.x, display.y) < LEAST:
        return replace(state, playback=replace(state.playback, held=False)), Actions()
    actions = Actions()
    room = display.y
    if state.interface.visible:
        below = path_height(state.tour, session)
        room -= height(session) + below
        if session.scene:
            state = timeline(state, report, session, below)
            if below:
                state = path_track(state, session)
            path_lines(state, session)
            if session.frusta is not None:
                state = cameras(state, report, session.frusta, session)
            beside = panel_width(state.interface.panel, session)
            if session.compared is not None:
                free = display.x - beside, room
                asked = comparebar(state.compare, session.compared, session, free)
                state = replace(state, compare=asked)
            if state.interface.statistics and display.x - beside > HUD_ROOM[0] * session.scale:
                hud(state.playback, report, stats, session, room)
            if state.interface.cube:
                state = _cube(state, session, room, beside)
            if not (state.interface.help or state.interface.dialog):
                state, actions = panel(state, report, session, room)
    else:
        state = replace(state, playback=replace(state.playback, held=False))
    state, asked = _over(state, session, room)
    return state, actions | asked


def _cube(state: State, session: Session, room: float, beside: float) -> State:
    """The view cube left of the settings, or of the button that shows them."""
    s, width = session.scale, imgui.get_io().display_size.x
    right = width - max(beside, MENU * s) - 12 * s
    fits = right > CUBE_ROOM[0] * s and room > CUBE_ROOM[1] * s
    return viewcube(state, session, right) if fits else state


def _over(state: State, session: Session, room: float) -> tuple[State, Actions]:
    """What comes and goes; hidden panels do not hide these."""
    actions, shown = Actions(), state.interface
    if not session.scene and session.problem is None:
        actions |= overlays.start_screen(session, room)
    elif session.scene and session.loading is not None:
        actions |= overlays.loading(session, room)
    elif session.exporting is not None:
        actions |= overlays.exporting(session.exporting, session, room)
    if session.notice:
        overlays.notice(session, room)
    if shown.help:
        shown = overlays.help_window(shown, session)
    if shown.dialog is not None:
        opened, asked = dialog.open_dialog(shown.dialog, session)
        shown, actions = replace(shown, dialog=opened), actions | asked
    if session.problem is not None:
        actions |= overlays.error(session.problem, session, room)
    return replace(state, interface=shown), actions
