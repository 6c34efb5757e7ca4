"""SOG: Gaussians as WebP images and a meta.json, in a .sog archive or a folder; static.

Source of the layout: read-sog.ts and read-sog-v1.ts of playcanvas/splat-transform.
"""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError

from viewer.core import rotation
from viewer.core.errors import Unusable
from viewer.core.splats import Appearance, Compensation, Splats
from viewer.formats import Format, Loaded, layout, sanitize, scene
from viewer.formats.source import COMMON, Codec, Match, Progress, Source

MAX_META = 16 << 20  # bytes
MAX_MEMBER = 1 << 30  # bytes of one image file
MAX_PIXELS = 1 << 27  # of one image: more Gaussians than that fit no memory
COEFFICIENTS = {1: 3, 2: 8, 3: 15}  # above degree 0, by bands
PALETTE = 64  # entries a row of the centroids image

T = TypeVar("T")
Member = Callable[[str], bytes]  # a file of the archive or the folder


def is_sog(path: Path) -> bool:
    """Whether a file is an archive with a meta.json, or is the meta.json of an unpacked one."""
    if path.name == "meta.json":
        return (path.parent / "sh0.webp").is_file() or b'"sh0"' in path.read_bytes()[:MAX_META]
    with path.open("rb") as file:
        if file.read(4) != b"PK\3\4":
            return False
    try:
        with zipfile.ZipFile(path) as archive:
            return "meta.json" in archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError):
        return path.suffix.lower() == ".sog"


def sniff(path: Path) -> Match | None:
    """A .sog, or a folder with one, or with the meta.json and the images of one."""
    file = path / "meta.json" if path.is_dir() else path
    if not file.is_file():
        file = layout.only_file(path, ".sog")
    if file is None or not is_sog(file):
        return None
    return Match(file, ("meta.json with means, scales, quats, sh0",))


def load(source: Source) -> Loaded:
    """The static scene."""
    return scene.static(source, FORMAT.name, CODEC)


def read(path: Path, progress: Progress, warnings: list[str]) -> Splats:
    """Splats of an archive or of the folder of a meta.json. Raises Unusable."""
    return _with_members(path, lambda member: _decoded(path, member, progress, warnings))


def count(path: Path) -> int:
    """Gaussians that the meta.json says there are. Raises Unusable."""
    return _with_members(path, lambda member: _meta(path, member)[1])


def _with_members(path: Path, use: Callable[[Member], T]) -> T:
    try:
        if path.name == "meta.json":
            return use(_in_folder(path))
        with zipfile.ZipFile(path) as archive:
            return use(_in_archive(path, archive))
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise Unusable(
            f"{path}: meta.json lacks something ({type(error).__name__}: {error})"
        ) from None
    except (ValueError, zipfile.BadZipFile, UnidentifiedImageError, EOFError, OSError) as error:
        raise Unusable(f"{path}: is broken ({' '.join(str(error).split())})") from None
    except (RuntimeError, NotImplementedError) as error:  # encrypted, or packed by other means
        raise Unusable(f"{path}: cannot be unpacked ({error})") from None


def _in_archive(path: Path, archive: zipfile.ZipFile) -> Member:
    def member(name: str) -> bytes:
        if archive.getinfo(name).file_size > MAX_MEMBER:
            raise Unusable(f"{path}: {name} says it is larger than {MAX_MEMBER} bytes")
        return archive.read(name)

    return member


def _in_folder(path: Path) -> Member:
    def member(name: str) -> bytes:
        if Path(name).name != name:
            raise Unusable(f"{path}: names a file outside its folder ({name!r})")
        file = path.parent / name
        if file.stat().st_size > MAX_MEMBER:
            raise Unusable(f"{file}: is larger than {MAX_MEMBER} bytes")
        return file.read_bytes()

    return member


def _decoded(path: Path, member: Member, progress: Progress, warnings: list[str]) -> Splats:
    meta, count = _meta(path, member)
    newer = meta.get("version") == 2

    def pixels(part: str, i: int, step: float) -> np.ndarray:
        progress(step, f"decoding {part}")
        return _image(path, member, meta[part]["files"][i]).reshape(-1, 4)[:count]

    parts = {"low": pixels("means", 0, 0.0), "high": pixels("means", 1, 0.2),
             "scales": pixels("scales", 0, 0.4), "quats": pixels("quats", 0, 0.5),
             "sh0": pixels("sh0", 0, 0.6)}  # fmt: skip
    short = [name for name, image in parts.items() if len(image) < count]
    if short:
        raise Unusable(f"{path}: image {short[0]} has fewer pixels than the {count} Gaussians")
    values = _by_codebook if newer else _by_range
    logs = torch.from_numpy(values(parts["scales"], meta["scales"], 3))
    means = torch.from_numpy(_means(parts["low"], parts["high"], meta["means"]))
    dc = values(parts["sh0"], meta["sh0"], 3 if newer else 4)
    opacities = parts["sh0"][:, 3] / np.float32(255) if newer else _sigmoid(dc[:, 3])
    progress(0.7, "decoding harmonics")
    colors = _colors(path, member, meta, dc[:, :3], newer)
    rows = sanitize.finite_rows({"positions": means, "scales": logs}, warnings)
    keep = torch.arange(count) if rows is None else rows
    antialiased = meta.get("model") == "antialiased" or bool(meta.get("antialias"))
    compensation = Compensation.MIP if antialiased else Compensation.NONE
    return Splats(
        means=means[keep],
        quats=rotation.normalized(torch.from_numpy(_quats(parts["quats"]))[keep]),
        scales=sanitize.scales(logs[keep], warnings),
        opacities=torch.from_numpy(opacities)[keep],
        colors=sanitize.colors(torch.from_numpy(colors)[keep], warnings),
        appearance=Appearance(compensation=compensation),
        index=rows,
    )


