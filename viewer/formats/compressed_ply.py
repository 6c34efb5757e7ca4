"""Compressed PLY: 16 bytes a Gaussian in chunks of 256, as SuperSplat writes it; static.

Source of the layout: decompress-ply.ts of playcanvas/splat-transform.
"""

import math
from pathlib import Path

import numpy as np
import torch

from viewer.core import rotation, sh
from viewer.core.errors import Unusable
from viewer.core.splats import Appearance, Splats
from viewer.formats import Format, Loaded, layout, ply, sanitize, scene
from viewer.formats.ply import Header
from viewer.formats.source import COMMON, HEAD, Codec, Match, Progress, Source

CHUNK = 256  # Gaussians that share bounds
COLOR_BOUNDS = [f"{end}_{channel}" for end in ("min", "max") for channel in "rgb"]
PACKED = ("packed_position", "packed_rotation", "packed_scale", "packed_color")
AXES, CHANNELS = ("x", "y", "z"), ("r", "g", "b")
SOME = 128 * CHUNK  # Gaussians decoded at once
BITS = (0x7FF, 0x3FF, 0x7FF)  # of x, y, z
SHIFTS = (21, 11, 0)


def sniff(path: Path) -> Match | None:
    """A PLY with chunks and packed vertices: the file, or the only PLY of a folder."""
    file = layout.point_cloud(path)
    header = None if file is None else ply.read_header(file)
    if file is None or header is None or PACKED[0] not in header.vertex.names:
        return None
    return Match(file, ("PLY with chunks and packed_position",))


def load(source: Source) -> Loaded:
    """The static scene."""
    return scene.static(source, FORMAT.name, CODEC)


def read(path: Path, progress: Progress, warnings: list[str]) -> Splats:
    """Splats of a file. Raises Unusable."""
    return _splats(ply.header(path), progress, warnings)


def _is_one(path: Path) -> bool:
    header = ply.read_header(path)
    return header is not None and PACKED[0] in header.vertex.names


def _count(path: Path) -> int:
    header = ply.header(path)
    _chunks(header)
    ply.check(header)
    return header.vertex.count


