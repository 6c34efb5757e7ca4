"""NumPy archives (.npz), read as data: names, sizes, and only the arrays and rows asked for.

Rows of members that are stored as they are come straight from their place in the file; compressed
members are expanded. Nothing is unpickled, and nothing is mapped: a mapped file that is written
anew while a scene is open would end the program.
"""

import ast
import math
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path
from typing import IO, NamedTuple, cast

import numpy as np

from viewer.core.errors import Unusable

ENDING = ".npz"
LOCAL_HEADER = struct.Struct("<4s22xHH")  # magic, lengths of the name and of what follows it
LOCAL_MAGIC = b"PK\x03\x04"
NPY = b"\x93NUMPY"
LENGTHS = {1: "<H", 2: "<I"}  # of an array's description, by version
MAX_DESCRIPTION = 1 << 16  # bytes
MAX_AXES = 8
MAX_VALUES = 1 << 40  # bytes of an array, a side of no length counted as one
MAX_EXPANDED = 8 << 30  # bytes of a compressed member
MAX_EXPANSION = 1032  # of deflate: a byte of the archive gives no more
CHUNK = 1 << 24  # bytes read at once
NUMBERS = re.compile("[<>|=]?[fiub][1248]")  # and truth values; nothing else is read
ENCRYPTED = 1  # flag of a member
BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    ValueError,
    OverflowError,
    NotImplementedError,
    RuntimeError,
)  # what zipfile raises for damaged archives


class Stamp(NamedTuple):
    """What changes when a file is written anew."""

    size: int
    modified: int


@dataclass(frozen=True, slots=True)
class Description:
    """What an array says of itself. size: of the description, bytes."""

    dtype: np.dtype
    column_major: bool
    shape: tuple[int, ...]
    size: int

    @property
    def count(self) -> int:
        """Values."""
        return math.prod(self.shape)


@dataclass(frozen=True, eq=False, slots=True)
class Array:
    """One array of an archive; none of its values is in memory.

    begins: place in the file of its values, row by row; None where they are to be expanded, or
    stand column by column.
    """

    name: str
    shape: tuple[int, ...]
    path: Path
    begins: int | None
    _described: Description
    _member: zipfile.ZipInfo
    _stamp: Stamp

    def read(self) -> np.ndarray:
        """All of it, writable, in the machine's byte order. Raises Unusable."""
        what = self._described
        if self.begins is not None:
            return self._values(0, what.count).reshape(self.shape)
        with (
            _guarded(self.path),
            zipfile.ZipFile(self.path) as archive,
            archive.open(self._member) as file,
        ):
            file.seek(what.size)
            values = _filled(file, what.dtype, what.count)
            if len(values) < what.count or file.read(1):
                raise zipfile.BadZipFile(f"{self.name} is not as long as it says")
        order = "F" if what.column_major else "C"
        return _native(values).reshape(self.shape, order=order)

    def rows(self, start: int, stop: int) -> np.ndarray:
        """Rows start..stop of the first axis as `read` gives them; no others are read.

        Where `begins` is None, all are.
        """
        if self.begins is None:
            return self.read()[start:stop]
        start, stop, _ = slice(start, stop).indices(self.shape[0])
        each = math.prod(self.shape[1:])
        return self._values(start * each, stop * each).reshape(stop - start, *self.shape[1:])

    def _values(self, start: int, stop: int) -> np.ndarray:
        dtype = self._described.dtype
        assert self.begins is not None
        with _guarded(self.path), self.path.open("rb") as file:
            if _stamp(self.path) != self._stamp:
                raise Unusable(f"{self.path}: has changed since it was opened, expected it as then")
            file.seek(self.begins + start * dtype.itemsize)
            values = _filled(file, dtype, stop - start)
            if len(values) < stop - start:
                raise EOFError(f"it ends inside {self.name}")
        return _native(values)


@dataclass(frozen=True, eq=False, slots=True)
class Archive:
    """The members of an .npz, by the names of their arrays."""

    path: Path
    members: Mapping[str, zipfile.ZipInfo]
    _stamp: Stamp

    def array(self, name: str) -> Array:
        """The array `name`, not read yet. Raises Unusable where it is missing or no numbers."""
        if name not in self.members:
            found = ", ".join(sorted(self.members)[:20]) or "none"
            raise Unusable(f"{self.path}: has no array {name}; found {found}")
        member = self.members[name]
        if member.flag_bits & ENCRYPTED or member.compress_type not in (
            zipfile.ZIP_STORED,
            zipfile.ZIP_DEFLATED,
        ):
            raise Unusable(f"{self.path}: {name} is encrypted, or packed by other means than zip's")
        with _guarded(self.path, name), self.path.open("rb") as file:
            if member.compress_type == zipfile.ZIP_STORED:
                what, begins = _stored(file, member)
                fits = begins + what.count * what.dtype.itemsize <= self._stamp.size
            else:
                with zipfile.ZipFile(file) as archive, archive.open(member) as packed:
                    what, begins = description(packed), None
                most = min(MAX_EXPANSION * member.compress_size, MAX_EXPANDED)
                fits = member.file_size <= most
            promised = what.size + what.count * what.dtype.itemsize
            if not fits or member.file_size != promised:
                raise ValueError(
                    f"{list(what.shape)} take {promised} bytes, and there are {member.file_size}, "
                    f"{member.compress_size} of them in the file"
                )
        begins = None if what.column_major else begins
        return Array(name, what.shape, self.path, begins, what, member, self._stamp)


