"""Which part of the time the ruler shows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viewer.core import zoom
from viewer.core.playback import Playback

shares = st.floats(0, 1)


@given(shares, st.lists(st.tuples(shares, st.floats(-50, 50)), max_size=8), st.integers(2, 10**6))
def test_the_part_stays_in_the_whole_and_is_never_too_short(pan, zooms, frames):
    part = zoom.WHOLE
    for at, notches in zooms:
        part = zoom.panned(zoom.zoomed(part, at, notches, frames), pan - 0.5)
        low, high = part
        assert 0 <= low < high <= 1 + 1e-12
        assert high - low >= min(zoom.LEAST_FRAMES / (frames - 1), 1) - 1e-9


def test_what_is_under_the_pointer_stays_there():
    low, high = zoom.zoomed((0.2, 0.8), 0.35, 3, 1000)
    assert (0.35 - low) / (high - low) == pytest.approx((0.35 - 0.2) / 0.6)
    assert high - low == pytest.approx(0.6 * zoom.STEP**3)
    assert zoom.zoomed((0.2, 0.8), 0.35, -30, 1000) == zoom.WHOLE


def test_a_part_follows_the_playhead_a_page_at_a_time():
    assert zoom.following((0.2, 0.4), 0.3) == (0.2, 0.4)
    assert zoom.following((0.2, 0.4), 0.5) == pytest.approx((0.5, 0.7))
    assert zoom.following((0.2, 0.4), 0.1) == pytest.approx((0.0, 0.2))
    assert zoom.following((0.2, 0.4), 1.0) == pytest.approx((0.8, 1.0))


def test_the_part_that_plays_has_room_at_both_ends():
    p = Playback(end=9.0, mark_in=3.0, mark_out=6.0)
    low, high = zoom.playing_part(p)
    assert low < 3 / 9 < 6 / 9 < high
    assert zoom.playing_part(Playback(end=9.0)) == zoom.WHOLE
    assert zoom.share(Playback(), 3.0) == 0.0
