"""PyTorch checkpoints, read as data: nothing in them is run, and only what is used is read.

Files of PyTorch 1.6 and later are zip archives; their tensors are mapped, so that optimiser state
stays on disk. Older files are one pickle and are read whole.
"""

import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast

import numpy as np
import torch
from torch import Tensor

from viewer.core.errors import Unusable
from viewer.formats import pickles

ENDINGS = (".pth", ".pt", ".ckpt")
ZIP, LEGACY = b"PK\x03\x04", b"\x80\x02"
MAX_LEGACY = 8 << 30  # bytes of a file that has to be read whole
MAX_PICKLE = 64 << 20  # bytes of the part that is not tensors
OLD_PICKLES = 4  # of PyTorch's old form: magic number, protocol, system, and what is held
PICKLE, NEWEST_PROTOCOL = "data.pkl", b"\x05"
HEAD = 1 << 20  # bytes of an old file in which its names are looked for

# Within `read_once`: what `load` read last, or why it could not.
_last: ContextVar[dict[Path, Any] | None] = ContextVar("last", default=None)

# NumPy scalars stand beside the tensors of most training runs; the second name is older NumPy's.
_scalar: Any = np.float32(0).__reduce__()[0]
ALLOWED: list[Any] = [
    np.dtype,
    np.dtypes.Float32DType,
    np.dtypes.Float64DType,
    np.dtypes.Int64DType,
    (_scalar, "numpy._core.multiarray.scalar"),
    (_scalar, "numpy.core.multiarray.scalar"),
]


def is_checkpoint(path: Path) -> bool:
    """Whether a file begins as a PyTorch checkpoint does; cheap."""
    if path.suffix.lower() not in ENDINGS or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4).startswith((ZIP, LEGACY))


def mentions(path: Path, *names: str) -> bool:
    """Whether a checkpoint's pickle holds every one of some names; cheap: reads no tensors.

    Raises Unusable where an archive is damaged, as by a download that stopped.
    """
    with path.open("rb") as file:
        held = file.read(HEAD)
    if held.startswith(ZIP):
        try:
            with zipfile.ZipFile(path) as archive:
                pickles = [m for m in archive.infolist() if m.filename.endswith("data.pkl")]
                small = [m for m in pickles if m.file_size <= MAX_PICKLE]
                held = b"".join(archive.read(m) for m in small[:1])
        except Exception as error:  # zipfile raises anything at all for a damaged file
            raise Unusable(f"{path}: {_reason(error)}") from error
    return all(name.encode() in held for name in names)


@contextmanager
def read_once() -> Iterator[None]:
    """Within it `load` gives again what it read last: several formats look into one file."""
    token = _last.set({})
    try:
        yield
    finally:
        _last.reset(token)


def load(path: Path) -> Any:
    """What a checkpoint holds, tensors on the CPU. Raises Unusable; runs nothing from the file."""
    last = _last.get()
    if last is None:
        return _read(path)
    if path not in last:
        last.clear()
        try:
            last[path] = _read(path)
        except Unusable as error:
            last[path] = error
    held = last[path]
    if isinstance(held, Unusable):
        raise held.with_traceback(None)
    return held


def _read(path: Path) -> Any:
    try:
        mapped = _checked(path)
        with torch.serialization.safe_globals(ALLOWED):
            held = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
        _check_tensors(held, path)
    except OSError as error:
        raise Unusable(f"{path}: cannot be read ({error.strerror or error})") from error
    except Unusable:
        raise
    except Exception as error:  # torch and pickle raise anything at all for a damaged file
        raise Unusable(f"{path}: {_reason(error)}") from error
    return held


def state(path: Path) -> dict[str, Any]:
    """A checkpoint that is a mapping of names. Raises Unusable for anything else."""
    held = load(path)
    if not isinstance(held, Mapping):
        raise Unusable(f"{path}: holds a {type(held).__name__}, expected names and tensors")
    return {name: value for name, value in held.items() if isinstance(name, str)}


