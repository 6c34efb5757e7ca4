"""Files of OMG4, comp.xz: a pickle of codebooks and Huffman streams in an xz stream, as data.

Nothing that a file names is called. The few names that such files hold stand for functions of ours
that put numbers into arrays; any other name is refused.
Source: utils/compress_utils.py and scene/gaussian_model.py of MinShirley/OMG4.
"""

import io
import lzma
import pickle
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch._utils import _rebuild_tensor_v2

from viewer.core.errors import Unusable
from viewer.formats import checkpoint, layout, pickles
from viewer.formats.huffman import Code
from viewer.formats.source import Progress

MAGIC = b"\xfd7zXZ\x00"
PICKLE = b"\x80"  # begins one
MAX_EXPANSION, ROOM = 64, 1 << 20  # times the file's size, and bytes; such files expand by 1.5
MAX_DICTIONARY = 256 << 20  # bytes that xz may ask for; its largest preset needs 65 MiB
CHUNK = 1 << 20  # bytes between two looks at progress
NUMBERS = ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8")


def find(path: Path, *names: str) -> tuple[Path, tuple[str, ...]] | None:
    """The file at `path` or the comp.xz or only .xz in it, if its pickle holds some names.

    Also the evidence. Cheap: such files have a few MB. Raises Unusable for one that is damaged.
    """
    file = path
    if path.is_dir():
        files = layout.files_with(path, ".xz")
        named = [p for p in files if p.name == "comp.xz"] or files
        if len(named) != 1:
            return None
        file = named[0]
    with file.open("rb") as opened:
        if not opened.read(len(MAGIC)).startswith(MAGIC):
            return None
    try:
        found = _holds(file, names)
    except Unusable:
        if file == path:
            raise
        return None  # what else lies in the folder may be good
    return (file, (f"{file.name}: a pickle in xz with {', '.join(names)}",)) if found else None


def _holds(file: Path, names: Collection[str]) -> bool:
    missing, before = set(names), b""
    for _, part in _expanded(file):
        if not before and not part.startswith(PICKLE):
            return False
        window = before + part
        missing -= {name for name in missing if name.encode() in window}
        if not missing:
            return True
        before = window[-max(map(len, names)) :]
    return False


def read(path: Path, progress: Progress) -> dict[str, Any]:
    """What a file holds, by name: arrays, tensors, byte strings, tables, lists of those.

    Raises Unusable; runs nothing from the file.
    """
    parts = []
    for fraction, part in _expanded(path):
        progress(fraction, "expanding")
        parts.append(part)
    content = b"".join(parts)
    try:
        pickles.check(content, len(content))
        held = _Data(content).load()
    except MemoryError:
        raise Unusable(f"{path}: asks for more memory than there is") from None
    except Exception as error:  # pickle and torch raise anything at all for damaged bytes
        raise Unusable(f"{path}: not a readable pickle of OMG4 ({_line(error)})") from error
    if not isinstance(held, dict):
        raise Unusable(f"{path}: its pickle holds no names, expected arrays by name")
    return {name: _plain(value) for name, value in held.items() if isinstance(name, str)}


def attributes(
    held: Mapping[str, Any], widths: Mapping[str, int], n: int, path: Path, progress: Progress
) -> dict[str, Tensor]:
    """Attributes by name, [n, width] float32, put together of their codebooks. Raises Unusable."""
    found: dict[str, Tensor] = {}
    for i, (name, width) in enumerate(widths.items()):
        part = _part(progress, i, len(widths))
        found[name] = _attribute(held, name, (n, width), path, part)
    return found


def _attribute(
    held: Mapping[str, Any], name: str, shape: tuple[int, int], path: Path, progress: Progress
) -> Tensor:
    """[n, width] of sub-vectors side by side, each with a codebook, a stream and its table."""
    n, width = shape
    named = [f"{name}_{part}" for part in ("code", "index", "htable")]
    parts = [held[part] for part in named if isinstance(held.get(part), list)]
    if len(parts) != 3 or len({len(part) for part in parts}) != 1:
        raise Unusable(f"{path}: {', '.join(named)} are not lists of one length")
    books = [
        checkpoint.tensor(book, f"{named[0]}[{i}]", path, (None, None))
        for i, book in enumerate(parts[0])
    ]
    widths = [book.shape[1] for book in books]
    if sum(widths) != width:
        raise Unusable(f"{path}: {named[0]} has vectors of {widths}, expected {width} in all")
    vectors = torch.empty(n, width)
    column = 0
    for i, (book, stream, table) in enumerate(zip(books, *parts[1:], strict=True)):
        where = f"{path}: {named[1]}[{i}]"
        labels = _labels(stream, table, n, where, _part(progress, i, len(books)))
        if n and int(labels.max()) >= len(book):
            raise Unusable(f"{where} has label {labels.max()}, expected under {len(book)}")
        vectors[:, column : column + book.shape[1]] = book[labels]
        column += book.shape[1]
    return vectors


def _part(progress: Progress, i: int, count: int) -> Progress:
    """Progress of the i-th of `count` steps."""
    return lambda fraction, what: progress((i + fraction) / count, what)


