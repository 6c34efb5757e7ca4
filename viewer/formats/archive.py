"""Zip archives of models: their files, checked before anything is expanded, one read at a time.

Readers want a path: a member is expanded into a temporary file while it is read.
"""

import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath

from viewer.core.errors import Unusable

ENDING = ".zip"
MAGIC = (b"PK\3\4", b"PK\5\6")  # the second begins an archive of nothing
MAX_MEMBER = 4 << 30  # bytes of a member once expanded
MAX_RATIO = 100  # to which a member may expand; Gaussians are close to noise
SMALL = 1 << 22  # bytes that may expand by any ratio
PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others may ask for gigabytes to expand
ENCRYPTED = 1  # flag of a member
PIECE = 1 << 20  # bytes expanded at once
BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, RuntimeError, OverflowError)


def is_archive(path: Path) -> bool:
    """Whether a file is a .zip, by its name and its first bytes."""
    if path.suffix.lower() != ENDING or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) in MAGIC


def names(path: Path) -> list[str]:
    """Names of the files in an archive, hidden ones left out. Raises Unusable."""
    return [name_of(member) for member in members(path)]


def members(path: Path) -> list[zipfile.ZipInfo]:
    """The files in an archive, hidden ones left out.

    Raises Unusable for one that is broken, encrypted, names places outside itself, or would
    expand beyond reason.
    """
    try:
        with zipfile.ZipFile(path) as opened:
            found = [member for member in opened.infolist() if not member.is_dir()]
    except BROKEN as error:
        raise Unusable(f"{path}: is broken ({_line(error)})") from None
    for member in found:
        _check(path, member)
    if sum(member.compress_size for member in found) > path.stat().st_size:
        raise Unusable(f"{path}: its files overlap, expected an archive of frames")
    return [m for m in found if not PurePosixPath(name_of(m)).name.startswith(".")]


def name_of(member: zipfile.ZipInfo) -> str:
    """The path of a member, parted by /, in one line."""
    parted = member.filename.replace("\\", "/")
    return "".join(letter if letter.isprintable() else "?" for letter in parted)


@contextmanager
def expanded(path: Path, member: zipfile.ZipInfo, head: int | None = None) -> Iterator[Path]:
    """A member as a temporary file; with `head`, of its first bytes only, but of its full size.

    Unusable raised meanwhile names the member in place of the temporary file.
    """
    shown = f"{path}/{name_of(member)}"
    with tempfile.TemporaryDirectory(prefix="view4d-", ignore_cleanup_errors=True) as folder:
        file = Path(folder) / f"frame{PurePosixPath(name_of(member)).suffix.lower()}"
        try:
            _expand(path, member, file, member.file_size if head is None else head)
        except BROKEN as error:
            raise Unusable(f"{shown}: is broken ({_line(error)})") from None
        except OSError as error:
            raise Unusable(f"{shown}: cannot be expanded ({error.strerror or error})") from error
        try:
            yield file
        except Unusable as error:
            raise Unusable(error.cause.replace(str(file), shown), error.fix) from error


def _expand(path: Path, member: zipfile.ZipInfo, file: Path, wanted: int) -> None:
    """Write the first `wanted` bytes; what is left of the member's size reads as zeros."""
    with zipfile.ZipFile(path) as opened, opened.open(member) as packed, file.open("wb") as out:
        while wanted > 0 and (piece := packed.read(min(wanted, PIECE))):
            out.write(piece)
            wanted -= len(piece)
        if packed.tell() < member.file_size and wanted > 0:
            raise EOFError(f"ends after {packed.tell()} of {member.file_size} bytes")
        out.truncate(member.file_size)


def _check(path: Path, member: zipfile.ZipInfo) -> None:
    name, size = name_of(member), member.file_size
    inside = PurePosixPath(name)
    if inside.is_absolute() or ".." in inside.parts or PureWindowsPath(name).drive:
        raise Unusable(f"{path}: names a file outside itself ({name!r})")
    if member.flag_bits & ENCRYPTED:
        raise Unusable(f"{path}: {name} is encrypted")
    if member.compress_type not in PACKINGS:
        raise Unusable(
            f"{path}: {name} is packed by method {member.compress_type}, expected 0 or 8"
        )
    if size > MAX_MEMBER:
        raise Unusable(f"{path}: {name} expands to {size} bytes, expected at most {MAX_MEMBER}")
    if size > SMALL and size > MAX_RATIO * member.compress_size:
        raise Unusable(
            f"{path}: {name} expands from {member.compress_size} to {size} bytes, "
            f"expected at most {MAX_RATIO} times as many"
        )


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
