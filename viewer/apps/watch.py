"""Watcher: notices that training has left something newer where a scene was opened."""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from viewer import formats
from viewer.core.errors import BadArgument, Unusable

PERIOD = 2.0  # seconds between looks
MOST_FILES = 10_000  # of a folder that are looked at

Signature = tuple[object, ...]
Look = Callable[[Path, Mapping[str, str]], Signature | None]


def signature(path: Path, options: Mapping[str, str]) -> Signature | None:
    """What would be loaded from a path now, and its date and size; None while there is nothing."""
    try:
        found = formats.located(path, options)
        files = sorted(found.iterdir())[:MOST_FILES] if found.is_dir() else [found]
        stats = [(file.name, file.stat()) for file in files]
    except (Unusable, BadArgument, OSError):
        return None
    return (str(found), *((name, s.st_mtime_ns, s.st_size) for name, s in stats))


class Watcher:
    """Looks at a path from a thread. What is still being written is not yet a change."""

    def __init__(
        self,
        path: Path,
        options: Mapping[str, str],
        look: Look = signature,
        period: float | None = None,
    ) -> None:
        self._path, self._options, self._look = path, options, look
        self._period = PERIOD if period is None else period
        self._stop, self._newer = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watch", daemon=True)
        self._thread.start()

    def newer(self) -> bool:
        """Whether something newer has come to rest there; true once for each change."""
        if not self._newer.is_set():
            return False
        self._newer.clear()
        return True

    def release(self) -> None:
        """Stop looking; nobody waits for a look under way."""
        self._stop.set()

    def _watch(self) -> None:
        known = last = self._look(self._path, self._options)
        while not self._stop.wait(self._period):
            seen = self._look(self._path, self._options)
            if seen is not None and seen == last and seen != known:
                if known is not None:
                    self._newer.set()
                known = seen
            last = seen
