"""Scenes of which only instants exist: each is made when it is shown, and kept for a while."""

import threading
from collections import OrderedDict
from collections.abc import Callable

import torch
from torch import Tensor

from viewer.core.model import nbytes
from viewer.core.splats import Appearance, Splats

CACHE = 2 << 30  # bytes of instants kept after they were shown; the oldest go first
EARLY = 1e-6  # of the time between two instants: a time this little before one shows it


class Instants:
    """A Model that shows the latest instant not after a time. Safe to slice in threads.

    make: the splats of instant i, the same at each call; raises Unusable. times: [F] float64,
    ascending. count: Gaussians of the largest. rest: bytes held before any instant is made.
    """

    def __init__(
        self,
        make: Callable[[int], Splats],
        times: Tensor,
        count: int,
        appearance: Appearance,
        rest: int = 0,
    ) -> None:
        self._make, self._rest = make, rest
        self._made: OrderedDict[int, Splats] = OrderedDict()
        self._lock = threading.Lock()
        self._loaded: tuple[tuple[int, int], ...] = ()
        self._early = times - EARLY * (float(times.diff().amin()) if len(times) > 1 else 1.0)
        self.frame_times: Tensor | None = times
        self.time_range = (float(times[0]), float(times[-1]))
        self.count = count
        self.appearance = appearance

    @property
    def memory(self) -> int:
        """Bytes held once every instant was shown, judged by those made so far."""
        with self._lock:
            made = [_bytes(splats) for splats in self._made.values()]
        return self._rest + min(CACHE, int(len(self._early) * sum(made) / max(len(made), 1)))

    @property
    def loaded(self) -> tuple[tuple[int, int], ...]:
        """Runs of instants that are kept, first and last rank of each."""
        return self._loaded

    def slice(self, time: float) -> Splats:
        """The instant shown at `time`, kept or made anew. Raises Unusable."""
        later = torch.searchsorted(self._early, torch.tensor(time).double(), right=True)
        i = max(int(later) - 1, 0)
        with self._lock:
            if i in self._made:
                self._made.move_to_end(i)
                return self._made[i]
        splats = self._make(i)
        with self._lock:
            self._made[i] = splats
            held = sum(_bytes(s) for s in self._made.values())
            while held > CACHE and len(self._made) > 1:
                held -= _bytes(self._made.popitem(last=False)[1])
            self._loaded = _runs(sorted(self._made))
        return splats


def _runs(ranks: list[int]) -> tuple[tuple[int, int], ...]:
    """First and last of each unbroken run of ascending numbers."""
    begins = [r for r, before in zip(ranks, [None, *ranks], strict=False) if before != r - 1]
    ends = [r for r, after in zip(ranks, [*ranks[1:], None], strict=True) if after != r + 1]
    return tuple(zip(begins, ends, strict=True))


def _bytes(splats: Splats) -> int:
    s = splats
    return nbytes(s.means, s.quats, s.scales, s.covars, s.radii, s.opacities, s.colors, s.index)
