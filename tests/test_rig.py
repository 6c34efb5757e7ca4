"""Camera moves: what each keeps and what it changes."""

import math

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
