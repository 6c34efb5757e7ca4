"""What a frame of the `sorted` renderer costs beside its bare draw, and how it follows the alive.

    python -m benchmarks.draw_times scene PATH       one model: the frame over the bare draw
    python -m benchmarks.draw_times stress           seeded scenes: stored, alive, depth of layers
    python -m benchmarks.draw_times sort             depths alone: by shaders, by the processor

The bare draw is the same quads, already projected and sorted, drawn once more into the same target.
"""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter, process_time

import moderngl
import numpy as np
import torch

from viewer import formats
from viewer.core.camera import Camera, look_at
from viewer.core.errors import Unusable
from viewer.core.model import Model
from viewer.core.settings import RenderSettings
from viewer.core.splats import Appearance
from viewer.core.temporal import Gaussians4D, TemporalGaussians
from viewer.frame import FramePath
from viewer.gl import context
from viewer.gl.buffers import Storage
from viewer.gl.radix import RadixSort
from viewer.gl.target import TextureTarget
from viewer.render.quads import draw_quads
from viewer.render.sorted import SortedRenderer
from viewer.render.visibility import ascending

SETTINGS = RenderSettings(renderer="sorted")
SIZES = (100_000, 300_000, 1_000_000, 3_000_000)
ALIVE = (1.0, 0.3, 0.1)
KEYS = (1_000, 30_000, 65_536, 300_000, 1_000_000, 3_000_000)
LAYERS = {"shallow": 0.25, "deep": 40.0}  # splats' area over that of the picture, at 100,000 alive


