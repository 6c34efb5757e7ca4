"""SPZ: Gaussians in about 20 bytes each, gzip (versions 1 to 3) or zstd (version 4); static.

Source of the layout: load-spz.cc and splat-utils.h of nianticlabs/spz.
"""

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from viewer.core import rotation
from viewer.core.errors import Unusable
from viewer.core.splats import Appearance, Compensation, Splats
from viewer.formats import Format, Loaded, layout, sanitize, scene
from viewer.formats.source import COMMON, HEAD, Codec, Match, Progress, Source

MAGIC = b"NGSP"
GZIP = b"\x1f\x8b"
MAX_COUNT = 1 << 27
OLD_HEADER, NEW_HEADER = 16, 32  # bytes
COEFFICIENTS = (0, 3, 8, 15, 24)  # above degree 0
ANTIALIASED = 1  # flag
# Stored axes are right, up, back; ours are right, down, front: y and z change sign.
SH_SIGNS = (-1, -1, 1, -1, 1, 1, -1, 1, -1, 1, -1, -1, 1, -1, 1)


@dataclass(frozen=True, slots=True)
class Header:
    """What an SPZ says of itself."""

    version: int
    count: int
    degree: int
    fraction: int  # bits after the point of a position
    antialiased: bool

    @property
    def sizes(self) -> tuple[int, ...]:
        """Bytes of a Gaussian in each array, in the order of the file."""
        place = 6 if self.version == 1 else 9
        turn = 3 if self.version < 3 else 4
        return (place, 1, 3, 3, turn, 3 * COEFFICIENTS[self.degree])


def is_spz(path: Path) -> bool:
    """By its magic number, packed or not."""
    with path.open("rb") as file:
        head = file.read(1024)
    if head[:2] == GZIP:
        try:
            head = zlib.decompressobj(31).decompress(head, 4)
        except zlib.error:
            return path.suffix.lower() == ".spz"
    return head[:4] == MAGIC or path.suffix.lower() == ".spz"


def sniff(path: Path) -> Match | None:
    """A .spz, or the only one of a folder."""
    file = layout.only_file(path, ".spz")
    if file is None or not is_spz(file):
        return None
    return Match(file, ("magic NGSP",))


def load(source: Source) -> Loaded:
    """The static scene."""
    return scene.static(source, FORMAT.name, CODEC)


def read(path: Path, progress: Progress, warnings: list[str]) -> Splats:
    """Splats of a file. Raises Unusable."""
    header, arrays = _unpacked(path, progress)
    progress(0.6, "decoding")
    places, alphas, rgb, sizes, turns, rest = (
        np.frombuffer(array, np.uint8).reshape(header.count, size)
        for array, size in zip(arrays, header.sizes, strict=True)
    )
    means = torch.from_numpy(_means(places, header) * np.array([1, -1, -1], np.float32))
    rows = sanitize.finite_rows({"positions": means}, warnings)
    keep = torch.arange(header.count) if rows is None else rows
    quats = _largest_three(turns) if header.version >= 3 else _first_three(turns)
    compensation = Compensation.MIP if header.antialiased else Compensation.NONE
    if header.degree > 3:
        warnings.append("spherical harmonics over degree 3 are left out")
    return Splats(
        means=means[keep],
        quats=rotation.normalized(torch.from_numpy(quats)[keep]),
        scales=torch.exp(torch.from_numpy(sizes.astype(np.float32) / 16 - 10)[keep]),
        opacities=torch.from_numpy(alphas[:, 0].astype(np.float32) / 255)[keep],
        colors=torch.from_numpy(_colors(rgb, rest, header))[keep],
        appearance=Appearance(compensation=compensation),
        index=rows,
    )


def _count(path: Path) -> int:
    with path.open("rb") as file:
        head = file.read(1024)
    if head[:2] == GZIP:
        try:
            head = zlib.decompressobj(31).decompress(head, OLD_HEADER)
        except zlib.error as error:
            raise Unusable(f"{path}: is broken ({error})") from None
    return _header(path, head).count


def _header(path: Path, head: bytes) -> Header:
    if len(head) < OLD_HEADER or head[:4] != MAGIC:
        raise Unusable(f"{path}: begins with {head[:4]!r}, expected {MAGIC!r} (.spz)")
    version, count = struct.unpack_from("<II", head, 4)
    degree, fraction, flags = head[12:15]
    if not 1 <= version <= 4:
        raise Unusable(f"{path}: is SPZ version {version}, expected 1 to 4")
    if degree >= len(COEFFICIENTS) or count > MAX_COUNT or fraction > 24:
        raise Unusable(
            f"{path}: says {count} Gaussians of degree {degree}, {fraction} bits: makes no sense"
        )
    return Header(version, count, degree, fraction, bool(flags & ANTIALIASED))


