"""Prefetch: keeps a window alive over a model that is slow to slice.

It is a Model that wraps a Model. Quick slices happen where they are asked for. Once slices prove
slow a worker makes them: the newest request wins, and the latest finished slice is shown meanwhile.
Recording and measuring use the model itself, so they wait.
"""

import threading
import time as clock
from dataclasses import dataclass

from torch import Tensor

from viewer.core.model import Model
from viewer.core.splats import Appearance, Splats
from viewer.formats.instants import Instants

PATIENCE = 0.020  # seconds a slice may take inside a frame
STRIKES = 2  # slow slices before the worker takes over; the first of a process is often slow


@dataclass(frozen=True, eq=False, slots=True)
class Ready:
    """A finished slice and the time it shows."""

    time: float
    splats: Splats


class Prefetch:
    """A Model that answers within a frame. Its worker ends with `retire`, or with `release`."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._slow = 0
        self._ready: Ready | None = None
        self._wanted: float | None = None
        self._asked: float | None = None  # newest request
        self._step = 0.0  # direction of play, for looking ahead
        self._error: BaseException | None = None
        self._stop = False
        self._changed = threading.Condition()
        self._worker: threading.Thread | None = None

    @property
    def wrapped(self) -> Model:
        """The model that is sliced here."""
        return self._model

    @property
    def count(self) -> int:
        """Gaussians stored."""
        return self._model.count

    @property
    def time_range(self) -> tuple[float, float]:
        """First and last time."""
        return self._model.time_range

    @property
    def frame_times(self) -> Tensor | None:
        """Stored instants, of the wrapped model."""
        return self._model.frame_times

    @property
    def appearance(self) -> Appearance:
        """Of the wrapped model."""
        return self._model.appearance

    @property
    def memory(self) -> int:
        """Bytes held at rest by the wrapped model."""
        return self._model.memory

    @property
    def pending(self) -> bool:
        """Whether a newer picture than the last slice is on its way."""
        with self._changed:
            return self._ready is not None and self._asked not in (None, self._ready.time)

    @property
    def shown(self) -> float | None:
        """Time of the slice that is shown; None before the first."""
        with self._changed:
            return None if self._ready is None else self._ready.time

    @property
    def loaded(self) -> tuple[tuple[int, int], ...] | None:
        """Runs of stored instants in memory, first and last rank; None where none are kept."""
        return self._model.loaded if isinstance(self._model, Instants) else None

    def slice(self, time: float) -> Splats:
        """The scene at `time`, or the latest that is ready. Raises what the worker met."""
        time = self._instant(time)
        if self._worker is None:
            if self._ready is not None and self._ready.time == time:
                return self._ready.splats
            return self._slice_here(time)
        with self._changed:
            if self._error is not None:
                error, self._error = self._error, None
                raise error
            if self._asked is not None and time != self._asked:
                self._step = time - self._asked
            self._asked = self._wanted = time
            self._changed.notify()
            assert self._ready is not None
            return self._ready.splats

    def exact(self, time: float) -> Splats:
        """The scene at `time` itself, in a thread that can wait for it."""
        time = self._instant(time)
        with self._changed:
            ready = self._ready
        return ready.splats if ready and ready.time == time else self._model.slice(time)

    def retire(self) -> None:
        """Tell the worker to stop; nobody waits for a slice under way."""
        with self._changed:
            self._stop = True
            self._changed.notify()

    @property
    def working(self) -> bool:
        """Whether the worker still runs."""
        return self._worker is not None and self._worker.is_alive()

    def release(self) -> None:
        """Stop the worker; a slice under way is finished first."""
        self.retire()
        if self._worker is not None:
            self._worker.join()
            self._worker = None

    def _instant(self, time: float) -> float:
        """The stored instant that `time` shows: it is sliced and uploaded once."""
        times = self._model.frame_times
        if times is None:
            return time
        shown = int((times <= time).sum()) - 1
        return float(times[max(shown, 0)])

    def _slice_here(self, time: float) -> Splats:
        start = clock.perf_counter()
        splats = self._model.slice(time)
        self._slow += clock.perf_counter() - start > PATIENCE
        self._ready, self._asked = Ready(time, splats), time
        if self._slow >= STRIKES:
            self._worker = threading.Thread(target=self._work, name="slice", daemon=True)
            self._worker.start()
        return splats

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stop or self._wanted is not None)
                if self._stop:
                    return
                time, self._wanted = self._wanted, None
                assert time is not None
                assert self._ready is not None
                if self._ready.time == time:
                    continue
            try:
                ready = Ready(time, self._model.slice(time))
            except Exception as error:  # handed to the caller of slice()
                with self._changed:
                    self._error = error
                continue
            with self._changed:
                self._ready = ready
                idle, step = self._wanted is None, self._step
            if idle and self._model.frame_times is not None:
                self._look_ahead(time, step)

    def _look_ahead(self, time: float, step: float) -> None:
        """Warm the model's own cache with the next instant in the direction of play."""
        low, high = self._model.time_range
        coming = self._instant(time + step)
        if low <= time + step <= high and coming != time:
            try:
                self._model.slice(coming)
            except Exception as error:
                with self._changed:
                    self._error = error