def main() -> None:
    """Measure what was asked for and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("scene", "stress", "sort"))
    parser.add_argument("path", nargs="?", type=Path)
    parser.add_argument("--frames", type=int, default=15)
    parser.add_argument("--most", type=int, default=SIZES[-1], help="of Gaussians stored")
    args = parser.parse_args()
    ctx = context.headless()
    picture = "" if args.what == "sort" else "640x360, packed numbers, "
    print(f"{context.adapter(ctx)}, {picture}medians of {args.frames}, ms\n")
    if args.what == "sort":
        _sort(ctx, [n for n in KEYS if n <= args.most], args.frames)
        ctx.release()
        return
    path = FramePath(ctx)
    if args.what == "scene":
        model, report = formats.load(args.path)
        start, end = report.time_range
        camera = report.home.camera(640, 360)
        _scene(path, model, camera, np.linspace(start, end, args.frames), ctx.finish)
    else:
        _stress(path, [n for n in SIZES if n <= args.most], args.frames, ctx.finish)
    path.release()
    ctx.release()


def _scene(
    path: FramePath, model: Model, camera: Camera, times: np.ndarray, finish: Callable[[], None]
) -> None:
    frames, draws, stages = _measure(path, model, camera, times, finish)
    frame, draw = float(np.median(frames)), float(np.median(draws))
    print("| stage | ms | of the bare draw |\n|---|---|---|")
    for name, ms in (*stages.items(), ("frame, not waiting between stages", frame)):
        print(f"| {name} | {ms:.2f} | {ms / draw:.2f} |")
    print(f"| bare draw | {draw:.2f} | 1.00 |")


def _stress(path: FramePath, sizes: list[int], frames: int, finish: Callable[[], None]) -> None:
    print("| stored | alive | layers | drawn | slice | sort | blend | frame |")
    print("|---|---|---|---|---|---|---|---|")
    for layers, area in LAYERS.items():
        for n in sizes:
            for share in ALIVE:
                model = scene(n, share, area)
                times = np.linspace(0.3, 0.7, frames)
                try:
                    costs, _, stages = _measure(path, model, camera(), times, finish)
                except Unusable as error:
                    print(f"| {n:,} | | {layers} | refused: {error} | | | | |")
                    continue
                drawn = path.render(model, camera(), 0.5, SETTINGS).stats
                print(
                    f"| {n:,} | {drawn.alive:,} | {layers} | {drawn.drawn:,} | "
                    f"{stages['slice']:.1f} | {stages['sort']:.1f} | {stages['blend']:.1f} | "
                    f"{np.median(costs):.1f} |",
                    flush=True,
                )


def _sort(ctx: moderngl.Context, sizes: list[int], frames: int) -> None:
    """Processor time, of all threads, is what a software rasteriser costs beside other work."""
    print("| keys | by shaders | its processor time | by the processor |\n|---|---|---|---|")
    radix, keys, order = RadixSort(ctx), Storage(ctx), Storage(ctx)
    for n in sizes:
        keys.write(np.random.default_rng(0).uniform(1, 100, n).astype(np.float32))

        def device(n: int = n) -> None:
            radix.sort(keys, n)

        def host(n: int = n) -> None:
            order.write(ascending(keys.read(n, np.uint32)).astype(np.uint32))

        wall, busy = _medians(device, frames, ctx.finish)
        there, _ = _medians(host, frames, ctx.finish)
        print(f"| {n:,} | {wall:.2f} | {busy:.2f} | {there:.2f} |", flush=True)
    for held in (radix, keys, order):
        held.release()


def _medians(
    way: Callable[[], None], frames: int, finish: Callable[[], None]
) -> tuple[float, float]:
    """Milliseconds on the clock and of processor time; the first turns compile shaders."""
    costs = []
    for _ in range(frames + 2):
        start, busy = perf_counter(), process_time()
        way()
        finish()
        costs.append((perf_counter() - start, process_time() - busy))
    clock, spent = np.median(costs[2:], axis=0) * 1e3
    return float(clock), float(spent)


def _measure(
    path: FramePath, model: Model, camera: Camera, times: np.ndarray, finish: Callable[[], None]
) -> tuple[list[float], list[float], dict[str, float]]:
    """Of each time: the frame, the bare draw; and the medians of stages, waiting after each."""
    frames: list[float] = []
    draws: list[float] = []
    spans: dict[str, list[float]] = {}
    for turn, time in enumerate([times[0], times[0], *times]):
        start = perf_counter()
        frame = path.render(model, camera, float(time), SETTINGS)
        finish()
        middle = perf_counter()
        _draw_again(path, frame.layer, model.appearance, camera, frame.stats.drawn)
        finish()
        end = perf_counter()
        staged = path.render(model, camera, float(time), SETTINGS, finish).stats
        if turn >= 2:  # the first frames compile shaders
            frames.append((middle - start) * 1e3)
            draws.append((end - middle) * 1e3)
            for name, ms in staged.spans:
                spans.setdefault(name, []).append(ms)
    return frames, draws, {name: float(np.median(ms)) for name, ms in spans.items()}


def _draw_again(
    path: FramePath, layer: object, look: Appearance, camera: Camera, count: int
) -> None:
    renderer = path._renderer
    assert isinstance(renderer, SortedRenderer)
    assert isinstance(layer, TextureTarget)
    # Its buffers are still bound, and the program still knows what lies in them.
    issue = partial(draw_quads, count)
    renderer._quads.draw(look, camera, SETTINGS, layer, lambda program: None, issue)


def camera() -> Camera:
    """Four units from the middle of the seeded scenes."""
    eye, up = np.array([0.0, 0.0, -4.0]), np.array([0.0, -1.0, 0.0])
    return look_at(eye, np.zeros(3), up, 0.9, (640, 360))


def scene(n: int, share: float, area: float) -> TemporalGaussians:
    """n Gaussians in a ball, each seen for `share` of the time 0 to 1; seeded.

    area: of all the alive, over that of the picture, if there were 100,000 of them.
    """
    g = torch.Generator().manual_seed(n)
    opacities = torch.rand(n, generator=g) * 0.9 + 0.05
    reach = torch.sqrt(2 * torch.log(255 * opacities))
    width = torch.full((n,), torch.inf) if share == 1 else 0.5 * share / reach
    size = (area / 100_000 * 640 * 360 / np.pi) ** 0.5 / 3 * 4 / 373  # world units, 3 sigma a side
    fields = Gaussians4D(
        means=torch.randn(n, 3, generator=g) * 0.6,
        motion=torch.randn(n, 1, 3, generator=g) * 0.2,
        opacities=opacities,
        center=torch.rand(n, generator=g),
        width=width,
        colors=torch.rand(n, 3, generator=g),
        quats=torch.nn.functional.normalize(torch.randn(n, 4, generator=g), dim=1),
        scales=torch.exp(torch.randn(n, 3, generator=g) * 0.5) * size,
    )
    return TemporalGaussians(fields, (0.0, 1.0), Appearance())


if __name__ == "__main__":
    main()
