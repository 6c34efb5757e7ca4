"""Camera paths: the curve through keys, and the presets."""

import math
from dataclasses import replace

import numpy as np
import pytest

from viewer.core import path_presets as presets
from viewer.core import playback as clock
from viewer.core import rig as rigs
from viewer.core.path import CameraPath, Key, stretched, through
from viewer.core.playback import Playback
from viewer.core.rig import Rig

IDENTITY = (1.0, 0.0, 0.0, 0.0)
PLAYBACK = Playback(time=2.0, start=2.0, end=11.0, step=1.0, fps=5.0)  # ten frames, two seconds
RIG = Rig(position=(0.0, -1.0, -5.0), distance=5.0)


def key(seconds, x=0.0, orientation=IDENTITY, fov=1.0, time=0.0) -> Key:
    return Key(seconds, (x, 0.0, 0.0), orientation, fov, time)


def xs(path: CameraPath, seconds) -> np.ndarray:
    return np.array([path.at(s).position[0] for s in seconds])


def test_a_path_goes_through_its_keys_exactly():
    keys = [key(0, 1.0), key(0.5, -2.0, (0, 1, 0, 0), 0.7, 3.0), key(4, 9.0, time=4.0)]
    path = through(reversed(keys))
    assert [path.at(k.seconds) for k in keys] == keys
    assert path.at(-3) == keys[0]
    assert path.at(99) == keys[-1]
    assert path.duration == 4


def test_places_move_smoothly_and_come_to_rest_at_the_ends():
    path = through([key(0, 0.0), key(1, 4.0), key(1.5, 5.0), key(4, -3.0)])
    t = np.linspace(0, 4, 4001)
    speed = np.diff(xs(path, t)) / np.diff(t)
    assert abs(speed[0]) < 0.02
    assert abs(speed[-1]) < 0.02
    assert np.abs(np.diff(speed)).max() < 0.05  # no jump of speed at a key


def test_evenly_spaced_keys_on_a_line_are_passed_at_even_speed():
    path = through([key(i, 2.0 * i) for i in range(5)])
    np.testing.assert_allclose(xs(path, [1.25, 1.5, 2.75]), [2.5, 3.0, 5.5], atol=1e-12)


def test_between_two_keys_at_one_place_the_camera_stands():
    path = through([key(0, 0.0), key(1, 3.0), key(2, 3.0), key(3, 0.0)])
    np.testing.assert_array_equal(xs(path, [1.1, 1.5, 1.9]), 3.0)


def test_turns_take_the_short_way_whatever_the_signs_of_quaternions():
    def about_y(degrees, sign):
        half = math.radians(degrees) / 2
        return (sign * math.cos(half), 0.0, sign * math.sin(half), 0.0)

    angles = [0, 80, 150, 210, 290]
    signs = [1, -1, 1, 1, -1]
    turns = [about_y(a, s) for a, s in zip(angles, signs, strict=True)]
    path = through(key(i, orientation=turn) for i, turn in enumerate(turns))
    looked = []
    for s in np.linspace(0, 4, 81):
        forward = rigs.matrix(path.at(s).orientation)[:, 2]
        looked.append(math.atan2(forward[0], forward[2]))
        assert math.isclose(np.linalg.norm(path.at(s).orientation), 1.0)
    steps = np.diff(np.unwrap(looked))
    assert (steps >= -1e-9).all()
    assert steps.sum() == pytest.approx(math.radians(290))
    assert steps.max() < math.radians(8)


def test_field_of_view_and_time_stay_between_their_keys():
    path = through([
        key(0, fov=1.0, time=0.0), key(1, fov=1.0, time=0.1), key(1.2, fov=0.3, time=5.0),
        key(3, fov=0.3, time=5.0), key(4, fov=0.9, time=6.0),
    ])  # fmt: skip
    for a, b in zip(path.keys, path.keys[1:], strict=False):
        for s in np.linspace(a.seconds, b.seconds, 50):
            seen = path.at(s)
            assert min(a.fov_y, b.fov_y) - 1e-12 <= seen.fov_y <= max(a.fov_y, b.fov_y) + 1e-12
            assert a.time - 1e-12 <= seen.time <= b.time + 1e-12
    assert path.at(2.0).time == 5.0  # frozen


def test_time_that_runs_evenly_is_not_eased():
    path = through([key(0, 0.0, time=0.0), key(1, 5.0, time=2.0), key(3, 1.0, time=6.0)])
    for s in (0.1, 0.5, 1.7, 2.9):
        assert path.at(s).time == pytest.approx(2 * s)


