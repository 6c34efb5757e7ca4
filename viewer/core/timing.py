"""Spans: how long each stage of a frame took."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class Spans:
    """Collects (name, milliseconds) in order; equal names add up.

    `finish` waits for the device. With it each span is that stage's own cost and frames run slower
    (bench's second pass); without it a span is the time to submit the stage.
    """

    finish: Callable[[], None] | None = None
    milliseconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        """Time the block under `name`."""
        start = time.perf_counter()
        try:
            yield
        finally:
            if self.finish is not None:
                self.finish()
            elapsed = (time.perf_counter() - start) * 1e3
            self.milliseconds[name] = self.milliseconds.get(name, 0.0) + elapsed

    def items(self) -> tuple[tuple[str, float], ...]:
        """The spans so far."""
        return tuple(self.milliseconds.items())