def tensor(held: object, name: str, path: Path, shape: tuple[int | None, ...]) -> Tensor:
    """`held` as a float32 tensor of a shape, None being any size. Raises Unusable.

    It is a copy: a file that is mapped may change or go away.
    """
    return view(held, name, path, shape).to(torch.float32, copy=True)


def view(held: object, name: str, path: Path, shape: tuple[int | None, ...]) -> Tensor:
    """As `tensor`, but in the file's own type and place: for what is copied on anyway."""
    if isinstance(held, np.ndarray) and held.dtype.kind in "fiub":
        held = torch.from_numpy(held)
    expected = "[" + ", ".join("any" if s is None else str(s) for s in shape) + "]"
    if not isinstance(held, Tensor):
        found = "is missing" if held is None else f"is a {type(held).__name__}"
        raise Unusable(f"{path}: {name} {found}, expected a tensor {expected}")
    fits = held.dim() == len(shape) and all(
        want in (None, got) for got, want in zip(held.shape, shape, strict=True)
    )
    if not fits:
        raise Unusable(f"{path}: {name} has shape {list(held.shape)}, expected {expected}")
    return held.detach()


def _checked(path: Path) -> bool:
    """Whether the file can be mapped. Raises Unusable where it would expand beyond reason."""
    with path.open("rb") as file:
        head = file.read(4)
    size = path.stat().st_size
    if not head.startswith(ZIP):
        if size > MAX_LEGACY:
            raise Unusable(f"{path}: {size} bytes in PyTorch's old form, expected {MAX_LEGACY}")
        with path.open("rb") as file:
            check_old(file, size)
        return False
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if member.compress_type != zipfile.ZIP_STORED or member.file_size > size:
                raise Unusable(f"{path}: {member.filename} is compressed, expected a checkpoint")
            if member.filename.endswith(".pkl") and member.file_size > MAX_PICKLE:
                raise Unusable(
                    f"{path}: {member.filename} has {member.file_size} bytes, "
                    f"expected at most {MAX_PICKLE}"
                )
            if PurePosixPath(member.filename).name == PICKLE:
                _check_pickle(archive, member, path)
    return True


def check_old(file: BinaryIO, size: int) -> None:
    """Look through the pickles of PyTorch's old form, up to the one that holds everything.

    Raises ValueError for one that is damaged or would keep a reader busy for ever.
    """
    for _ in range(OLD_PICKLES):
        pickles.check(file, size)


def _check_pickle(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> None:
    """Raises Unusable or ValueError for a pickle that is damaged or would never be read."""
    content = archive.read(member)
    if content[:1] != b"\x80" or content[1:2] > NEWEST_PROTOCOL:
        raise Unusable(f"{path}: {member.filename} begins with {content[:2]!r}, expected a pickle")
    pickles.check(content, len(content))


def _check_tensors(held: object, path: Path) -> None:
    """Raises Unusable for a tensor that claims more than its file holds, as by a stride of 0."""
    for found in _tensors(held):
        claimed, stored = found.numel() * found.element_size(), found.untyped_storage().nbytes()
        if found.layout is not torch.strided or claimed > stored:
            raise Unusable(f"{path}: a tensor {list(found.shape)} of {stored} bytes")


def _tensors(held: object) -> Iterator[Tensor]:
    """Every tensor, once: the same list may stand in many places, and in itself."""
    left, seen = [held], set[int]()
    while left:
        value = left.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, Mapping):
            left += list(cast("Mapping[object, object]", value).values())
        elif isinstance(value, list | tuple):
            left += list(cast("list[object]", value))


def _reason(error: Exception) -> str:
    """One line of torch's several."""
    text = str(error)
    if "Unsupported global" in text or "GLOBAL" in text or "was not an allowed global" in text:
        named = text.partition("GLOBAL ")[2].split(" ")[0] or "a class"
        return f"asks for {named}, and a checkpoint may hold tensors and numbers only"
    line = text.strip().splitlines()[0] if text.strip() else type(error).__name__
    return f"not a readable checkpoint ({line[:120]})"
