"""PLY: header, memory-mapped columns of the vertex element, and a writer.

Knows nothing of splats. Reads binary of either byte order and ASCII, any property order and type;
other elements are skipped.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from viewer.core.errors import Unusable
from viewer.formats.source import Progress, silent

MAX_HEADER = 1 << 20  # bytes; no PLY has a longer one
ROWS = 1 << 15  # read between two reports of progress
TYPES = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1",
    "short": "i2", "int16": "i2", "ushort": "u2", "uint16": "u2",
    "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4",
    "float": "f4", "float32": "f4", "double": "f8", "float64": "f8",
}  # fmt: skip
ORDERS = {"binary_little_endian": "<", "binary_big_endian": ">", "ascii": ""}


@dataclass(frozen=True, slots=True)
class Element:
    """One kind of row. lists: names of list properties, whose rows differ in length."""

    name: str
    count: int
    names: tuple[str, ...]
    types: tuple[str, ...]
    lists: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Header:
    """What a PLY says of itself. order: "<", ">", or "" for ASCII. size: bytes of the header."""

    path: Path
    order: str
    elements: tuple[Element, ...]
    comments: tuple[str, ...]
    size: int

    @property
    def vertex(self) -> Element:
        """The vertex element; an empty one where the file has none."""
        return self.element("vertex")

    def element(self, name: str) -> Element:
        """The element `name`; an empty one where the file has none."""
        found = [e for e in self.elements if e.name == name]
        return found[0] if found else Element(name, 0, (), ())

    def comment(self, key: str) -> str | None:
        """Text after `key` in the first comment that begins with it."""
        for line in self.comments:
            name, _, rest = line.partition(" ")
            if name.rstrip(":=").lower() == key.lower():
                return rest.strip()
        return None


def read_header(path: Path) -> Header | None:
    """The header of a PLY; None where the file is none. Raises Unusable when it is broken."""
    with path.open("rb") as file:
        if file.readline(8).rstrip(b"\r\n") != b"ply":
            return None
        lines: list[str] = []
        while True:
            line = file.readline(MAX_HEADER)
            if not line.endswith(b"\n") or file.tell() > MAX_HEADER:
                raise Unusable(f"{path}: the PLY header has no end (looked for end_header)")
            words = line.decode("latin-1").strip()
            if words == "end_header":
                return _parsed(path, lines, file.tell())
            lines.append(words)


def header(path: Path) -> Header:
    """The header of a file that must be a PLY. Raises Unusable."""
    found = read_header(path)
    if found is None:
        raise Unusable(f"{path}: is not a PLY (it should begin with 'ply')")
    return found


def columns(
    header: Header, groups: Sequence[Sequence[str]], progress: Progress = silent
) -> list[np.ndarray]:
    """Vertices by groups of properties: float32 [N, len(group)] each, contiguous.

    Raises Unusable when a property is missing, or the file does not hold the rows that its header
    says. Nothing but the result is held in memory.
    """
    vertex = header.vertex
    missing = [name for group in groups for name in group if name not in vertex.names]
    if missing:
        raise Unusable(
            f"{header.path}: has no property {', '.join(missing)}; "
            f"found {', '.join(vertex.names) or 'none'}"
        )
    if vertex.lists:
        raise Unusable(f"{header.path}: vertex property {vertex.lists[0]} is a list, not a number")
    if header.order == "":
        shortest = (vertex.count - 1) * 2 * len(vertex.names)  # bytes: a digit and a space each
        if shortest > header.path.stat().st_size:
            raise Unusable(
                f"{header.path}: too short for the {vertex.count} vertices that its header promises"
            )
        rows = _ascii_rows(header)
    else:
        rows = binary_rows(header, "vertex")
    out = [np.empty((vertex.count, len(group)), np.float32) for group in groups]
    start = 0
    with np.errstate(over="ignore"):  # a double too large becomes inf, and its row is dropped
        for part in rows:
            progress(start / vertex.count, "reading")
            for table, group in zip(out, groups, strict=True):
                for i, name in enumerate(group):
                    table[start : start + len(part), i] = part[name]
            start += len(part)
    return out


def count(path: Path) -> int:
    """Vertices of a PLY whose rows are all there. Raises Unusable."""
    found = header(path)
    check(found)
    return found.vertex.count


def check(header: Header) -> None:
    """Raise Unusable unless the file holds the rows that its header says; cheap in binary."""
    if header.order:
        _offset(header, header.vertex)


def write(path: Path, named: dict[str, np.ndarray], comments: Sequence[str] = ()) -> None:
    """Write vertices [N] each, float32, binary little-endian, in the order of `named`."""
    count = len(next(iter(named.values())))
    lines = ["ply", "format binary_little_endian 1.0", *(f"comment {c}" for c in comments)]
    lines += [f"element vertex {count}", *(f"property float {n}" for n in named), "end_header"]
    table = np.empty((count, len(named)), "<f4")
    for i, values in enumerate(named.values()):
        table[:, i] = values
    with path.open("wb") as file:
        file.write(("\n".join(lines) + "\n").encode("ascii"))
        file.write(table.data)


def _parsed(path: Path, lines: list[str], size: int) -> Header:
    order: str | None = None
    comments: list[str] = []
    elements: list[Element] = []
    names: list[str] = []
    types: list[str] = []
    lists: list[str] = []
    opened: tuple[str, int] | None = None

    def close() -> None:
        if opened is not None:
            elements.append(Element(*opened, tuple(names), tuple(types), tuple(lists)))
        for some in (names, types, lists):
            some.clear()

    for line in lines:
        match line.split():
            case ["format", kind, *_] if kind in ORDERS:
                order = ORDERS[kind]
            case ["comment", *_]:
                comments.append(line[len("comment") :].strip())
            case ["obj_info", *_] | []:
                pass
            case ["element", name, count] if count.isascii() and count.isdigit():
                close()
                opened = (name, int(count))
            case ["property", "list", _, _, name] if opened is not None:
                lists.append(name)
            case ["property", kind, name] if opened is not None and kind in TYPES:
                if name in names:
                    raise Unusable(f"{path}: the PLY header has property {name} twice")
                names.append(name)
                types.append(TYPES[kind])
            case _:
                raise Unusable(
                    f"{path}: the PLY header has a line {line[:60]!r} that makes no sense"
                )
    close()
    if order is None:
        raise Unusable(f"{path}: the PLY header has no format line (expected {', '.join(ORDERS)})")
    return Header(path, order, tuple(elements), tuple(comments), size)


def binary_rows(header: Header, name: str, some: int = ROWS) -> Iterator[np.ndarray]:
    """Rows of the element `name`, `some` at a time, as memory-mapped structured arrays.

    Raises Unusable at once where the file does not hold them all.
    """
    element = header.element(name)
    return _mapped(header, element, _offset(header, element), some)


def _mapped(header: Header, element: Element, offset: int, most: int) -> Iterator[np.ndarray]:
    count, dtype = element.count, _dtype(header, element)
    for start in range(0, count, most):
        some = min(most, count - start)
        yield np.memmap(header.path, dtype, "r", offset + start * dtype.itemsize, (some,))


def _offset(header: Header, wanted: Element) -> int:
    """Where an element begins. Raises Unusable unless it has the rows that the header says."""
    offset, rows = header.size, "vertices" if wanted.name == "vertex" else f"{wanted.name} rows"
    for element in header.elements:
        if element is wanted:
            break
        if element.lists:
            raise Unusable(
                f"{header.path}: a list property ({element.lists[0]}) before the {rows} "
                "cannot be skipped"
            )
        offset += element.count * _dtype(header, element).itemsize
    dtype, size = _dtype(header, wanted), header.path.stat().st_size
    if wanted.count == 0 or not dtype.itemsize:
        return offset
    present = max(0, size - offset) // dtype.itemsize
    if present < wanted.count:
        raise Unusable(
            f"{header.path}: ends after {present} of the {wanted.count} {rows} that its header "
            f"promises ({size} bytes, expected {offset + wanted.count * dtype.itemsize})"
        )
    excess = size - offset - wanted.count * dtype.itemsize
    if wanted is header.elements[-1] and excess and excess % dtype.itemsize == 0:
        raise Unusable(f"{header.path}: holds {present} {rows}, but its header says {wanted.count}")
    return offset


def _dtype(header: Header, element: Element) -> np.dtype:
    fields = zip(element.names, element.types, strict=True)
    return np.dtype([(name, header.order + kind) for name, kind in fields])


def _ascii_rows(header: Header) -> Iterator[np.ndarray]:
    """The vertices of an ASCII file, some at a time, as structured arrays."""
    vertex, path = header.vertex, header.path
    skipped = 0
    for element in header.elements:
        if element is vertex:
            break
        skipped += element.count
    done = 0
    with path.open("rb") as file:
        file.seek(header.size)
        lines = (line for line in file if line.strip())
        for _ in islice(lines, skipped):
            pass
        while done < vertex.count:
            some = list(islice(lines, min(ROWS, vertex.count - done)))
            if not some:
                raise Unusable(
                    f"{path}: ends after {done} of the {vertex.count} vertices that its header "
                    "promises"
                )
            yield _ascii_table(header, some, done)
            done += len(some)
        more = vertex is header.elements[-1] and next(lines, None) is not None
    if more:
        raise Unusable(f"{path}: holds more vertices than the {vertex.count} its header says")


def _ascii_table(header: Header, lines: list[bytes], first: int) -> np.ndarray:
    """Structured float64 [len(lines)]."""
    names = header.vertex.names
    try:
        rows = np.array([line.split() for line in lines], dtype=np.float64)
        if rows.shape[1] != len(names):
            raise ValueError(f"{rows.shape[1]} numbers a row")
    except ValueError as error:
        raise Unusable(
            f"{header.path}: vertices from {first} on are not rows of {len(names)} numbers "
            f"({error})"
        ) from None
    return rows.view([(name, np.float64) for name in names])[:, 0]
