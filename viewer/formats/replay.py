"""Replay: states of which each follows from the one before, and seeking among them.

Knows no files: how a step is made, and where states are stored besides, is up to the format.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection
from typing import Generic, TypeVar

KEY = 10  # every so many states one is kept for good: from there it is never far to any other
MAX_KEYS = 64  # kept for good; long streams have them farther apart
RECENT = 12  # kept besides, of those shown or passed last: stepping back is quick

S = TypeVar("S")


class Replay(Generic[S]):
    """The states 0 to count - 1. The same at each call, in any order; safe in threads.

    step: state i of i and state i - 1. read: state i, for each i in `stored`. Both may raise
    Unusable. A state that is stored is never stepped to.
    """

    def __init__(
        self,
        first: S,
        count: int,
        step: Callable[[int, S], S],
        stored: Collection[int],
        read: Callable[[int], S],
    ) -> None:
        self._step, self._stored, self._read = step, stored, read
        self._keys = {0: first}
        self._recent: OrderedDict[int, S] = OrderedDict()
        self._apart = max(KEY, -(-count // MAX_KEYS))
        self._lock = threading.Lock()
        self.kept = min(count, (count - 1) // self._apart + 1 + RECENT)  # states, at most

    def at(self, i: int) -> S:
        """State i, from the nearest one at or before it that is at hand."""
        with self._lock:
            start = i
            while not (start in self._keys or start in self._recent or start in self._stored):
                start -= 1
            state = self._at_hand(start)
            for k in range(start + 1, i + 1):
                state = self._keep(k, self._step(k, state))
        return state

    def _at_hand(self, i: int) -> S:
        if i in self._keys:
            return self._keys[i]
        if i in self._recent:
            return self._keep(i, self._recent[i])
        return self._keep(i, self._read(i))

    def _keep(self, i: int, state: S) -> S:
        if i % self._apart == 0:
            self._keys[i] = state
        else:
            self._recent[i] = state
            self._recent.move_to_end(i)
            if len(self._recent) > RECENT:
                self._recent.popitem(last=False)
        return state
