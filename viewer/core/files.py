"""Files are never written half: write beside, then rename."""

import os
import shutil
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
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
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
