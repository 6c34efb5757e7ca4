"""Files are never written half: write beside, then rename."""

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from viewer.core.errors import Unusable


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path beside `path` to write a file or make a folder at; it becomes `path` on success.

    On any error, Ctrl-C included, it is removed and `path` stays as it was. Raises Unusable where
    the folder does not exist or cannot be written.
    """
    writer = f"{os.getpid()}-{threading.get_native_id()}"
    beside = path.with_name(f".{path.name}.{writer}.part")
    if not path.parent.is_dir():
        raise Unusable(f"{path}: there is no folder {path.parent} to write to")
    try:
        yield beside
        if path.is_dir() and beside.is_dir():
            shutil.rmtree(path)
        os.replace(beside, path)
    except OSError as error:
        raise Unusable(f"{path}: cannot be written ({error.strerror or error})") from error
    finally:
        if beside.is_dir():
            shutil.rmtree(beside, ignore_errors=True)
        else:
            beside.unlink(missing_ok=True)


def free(path: Path) -> Path:
    """The path, or the first like it with a number that nothing is at."""
    if not path.exists():
        return path
    numbered = (path.with_stem(f"{path.stem}-{i}") for i in range(2, 10**6))
    return next(p for p in numbered if not p.exists())
