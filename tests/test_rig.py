"""Camera moves: what each keeps and what it changes."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import scenes
from viewer.core import rig as rigs
from viewer.core.rig import Rig

angles = st.floats(-3, 3)


@st.composite
def stands(draw):
    """Any rig that looks somewhere, upright, not straight up or down."""
    yaw, pitch = draw(st.floats(-3, 3)), draw(st.floats(-1.2, 1.2))
    direction = (
        math.cos(pitch) * math.sin(yaw), math.sin(pitch), math.cos(pitch) * math.cos(yaw),
    )  # fmt: skip
    return Rig(
        position=tuple(draw(st.floats(-10, 10)) for _ in range(3)),
        orientation=rigs.facing(direction, (0.0, -1.0, 0.0), 1.0).orientation,
        distance=draw(st.floats(0.1, 20)),
    )


@given(stands(), angles, angles)
def test_orbiting_keeps_pivot_and_distance(rig, yaw, pitch):
    turned = rigs.orbit(rig, yaw, pitch)
    np.testing.assert_allclose(turned.pivot, rig.pivot, atol=1e-6)
    assert turned.distance == rig.distance
    assert abs(turned.axes[:, 0] @ np.array(rig.up)) < 1e-6  # the horizon stays level


@given(stands(), angles, angles)
def test_looking_keeps_the_position(rig, yaw, pitch):
    assert rigs.look(rig, yaw, pitch).position == rig.position


@given(stands(), st.floats(-20, 20))
def test_dolly_keeps_the_pivot_and_undoes_itself(rig, notches):
    moved = rigs.dolly(rig, notches)
    np.testing.assert_allclose(moved.pivot, rig.pivot, atol=1e-6)
    np.testing.assert_allclose(rigs.dolly(moved, -notches).position, rig.position, atol=1e-5)


@given(stands(), st.floats(-300, 300), st.floats(-300, 300))
def test_panning_moves_the_pivot_by_the_pixels_dragged(rig, dx, dy):
    K = rig.camera(400, 300).K
    moved = rigs.pan(rig, dx, dy, 300)
    seen = moved.camera(400, 300).viewmat @ np.array([*rig.pivot, 1.0])
    place = (K @ seen[:3])[:2] / seen[2]
    np.testing.assert_allclose(place, [200 + dx, 150 + dy], atol=1e-5)


@given(stands())
def test_quaternions_and_matrices_are_the_same_rotation(rig):
    np.testing.assert_allclose(rigs.matrix(rigs.quaternion(rig.axes)), rig.axes, atol=1e-9)


def test_orbit_stops_short_of_the_poles():
    rig = rigs.orbit(Rig(), 0.0, 10.0)
    elevation = math.asin(float(rig.axes[:, 2] @ np.array(rig.up)))
    assert abs(elevation) == pytest.approx(rigs.MAX_ELEVATION, abs=1e-6)


@given(stands(), st.tuples(*[st.floats(-10, 10)] * 3))
def test_aiming_puts_the_point_in_the_middle(rig, point):
    if math.dist(rig.position, point) < 0.1:
        return
    aimed = rigs.aim(rig, point)
    assert aimed.position == rig.position
    np.testing.assert_allclose(aimed.pivot, point, atol=1e-5)


@pytest.mark.parametrize("aspect", [0.5, 1.0, 2.0])
def test_framing_shows_the_whole_sphere(aspect):
    rig = rigs.frame(Rig(), (1.0, 2.0, 3.0), 2.0, aspect)
    np.testing.assert_allclose(rig.pivot, (1.0, 2.0, 3.0), atol=1e-6)
    half = min(rig.fov_y / 2, math.atan(math.tan(rig.fov_y / 2) * aspect))
    assert rig.distance * math.sin(half) == pytest.approx(2.0)


def test_a_cameras_rig_gives_that_camera_again():
    camera = scenes.camera()
    again = rigs.from_camera(camera, 3.0, (0.0, -1.0, 0.0)).camera(160, 90)
    np.testing.assert_allclose(again.viewmat, camera.viewmat, atol=1e-6)
    np.testing.assert_allclose(again.K, camera.K, atol=1e-6)


@pytest.mark.parametrize("up", [(0.0, -1.0, 0.0), (0.0, 0.0, 1.0), (0.6, 0.8, 0.0)])
@pytest.mark.parametrize("side", rigs.Side)
def test_a_side_is_seen_straight_on_from_as_far_as_before(up, side):
    rig = rigs.facing((0.3, 0.2, 1.0), up, 0.9)
    rig = replace(rig, position=(1.0, 2.0, 3.0), distance=5.0)
    seen = rigs.from_side(rig, side)
    np.testing.assert_allclose(seen.pivot, rig.pivot, atol=1e-9)
    np.testing.assert_allclose(seen.axes.T @ seen.axes, np.eye(3), atol=1e-9)
    assert np.linalg.det(seen.axes) == pytest.approx(1)
    offset = np.array(seen.position) - np.array(rig.pivot)
    assert np.linalg.norm(offset) == pytest.approx(5.0)
    height = offset @ np.array(up) / 5.0
    want = {rigs.Side.TOP: 1.0, rigs.Side.BOTTOM: -1.0}.get(side, 0.0)
    assert height == pytest.approx(want, abs=1e-9)
    if want == 0:  # upright
        assert -seen.axes[:, 1] @ np.array(up) == pytest.approx(1)


def test_opposite_sides_are_opposite_and_right_is_on_the_right():
    rig = rigs.facing((0.0, 0.0, 1.0), (0.0, -1.0, 0.0), 0.9)
    front, right = (rigs.from_side(rig, s) for s in (rigs.Side.FRONT, rigs.Side.RIGHT))
    for one, two in (("FRONT", "BACK"), ("LEFT", "RIGHT"), ("TOP", "BOTTOM")):
        a, b = (rigs.from_side(rig, rigs.Side[name]).axes[:, 2] for name in (one, two))
        np.testing.assert_allclose(a, -b, atol=1e-9)
    # Who stands on the right of the view from the front looks to its left.
    np.testing.assert_allclose(right.axes[:, 2], -front.axes[:, 0], atol=1e-9)
