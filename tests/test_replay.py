"""Replay: any state in any order, few steps between them, and no more kept than promised."""

import random

from viewer.formats.replay import KEY, MAX_KEYS, RECENT, Replay

COUNT = 137


class Counted:
    """Steps that append their number, and what was asked of them."""

    def __init__(self, count: int = COUNT, stored: frozenset[int] = frozenset()) -> None:
        self.steps: list[int] = []
        self.reads: list[int] = []
        self.replay = Replay((0,), count, self.step, stored, self.read)

    def step(self, i: int, before: tuple[int, ...]) -> tuple[int, ...]:
        assert before[-1] == i - 1
        self.steps.append(i)
        return (*before, i)

    def read(self, i: int) -> tuple[int, ...]:
        self.reads.append(i)
        return (-i, i)


def test_states_are_the_same_in_any_order():
    counted = Counted()
    order = list(range(COUNT)) * 3
    random.Random(0).shuffle(order)
    for i in order:
        assert counted.replay.at(i) == tuple(range(i + 1))


def test_playing_forward_makes_each_step_once():
    counted = Counted()
    for i in range(COUNT):
        counted.replay.at(i)
    assert counted.steps == list(range(1, COUNT))


def test_after_it_was_played_nothing_is_far():
    counted = Counted()
    counted.replay.at(COUNT - 1)
    for i in (50, 119, 3, 88):
        counted.steps.clear()
        counted.replay.at(i)
        assert len(counted.steps) < KEY


def test_stepping_back_replays_a_stretch_once():
    counted = Counted()
    counted.replay.at(COUNT - 1)
    counted.steps.clear()
    for i in range(COUNT - 1, 60, -1):
        counted.replay.at(i)
    assert len(counted.steps) <= COUNT - 60 + KEY


def test_stored_states_are_read_and_never_stepped_to():
    counted = Counted(stored=frozenset({20, 40}))
    assert counted.replay.at(43) == (-40, 40, 41, 42, 43)
    assert counted.steps == [41, 42, 43]
    assert counted.replay.at(21) == (-20, 20, 21)
    assert counted.replay.at(43) == (-40, 40, 41, 42, 43)
    assert counted.replay.at(39)[:2] == (-20, 20)


def test_no_more_is_kept_than_promised():
    counted = Counted(count=5000)
    counted.replay.at(4999)
    kept = len(counted.replay._keys) + len(counted.replay._recent)
    assert kept <= counted.replay.kept <= MAX_KEYS + RECENT