def _splats(header: Header, progress: Progress, warnings: list[str]) -> Splats:
    count, chunks = header.vertex.count, _chunks(header)
    harmonics = _harmonics(header)
    means, logs = np.empty((count, 3), np.float32), np.empty((count, 3), np.float32)
    quats, opacities = np.empty((count, 4), np.float32), np.empty(count, np.float32)
    colors = np.empty((count, len(harmonics) // 3 + 1, 3), np.float32)
    start = 0
    for rows in ply.binary_rows(header, "vertex", SOME):
        progress(0.8 * start / count, "decoding")
        here = slice(start, start + len(rows))
        chunk = np.arange(start, start + len(rows)) // CHUNK
        quats[here] = _quats(rows["packed_rotation"])
        with np.errstate(all="ignore"):  # bounds that are not finite: mended below, and said
            means[here] = _vector(rows["packed_position"], chunks, chunk, "")
            logs[here] = _vector(rows["packed_scale"], chunks, chunk, "scale_")
            rgb, opacities[here] = _color(rows["packed_color"], chunks, chunk)
        colors[here, 0] = (rgb - 0.5) / sh.C0
        start += len(rows)
    start = 0
    for rows in ply.binary_rows(header, "sh", SOME) if harmonics else ():
        progress(0.8 + 0.2 * start / count, "decoding harmonics")
        higher = len(harmonics) // 3
        for i, name in enumerate(harmonics):  # by channel, as in a plain PLY
            colors[start : start + len(rows), 1 + i % higher, i // higher] = _harmonic(rows[name])
        start += len(rows)
    fields = {"positions": torch.from_numpy(means), "scales": torch.from_numpy(logs)}
    kept = sanitize.finite_rows(fields, warnings)
    keep = torch.arange(count) if kept is None else kept
    return Splats(
        means=fields["positions"][keep],
        quats=rotation.normalized(torch.from_numpy(quats)[keep]),
        scales=sanitize.scales(fields["scales"][keep], warnings),
        opacities=torch.from_numpy(opacities)[keep],
        colors=sanitize.colors(torch.from_numpy(colors)[keep], warnings),
        appearance=Appearance(),
        index=kept,
    )


def _chunks(header: Header) -> np.ndarray:
    """Bounds of every chunk, structured. Raises Unusable where some are missing."""
    chunk, vertex = header.element("chunk"), header.vertex
    bounds = [
        f"{end}_{part}{axis}" for end in ("min", "max") for part in ("", "scale_") for axis in AXES
    ]
    if any(name in chunk.names for name in COLOR_BOUNDS):  # of newer files: all or none of them
        bounds += COLOR_BOUNDS
    for element, wanted in ((chunk, bounds), (vertex, PACKED)):
        missing = [name for name in wanted if name not in element.names]
        if missing or element.lists:
            raise Unusable(
                f"{header.path}: {element.name} has no {', '.join(missing) or 'numbers'}; "
                f"found {', '.join(element.names) or 'none'}"
            )
    kinds = dict(zip(vertex.names, vertex.types, strict=True))
    if not header.order or any(kinds[name] != "u4" for name in PACKED):
        raise Unusable(f"{header.path}: packed properties are not binary uint, as they must be")
    needed = math.ceil(vertex.count / CHUNK)
    if chunk.count < needed:
        raise Unusable(
            f"{header.path}: has {chunk.count} chunks for {vertex.count} vertices, "
            f"expected {needed}"
        )
    parts = list(ply.binary_rows(header, "chunk"))
    return np.concatenate(parts) if parts else np.empty(0, [(name, "f4") for name in chunk.names])


def _harmonics(header: Header) -> tuple[str, ...]:
    """Names of the harmonics above degree 0. Raises Unusable for a number that makes no degree."""
    element = header.element("sh")
    count = len(element.names)
    if not count:
        return ()
    if count not in (9, 24, 45) or element.count != header.vertex.count:
        raise Unusable(
            f"{header.path}: sh has {count} properties and {element.count} rows, expected 9, 24 or "
            f"45 and {header.vertex.count}"
        )
    names = tuple(f"f_rest_{i}" for i in range(count))
    if set(names) != set(element.names) or set(element.types) != {"u1"}:
        raise Unusable(f"{header.path}: sh is not made of uchar f_rest_0 to f_rest_{count - 1}")
    return names


def _vector(packed: np.ndarray, chunks: np.ndarray, chunk: np.ndarray, part: str) -> np.ndarray:
    """[n, 3] of 11, 10 and 11 bits between the bounds of their chunks."""
    out = np.empty((len(packed), 3), np.float32)
    for i, (axis, shift, mask) in enumerate(zip(AXES, SHIFTS, BITS, strict=True)):
        share = ((packed >> shift) & mask) / np.float32(mask)
        low, high = chunks[f"min_{part}{axis}"][chunk], chunks[f"max_{part}{axis}"][chunk]
        out[:, i] = low * (1 - share) + high * share
    return out


def _color(
    packed: np.ndarray, chunks: np.ndarray, chunk: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """RGB [n, 3] and opacity [n] of 8 bits each; newer files bound the colours by chunk."""
    parts = [((packed >> shift) & 0xFF) / np.float32(255) for shift in (24, 16, 8, 0)]
    rgb = np.stack(parts[:3], 1)
    if COLOR_BOUNDS[0] in (chunks.dtype.names or ()):
        for i, channel in enumerate(CHANNELS):
            low, high = chunks[f"min_{channel}"][chunk], chunks[f"max_{channel}"][chunk]
            rgb[:, i] = low * (1 - rgb[:, i]) + high * rgb[:, i]
    return rgb, parts[3]


def _quats(packed: np.ndarray) -> np.ndarray:
    """Quaternions [n, 4] w x y z: the largest is left out, 10 bits for each of the others."""
    small = [(((packed >> s) & 0x3FF) / np.float32(1023) - 0.5) * 2**0.5 for s in (20, 10, 0)]
    a, b, c = small
    largest = np.sqrt(np.maximum(0, 1 - a * a - b * b - c * c))
    which = packed >> 30
    out = np.empty((len(packed), 4), np.float32)
    for slot in range(4):
        before = np.where(which > slot, slot, slot - 1)  # place among the three, where not largest
        out[:, slot] = np.choose(np.clip(before, 0, 2), small)
        out[which == slot, slot] = largest[which == slot]
    return out


def _harmonic(stored: np.ndarray) -> np.ndarray:
    """Coefficients of bytes: 0 and 255 are the ends -4 and 4."""
    share = (stored + np.float32(0.5)) / 256
    share[stored == 0], share[stored == 255] = 0, 1
    return 8 * (share - 0.5)


CODEC = Codec(_is_one, _count, read, head=HEAD)
FORMAT = Format(
    "compressed-ply",
    "a .compressed.ply of SuperSplat, with chunk and packed_*",
    sniff,
    load,
    COMMON,
)