def _labels(stream: object, table: object, count: int, where: str, progress: Progress) -> Tensor:
    """[count] places in a codebook."""
    if not isinstance(stream, bytes) or not isinstance(table, dict):
        raise Unusable(f"{where} is not a Huffman stream with its table")
    if not count:
        return torch.empty(0, dtype=torch.int64)
    try:
        return torch.from_numpy(Code(table).decode(stream, count, progress))
    except ValueError as error:
        raise Unusable(f"{where}: its Huffman code {error}") from error


def _expanded(path: Path) -> Iterator[tuple[float, bytes]]:
    """Parts of the xz stream's content, none empty, and how much of the file is read then.

    Raises Unusable where it is damaged or expands beyond reason.
    """
    size = path.stat().st_size
    left = MAX_EXPANSION * size + ROOM
    stream = lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=MAX_DICTIONARY)
    with path.open("rb") as file:
        while not stream.eof:
            fed = file.read(CHUNK) if stream.needs_input else b""
            if stream.needs_input and not fed:
                raise Unusable(f"{path}: its xz stream is cut after {size} bytes")
            try:
                part = stream.decompress(fed, CHUNK)
            except lzma.LZMAError as error:
                raise Unusable(f"{path}: a damaged xz stream ({_line(error)})") from error
            left -= len(part)
            if left < 0:
                raise Unusable(f"{path}: {size} bytes expand beyond {MAX_EXPANSION} times that")
            if part:
                yield file.tell() / max(size, file.tell()), part


@dataclass(slots=True)
class _Type:
    """Stands for a NumPy data type."""

    code: str
    order: str = "<"

    def __setstate__(self, state: object) -> None:
        match state:
            case (int(), "<" | ">" | "|" as order, *_):
                self.order = order
            case _:
                raise ValueError("a data type that makes no sense")

    def values(self, data: object) -> np.ndarray:
        """Numbers [n] of bytes. Raises ValueError."""
        if not isinstance(data, bytes):
            raise ValueError(f"an array of a {type(data).__name__}")
        return np.frombuffer(data, np.dtype(self.order + self.code)).astype(self.code)


@dataclass(slots=True)
class _Array:
    """Stands for a NumPy array."""

    values: np.ndarray | None = None

    def __setstate__(self, state: object) -> None:
        match state:
            case (int(), tuple() as shape, _Type() as kind, bool() as columns_first, data):
                self.values = kind.values(data).reshape(shape, order="F" if columns_first else "C")
            case _:
                raise ValueError("an array that makes no sense")


class _Name:
    """What a name in the file stands for; one for each time it is named, so that nothing the
    file does to it lasts.
    """

    __slots__ = ("_make",)

    def __init__(self, make: Callable[..., object]) -> None:
        self._make = make

    def __call__(self, *args: object) -> object:
        return self._make(*args)


class _Data(pickle.Unpickler):
    """Unpickles data alone."""

    def __init__(self, content: bytes) -> None:
        super().__init__(io.BytesIO(content))
        self._end_of_stream = type("EndOfStream", (), {"__slots__": ()})

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        """One of NAMES. Raises UnpicklingError for any other."""
        name = f"{module_name}.{global_name}".replace("numpy._core.", "numpy.core.")
        if name == "dahuffman.huffmancodec._EndOfFileSymbol":
            return self._end_of_stream  # is made with __new__, so it has to be a class
        if name not in NAMES:
            raise pickle.UnpicklingError(
                f"asks for {module_name}.{global_name}, and it may hold arrays and numbers only"
            )
        return _Name(NAMES[name])


def _type(code: object, *_: object) -> _Type:
    if code not in NUMBERS:
        raise ValueError(f"an array of type {code!r}")
    return _Type(str(code))


def _scalar(kind: object, data: object) -> object:
    if not isinstance(kind, _Type):
        raise ValueError("a number that makes no sense")
    (number,) = kind.values(data).tolist()
    return number


def _storage(content: object) -> object:
    """The numbers of a tensor, which are a file of their own inside the file."""
    if not isinstance(content, bytes):
        raise ValueError("a tensor that makes no sense")
    try:
        checkpoint.check_old(io.BytesIO(content), len(content))
        return torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")
    except Exception as error:  # torch raises anything at all for damaged bytes
        raise ValueError("a tensor that is not plain numbers") from error


def _tensor(storage: object, offset: object, size: object, stride: object, *_: object) -> Tensor:
    if not isinstance(storage, torch.storage.TypedStorage):
        raise ValueError("a tensor that makes no sense")
    tensor = _rebuild_tensor_v2(storage, offset, size, stride, False, {})
    if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        raise ValueError(f"a tensor {list(tensor.shape)} that is longer than its numbers")
    return tensor


NAMES: dict[str, Callable[..., object]] = {
    "collections.OrderedDict": dict,
    "numpy.core.multiarray._reconstruct": lambda *_: _Array(),
    "numpy.core.multiarray.scalar": _scalar,
    "numpy.dtype": _type,
    "numpy.ndarray": _Array,  # only named, never called
    "torch._utils._rebuild_parameter": lambda data, *_: data,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch.storage._load_from_bytes": _storage,
}


def _plain(held: object) -> object:
    """An array, or a list of arrays, in place of what stands for them."""
    if isinstance(held, list):
        return [value.values if isinstance(value, _Array) else value for value in held]
    return held.values if isinstance(held, _Array) else held


def _line(error: Exception) -> str:
    """One printable line of an error's text."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text.encode("ascii", "backslashreplace").decode()[:160]