def _unpacked(path: Path, progress: Progress) -> tuple[Header, list[bytes]]:
    """The header and the arrays. What they unpack to is bounded by what the header says."""
    packed = path.read_bytes()
    progress(0.2, "unpacking")
    if packed[:2] == GZIP:
        unpacker = zlib.decompressobj(31)
        try:
            head = unpacker.decompress(packed, OLD_HEADER)
            header = _header(path, head)
            body = unpacker.decompress(
                unpacker.unconsumed_tail, max(1, header.count * sum(header.sizes))
            )
        except zlib.error as error:
            raise Unusable(f"{path}: is broken ({error})") from None
        return header, _cut(path, header, body)
    header = _header(path, packed)
    if header.version < 4:
        return header, _cut(path, header, packed[OLD_HEADER:])
    return header, _streams(path, header, packed)


def _cut(path: Path, header: Header, body: bytes) -> list[bytes]:
    wanted = [header.count * size for size in header.sizes]
    if len(body) < sum(wanted):
        raise Unusable(f"{path}: ends after {len(body)} of {sum(wanted)} bytes")
    ends = np.cumsum(wanted)
    return [body[end - size : end] for end, size in zip(ends, wanted, strict=True)]


def _streams(path: Path, header: Header, packed: bytes) -> list[bytes]:
    """Arrays of version 4: a table of sizes, then a zstd frame each."""
    import zstandard

    wanted = [header.count * size for size in header.sizes]
    try:
        number, (table,) = packed[15], struct.unpack_from("<I", packed, OLD_HEADER)
        sizes = [struct.unpack_from("<QQ", packed, table + 16 * i) for i in range(number)]
    except (struct.error, IndexError):
        raise Unusable(f"{path}: its table of streams is cut") from None
    found = [raw for _, raw in sizes]
    if number not in (5, 6) or found != wanted[:number] or any(wanted[number:]):
        raise Unusable(f"{path}: its streams have {found} bytes, expected {wanted}")
    unpacker = zstandard.ZstdDecompressor()
    arrays, at = [], table + 16 * number
    for (size, _), raw in zip(sizes, wanted, strict=False):
        frame = packed[at : at + size]
        try:
            # What a frame claims is allocated before it is unpacked, whatever the limit.
            claimed = zstandard.get_frame_parameters(frame).content_size
            if claimed not in (raw, zstandard.CONTENTSIZE_UNKNOWN):
                raise Unusable(f"{path}: a stream claims {claimed} bytes, expected {raw}")
            got = unpacker.decompress(frame, max_output_size=raw)
        except zstandard.ZstdError as error:
            raise Unusable(f"{path}: is broken ({error})") from None
        if len(got) != raw:
            raise Unusable(f"{path}: a stream has {len(got)} bytes, expected {raw}")
        arrays.append(got)
        at += size
    return arrays + [b""] * (len(wanted) - number)


def _means(stored: np.ndarray, header: Header) -> np.ndarray:
    """[N, 3] float32, in the file's own axes."""
    if header.version == 1:
        return np.ascontiguousarray(stored).view("<f2").astype(np.float32)
    low, middle, high = stored.reshape(-1, 3, 3).astype(np.int32).transpose(2, 0, 1)
    value = low | middle << 8 | high << 16
    value -= (value & 0x800000) << 1  # the sign of 24 bits
    return value.astype(np.float32) / np.float32(1 << header.fraction)


def _first_three(stored: np.ndarray) -> np.ndarray:
    """Quaternions [N, 4] w x y z of x, y, z; in our axes."""
    xyz = stored.astype(np.float32) / 127.5 - 1
    w = np.sqrt(np.maximum(0, 1 - (xyz * xyz).sum(1, keepdims=True)))
    return np.concatenate([w, xyz * np.array([1, -1, -1], np.float32)], 1)


def _largest_three(stored: np.ndarray) -> np.ndarray:
    """Quaternions [N, 4] w x y z; the largest of x, y, z, w is left out; in our axes."""
    packed = np.ascontiguousarray(stored).view("<u4")[:, 0].copy()
    which = packed >> 30
    xyzw = np.zeros((len(packed), 4), np.float32)
    for part in (3, 2, 1, 0):
        here = which != part
        value = (packed & 511) / np.float32(511) / np.float32(2**0.5)
        xyzw[:, part] = np.where(here, np.where(packed & 512, -value, value), 0)
        packed = np.where(here, packed >> 10, packed)
    largest = np.sqrt(np.maximum(0, 1 - (xyzw * xyzw).sum(1)))
    xyzw[np.arange(len(xyzw)), which] = largest
    return xyzw[:, [3, 0, 1, 2]] * np.array([1, 1, -1, -1], np.float32)


def _colors(rgb: np.ndarray, rest: np.ndarray, header: Header) -> np.ndarray:
    """Coefficients [N, K, 3], in our axes."""
    used = min(COEFFICIENTS[header.degree], len(SH_SIGNS))
    out = np.empty((header.count, used + 1, 3), np.float32)
    out[:, 0] = (rgb / np.float32(255) - 0.5) / np.float32(0.15)
    stored = rest.reshape(header.count, COEFFICIENTS[header.degree], 3)[:, :used]
    signs = np.array(SH_SIGNS[:used], np.float32)[:, None]
    out[:, 1:] = (stored.astype(np.float32) - 128) / 128 * signs
    return out


CODEC = Codec(is_spz, _count, read, head=HEAD)
FORMAT = Format("spz", "a .spz of Niantic, versions 1 to 4", sniff, load, COMMON)