def test_seconds_must_ascend_and_there_must_be_a_key():
    with pytest.raises(ValueError, match="do not ascend"):
        CameraPath((key(1), key(1)))
    with pytest.raises(ValueError, match="goes nowhere"):
        CameraPath().at(0)
    assert len(through([key(1, 0.0), key(1, 2.0)]).keys) == 1


def test_a_path_of_one_key_stands_still():
    path = through([key(1, 4.0)], closed=True)
    assert path.at(0) == path.at(5) == key(1, 4.0)
    assert stretched(path, 3) == path


def test_stretched_keeps_the_way_and_changes_the_pace():
    path = through([key(1, 0.0), key(2, 4.0), key(4, 1.0)])
    slow = stretched(path, 6)
    assert (slow.start, slow.duration) == (1, 6)
    assert slow.at(1 + 2 * 1.5).position == pytest.approx(path.at(2.5).position)


def test_an_orbit_is_a_circle_at_even_speed_without_a_halt():
    path = presets.orbit(RIG, PLAYBACK, 4.0)
    pivot = np.array(RIG.pivot)
    t = np.linspace(0, 4, 401)
    away = np.array([path.at(s).position for s in t]) - pivot
    np.testing.assert_allclose(np.linalg.norm(away, axis=1), 5.0, rtol=2e-4)
    steps = np.linalg.norm(np.diff(away, axis=0), axis=1)
    assert steps.max() / steps.min() < 1.01
    for s in t[::40]:
        seen = path.at(s).on(RIG)
        np.testing.assert_allclose(seen.pivot, pivot, atol=2e-3)
    np.testing.assert_allclose(away[0], away[-1], atol=1e-9)


def test_part_of_a_turn_is_eased():
    path = presets.orbit(RIG, PLAYBACK, 4.0, math.radians(90))
    assert not path.closed
    assert math.dist(path.at(0).position, path.at(0.01).position) < 1e-3


def test_presets_begin_where_the_user_stands_and_last_as_long_as_asked():
    for preset in presets.PRESETS.values():
        path = preset(RIG, PLAYBACK, 3.0)
        assert path.at(0).on(RIG).position == pytest.approx(RIG.position)
        assert path.duration == pytest.approx(3.0)
        assert path.at(0).time == PLAYBACK.time
    assert presets.dolly(RIG, PLAYBACK, 3).at(3).on(RIG).distance == 5.0
    end = presets.dolly(RIG, PLAYBACK, 3).at(3).position
    assert math.dist(end, RIG.pivot) == pytest.approx(2.5)


def test_bullet_time_is_one_instant_and_others_play():
    assert {presets.bullet_time(RIG, PLAYBACK, 3).at(s).time for s in (0, 0.7, 2)} == {2.0}
    assert presets.orbit(RIG, PLAYBACK, 3).at(1).time == pytest.approx(2 + 5)
    still = replace(PLAYBACK, end=2.0)
    assert presets.still(RIG, still, 3).at(1).time == 2.0


def test_a_time_beyond_the_footage_begins_it_again_as_the_clock_does():
    for seconds in (0.0, 1.0, 1.79, 1.9, 2.0, 2.5, 4.1, 17.3):
        ticked = clock.tick(replace(PLAYBACK, playing=True), seconds)
        asked = presets.still(RIG, PLAYBACK, 20).at(seconds).time
        assert clock.wrapped(PLAYBACK, asked) == pytest.approx(ticked.time)
    assert clock.wrapped(PLAYBACK, 1.0) == pytest.approx(11.0)  # the last frame's own duration
    assert clock.wrapped(replace(PLAYBACK, end=2.0), 7.0) == 2.0


def test_the_line_that_is_drawn_is_the_path():
    for closed in (False, True):
        keys = [key(0, 0.0), key(1, 4.0), key(1.5, 4.0), key(4, -3.0), key(5, 0.0)]
        path = through(keys, closed)
        line = path.line()
        seconds = [
            a + (b - a) * i / 8 for a, b in ((0, 1), (1, 1.5), (1.5, 4), (4, 5)) for i in range(8)
        ]
        np.testing.assert_allclose(line[:, 0], xs(path, [*seconds, 5.0]), atol=1e-12)
    assert CameraPath().line().shape == (0, 3)
    assert through([key(1)]).line().shape == (1, 3)
    assert len(through(key(i) for i in range(200)).line()) == 200
