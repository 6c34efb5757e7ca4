"""Job: one long piece of work on a thread, with progress, that can be told to stop."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from viewer.core.errors import Cancelled

T = TypeVar("T")
Progress = Callable[[float, str], None]  # fraction 0..1 and what


class Job(Generic[T]):
    """Runs `work(progress)`. Once told to stop, the next progress raises Cancelled in the work."""

    def __init__(self, work: Callable[[Progress], T], what: str, *, daemon: bool = True) -> None:
        """daemon: the program may end in the midst of it, however deep the work is in one call."""
        self.what = what
        self._work = work
        self._progress = (0.0, "")
        self._stop = threading.Event()
        self._result: T | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=what, daemon=daemon)
        self._thread.start()

    @property
    def progress(self) -> tuple[float, str]:
        """Fraction 0..1 and the step it is at."""
        return self._progress

    @property
    def done(self) -> bool:
        """Whether `result` answers at once."""
        return not self._thread.is_alive()

    def result(self) -> T:
        """What the work returned. Raises what it raised."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value]  # T may be None itself

    def cancel(self) -> None:
        """Ask it to stop; returns at once."""
        self._stop.set()

    def close(self, patience: float = 1.0) -> None:
        """Ask it to stop and wait for that, at most `patience` seconds."""
        self.cancel()
        self._thread.join(patience)

    def _run(self) -> None:
        try:
            self._result = self._work(self._note)
        except BaseException as error:  # handed to whoever asks for the result
            self._error = error

    def _note(self, fraction: float, what: str) -> None:
        if self._stop.is_set():
            raise Cancelled
        self._progress = (min(max(fraction, 0.0), 1.0), what)
