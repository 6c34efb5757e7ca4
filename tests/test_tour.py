"""The camera path under the user's hands: keys, retiming, following."""

from dataclasses import replace

import pytest

from viewer.core import rig as rigs
from viewer.core import tour as tours
from viewer.core.controls import update
from viewer.core.playback import Loop, Playback
from viewer.core.rig import Rig
from viewer.core.session import NO_SCENE
from viewer.core.state import Inputs, State, opened
from viewer.core.tour import Tour

PLAYBACK = Playback(start=0.0, end=19.0, step=1.0, fps=10.0)  # two seconds
STILL = Playback(fps=10.0)
RIG = Rig(position=(0.0, 0.0, -4.0), distance=4.0)
ASIDE = rigs.orbit(RIG, 1.0, 0.0)


def made() -> Tour:
    tour = tours.add(Tour(), RIG, PLAYBACK)
    return tours.add(tour, ASIDE, replace(PLAYBACK, time=15.0))


def test_a_key_is_of_here_and_now():
    tour = made()
    assert [k.seconds for k in tour.path.keys] == [0, 1.5]
    assert [k.time for k in tour.path.keys] == [0, 15]
    assert tour.path.keys[1].on(RIG) == replace(ASIDE, distance=4.0, up=RIG.up)
    assert (tour.chosen, tour.seconds, tour.shown) == (1, 1.5, True)


def test_a_key_at_the_same_frame_takes_the_place_of_the_other():
    tour = tours.add(made(), RIG, replace(PLAYBACK, time=15.3))
    assert [k.position for k in tour.path.keys] == [RIG.position, RIG.position]


def test_a_key_behind_the_last_freezes_the_instant():
    tour = tours.add(made(), RIG, replace(PLAYBACK, time=15.0), behind=True)
    assert [k.seconds for k in tour.path.keys] == [0, 1.5, 2.5]
    assert tour.path.at(2.1).time == 15.0


def test_keys_of_a_scene_that_stands_follow_one_another():
    tour = Tour()
    for i in range(3):
        tour = tours.add(tour, rigs.orbit(RIG, i, 0), STILL)
    assert [k.seconds for k in tour.path.keys] == [0, 1, 2]


def test_a_dragged_key_keeps_its_view_and_its_time_and_stays_between_its_neighbours():
    tour = tours.add(made(), RIG, replace(PLAYBACK, time=8.0))
    tour = tours.retime(tour, 1, 1.2)
    assert tour.path.keys[1].seconds == 1.2
    assert tour.path.keys[1].time == 8.0
    assert tours.retime(tour, 1, 9.0).path.keys[1].seconds == pytest.approx(1.49)
    assert tours.retime(tour, 1, -9.0).path.keys[1].seconds == pytest.approx(0.01)
    assert tours.retime(tour, 0, -9.0).path.keys[0].seconds == 0
    assert tours.retime(tour, 2, 1e9).path.end == tours.LONGEST


def test_keys_are_deleted_and_taken_again():
    tour = tours.reshoot(made(), 0, ASIDE)
    assert tour.path.keys[0].position == ASIDE.position
    assert tour.path.keys[0].time == 0
    tour = tours.delete(tour, 1)
    assert len(tour.path.keys) == 1
    assert tours.delete(tour, None) == tour
    assert tours.delete(tour, 5) == tour
    assert tours.delete(tour, 0).path.keys == ()


def test_closing_adds_the_way_back_once():
    tour = tours.close(made(), True)
    assert tour.path.closed
    assert [k.seconds for k in tour.path.keys] == [0, 1.5, 3]
    assert tour.path.keys[2].position == tour.path.keys[0].position
    moved = tours.reshoot(tour, 0, rigs.orbit(RIG, 0.5, 0.1)).path
    assert moved.keys[0].position == moved.keys[2].position
    assert tours.delete(tour, 1).path.closed
    assert not tours.delete(tour, 2).path.closed
    again = tours.close(tours.close(tour, False), True)
    assert again.path == tour.path


def test_the_track_shows_all_with_room_to_drag():
    assert tours.fitted(Tour()).extent == 5
    for end in (0.5, 4.9, 17.0, 100.0, 899.0):
        tour = made()
        tour = tours.fitted(tours.retime(tour, 1, end))
        assert max(end * 1.1, 5) <= tour.extent <= max(2 * end, 5)


