"""What the hand does to the camera: drags, the wheel, flight by held keys. Pure; no window."""

import math
from dataclasses import replace

from viewer.core import moves
from viewer.core import rig as rigs
from viewer.core.navigation import Grip, followed, slowed
from viewer.core.report import Report
from viewer.core.rig import Rig, Vec3
from viewer.core.state import Actions, Inputs, State

FLY_SPEED = 0.6  # pivot distances a second
FAST, SLOW = 5.0, 0.2
LOOK_SPEED = 2.0  # radians for a drag across the height of the window
MAX_FLY_STEP = 0.1  # seconds: after a hitch the camera does not leap
MIN_FLY_DISTANCE = 0.02  # of the scene's radius: flying never stalls beside a near pivot
SAME_PIXEL = 3.0  # a surface found this near the pointer is what the wheel still goes to


def moved(state: State, inputs: Inputs, report: Report, dt: float) -> tuple[State, Actions]:
    """The state after a frame of drags, wheel and flight; a surface may be asked for."""
    state, panning = _pan(state, inputs)
    state = _turn(state, inputs, dt)
    state, wheeling = _wheel(state, inputs)
    state = replace(state, rig=_fly(state.rig, inputs, report, dt))
    return state, panning | wheeling


def taken(state: State, at: tuple[float, float], point: Vec3 | None) -> State:
    """The surface at pixel `at` was found: what was asked for it there has hold of it now."""
    if state.grip.at != at:
        return state
    return replace(state, grip=replace(state.grip, point=point))


def _pan(state: State, inputs: Inputs) -> tuple[State, Actions]:
    """What was grabbed stays under the pointer; until it is known, the pivot's depth does."""
    with_left = "left" in inputs.buttons and "shift" in inputs.modifiers
    grip, rig = state.grip, state.rig
    if "middle" not in inputs.buttons and not with_left:
        return replace(state, grip=replace(grip, panning=False)), Actions()
    if not grip.panning:
        began = Grip(at=inputs.pointer, panning=True)
        return replace(state, rig=_panned(rig, inputs), grip=began), Actions(grab=inputs.pointer)
    if grip.point is not None and moves.pixel_of(rig, grip.point, inputs.size) is not None:
        return replace(state, rig=moves.drag_to(rig, grip.point, inputs.pointer, inputs.size)), (
            Actions()
        )
    return replace(state, rig=_panned(rig, inputs)), Actions()


def _panned(rig: Rig, inputs: Inputs) -> Rig:
    return rigs.pan(rig, *inputs.drag, inputs.size[1]) if any(inputs.drag) else rig


def _turn(state: State, inputs: Inputs, dt: float) -> State:
    """Orbit, look or roll; and with inertia, what is left of the last orbit."""
    (dx, dy), shift = inputs.drag, "shift" in inputs.modifiers
    turn, rig, grip = LOOK_SPEED / max(1, inputs.size[1]), state.rig, state.grip
    if "right" in inputs.buttons and (dx or dy):
        roll = moves.swept(inputs.pointer, inputs.drag, inputs.size)
        rig = rigs.roll(rig, -roll) if shift else rigs.look(rig, dx * turn, -dy * turn)
    orbits = "left" in inputs.buttons and not shift
    if orbits:
        yaw, pitch = 2 * dx * turn, -2 * dy * turn
        rig = _orbited(state, rig, yaw, pitch)
        spin = followed(grip.spin, (yaw, pitch), dt)
    elif inputs.buttons or inputs.pressed or not state.navigation.inertia:
        spin = (0.0, 0.0)
    else:
        spin = slowed(grip.spin, dt)
        rig = _orbited(state, rig, spin[0] * dt, spin[1] * dt)
    return replace(state, rig=rig, grip=replace(grip, spin=spin))


def _orbited(state: State, rig: Rig, yaw: float, pitch: float) -> Rig:
    if not (yaw or pitch):
        return rig
    return (moves.tumble if state.navigation.ball else rigs.orbit)(rig, yaw, pitch)


def _wheel(state: State, inputs: Inputs) -> tuple[State, Actions]:
    """Dolly; with Ctrl the lens, with Ctrl and Shift the lens while the subject keeps its size."""
    rig, notches = state.rig, inputs.wheel
    if not notches:
        return state, Actions()
    if "ctrl" in inputs.modifiers:
        fov = min(max(rig.fov_y * 0.95**notches, rigs.MIN_FOV), rigs.MAX_FOV)
        subject = "shift" in inputs.modifiers
        rig = moves.zoom_lens(rig, fov) if subject else replace(rig, fov_y=fov)
        return replace(state, rig=rig), Actions()
    if not state.navigation.to_pointer:
        return replace(state, rig=rigs.dolly(rig, notches)), Actions()
    point = state.grip.point
    seen = moves.pixel_of(rig, point, inputs.size) if point is not None else None
    if point is not None and seen is not None and math.dist(seen, inputs.pointer) < SAME_PIXEL:
        return replace(state, rig=moves.dolly_to(rig, point, notches)), Actions()
    there = moves.at_pixel(rig, inputs.pointer, inputs.size)
    grip = replace(state.grip, at=inputs.pointer, point=None)
    state = replace(state, rig=moves.dolly_to(rig, there, notches), grip=grip)
    return state, Actions(grab=inputs.pointer)


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
    return moves.fly(rig, (x * step, y * step, z * step))
