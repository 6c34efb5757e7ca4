"""Tiny model files in every format, written by the tests themselves; seeded."""

import gzip
import io
import json
import struct
import zipfile
from pathlib import Path

import numpy as np
import zstandard
from PIL import Image

from viewer.formats import ply
from viewer.formats.splat import RECORD as RECORD_OF_SPLAT
from viewer.formats.splatv import MAGIC, RECORD

# The Gaussian of the worked examples (SpacetimeGaussians and .splatv).
WORKED = {
    "xyz": (1, 2, 3), "trbf_center": 0.4, "trbf_scale": -1.0,
    "motion": (0.5, -0.25, 0.1, 0.2, 0.4, -0.6, 1, -1, 2), "rgb": (0.25, 0.5, 0.75),
    "opacity": 0.5, "scale": tuple(np.log([0.1, 0.2, 0.3])), "rot": (1, 0.1, -0.2, 0.3),
    "omega": (0, 0.5, 0.25, -0.1),
}  # fmt: skip
WORKED_WORDS = """
3F800000 40000000 40400000 2E663C00 34CCB266 32662E66 000034CC 9EBF7F3F
B4003800 32662E66 B8CC3666 BC003C00 00004000 38000000 AE663400 35E23666
"""


def gaussians(
    n: int = 50, seed: int = 0, degree: int = 1, scales: int = 3
) -> dict[str, np.ndarray]:
    """Columns of a 3DGS PLY with n Gaussians, in the standard order."""
    rng = np.random.default_rng(seed)
    named = dict(zip("xyz", rng.normal(size=(3, n)), strict=True))
    named |= {name: np.zeros(n) for name in ("nx", "ny", "nz")}
    named |= {f"f_dc_{i}": rng.normal(size=n) for i in range(3)}
    named |= {f"f_rest_{i}": rng.normal(size=n) * 0.2 for i in range(3 * ((degree + 1) ** 2 - 1))}
    named["opacity"] = rng.normal(size=n)
    named |= {f"scale_{i}": rng.normal(size=n) * 0.3 - 3 for i in range(scales)}
    named |= {f"rot_{i}": rng.normal(size=n) for i in range(4)}
    return named


def spacetime(n: int = 50, seed: int = 0) -> dict[str, np.ndarray]:
    """Columns of a SpacetimeGaussians LITE PLY."""
    rng = np.random.default_rng(seed)
    base = gaussians(n, seed, degree=0)
    named = {name: base.pop(name) for name in "xyz"}
    named |= {"trbf_center": rng.random(n), "trbf_scale": rng.normal(size=n) - 1}
    named |= {name: base.pop(name) for name in ("nx", "ny", "nz")}
    named |= {f"motion_{i}": rng.normal(size=n) * 0.2 for i in range(9)}
    return named | base | {f"omega_{i}": rng.normal(size=n) * 0.2 for i in range(4)}


def worked_spacetime() -> dict[str, np.ndarray]:
    """The worked example's one Gaussian."""
    w = WORKED
    named = dict(zip("xyz", w["xyz"], strict=True))
    named |= {"trbf_center": w["trbf_center"], "trbf_scale": w["trbf_scale"]}
    named |= {f"motion_{i}": v for i, v in enumerate(w["motion"])}
    named |= {f"f_dc_{i}": v for i, v in enumerate(w["rgb"])}
    named["opacity"] = w["opacity"]
    for prefix, key in (("scale", "scale"), ("rot", "rot"), ("omega", "omega")):
        named |= {f"{prefix}_{i}": v for i, v in enumerate(w[key])}
    return {name: np.array([value], np.float32) for name, value in named.items()}


def ftgs(n: int = 50, seed: int = 0) -> dict[str, np.ndarray]:
    """Columns of a .ftgs.ply."""
    rng = np.random.default_rng(seed)
    temporal = {"time": rng.random(n), "log_duration": rng.normal(size=n) - 1.5}
    temporal |= {f"velocity_{i}": rng.normal(size=n) for i in range(3)}
    return gaussians(n, seed) | temporal