def test_presets_last_a_few_passes_of_short_footage():
    tour = tours.preset(Tour(), "orbit", RIG, PLAYBACK)
    assert tour.path.duration == 4.0
    assert tour.path.at(3.0).time == pytest.approx(30)
    assert tours.go(tour, RIG, PLAYBACK, 3.0)[2].time == pytest.approx(10)
    assert tours.last(tour, 8.0).path.duration == 8.0


def follow(tour: Tour, rig=RIG, p=PLAYBACK):
    return tours.follow(tour, rig, p, True)


def test_following_goes_along_the_path_in_real_time():
    tour, rig, p = follow(replace(made(), seconds=0.5))
    assert p.playing
    tour, rig, p = tours.tick(tour, rig, p, 0.25)
    assert tour.follow
    assert tour.seconds == pytest.approx(0.75)
    assert rig == tour.path.at(tour.seconds).on(RIG)
    assert p.time == pytest.approx(7.5)
    tour, rig, p = tours.tick(tour, rig, replace(p, speed=2.0), 0.25)
    assert tour.seconds == pytest.approx(1.25)


def test_following_from_the_end_begins_again_and_goes_round():
    tour, rig, p = follow(made())
    assert tour.seconds == 0.0
    tour, rig, p = tours.tick(tour, rig, p, 1.5 + 0.1 + 0.2)  # a frame lasts a tenth
    assert tour.seconds == pytest.approx(0.2)
    once = replace(p, loop=Loop.ONCE)
    tour, rig, p = tours.tick(tour, rig, once, 9.0)
    assert (tour.seconds, p.playing, tour.follow) == (1.5, False, True)


def test_a_scene_that_stands_can_be_gone_round():
    tour = Tour()
    for i in range(3):
        tour = tours.add(tour, rigs.orbit(RIG, i, 0), STILL)
    tour, rig, p = follow(tour, p=STILL)
    tour, rig, p = tours.tick(tour, rig, p, 0.5)
    assert tour.seconds == 0.5
    assert rig.position != RIG.position


def test_whoever_moves_otherwise_leaves_the_path():
    tour, rig, p = follow(replace(made(), seconds=0.0))
    assert not tours.tick(tour, rigs.orbit(rig, 0.1, 0), p, 0.1)[0].follow
    assert not tours.tick(tour, rig, replace(p, time=3.0), 0.1)[0].follow
    assert not tours.tick(tour, rig, replace(p, held=True), 0.1)[0].follow
    assert tours.tick(tour, rig, replace(p, playing=False), 0.1)[0].seconds == 0.0
    assert tours.tick(replace(tour, held=True), rig, p, 0.1)[0].seconds == 0.0


def test_a_path_of_one_key_or_none_is_not_followed():
    assert not follow(Tour())[0].follow
    assert not follow(tours.add(Tour(), RIG, PLAYBACK))[0].follow


REPORT = replace(NO_SCENE, time_range=(0.0, 19.0), frame_step=1.0, fps=10.0, home=RIG)


def press(state: State, *keys: str, shift: bool = False, dt: float = 0.0) -> State:
    modifiers = frozenset({"shift"} if shift else ())
    return update(state, Inputs(pressed=keys, modifiers=modifiers), REPORT, dt)[0]


def test_keys_of_the_keyboard():
    state = press(opened(State(), REPORT), "space")  # pause
    assert press(state, "b").tour.shown
    assert not press(state, "b", "b").tour.shown
    state = press(state, "insert")
    state = press(replace(state, rig=ASIDE), "insert", shift=True)
    assert [k.seconds for k in state.tour.path.keys] == [0, 1]
    state = press(state, "b", shift=True)
    assert state.tour.follow
    after = press(state, dt=0.5)
    assert after.tour.seconds == pytest.approx(0.5)
    assert after.rig != state.rig
    assert not press(after, "b", shift=True).tour.follow
    assert not press(after, "f").tour.follow
    assert len(press(state, "delete").tour.path.keys) == 1
    asked = update(state, Inputs(pressed=("e",), modifiers=frozenset({"ctrl"})), REPORT, 0.0)[1]
    assert asked.export


def test_another_scene_begins_without_a_path():
    state = replace(State(), tour=made())
    fresh = opened(state, REPORT)
    assert fresh.tour.path.keys == ()
    assert fresh.tour.film.fps == 10
