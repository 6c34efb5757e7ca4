"""Prefetch: direct while slices are quick, a worker once they are slow, and no lost request."""

import threading
import time as clock
from collections.abc import Callable

import pytest
import torch

from tests import scenes
from viewer import prefetch
from viewer.core.model import StaticModel
from viewer.core.splats import Splats
from viewer.formats import instants
from viewer.formats.instants import Instants
from viewer.prefetch import Prefetch

DEADLINE = 10.0


class Slow(StaticModel):
    """A model whose slices wait for `gate`, and are told apart by their opacity."""

    gate: threading.Event
    begun: list[float]
    sliced: list[float]

    def slice(self, time: float) -> Splats:
        self.begun.append(time)
        assert self.gate.wait(DEADLINE)
        self.sliced.append(time)
        if time == 666.0:
            raise ValueError("this instant is broken")
        return scenes.with_opacity(self.splats, time / 1000)


def slow_model(frame_times: torch.Tensor | None = None) -> Slow:
    class Made(Slow):
        gate = threading.Event()
        begun: list[float] = []  # noqa: RUF012 - one model a test
        sliced: list[float] = []  # noqa: RUF012 - one model a test
        time_range = (0.0, 1000.0)

    Made.frame_times = property(lambda self: frame_times)
    made = Made(scenes.cloud(3, 0))
    made.gate.set()
    return made


def shown(splats: Splats) -> float:
    return round(float(splats.opacities[0]) * 1000, 3)


def wait_for(condition: Callable[[], bool]) -> None:
    end = clock.monotonic() + DEADLINE
    while not condition():
        assert clock.monotonic() < end, "timed out"
        clock.sleep(0.002)


@pytest.fixture
def threaded(monkeypatch):
    """A prefetch that has found its model slow, and its model."""
    monkeypatch.setattr(prefetch, "PATIENCE", -1.0)
    model = slow_model()
    wrapped = Prefetch(model)
    for time in (1.0, 2.0):
        assert shown(wrapped.slice(time)) == time
    yield wrapped, model
    model.gate.set()
    wrapped.release()


def test_quick_slices_happen_where_they_are_asked_for():
    model = slow_model()
    wrapped = Prefetch(model)
    for time in (1.0, 2.0, 3.0):
        assert shown(wrapped.slice(time)) == time
        assert not wrapped.pending
    wrapped.release()


def test_the_same_time_gives_the_same_splats_without_slicing_again():
    model = slow_model()
    wrapped = Prefetch(model)
    assert wrapped.slice(5.0) is wrapped.slice(5.0)
    assert model.sliced == [5.0]
    wrapped.release()


def test_a_slow_model_never_blocks_and_the_newest_request_wins(threaded):
    wrapped, model = threaded
    model.gate.clear()
    for time in (10.0, 20.0, 30.0, 40.0):
        assert shown(wrapped.slice(time)) == 2.0  # the last good picture stays
        assert wrapped.pending
        wait_for(lambda: 10.0 in model.begun)  # the worker is busy with the first
    model.gate.set()
    wait_for(lambda: shown(wrapped.slice(40.0)) == 40.0)
    wait_for(lambda: not wrapped.pending)
    assert 20.0 not in model.sliced
    assert 30.0 not in model.sliced


def test_what_the_worker_meets_is_raised_where_it_was_asked_for(threaded):
    wrapped, _ = threaded

    def broken() -> bool:
        try:
            wrapped.slice(666.0)
        except ValueError as error:
            return "broken" in str(error)
        return False

    wait_for(broken)
    wait_for(lambda: shown(wrapped.slice(50.0)) == 50.0)  # and the next request is served


def test_stored_instants_are_sliced_once_and_the_next_is_looked_ahead(monkeypatch):
    monkeypatch.setattr(prefetch, "PATIENCE", -1.0)
    model = slow_model(torch.tensor([0.0, 10.0, 20.0, 30.0]))
    wrapped = Prefetch(model)
    for time in (0.0, 10.0):
        wrapped.slice(time)
    wait_for(lambda: shown(wrapped.slice(20.4)) == 20.0)
    wait_for(lambda: 30.0 in model.sliced)
    assert set(model.sliced) <= {0.0, 10.0, 20.0, 30.0}
    wrapped.release()


def test_retiring_does_not_wait_for_the_slice_under_way(threaded):
    wrapped, model = threaded
    model.gate.clear()
    wrapped.slice(70.0)
    wait_for(lambda: 70.0 in model.begun)
    wrapped.retire()
    assert wrapped.working
    model.gate.set()
    wait_for(lambda: not wrapped.working)


def test_release_ends_the_worker(threaded):
    wrapped, _ = threaded
    wrapped.release()
    assert not [t for t in threading.enumerate() if t.name == "slice"]


def test_instants_in_memory_are_told_as_runs(monkeypatch):
    times = torch.arange(6, dtype=torch.float64)
    model = Instants(lambda i: scenes.cloud(3, i), times, 3, scenes.cloud(3, 0).appearance)
    wrapped = Prefetch(model)
    assert (wrapped.loaded, wrapped.shown) == ((), None)
    for time in (4.0, 0.5, 1.0):
        wrapped.slice(time)
    assert (wrapped.loaded, wrapped.shown) == (((0, 1), (4, 4)), 1.0)
    monkeypatch.setattr(instants, "CACHE", 1)  # bytes: only the newest stays
    wrapped.slice(5.0)
    assert wrapped.loaded == ((5, 5),)
    assert Prefetch(slow_model()).loaded is None
    wrapped.release()


def test_a_thread_that_can_wait_gets_the_instant_itself(threaded):
    wrapped, model = threaded
    assert shown(wrapped.exact(2.0)) == 2.0
    assert model.sliced.count(2.0) == 1  # it was ready
    assert shown(wrapped.exact(90.0)) == 90.0
