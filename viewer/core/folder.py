"""Listing: what the open dialog shows of a folder."""

from dataclasses import dataclass
from pathlib import Path

MOST = 2000  # entries; a dialog with more is of no use, and names of a whole disk cost seconds


@dataclass(frozen=True, slots=True)
class Listing:
    """Names in a folder, sorted without regard to case, hidden ones left out.

    trouble: why it cannot be read, or that it was cut short.
    """

    folder: str
    folders: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    trouble: str = ""


def listing(folder: str) -> Listing:
    """Read a folder. What cannot be read is said in `trouble`, not raised."""
    folders: list[str] = []
    files: list[str] = []
    trouble = ""
    try:
        for entry in Path(folder).iterdir():
            if entry.name.startswith("."):
                continue
            if len(folders) + len(files) >= MOST:
                trouble = f"only the first {MOST} entries are shown: type the path instead"
                break
            (folders if entry.is_dir() else files).append(entry.name)
    except OSError as error:
        trouble = error.strerror or str(error)
    ordered = (tuple(sorted(names, key=str.casefold)) for names in (folders, files))
    return Listing(folder, *ordered, trouble=trouble)


def existing(text: str) -> str:
    """The nearest existing folder at or above a path; the working folder for an empty one."""
    path = Path(text).expanduser().absolute() if text else Path.cwd()
    while not path.is_dir() and path != path.parent:
        path = path.parent
    return str(path)