def splatv_records(n: int = 50, seed: int = 0) -> np.ndarray:
    """Records of a .splatv."""
    rng = np.random.default_rng(seed)
    records = np.zeros(n, RECORD)
    for name, shape in (("mean", (n, 3)), ("quat", (n, 4)), ("omega", (n, 4))):
        records[name] = rng.normal(size=shape)
    records["motion"][:, :9] = rng.normal(size=(n, 9)) * 0.2
    records["scale"][:, :3] = np.exp(rng.normal(size=(n, 3)) * 0.3 - 3)
    records["rgba"] = rng.integers(1, 256, size=(n, 4))
    records["center"] = rng.random(n)
    records["width"] = np.exp(rng.normal(size=n) - 1)
    return records


def splatv(records: np.ndarray, padded: bool = False, size: int | None = None) -> bytes:
    """A .splatv; padded to whole rows of the texture, or as long as its records."""
    rows = -(-max(len(records), 1) // 1024)
    whole = rows * 1024 * RECORD.itemsize
    chunk = {"type": "splat", "size": whole if size is None else size, "texwidth": 4096,
             "texheight": rows, "cameras": []}  # fmt: skip
    header = json.dumps([chunk]).encode()
    payload = records.tobytes()
    payload += b"\0" * (whole - len(payload)) if padded else b""
    return struct.pack("<II", MAGIC, len(header)) + header + payload


def splat(n: int = 50, seed: int = 0) -> np.ndarray:
    """Records of a .splat."""
    rng = np.random.default_rng(seed)
    records = np.zeros(n, RECORD_OF_SPLAT)
    records["mean"] = rng.normal(size=(n, 3))
    records["scale"] = np.exp(rng.normal(size=(n, 3)) * 0.3 - 3)
    for name in ("rgba", "quat"):
        records[name] = rng.integers(0, 256, size=(n, 4))
    return records


def sog_parts(n: int = 40, seed: int = 0, bands: int = 1) -> dict[str, bytes]:
    """The files of an unpacked SOG (version 2) of n random Gaussians."""
    rng = np.random.default_rng(seed)
    height = -(-n // 8)

    def image(shape: tuple[int, int] = (height, 8)) -> np.ndarray:
        return rng.integers(0, 256, size=(*shape, 4)).astype(np.uint8)

    images = {name: image() for name in ("means_l", "means_u", "quats", "scales", "sh0")}
    images["quats"][..., 3] = rng.integers(252, 256, size=(height, 8))
    for name in ("means_l", "means_u", "scales"):
        images[name][..., 3] = 255
    book = np.linspace(-4, -1, 256).tolist()
    meta = {
        "version": 2, "count": n,
        "means": {"mins": [-1, -1, -1], "maxs": [1, 1, 1],
                  "files": ["means_l.webp", "means_u.webp"]},
        "scales": {"codebook": book, "files": ["scales.webp"]},
        "quats": {"files": ["quats.webp"]},
        "sh0": {"codebook": np.linspace(-1, 1, 256).tolist(), "files": ["sh0.webp"]},
    }  # fmt: skip
    if bands:
        images["shN_centroids"] = image((2, 64 * {1: 3, 2: 8, 3: 15}[bands]))
        images["shN_labels"] = image()
        images["shN_labels"][..., 1:3] = 0
        meta["shN"] = {"count": 128, "bands": bands, "codebook": np.linspace(-1, 1, 256).tolist(),
                       "files": ["shN_centroids.webp", "shN_labels.webp"]}  # fmt: skip
    parts = {f"{name}.webp": webp(pixels) for name, pixels in images.items()}
    return parts | {"meta.json": json.dumps(meta).encode()}


def webp(pixels: np.ndarray) -> bytes:
    """RGBA [H, W, 4] as a lossless WebP, colours under zero alpha kept."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "WEBP", lossless=True, exact=True)
    return out.getvalue()


def zipped(parts: dict[str, bytes]) -> bytes:
    """An archive of files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()


def spz(version: int, n: int = 30, degree: int = 1, seed: int = 0) -> bytes:
    """An SPZ of n random Gaussians."""
    rng = np.random.default_rng(seed)
    turn = 3 if version < 3 else 4
    sizes = [6 if version == 1 else 9, 1, 3, 3, turn, 3 * (0, 3, 8, 15)[degree]]
    arrays = [rng.integers(0, 256, size=n * size).astype(np.uint8).tobytes() for size in sizes]
    if version == 1:
        arrays[0] = rng.normal(size=(n, 3)).astype("<f2").tobytes()
    return packed_spz(version, n, degree, arrays)


def packed_spz(version: int, n: int, degree: int, arrays: list[bytes]) -> bytes:
    """An SPZ of raw arrays; 12 bits after the point."""
    head = b"NGSP" + struct.pack("<IIBBBB", version, n, degree, 12, 0, 0)
    if version < 4:
        return gzip.compress(head + b"".join(arrays), mtime=0)
    streams = [part for part in arrays if part]
    packed = [zstandard.ZstdCompressor().compress(part) for part in streams]
    head = head[:15] + struct.pack("<BI", len(streams), 32) + bytes(12)
    pairs = zip(packed, streams, strict=True)
    table = b"".join(struct.pack("<QQ", len(small), len(part)) for small, part in pairs)
    return head + table + b"".join(packed)


BOUNDS = [f"{end}_{part}" for end in ("min", "max") for part in ("x", "y", "z")]
BOUNDS += [f"{end}_scale_{axis}" for end in ("min", "max") for axis in "xyz"]
BOUNDS += [f"{end}_{channel}" for end in ("min", "max") for channel in "rgb"]


def compressed(
    bounds: np.ndarray, packed: np.ndarray, harmonics: np.ndarray | None = None
) -> bytes:
    """A compressed PLY of bounds [chunks, 12 or 18], packed [N, 4] and f_rest bytes [N, 9]."""
    lines = ["ply", "format binary_little_endian 1.0", f"element chunk {len(bounds)}"]
    lines += [f"property float {name}" for name in BOUNDS[: bounds.shape[1]]]
    lines += [f"element vertex {len(packed)}"]
    lines += [f"property uint packed_{n}" for n in ("position", "rotation", "scale", "color")]
    body = bounds.astype("<f4").tobytes() + packed.astype("<u4").tobytes()
    if harmonics is not None:
        lines += [f"element sh {len(packed)}"]
        lines += [f"property uchar f_rest_{i}" for i in range(harmonics.shape[1])]
        body += harmonics.astype("u1").tobytes()
    return ("\n".join([*lines, "end_header"]) + "\n").encode() + body


def random_compressed(n: int = 300, seed: int = 0) -> bytes:
    """A compressed PLY of n random Gaussians in two chunks, with harmonics of degree 1."""
    rng = np.random.default_rng(seed)
    low = [-1, -2, -3, -5, -5, -5, 0, 0, 0]
    high = [1, 2, 3, -3, -3, -3, 1, 1, 1]
    row = low[:3] + high[:3] + low[3:6] + high[3:6] + low[6:] + high[6:]
    packed = rng.integers(0, 2**32, size=(n, 4), dtype=np.uint32)
    harmonics = rng.integers(0, 256, size=(n, 9))
    return compressed(np.array([row] * -(-n // 256)), packed, harmonics)


def write_everything(folder: Path) -> dict[str, Path]:
    """One small model of each format: format name to the path that opens it."""
    paths = {
        "3dgs-ply": folder / "static.ply",
        "spacetime": folder / "run",
        "splatv": folder / "scene.splatv",
        "ftgs-ply": folder / "moving.ftgs.ply",
        "sequence": folder / "frames",
        "splat": folder / "scene.splat",
        "sog": folder / "scene.sog",
        "spz": folder / "scene.spz",
        "compressed-ply": folder / "scene.compressed.ply",
    }
    paths["spz"].write_bytes(spz(4))
    paths["sog"].write_bytes(zipped(sog_parts()))
    paths["splat"].write_bytes(splat().tobytes())
    paths["compressed-ply"].write_bytes(random_compressed())
    ply.write(paths["3dgs-ply"], gaussians())
    run = paths["spacetime"] / "point_cloud" / "iteration_100"
    run.mkdir(parents=True)
    ply.write(run / "point_cloud.ply", spacetime())
    paths["splatv"].write_bytes(splatv(splatv_records()))
    ply.write(paths["ftgs-ply"], ftgs(), ["ftgs_version 1", "n_frames 20", "fps 25"])
    paths["sequence"].mkdir()
    for i in (1, 2, 10):
        ply.write(paths["sequence"] / f"frame_{i}.ply", gaussians(20 + i, i))
    return paths


def camera_entry(position: tuple[float, float, float] = (0, 0, -3), fx: float = 100.0) -> dict:
    """An entry of cameras.json that looks along +z."""
    return {"id": 0, "img_name": "cam00", "width": 160, "height": 90, "position": position,
            "rotation": np.eye(3).tolist(), "fx": fx, "fy": fx}  # fmt: skip
