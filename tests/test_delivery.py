"""Frames seen and frames dropped, by the clock."""

from dataclasses import replace

import pytest

from viewer.core import delivery
from viewer.core import playback as clock
from viewer.core.delivery import Delivery
from viewer.core.playback import Loop, Pacing, Playback

P = Playback(end=99.0, fps=30.0, playing=True)


def played(p: Playback, dt: float, count: int) -> Delivery:
    """What is seen of a display that shows a picture each `dt` seconds."""
    d, now = Delivery(), 0.0
    for _ in range(count):
        d = delivery.seen(d, p, p.shown, now)
        p, now = clock.tick(p, dt), now + dt
    return d


@pytest.mark.parametrize("backwards", [False, True])
def test_a_quick_display_drops_nothing_and_shows_the_rate_of_the_scene(backwards):
    d = played(replace(P, backwards=backwards), 1 / 60.5, 600)  # over the end of the loop, too
    assert (d.dropped, d.rate) == (0, pytest.approx(30.0, rel=0.03))


def test_a_slow_display_drops_what_it_cannot_show():
    d = played(P, 0.1, 21)  # three frames of the scene for each of the display
    assert d.dropped == 40
    assert d.rate == pytest.approx(10.0)


def test_where_every_frame_is_shown_none_is_dropped():
    d = played(replace(P, pacing=Pacing.EVERY), 0.1, 21)
    assert (d.dropped, d.rate) == (0, pytest.approx(10.0))


def test_what_counts_is_the_picture_and_not_the_playhead():
    d = delivery.seen(Delivery(), P, 0.0, 0.0)
    late = delivery.seen(d, replace(P, time=6.0), 0.0, 0.2)
    assert late == d
    assert delivery.seen(late, replace(P, time=6.0), 6.0, 0.2).dropped == 5


def test_a_jump_is_no_drop_and_a_pause_begins_anew():
    d = delivery.seen(Delivery(), P, 0.0, 0.0)
    jumped = delivery.seen(d, replace(P, time=80.0), 80.0, 1 / 30)
    assert jumped.dropped <= 1
    paused = delivery.seen(replace(d, dropped=7), replace(P, playing=False), 3.0, 1.0)
    assert (paused.dropped, paused.rate, paused.frame) == (7, 0.0, None)
    assert delivery.seen(paused, P, 3.0, 2.0) == Delivery(3, 0, (2.0,))
    once = replace(P, loop=Loop.ONCE)
    assert delivery.seen(d, once, 3.0, 0.1).dropped == 2