def _meta(path: Path, member: Member) -> tuple[dict[str, Any], int]:
    """The description, and how many Gaussians it says there are."""
    text = member("meta.json")
    if len(text) > MAX_META:
        raise Unusable(f"{path}: meta.json has {len(text)} bytes")
    meta = json.loads(text)
    found = int(meta["count"] if meta.get("version") == 2 else meta["means"]["shape"][0])
    if not 0 <= found <= MAX_PIXELS:
        raise Unusable(f"{path}: says it holds {found} Gaussians")
    return meta, found


def _image(path: Path, member: Member, name: str) -> np.ndarray:
    """RGBA bytes [H, W, 4]; its size is looked at before it is decoded."""
    with Image.open(io.BytesIO(member(name))) as image:
        if image.width * image.height > MAX_PIXELS:
            raise Unusable(f"{path}: {name} has {image.width}x{image.height} pixels, too many")
        return np.asarray(image.convert("RGBA"))


def _means(low: np.ndarray, high: np.ndarray, meta: dict[str, Any]) -> np.ndarray:
    """[N, 3] of 16 bits an axis, spaced by logarithm on both sides of 0."""
    mins, maxs = (np.array(meta[key], np.float64) for key in ("mins", "maxs"))
    share = (low[:, :3] + 256.0 * high[:, :3]) / 65535
    logs = mins + (maxs - mins) * share
    with np.errstate(over="ignore"):
        return (np.sign(logs) * np.expm1(np.abs(logs))).astype(np.float32)


def _by_codebook(stored: np.ndarray, meta: dict[str, Any], channels: int) -> np.ndarray:
    book = np.array(meta["codebook"], np.float32)
    if book.shape != (256,):
        raise ValueError(f"a codebook has shape {book.shape}, expected (256,)")
    return book[stored[:, :channels]]


def _by_range(stored: np.ndarray, meta: dict[str, Any], channels: int) -> np.ndarray:
    mins, maxs = (np.array(meta[key], np.float32) for key in ("mins", "maxs"))
    return (mins + (maxs - mins) * (stored[:, :channels] / np.float32(255))).astype(np.float32)


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return torch.sigmoid(torch.from_numpy(logits)).numpy()


def _quats(stored: np.ndarray) -> np.ndarray:
    """Quaternions [N, 4] w x y z: alpha says which is the largest, and is left out."""
    small = (stored[:, :3] / np.float32(255) * 2 - 1) / np.float32(2**0.5)
    largest = np.sqrt(np.maximum(0, 1 - (small * small).sum(1)))
    which = stored[:, 3].astype(np.int64) - 252
    out = np.zeros((len(stored), 4), np.float32)
    for slot in range(4):
        rows = which == slot
        out[np.ix_(rows, [i for i in range(4) if i != slot])] = small[rows]
        out[rows, slot] = largest[rows]
    out[which < 0, 0] = 1.0
    return out


def _colors(
    path: Path, member: Member, meta: dict[str, Any], dc: np.ndarray, newer: bool
) -> np.ndarray:
    """Coefficients [N, K, 3]; those above degree 0 are entries of a palette."""
    part = meta.get("shN")
    if not part:
        return dc[:, None]
    centroids, labels = (_image(path, member, name) for name in part["files"])
    bands = int(part["bands"]) if newer else {192: 1, 512: 2, 960: 3}[centroids.shape[1]]
    higher = COEFFICIENTS[bands]
    if centroids.shape[1] != PALETTE * higher:
        raise ValueError(f"centroids are {centroids.shape[1]} wide, expected {PALETTE * higher}")
    stored = centroids.reshape(-1, 4)
    values = _by_codebook(stored, part, 3) if newer else _by_range(stored, part, 3)
    palette = values.reshape(-1, higher, 3)
    label = labels.reshape(-1, 4)[: len(dc), 0] + 256 * labels.reshape(-1, 4)[: len(dc), 1].astype(
        int
    )
    known = min(len(palette), int(part["count"])) if newer else len(palette)
    out = np.zeros((len(dc), higher + 1, 3), np.float32)
    out[:, 0] = dc
    inside = label < known
    out[inside, 1:] = palette[label[inside]]
    return out


CODEC = Codec(is_sog, count, read)
FORMAT = Format("sog", "a .sog, or the folder of its meta.json", sniff, load, COMMON)