def names(path: Path) -> tuple[str, ...]:
    """Names of the arrays, for telling what an .npz is; cheap. Empty where the file is none.

    Raises Unusable where an .npz is damaged, as by a download that stopped.
    """
    if path.suffix.lower() != ENDING or not path.is_file():
        return ()
    return tuple(opened(path).members)


def opened(path: Path) -> Archive:
    """What an .npz holds; only its directory is read. Raises Unusable."""
    with _guarded(path), zipfile.ZipFile(path) as archive:
        members = {m.filename.removesuffix(".npy"): m for m in archive.infolist()}
        return Archive(path, members, _stamp(path))


@contextmanager
def _guarded(path: Path, name: str = "") -> Iterator[None]:
    """Turns what damaged archives raise into Unusable, and says in which array it was."""
    try:
        yield
    except OSError as error:
        raise Unusable(f"{path}: cannot be read ({error.strerror or error})") from error
    except BROKEN as error:
        where = f"{name}: " if name else ""
        raise Unusable(
            f"{path}: is not a whole .npz ({where}{' '.join(str(error).split())})"
        ) from error


def _stamp(path: Path) -> Stamp:
    found = path.stat()
    return Stamp(found.st_size, found.st_mtime_ns)


def _stored(file: IO[bytes], member: zipfile.ZipInfo) -> tuple[Description, int]:
    """The description of a stored member, and where its values begin. Raises what BROKEN lists."""
    file.seek(member.header_offset)
    magic, name, extra = LOCAL_HEADER.unpack(file.read(LOCAL_HEADER.size))
    if magic != LOCAL_MAGIC:
        raise ValueError("it does not begin where the archive's directory says")
    file.seek(name + extra, 1)
    return description(file), file.tell()


def description(file: IO[bytes]) -> Description:
    """Reads the head of an array in NumPy's own form. Raises what BROKEN lists.

    Source: the .npy format, versions 1 and 2, in NumPy's documentation (numpy.lib.format).
    """
    magic, version = file.read(len(NPY)), file.read(2)
    if magic != NPY or len(version) < 2 or version[0] not in LENGTHS:
        raise ValueError("it is no array of NumPy's")
    form = struct.Struct(LENGTHS[version[0]])
    (length,) = form.unpack(file.read(form.size))
    if length > MAX_DESCRIPTION:
        raise ValueError(f"its description takes {length} bytes")
    match _literal(file.read(length)):
        case {
            "descr": str() as kind,
            "fortran_order": bool() as column_major,
            "shape": tuple(shape),
        }:
            pass
        case _:
            raise ValueError("its description is not that of an array of numbers")
    dtype = _dtype(kind)
    if len(shape) > MAX_AXES or not all(type(side) is int and side >= 0 for side in shape):
        raise ValueError(f"its shape is {shape!r:.60}")
    if math.prod(max(side, 1) for side in shape) * dtype.itemsize > MAX_VALUES:
        raise ValueError(f"its shape is {shape!r:.60}")
    return Description(dtype, column_major, shape, len(NPY) + 2 + form.size + length)


def _literal(text: bytes) -> object:
    try:
        return ast.literal_eval(text.decode("latin-1").strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise ValueError("its description is not readable") from None


def _dtype(kind: str) -> np.dtype:
    try:
        if NUMBERS.fullmatch(kind):
            return np.dtype(kind)
    except TypeError:
        pass  # a size that there is not, such as f1
    raise ValueError(f"it holds {kind!r:.20}, expected numbers")


def _filled(file: IO[bytes], dtype: np.dtype, count: int) -> np.ndarray:
    """[count] values from where `file` stands; fewer where it ends before."""
    values = np.empty(count, dtype)
    room = values.view(np.uint8).data
    done = 0
    while done < len(room):
        got = cast(BufferedIOBase, file).readinto(room[done : done + CHUNK])
        if not got:
            break
        done += got
    return values[: done // dtype.itemsize]


def _native(values: np.ndarray) -> np.ndarray:
    return values.astype(values.dtype.newbyteorder("="), copy=False)
