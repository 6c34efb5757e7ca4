"""The clock: it never leaves its range, and it goes where it is told."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viewer.core import playback as clock
from viewer.core.playback import SPEEDS, Loop, Pacing, Playback

P = Playback(time=0.0, start=0.0, end=9.0, step=1.0, fps=10.0, playing=True)  # ten frames


@st.composite
def playbacks(draw):
    """Any playback within its range, marks included."""
    start = draw(st.floats(-100, 100))
    frames = draw(st.integers(2, 500))
    step = draw(st.floats(1e-3, 10))
    p = Playback(
        start=start,
        end=start + (frames - 1) * step,
        step=step,
        fps=draw(st.floats(1, 240)),
        speed=draw(st.sampled_from(SPEEDS)),
        playing=True,
        loop=draw(st.sampled_from(list(Loop))),
        backwards=draw(st.booleans()),
        pacing=draw(st.sampled_from(list(Pacing))),
    )
    first, last = sorted(draw(st.integers(0, frames - 1)) for _ in range(2))
    if draw(st.booleans()) and first < last:
        p = replace(p, mark_in=p.time_of(first), mark_out=p.time_of(last))
    return replace(p, time=p.first + draw(st.floats(0, 1)) * (p.last - p.first))


@given(playbacks(), st.lists(st.floats(0, 100), max_size=5))
def test_ticking_never_leaves_the_part_that_plays(p, steps):
    slack = 1e-9 * max(1, abs(p.start), abs(p.end))
    for dt in steps:
        p = clock.tick(p, dt)
        assert p.first - slack <= p.time <= p.last + slack
        assert p.start - slack <= p.shown <= p.time + slack + 2e-6 * p.step


@given(playbacks(), st.floats(-1e6, 1e6))
def test_seeking_lands_where_asked_or_at_the_nearer_end(p, time):
    assert clock.seek(p, time).time == min(max(time, p.start), p.end)


@given(playbacks(), st.integers(0, 498), st.integers(1, 20))
def test_steps_forwards_and_back_return_to_the_frame(p, frame, count):
    frame = min(frame, p.frames - 1 - min(count, p.frames - 1))
    count = min(count, p.frames - 1)
    there = clock.step_frames(clock.seek(p, p.time_of(frame)), count)
    back = clock.step_frames(there, -count)
    assert not back.playing
    assert back.frame == pytest.approx(frame, abs=1e-6)
    assert there.frame == pytest.approx(frame + count, abs=1e-6)


def test_playing_goes_by_the_wall_clock_whatever_the_frame_rate():
    coarse = clock.tick(P, 0.45)
    fine = P
    for _ in range(45):
        fine = clock.tick(fine, 0.01)
    assert coarse.time == pytest.approx(4.5)
    assert fine.time == pytest.approx(4.5)


def test_speed_scales_the_clock():
    assert clock.tick(replace(P, speed=0.5), 0.4).time == pytest.approx(2.0)


def test_a_loop_shows_the_last_frame_for_its_own_duration():
    assert clock.tick(P, 0.95).time == 9.0
    assert clock.tick(P, 1.05).time == pytest.approx(0.5)


def test_ping_pong_turns_at_both_ends():
    p = clock.tick(replace(P, loop=Loop.PING_PONG), 1.0)
    assert (p.time, p.backwards) == (pytest.approx(8.0), True)
    p = clock.tick(p, 1.0)
    assert (p.time, p.backwards) == (pytest.approx(2.0), False)


def test_once_stops_at_the_end_and_starts_again_from_the_front():
    p = clock.tick(replace(P, loop=Loop.ONCE), 5.0)
    assert (p.time, p.playing) == (9.0, False)
    again = clock.toggle(p)
    assert (again.time, again.playing) == (0.0, True)


def test_pausing_and_holding_stand_still():
    assert clock.tick(replace(P, playing=False), 1.0).time == 0.0
    assert clock.tick(replace(P, held=True), 1.0).time == 0.0
    assert clock.toggle(clock.toggle(P)) == P


def test_a_static_scene_never_moves():
    assert clock.tick(Playback(playing=True), 1.0) == Playback(playing=True)


def test_steps_between_frames_go_to_the_next_whole_one():
    p = replace(P, time=3.4)
    assert clock.step_frames(p, 1).time == 4.0
    assert clock.step_frames(p, -1).time == 3.0


def test_marks_bound_playing_and_a_crossing_mark_clears_the_other():
    p = clock.mark(replace(P, time=3.0), "in")
    p = clock.mark(replace(p, time=6.0), "out")
    assert (p.first, p.last) == (3.0, 6.0)
    p = clock.mark(replace(p, time=8.0), "in")
    assert (p.mark_in, p.mark_out) == (8.0, None)
    assert clock.clear_marks(p).first == 0.0


@given(playbacks(), st.sampled_from(["in", "out"]), st.floats(-200, 6000))
def test_dragged_marks_stay_on_frames_in_order_and_in_range(p, which, time):
    p = clock.move_mark(p, which, time)
    slack = 1e-6 * p.step
    assert p.start - slack <= p.first < p.last <= p.end + slack
    assert abs((p.first if which == "in" else p.last) - p.start) / p.step % 1 == pytest.approx(
        0, abs=1e-4
    ) or math.isclose(
        ((p.first if which == "in" else p.last) - p.start) / p.step % 1, 1, abs_tol=1e-4
    )


def test_a_mark_dragged_to_the_end_is_no_mark():
    assert clock.move_mark(P, "in", -5.0).mark_in is None
    assert clock.move_mark(P, "out", 50.0).mark_out is None
    assert clock.move_mark(P, "in", 3.4).mark_in == 3.0


def test_the_speed_ladder_ends():
    p = P
    for _ in range(20):
        p = clock.faster(p, 1)
    assert p.speed == SPEEDS[-1]
    assert clock.faster(p, -100).speed == SPEEDS[0]


def test_loop_kinds_come_round():
    p = clock.next_loop(clock.next_loop(P))
    assert p.loop is Loop.ONCE
    assert clock.next_loop(p).loop is Loop.REPEAT


def test_playing_backwards_mirrors_playing_forwards():
    p = replace(P, time=9.0, backwards=True)
    assert clock.tick(p, 0.45).time == pytest.approx(4.5)
    assert clock.tick(p, 0.95).time == 9.0  # the last frame's own duration
    assert clock.tick(p, 1.05).time == pytest.approx(8.5)
    p = clock.tick(replace(p, loop=Loop.ONCE), 5.0)
    assert (p.time, p.playing) == (0.0, False)
    assert clock.toggle(p).time == 9.0


def test_shuttle_goes_both_ways_and_faster_each_time():
    p = clock.shuttle(replace(P, playing=False, time=4.0, speed=0.25), backwards=False)
    assert (p.playing, p.backwards, p.speed) == (True, False, 1.0)
    for speed in (2.0, 4.0, 8.0, 16.0, 16.0):
        p = clock.shuttle(p, backwards=False)
        assert p.speed == speed
    p = clock.shuttle(p, backwards=True)
    assert (p.playing, p.backwards, p.speed, p.time) == (True, True, 1.0, 4.0)


def test_whole_frames_show_the_frame_the_playhead_is_in():
    p = replace(P, time=3.7)
    assert p.shown == 3.7
    assert replace(p, pacing=Pacing.FRAMES).shown == 3.0
    assert replace(p, pacing=Pacing.FRAMES, time=4.0 - 1e-9).shown == 4.0  # rounding is no frame
    assert replace(P, time=9.0, pacing=Pacing.FRAMES).shown == 9.0


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("7", 7.0), ("7.5", 7.5), ("7,5", 7.5), ("+2", 5.0), ("-1", 2.0), ("0.4s", 4.0),
        ("0:0.6", 6.0), ("50%", 4.5), ("t2.5", 2.5), (" T 1 ", 1.0), ("1e9", 1e9),
    ],
)  # fmt: skip
def test_typed_times(text, time):
    assert clock.entered(replace(P, time=3.0), text) == pytest.approx(time)


def test_typed_shares_are_of_the_part_that_plays():
    assert clock.entered(replace(P, mark_in=2.0, mark_out=6.0), "25%") == 3.0


@pytest.mark.parametrize("text", ["", "x", "t", "%", "nan", "1:2:3:x", "s", "++1", "1e999", "inf%"])
def test_what_is_no_time_is_said_to_be_none(text):
    with pytest.raises(ValueError, match=r"expected 123, \+10, 4.1s, 1:04.5, 50% or t0.62"):
        clock.entered(P, text)


def frames_seen(p: Playback, dt: float, count: int) -> list[float]:
    """The frames of some ticks, each new one once."""
    seen = [p.frame]
    for _ in range(count):
        p = clock.tick(p, dt)
        if p.frame != seen[-1]:
            seen.append(p.frame)
    return seen


def test_a_loop_backwards_is_the_loop_in_reverse():
    """Whole frames, each for its own duration, the last too."""
    p = replace(P, time=0.05, pacing=Pacing.FRAMES)
    there, back = [], []
    for _ in range(100):
        p = clock.tick(p, 0.02)
        there.append(p.shown)
    p = replace(p, backwards=True)
    for _ in range(100):
        back.append(p.shown)
        p = clock.tick(p, 0.02)
    assert back == there[::-1]
    assert {frame: there.count(frame) for frame in there} == dict.fromkeys(range(10), 10)


@pytest.mark.parametrize("dt", [0.03, 0.1, 0.17, 0.9])
@pytest.mark.parametrize(
    ("changes", "order"),
    [
        ({}, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]),
        ({"backwards": True}, [0, 9, 8, 7]),
        ({"loop": Loop.ONCE, "time": 7.0}, [7, 8, 9]),
        ({"loop": Loop.PING_PONG, "time": 8.0}, [8, 9, 8, 7]),
        ({"mark_in": 2.0, "mark_out": 4.0}, [0, 2, 3, 4, 2]),
        ({"mark_in": 2.5, "mark_out": 4.5, "time": 4.5}, [4.5, 3, 4, 3]),
    ],
)
def test_every_frame_is_shown_in_turn_however_late(dt, changes, order):
    p = replace(P, pacing=Pacing.EVERY, **changes)
    seen = frames_seen(p, dt, 50)
    assert seen[: len(order)] == order[: len(seen)]
    assert len(seen) >= 3


def test_every_frame_is_never_faster_than_asked_for():
    p = replace(P, pacing=Pacing.EVERY)
    for _ in range(100):
        p = clock.tick(p, 0.005)
    assert p.time == pytest.approx(5.0)


def test_a_part_without_a_whole_frame_stands_still():
    p = replace(P, pacing=Pacing.EVERY, mark_in=2.2, mark_out=2.8, time=2.3)
    assert clock.tick(p, 1.0).time == 2.3
