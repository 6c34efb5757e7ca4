"""What a picture costs on its way from CUDA to an OpenGL texture, or a buffer. For NVIDIA GPUs.

    python -m benchmarks.interop_cost [--frames N] [--json F.json]

host: until the call returns. device: between events on the stream, before and after it. frame: from
the first call until OpenGL has copied it once. Medians, milliseconds. A buffer is as large as a
picture of floats.
"""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import moderngl

from viewer.core.errors import Unusable
from viewer.cuda import runtime as cuda
from viewer.cuda.interop import KINDS, presenter
from viewer.cuda.plane import Block, Piece, Plane
from viewer.cuda.runtime import Runtime
from viewer.gl import context

SIZES = {"1080p": (1920, 1080), "4K": (3840, 2160)}
WARMUP = 20  # frames
BUFFER = "buf"  # a kind, beside those of pixels
CALLS = {
    "cudaGraphicsMapResources": "map",
    "cudaMemcpy2DToArrayAsync": "copy",
    "cudaMemcpyAsync": "copy",
    "cudaGraphicsUnmapResources": "unmap",
}


@dataclass(frozen=True, slots=True)
class Row:
    """Medians, milliseconds, by call: map, copy, unmap. frame: all of it."""

    size: str
    kind: str
    way: str
    host: dict[str, float]
    device: dict[str, float]
    frame: float


class Timed(Runtime):
    """The runtime with a clock around each call of CALLS, and events on stream 0."""

    def __init__(self, runtime: Runtime) -> None:
        super().__init__(runtime.module)
        self._events = [self("cudaEventCreate") for _ in range(2)]
        self.host: dict[str, list[float]] = {call: [] for call in CALLS.values()}
        self.device: dict[str, list[float]] = {call: [] for call in CALLS.values()}
        self.watched = False

    def __call__(self, name: str, *args: Any) -> Any:
        """As Runtime has it."""
        call = CALLS.get(name)
        if call is None or not self.watched:
            return super().__call__(name, *args)
        super().__call__("cudaEventRecord", self._events[0], 0)
        start = perf_counter()
        answer = super().__call__(name, *args)
        self.host[call].append(perf_counter() - start)
        super().__call__("cudaEventRecord", self._events[1], 0)
        super().__call__("cudaEventSynchronize", self._events[1])
        spent = super().__call__("cudaEventElapsedTime", *self._events)
        self.device[call].append(spent / 1e3)
        return answer


def measured(ctx: moderngl.Context, runtime: Runtime, what: tuple[str, str, str], n: int) -> Row:
    """what: the name of a size, a kind of pixel or BUFFER, a way. n: frames."""
    size, kind, way = what
    timed = Timed(runtime)
    piece, copied, release = _buffer(ctx, size) if kind == BUFFER else _texture(ctx, size, kind)
    nbytes = piece.nbytes if isinstance(piece, Block) else piece.pitch * piece.height
    piece = replace(piece, pointer=runtime("cudaMalloc", nbytes))
    presented = presenter(ctx, way, timed)
    frames = []
    for i in range(WARMUP + 2 * n):  # first frames as they are, then with a clock in each
        timed.watched = way == "interop" and i >= WARMUP + n
        start = perf_counter()
        presented.present([piece], 0)
        copied()
        ctx.finish()
        if WARMUP <= i < WARMUP + n:
            frames.append(perf_counter() - start)
    presented.release()
    runtime("cudaFree", piece.pointer)
    release()
    return Row(size, kind, way, _medians(timed.host), _medians(timed.device), _ms(frames))


Placed = tuple[Piece, Callable[[], None], Callable[[], None]]  # what copies it, what frees it


def _texture(ctx: moderngl.Context, size: str, kind: str) -> Placed:
    texture, copy = (ctx.texture(SIZES[size], 4, dtype=kind) for _ in range(2))
    source, target = ctx.framebuffer([texture]), ctx.framebuffer([copy])

    def release() -> None:
        ctx.detect_framebuffer(0).use()
        for held in (source, target, texture, copy):
            held.release()

    return Plane(0, texture), partial(ctx.copy_framebuffer, target, source), release


def _buffer(ctx: moderngl.Context, size: str) -> Placed:
    width, height = SIZES[size]
    nbytes = 16 * width * height
    buffer, copy = (ctx.buffer(reserve=nbytes) for _ in range(2))

    def release() -> None:
        buffer.release()
        copy.release()

    return Block(0, nbytes, buffer), partial(ctx.copy_buffer, copy, buffer), release


def main() -> int:
    """Measure everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=200)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    try:
        runtime = cuda.load()
        gpu = cuda.gpus(runtime)[0]
        ctx = context.headless()
    except Unusable as error:
        print(f"an NVIDIA GPU with CUDA and OpenGL is needed: {error}", file=sys.stderr)
        return 1
    print(f"{gpu.name}, {ctx.info['GL_VERSION']}, medians of {args.frames}, ms\n")
    print("size   kind way     | host: map   copy  unmap | device: map copy  unmap | frame")
    rows = []
    for way in ("interop", "upload"):
        try:
            for size in SIZES:
                for kind in (*KINDS, BUFFER):
                    rows.append(measured(ctx, runtime, (size, kind, way), args.frames))
                    print(_line(rows[-1]), flush=True)
        except Unusable as error:
            print(f"{way}: {error}")
    if args.json is not None:
        found = {"gpu": gpu.name, "gl": ctx.info["GL_VERSION"], "frames": args.frames}
        args.json.write_text(json.dumps(found | {"rows": [asdict(r) for r in rows]}, indent=1))
    ctx.release()
    return 0


def _medians(spans: dict[str, list[float]]) -> dict[str, float]:
    return {call: _ms(seconds) for call, seconds in spans.items() if seconds}


def _ms(seconds: list[float]) -> float:
    return round(1e3 * median(seconds), 4)


def _line(row: Row) -> str:
    parts = [f"{row.size:6} {row.kind:4} {row.way:7}"]
    calls = dict.fromkeys(CALLS.values())
    for spans in (row.host, row.device):
        parts.append("".join(f"{spans.get(call, float('nan')):8.4f}" for call in calls))
    return " |".join([*parts, f"{row.frame:8.4f}"])


if __name__ == "__main__":
    sys.exit(main())
