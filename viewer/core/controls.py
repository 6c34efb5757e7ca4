"""What input does to the State: keys, gestures, flight, and the clock. Pure; no window."""

import math
from dataclasses import replace

from viewer.core import markers, zoom
from viewer.core import playback as clock
from viewer.core import rig as rigs
from viewer.core.playback import Pacing, Playback
from viewer.core.report import Report
from viewer.core.rig import Rig, Side
from viewer.core.state import Actions, Inputs, Interface, State, go_to_camera

FLY_SPEED = 0.6  # pivot distances a second
FAST, SLOW = 5.0, 0.2
LOOK_SPEED = 2.0  # radians for a drag across the height of the window
MAX_FLY_STEP = 0.1  # seconds: after a hitch the camera does not leap
SIDES = {  # without Ctrl, and with it
    "keypad1": (Side.FRONT, Side.BACK),
    "keypad3": (Side.RIGHT, Side.LEFT),
    "keypad7": (Side.TOP, Side.BOTTOM),
}
MIN_FLY_DISTANCE = 0.02  # of the scene's radius: flying never stalls beside a near pivot


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
    state = replace(state, rig=_fly(_drag(state.rig, inputs), inputs, report, dt))
    waits = unseen and state.playback.pacing is Pacing.EVERY
    p = clock.tick(state.playback, 0.0 if waits else dt)
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
        case "c" if ctrl:
            return state, Actions(copy_look=True)
        case "v" if ctrl:
            return state, Actions(paste_look=True)
        case "m" if ctrl and shift:
            return replace(state, playback=markers.jump(state.playback, -1)), Actions()
        case "z" if not ctrl:
            part = zoom.playing_part(state.playback) if shift else zoom.WHOLE
            return replace(state, interface=replace(state.interface, ruler=part)), Actions()
        case "f5":
            return state, Actions(reload=True)
        case "f12":
            return state, Actions(screenshot=True)
        case "escape" if not (state.interface.help or state.interface.dialog):
            return state, Actions(dismiss_error=True, cancel_load=True)
    if ctrl:
        return state, Actions()
    state = replace(state, interface=_press_window(state.interface, key, shift))
    moved = _press_camera(state, key, inputs, report)
    return replace(moved, playback=_press_time(moved.playback, key, shift)), Actions()


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
        case "r":
            return replace(state, rig=report.home, camera_index=None)
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


def _drag(rig: Rig, inputs: Inputs) -> Rig:
    (dx, dy), height = inputs.drag, max(1, inputs.size[1])
    turn = LOOK_SPEED / height
    if dx or dy:
        if "middle" in inputs.buttons or ("left" in inputs.buttons and "shift" in inputs.modifiers):
            rig = rigs.pan(rig, dx, dy, height)
        elif "left" in inputs.buttons:
            rig = rigs.orbit(rig, 2 * dx * turn, -2 * dy * turn)
        elif "right" in inputs.buttons:
            rig = rigs.look(rig, dx * turn, -dy * turn)
    if inputs.wheel:
        if "ctrl" in inputs.modifiers:
            fov = min(max(rig.fov_y * 0.95**inputs.wheel, rigs.MIN_FOV), rigs.MAX_FOV)
            return replace(rig, fov_y=fov)
        rig = rigs.dolly(rig, inputs.wheel)
    return rig


def _fly(rig: Rig, inputs: Inputs, report: Report, dt: float) -> Rig:
    if "ctrl" in inputs.modifiers:
        return rig
    keys = inputs.held
    direction = (
        ("d" in keys) - ("a" in keys),
        ("q" in keys) - ("e" in keys),
        ("w" in keys) - ("s" in keys),
    )
    if direction == (0, 0, 0):
        return rig
    dt = min(dt, MAX_FLY_STEP)
    factor = (FAST if "shift" in inputs.modifiers else 1.0) * (
        SLOW if "alt" in inputs.modifiers else 1.0
    )
    reach = max(rig.distance, MIN_FLY_DISTANCE * report.bounds.radius)
    step = FLY_SPEED * factor * reach * dt / math.sqrt(sum(d * d for d in direction))
    x, y, z = direction
    return rigs.fly(rig, (x * step, y * step, z * step))
