""".splatv: a SpacetimeGaussians LITE model in half precision, as splaTV's web page writes it.

Source: hybrid.js of antimatter15/splaTV. Its page drops windows under 0.02; training does not, so
neither do we.
"""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from viewer.core.errors import Unusable
from viewer.core.splats import Appearance
from viewer.core.temporal import Gaussians4D
from viewer.formats import Format, Loaded, layout, sanitize, scene, training
from viewer.formats.source import BACKGROUND, COMMON, FPS, TIME_RANGE, Match, Source
from viewer.formats.spacetime import DURATION, FRAMES, timing_of, window

MAGIC = 0x0000674B
MAX_JSON = 64 << 20  # bytes
ROW = 1024  # Gaussians a row of the texture: the most that padding may leave out
ROWS = 1 << 15  # read between two reports of progress
# One record: four texels of a 4096-wide RGBA32UI texture.
RECORD = np.dtype(
    [
        ("mean", "<f4", 3),
        ("quat", "<f2", 4),
        ("scale", "<f2", 4),  # linear; the fourth is padding
        ("rgba", "u1", 4),
        ("motion", "<f2", 10),  # degree by degree; the tenth is padding
        ("omega", "<f2", 4),
        ("center", "<f2"),
        ("width", "<f2"),  # linear
    ]
)
# Every file carries this camera of the converter's author, whatever it shows.
TEMPLATE_POSITION = (-3.0089893469241797, -0.11086489695181866, -3.7527640949141428)


def sniff(path: Path) -> Match | None:
    """The magic number, or the name of a file that should have it."""
    file = layout.only_file(path, ".splatv")
    if file is None:
        return None
    if layout.sniffed(path, lambda _: file, struct.pack("<I", MAGIC)) is not None:
        return Match(file, (f"magic {MAGIC:#06x}",))
    return Match(file, ("name ends in .splatv",)) if file.suffix.lower() == ".splatv" else None


def load(source: Source) -> Loaded:
    """The moving scene."""
    chunk, offset = _splat_chunk(source.path)
    records = _records(source, chunk, offset)
    duration = source.option(FRAMES, DURATION, "guessed")
    timing = timing_of(source, duration)
    appearance = Appearance(background=source.option(BACKGROUND, training.BLACK, "guessed"))
    model = scene.indexed(*_gaussians(records, source.warnings), timing, appearance, source)
    listed = [c for c in chunk.get("cameras") or [] if not _is_template(c)]
    cameras = training.from_entries(listed, source.path.name, source.warnings)
    return Loaded(model, scene.report(source, FORMAT.name, model, timing, 0, cameras))


def _splat_chunk(path: Path) -> tuple[dict[str, Any], int]:
    """Descriptor of the splats and where their bytes begin. Raises Unusable."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(8)
        if len(head) < 8:
            raise Unusable(f"{path}: {size} bytes, expected at least the 8 of a .splatv header")
        magic, length = struct.unpack("<II", head)
        if magic != MAGIC:
            raise Unusable(f"{path}: magic is {magic:#010x}, expected {MAGIC:#010x} (.splatv)")
        if length > size - 8 or length > MAX_JSON:
            raise Unusable(
                f"{path}: its JSON header should have {length} bytes, only {size - 8} follow"
            )
        text = file.read(length)
    try:
        chunks = json.loads(text)
        offset = 8 + length
        for chunk in chunks:
            if chunk["type"] == "splat":
                return chunk, offset
            offset += int(chunk["size"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise Unusable(
            f"{path}: its JSON header is not a list of chunks ({type(error).__name__}: {error})"
        ) from None
    raise Unusable(f"{path}: its JSON header lists no chunk of type splat")


def _records(source: Source, chunk: dict[str, Any], offset: int) -> np.ndarray:
    """The records [N] that are there, padding stripped. Raises Unusable for a cut payload."""
    path, total = source.path, source.path.stat().st_size
    size = chunk.get("size")
    if not isinstance(size, int) or size < 0:
        raise Unusable(f"{path}: its JSON header gives no size of the splats")
    present = min(total - offset, size)
    if present % RECORD.itemsize:
        raise Unusable(
            f"{path}: cut inside a record: {present} bytes of splats, expected a multiple of "
            f"{RECORD.itemsize}"
        )
    if present < size - (ROW - 1) * RECORD.itemsize:
        raise Unusable(f"{path}: cut: {present} bytes of splats, its header says {size}")
    count = max(present, 0) // RECORD.itemsize
    out = np.empty(count, RECORD)
    with path.open("rb") as file:
        file.seek(offset)
        for start in range(0, count, ROWS):
            source.progress(0.7 * start / count, "reading")
            some = min(ROWS, count - start)
            out[start : start + some] = np.frombuffer(file.read(some * RECORD.itemsize), RECORD)
    used = np.flatnonzero(out.view(np.uint8).reshape(count, RECORD.itemsize).any(1))
    return out[: used[-1] + 1] if len(used) else out[:0]


def _gaussians(records: np.ndarray, warnings: list[str]) -> tuple[Gaussians4D, Tensor | None]:
    """The fields, and the rows kept where some were left out."""

    def field(name: str) -> Tensor:
        return torch.from_numpy(records[name].astype(np.float32))

    motion, omega, quats = field("motion")[:, :9], field("omega"), field("quat")
    fields = {"positions": field("mean"), "scales": field("scale")[:, :3], "quaternions": quats,
              "motions": motion, "rotation rates": omega, "centres": field("center")}  # fmt: skip
    width = window(field("width"))
    rows = sanitize.finite_rows(
        {**fields, "widths": torch.where(width.isinf(), 0.0, width)}, warnings
    )
    rgba = field("rgba") / 255
    if rows is not None:
        fields = {name: part[rows] for name, part in fields.items()}
        width, rgba = width[rows], rgba[rows]
    sanitize.count_zero_quats(fields["quaternions"], warnings, omega=fields["rotation rates"])
    return Gaussians4D(
        means=fields["positions"],
        motion=fields["motions"].reshape(-1, 3, 3).contiguous(),
        opacities=rgba[:, 3].contiguous(),
        center=fields["centres"],
        width=width,
        colors=rgba[:, :3].contiguous(),
        quats=fields["quaternions"],
        # Below half precision's smallest number a scale is stored as 0: as thin as can be.
        scales=sanitize.scales(fields["scales"].clamp_min(2.0**-25).log(), warnings),
        omega=fields["rotation rates"],
    ), rows


def _is_template(entry: Any) -> bool:
    try:
        return bool(np.allclose(entry["position"], TEMPLATE_POSITION, atol=1e-6))
    except (TypeError, KeyError, ValueError):
        return False


FORMAT = Format(
    "splatv", "a .splatv file of splaTV", sniff, load, (FRAMES, TIME_RANGE, FPS, *COMMON)
)
