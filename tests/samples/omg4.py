"""A tiny comp.xz of OMG4, packed as its trainer and the dahuffman package do."""

import heapq
import itertools
import lzma
import pickle
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import numpy as np
import torch

NAME = "omg4"
OPTIONS = {"time_duration": "0,2"}
BOOK = 8  # entries of each codebook
COUNTS = {"scale": (3, 1), "rotation": (2, 2), "app": (3, 2), "scaling_t": (1, 1),
          "rotation_r": (2, 2)}  # fmt: skip


class End:
    """Stands for dahuffman's symbol that ends a stream, under its name."""


End.__module__, End.__qualname__ = "dahuffman.huffmancodec", "_EndOfFileSymbol"


def coded(labels: np.ndarray) -> tuple[bytes, dict[Any, tuple[int, int]]]:
    """The Huffman stream of labels [N] and its table, symbol to (bits, value)."""
    return encoded(labels, table_of(Counter(labels.tolist())))


def table_of(counts: Mapping[int, int]) -> dict[Any, tuple[int, int]]:
    """A Huffman code for how often each label comes, with an end of the stream."""
    order = itertools.count()
    heap = [(often, next(order), [(np.int64(label), 0, 0)]) for label, often in counts.items()]
    heap.append((1, next(order), [(End(), 0, 0)]))
    heapq.heapify(heap)
    while len(heap) > 1:
        few, more = heapq.heappop(heap), heapq.heappop(heap)
        joined = [(s, bits + 1, value) for s, bits, value in few[2]]
        joined += [(s, bits + 1, value | 1 << bits) for s, bits, value in more[2]]
        heapq.heappush(heap, (few[0] + more[0], next(order), joined))
    return {symbol: (max(bits, 1), value) for symbol, bits, value in heap[0][2]}


def encoded(labels: np.ndarray, table: Mapping[Any, tuple[int, int]]) -> tuple[bytes, Any]:
    """The stream of labels [N] and the table."""
    text = {symbol: f"{value:0{bits}b}" for symbol, (bits, value) in table.items()}
    end = next(code for symbol, code in text.items() if isinstance(symbol, End))
    bits = "".join(text[label] for label in labels.tolist()) + end
    whole = bits.ljust(-(-len(bits) // 8) * 8, "0")
    return int(whole, 2).to_bytes(len(whole) // 8, "big"), table


def attributes(
    counts: Mapping[str, tuple[int, int]], n: int, rng: np.random.Generator
) -> dict[str, Any]:
    """Codebooks, streams and tables of n Gaussians; counts: sub-vectors and their length."""
    held: dict[str, Any] = {}
    for name, (parts, length) in counts.items():
        books = [rng.normal(size=(BOOK, length)).astype(np.float16) for _ in range(parts)]
        streams = [coded(rng.integers(0, BOOK, n)) for _ in range(parts)]
        held[f"{name}_code"] = books
        held[f"{name}_index"] = [stream for stream, _ in streams]
        held[f"{name}_htable"] = [table for _, table in streams]
    return held


def networks(rng: np.random.Generator, inputs: int) -> dict[str, np.ndarray]:
    """The four networks; inputs: of the first one."""
    sizes = {"cont": 64 * inputs + 16 * 64, "dc": 2048, "sh": 10240, "opacity": 2048}
    made = {name: rng.normal(size=size) * 0.1 for name, size in sizes.items()}
    return {f"MLP_{name}": made[name].astype(np.float16) for name in sizes}


def content(n: int = 24, seed: int = 0) -> dict[str, Any]:
    """What a comp.xz of n random Gaussians holds."""
    rng = np.random.default_rng(seed)
    held: dict[str, Any] = {"xyz": torch.from_numpy(rng.normal(size=(n, 3))).half()}
    held |= attributes(COUNTS, n, rng)
    held["scale_code"] = [book - np.float16(3) for book in held["scale_code"]]
    held["t"] = rng.uniform(0, 2, (n, 1)).astype(np.float16)
    return held | networks(rng, 128)


def pickled(held: object, protocol: int = 4) -> bytes:
    """A pickle in which the end of a stream has dahuffman's name."""
    module = ModuleType(End.__module__)
    module._EndOfFileSymbol = End  # type: ignore[attr-defined]
    with mock.patch.dict(sys.modules, {"dahuffman": module, End.__module__: module}):
        return pickle.dumps(held, protocol)


def save(path: Path, held: object) -> Path:
    """A comp.xz."""
    path.write_bytes(lzma.compress(pickled(held), preset=0))
    return path


def write(folder: Path) -> Path:
    """A run's folder."""
    (folder / "cfg_args").write_text("Namespace(sh_degree=3, white_background=False)")
    save(folder / "comp.xz", content())
    return folder
