"""What a frame's input does to the State: each key; gestures.py has the hand. Pure; no window."""

from dataclasses import replace

from viewer.core import gestures, markers, moves, zoom
from viewer.core import playback as clock
from viewer.core import rig as rigs
from viewer.core import tour as tours
from viewer.core.navigation import Grip
from viewer.core.playback import Pacing, Playback
from viewer.core.report import Report
from viewer.core.rig import Side
from viewer.core.settings import next_mode
from viewer.core.state import (
    Actions,
    Inputs,
    Interface,
    State,
    go_to_camera,
    go_to_nearest,
    toggle_compare,
)

SIDES = {  # without Ctrl, and with it
    "keypad1": (Side.FRONT, Side.BACK),
    "keypad3": (Side.RIGHT, Side.LEFT),
    "keypad7": (Side.TOP, Side.BOTTOM),
}


def update(
    state: State, inputs: Inputs, report: Report, dt: float, unseen: bool = False
) -> tuple[State, Actions]:
    """The next state: keys, then gestures, then flight, then `dt` seconds of clock.

    unseen: the frame asked for last is still on its way. Where every frame is shown, the clock
    waits for it.
    """
    actions = Actions(pick=inputs.pointer if inputs.double_click else None)
    before = state.playback.time
    for key in inputs.pressed:
        state, asked = _press(state, key, inputs, report)
        actions = actions | asked
    state, asked = gestures.moved(state, inputs, report, dt)
    actions = actions | asked
    waits = unseen and state.playback.pacing is Pacing.EVERY
    tour, rig, p = tours.tick(state.tour, state.rig, state.playback, 0.0 if waits else dt)
    state = replace(state, tour=tour, rig=rig)
    if p.time != before and not p.held:
        part = zoom.following(state.interface.ruler, zoom.share(p, p.time))
        state = replace(state, interface=replace(state.interface, ruler=part))
    return replace(state, playback=p), actions


def _press(state: State, key: str, inputs: Inputs, report: Report) -> tuple[State, Actions]:
    shift, ctrl = "shift" in inputs.modifiers, "ctrl" in inputs.modifiers
    match key:
        case "o" if ctrl:
            return state, Actions(open_dialog=True)
        case "keypad1" | "keypad3" | "keypad7":
            rig = rigs.from_side(state.rig, SIDES[key][ctrl])
            return replace(state, rig=rig, camera_index=None), Actions()
        case "keypad5":
            return replace(state, rig=moves.toggle_orthographic(state.rig)), Actions()
        case "c" if ctrl:
            return state, Actions(copy_look=True)
        case "v" if ctrl:
            return state, Actions(paste_look=True)
        case "e" if ctrl:
            return state, Actions(export=True)
        case "m" if ctrl and shift:
            return replace(state, playback=markers.jump(state.playback, -1)), Actions()
        case "v":
            settings = next_mode(state.settings, -1 if shift else 1)
            return replace(state, settings=settings), Actions()
        case "z" if not ctrl:
            part = zoom.playing_part(state.playback) if shift else zoom.WHOLE
            return replace(state, interface=replace(state.interface, ruler=part)), Actions()
        case "insert" | "delete" | "b" if not ctrl:
            return _press_path(state, key, shift), Actions()
        case "f5":
            return state, Actions(reload=True)
        case "f12":
            return state, Actions(snapshot=True) if shift else Actions(screenshot=True)
        case "escape" if not (state.interface.help or state.interface.dialog):
            return state, Actions(dismiss_error=True, cancel_load=True)
    if ctrl:
        return state, Actions()
    state = replace(state, interface=_press_window(state.interface, key, shift))
    moved = _press_camera(state, key, inputs, report)
    return replace(moved, playback=_press_time(moved.playback, key, shift)), Actions()


def _press_path(state: State, key: str, shift: bool) -> State:
    tour, rig, p = state.tour, state.rig, state.playback
    match key:
        case "insert":
            return replace(state, tour=tours.add(tour, rig, p, behind=shift))
        case "delete":
            return replace(state, tour=tours.delete(tour, tour.chosen))
        case "b" if shift:
            tour, rig, p = tours.follow(tour, rig, p, not tour.follow)
            return replace(state, tour=tour, rig=rig, playback=p, grip=Grip())  # at rest
    return replace(state, tour=replace(tour, shown=not tour.shown))


def _press_window(interface: Interface, key: str, shift: bool) -> Interface:
    match key:
        case "f1":
            return replace(interface, help=not interface.help)
        case "slash" if shift:
            return replace(interface, help=not interface.help)
        case "tab":
            return replace(interface, visible=not interface.visible)
        case "g":
            return replace(interface, panel=not interface.panel)
        case "h":
            return replace(interface, statistics=not interface.statistics)
        case "c":
            return replace(interface, cameras=not interface.cameras)
        case "t":
            return replace(interface, entry="")
        case "f11":
            return replace(interface, fullscreen=not interface.fullscreen)
        case "escape" if interface.help:
            return replace(interface, help=False)
        case "escape":
            return replace(interface, dialog=None)
    return interface


def _press_camera(state: State, key: str, inputs: Inputs, report: Report) -> State:
    match key:
        case "f":
            aspect = inputs.size[0] / max(1, inputs.size[1])
            bounds = report.bounds
            framed = rigs.frame(state.rig, bounds.center, bounds.radius, aspect)
            return replace(state, rig=framed, camera_index=None)
        case "u" if "shift" in inputs.modifiers:
            ball = replace(state.navigation, ball=not state.navigation.ball)
            return replace(state, navigation=ball)
        case "u":
            return replace(state, rig=moves.level(state.rig))
        case "r":
            return replace(state, rig=report.home, camera_index=None)
        case "y":
            return toggle_compare(state, report)
        case "n":
            return go_to_nearest(state, report)
        case "pageup" | "pagedown":
            step = 1 if key == "pagedown" else -1
            here = state.camera_index
            return go_to_camera(state, report, 0 if here is None else here + step)
        case _ if len(key) == 1 and key in "123456789":
            known = int(key) <= len(report.cameras)
            return go_to_camera(state, report, int(key) - 1) if known else state
    return state


def _press_time(p: Playback, key: str, shift: bool) -> Playback:
    match key:
        case "space":
            return clock.toggle(p)
        case "j" | "l":
            return clock.shuttle(p, backwards=key == "j")
        case "k":
            return replace(p, playing=False)
        case "x":
            return clock.next_pacing(p)
        case "m":
            return markers.jump(p, 1) if shift else markers.toggle(p)
        case "left" | "comma":
            return clock.step_frames(p, -10 if shift else -1)
        case "right" | "period":
            return clock.step_frames(p, 10 if shift else 1)
        case "home":
            return clock.seek(p, p.first)
        case "end":
            return clock.seek(p, p.last)
        case "leftbracket":
            return clock.faster(p, -1)
        case "rightbracket":
            return clock.faster(p, 1)
        case "p":
            return clock.next_loop(p)
        case "i" | "o" if shift:
            return clock.clear_marks(p)
        case "i":
            return clock.mark(p, "in")
        case "o":
            return clock.mark(p, "out")
    return p
