"""Where times lie on the track of the timeline. Pure numbers."""

from dataclasses import dataclass

import numpy as np

RAIL = 26.0  # design pixels from the top of the track to the middle of its rail


@dataclass(frozen=True, slots=True)
class Span:
    """Where times lie on screen, points. start, end: the times at its two ends."""

    left: float
    right: float
    top: float
    s: float
    start: float
    end: float

    def x(self, time: float) -> float:
        """Place of a model time."""
        share = (time - self.start) / (self.end - self.start)
        return self.left + share * (self.right - self.left)

    def xs(self, times: np.ndarray) -> np.ndarray:
        """Places of model times [n]."""
        share = (times - self.start) / (self.end - self.start)
        return self.left + share * (self.right - self.left)

    def time(self, x: float) -> float:
        """Model time at a place."""
        share = (x - self.left) / max(self.right - self.left, 1e-6)
        return self.start + min(max(share, 0.0), 1.0) * (self.end - self.start)

    def shows(self, time: float) -> bool:
        """Whether a time is on screen; one at an end is."""
        slack = 1e-6 * (self.end - self.start)
        return self.start - slack <= time <= self.end + slack

    @property
    def rail(self) -> float:
        """Height of the rail's middle."""
        return self.top + RAIL * self.s
