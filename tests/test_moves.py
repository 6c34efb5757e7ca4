"""Moves about a point under the pointer, a ball, a horizon: what stays where it is."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from viewer.core import moves
from viewer.core import rig as rigs
from viewer.core.rig import Rig

SIZE = (1600, 900)
RIG = rigs.orbit(Rig(position=(0.0, 0.0, -4.0), distance=4.0), 0.7, 0.3)
pixels = st.tuples(st.floats(0, 1600), st.floats(0, 900))


@given(pixels)
def test_a_pixel_and_the_point_under_it_are_each_others(pixel):
    point = moves.at_pixel(RIG, pixel, SIZE)
    np.testing.assert_allclose(moves.pixel_of(RIG, point, SIZE), pixel, atol=1e-6)
    depth = (np.array(point) - RIG.position) @ RIG.axes[:, 2]
    assert depth == pytest.approx(RIG.distance)
    camera = RIG.camera(*SIZE)
    seen = camera.K @ (camera.viewmat @ [*point, 1.0])[:3]
    np.testing.assert_allclose(seen[:2] / seen[2], pixel, atol=1e-6)


def test_what_is_behind_is_on_no_pixel_and_moves_nothing():
    behind = rigs.vector(np.array(RIG.position) - RIG.axes[:, 2])
    assert moves.pixel_of(RIG, behind, SIZE) is None
    assert moves.dolly_to(RIG, behind, 1.0) == RIG
    assert moves.drag_to(RIG, behind, (0.0, 0.0), SIZE) == RIG


@given(pixels, st.floats(0.1, 30), st.floats(-8, 8))
def test_the_wheel_keeps_the_point_it_goes_to_in_its_place(pixel, depth, notches):
    point = moves.at_pixel(replace(RIG, distance=depth), pixel, SIZE)
    near = moves.dolly_to(RIG, point, notches)
    np.testing.assert_allclose(moves.pixel_of(near, point, SIZE), pixel, atol=1e-5)
    assert near.distance == pytest.approx(depth * 0.9**notches)
    assert near.orientation == RIG.orientation


def test_in_the_middle_the_wheel_is_the_plain_dolly():
    there = moves.at_pixel(RIG, (800.0, 450.0), SIZE)
    plain, near = rigs.dolly(RIG, 3), moves.dolly_to(RIG, there, 3)
    np.testing.assert_allclose(near.position, plain.position, atol=1e-9)
    assert near.distance == pytest.approx(plain.distance)


@given(pixels, pixels, st.floats(0.1, 30))
def test_a_grabbed_point_follows_the_pointer(start, end, depth):
    point = moves.at_pixel(replace(RIG, distance=depth), start, SIZE)
    panned = moves.drag_to(RIG, point, end, SIZE)
    np.testing.assert_allclose(moves.pixel_of(panned, point, SIZE), end, atol=1e-5)
    assert (np.array(panned.position) - RIG.position) @ RIG.axes[:, 2] == pytest.approx(0, abs=1e-9)


@given(st.lists(st.tuples(st.floats(-3, 3), st.floats(-3, 3)), max_size=20))
def test_a_ball_turns_about_the_pivot_and_over_the_poles(turns):
    rig = RIG
    for yaw, pitch in turns:
        rig = moves.tumble(rig, yaw, pitch)
    np.testing.assert_allclose(rig.pivot, RIG.pivot, atol=1e-6)
    np.testing.assert_allclose(rig.axes.T @ rig.axes, np.eye(3), atol=1e-9)


def test_a_ball_goes_on_where_an_orbit_stops():
    over = moves.tumble(RIG, 0.0, math.radians(150))
    stopped = rigs.orbit(RIG, 0.0, math.radians(150))
    assert over.axes[:, 1] @ np.array(RIG.up) > 0  # upside down
    assert stopped.axes[:, 1] @ np.array(RIG.up) < 0


def test_the_ball_and_the_orbit_begin_the_same_way():
    ball, orbit = moves.tumble(RIG, 1e-4, 1e-4), rigs.orbit(RIG, 1e-4, 1e-4)
    way = (np.array(ball.position) - RIG.position) @ (np.array(orbit.position) - RIG.position)
    assert way > 0


def test_level_undoes_a_roll_and_keeps_the_direction():
    level = moves.level(rigs.roll(RIG, 0.8))
    np.testing.assert_allclose(level.axes, RIG.axes, atol=1e-9)
    assert level.position == RIG.position


@pytest.mark.parametrize("name", moves.UP_AXES)
def test_another_axis_stays_up(name):
    rig = moves.with_up(RIG, moves.UP_AXES[name])
    assert rig.axes[:, 0] @ np.array(rig.up) == pytest.approx(0, abs=1e-9)
    assert rig.axes[:, 1] @ np.array(rig.up) < 0
    np.testing.assert_allclose(rig.axes[:, 2], RIG.axes[:, 2], atol=1e-9)


def test_the_lens_changes_and_the_subject_keeps_its_size():
    side = rigs.vector(np.array(RIG.pivot) + RIG.axes[:, 0])
    before = moves.pixel_of(RIG, side, SIZE)
    for degrees in (10, 120, 500):
        wide = moves.zoom_lens(RIG, math.radians(degrees))
        np.testing.assert_allclose(moves.pixel_of(wide, side, SIZE), before, atol=1e-6)
        np.testing.assert_allclose(wide.pivot, RIG.pivot, atol=1e-9)
    assert wide.fov_y == rigs.MAX_FOV


def test_a_drag_round_the_middle_sweeps_an_angle():
    assert moves.swept((800.0, 550.0), (-100.0, 100.0), SIZE) == pytest.approx(math.pi / 2)
    assert moves.swept((700.0, 449.0), (0.0, -2.0), SIZE) == pytest.approx(0.02, abs=1e-4)
