"""The hand: what it grabs stays in it, where the wheel goes, and what goes on by itself."""

import math
from dataclasses import replace

import numpy as np
import pytest

from tests.test_state import SIZE, drag, press, report, start
from viewer.core import gestures, moves
from viewer.core import rig as rigs
from viewer.core.controls import update
from viewer.core.navigation import Grip, Navigation
from viewer.core.rig import Rig
from viewer.core.state import Actions, Inputs, State

POINT = (0.3, 0.2, 1.0)


def gesture(state: State, dt: float = 0.0, **inputs) -> tuple[State, Actions]:
    """One frame of something done on the scene."""
    return update(state, Inputs(SIZE, **inputs), report(), dt)


def rolled(rig: Rig) -> float:
    """How far the horizon leans, radians."""
    return math.asin(float(rig.axes[:, 0] @ np.array(rig.up)))


def test_a_pan_asks_what_it_grabs_and_then_keeps_it_under_the_pointer():
    held, seen = frozenset({"middle"}), moves.pixel_of(start().rig, POINT, SIZE)
    state, asked = gesture(start(), pointer=seen, buttons=held)
    assert asked == Actions(grab=seen)
    state, asked = gesture(state, pointer=(seen[0] + 4, seen[1]), drag=(4.0, 0.0), buttons=held)
    assert asked == Actions()
    state = gestures.taken(state, seen, POINT)
    state, _ = gesture(state, pointer=(90.0, 50.0), buttons=held)
    np.testing.assert_allclose(moves.pixel_of(state.rig, POINT, SIZE), (90, 50), atol=1e-9)
    state, _ = gesture(state)
    assert not state.grip.panning
    assert gesture(state, pointer=(5.0, 5.0), buttons=held)[1] == Actions(grab=(5.0, 5.0))


def test_a_surface_found_for_another_pixel_is_not_taken():
    state, _ = gesture(start(), pointer=(30.0, 20.0), buttons=frozenset({"middle"}))
    assert gestures.taken(state, (31.0, 20.0), POINT) == state


def test_the_wheel_goes_to_the_surface_under_the_pointer_once_it_is_known():
    seen = moves.pixel_of(start().rig, POINT, SIZE)
    state, asked = gesture(start(), pointer=seen, wheel=1.0)
    assert asked == Actions(grab=seen)
    np.testing.assert_allclose(
        moves.pixel_of(state.rig, moves.at_pixel(start().rig, seen, SIZE), SIZE), seen, atol=1e-9
    )
    on_it = moves.pixel_of(state.rig, POINT, SIZE)
    state = replace(state, grip=Grip(at=on_it))
    state = gestures.taken(state, on_it, POINT)
    before = math.dist(state.rig.position, POINT)
    state, asked = gesture(state, pointer=on_it, wheel=1.0)
    assert asked == Actions()
    assert math.dist(state.rig.position, POINT) == pytest.approx(0.9 * before)
    np.testing.assert_allclose(moves.pixel_of(state.rig, POINT, SIZE), on_it, atol=1e-9)
    assert gesture(state, pointer=(0.0, 0.0), wheel=1.0)[1] == Actions(grab=(0.0, 0.0))


def test_the_wheel_goes_straight_ahead_where_wanted():
    straight = replace(start(), navigation=Navigation(to_pointer=False))
    state, asked = gesture(straight, pointer=(10.0, 10.0), wheel=2.0)
    assert (state.rig, asked) == (rigs.dolly(start().rig, 2.0), Actions())


def test_wheel_with_ctrl_and_shift_keeps_the_size_of_the_subject():
    state, _ = gesture(start(), wheel=1.0, modifiers=frozenset({"ctrl", "shift"}))
    assert state.rig == moves.zoom_lens(start().rig, start().rig.fov_y * 0.95)


def test_shift_and_right_drag_roll_the_scene_with_the_hand():
    above, held = (0.0, -1.0, 0.0), frozenset({"right"})
    inputs = {"pointer": (90.0, 20.0), "drag": (10.0, 0.0), "buttons": held}
    state, _ = gesture(start(), modifiers=frozenset({"shift"}), **inputs)
    x, _ = moves.pixel_of(state.rig, above, SIZE)
    assert x > SIZE[0] / 2  # over the middle the hand went right, and so did the scene
    assert abs(rolled(state.rig)) > 0.1
    assert rolled(press(state, "u").rig) == pytest.approx(0, abs=1e-9)


def test_u_with_shift_turns_as_a_ball_and_back():
    ball = press(start(), "u", modifiers=("shift",))
    state = drag(ball, "left", (0.0, -200.0))
    assert state.rig == moves.tumble(start().rig, 0.0, 2 * 200 * 2.0 / SIZE[1])
    assert press(ball, "u", modifiers=("shift",)) == start()


def test_with_inertia_a_turn_goes_on_and_comes_to_rest():
    state = replace(start(), navigation=Navigation(inertia=True))
    for _ in range(10):
        state, _ = gesture(state, 0.02, drag=(3.0, 0.0), buttons=frozenset({"left"}))
    let_go = state.rig
    state, _ = gesture(state, 0.02)
    assert state.rig != let_go
    np.testing.assert_allclose(state.rig.pivot, let_go.pivot, atol=1e-9)
    stopped, _ = gesture(state, 0.02, buttons=frozenset({"right"}))
    assert stopped.grip.spin == (0.0, 0.0)
    for _ in range(200):
        state, _ = gesture(state, 0.02)
    assert state.grip.spin == (0.0, 0.0)
    assert gesture(state, 0.02)[0] == state


def test_a_hand_that_rests_before_it_lets_go_leaves_no_spin():
    state = replace(start(), navigation=Navigation(inertia=True))
    held = frozenset({"left"})
    state, _ = gesture(state, 0.02, drag=(30.0, 0.0), buttons=held)
    for _ in range(40):
        state, _ = gesture(state, 0.02, buttons=held)
    assert gesture(state, 0.02)[0].rig == state.rig


def test_without_inertia_nothing_goes_on():
    state, _ = gesture(start(), 0.02, drag=(30.0, 0.0), buttons=frozenset({"left"}))
    assert gesture(state, 0.02)[0].rig == state.rig
