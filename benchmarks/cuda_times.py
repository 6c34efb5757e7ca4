"""What a frame of the `cuda` renderer takes on the device, and which kernel takes how much of it.

    python -m benchmarks.cuda_times [--sizes 300000,...] [--picture WxH] [--area 1.0] [--share 1.0]
        [--frames 300]

The scenes are those of draw_times.py, with so many Gaussians alive. A frame is what lies between
two events in steady play, a swinging camera and a running clock, nothing waiting. Kernels are those
of one frame, launched one by one behind work that keeps the device busy, so that the processor's
pace is not in them. Needs a GPU.
"""

import argparse
import math
import sys
from itertools import pairwise
from time import perf_counter
from typing import Any

import numpy as np
import torch

from benchmarks.draw_times import scene
from viewer.core.camera import Camera, look_at
from viewer.core.errors import Unusable
from viewer.core.settings import RenderSettings
from viewer.core.temporal import TemporalGaussians
from viewer.core.timing import Spans
from viewer.cuda.device import CudaDevice
from viewer.frame import FramePath
from viewer.render import cuda

SETTINGS = RenderSettings(renderer="cuda")
SWING = 0.17  # radians
BUSY = 8_000_000  # cycles of the device: longer than it takes to launch a frame's kernels
REPEATS = 12


class Watched(CudaDevice):
    """Notes an event after every launch while it is watched."""

    def __init__(self, ordinal: int | None = None) -> None:
        super().__init__(ordinal)
        self.names: dict[int, str] = {}
        self.noted: list[tuple[str, Any]] | None = None

    def build(self, source: Any) -> Any:
        """As Device says."""
        kernels = super().build(source)
        self.names |= {int(kernel): name for name, kernel in kernels.items()}
        return kernels

    def launch(self, kernel: Any, blocks: int, threads: int, *args: Any) -> None:
        """As Device says."""
        super().launch(kernel, blocks, threads, *args)
        if self.noted is not None:
            event = torch.cuda.Event(enable_timing=True)
            event.record()
            self.noted.append((self.names[int(kernel)], event))


def main() -> None:
    """Measure what was asked for and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="100000,300000,1000000", help="of Gaussians alive")
    parser.add_argument("--picture", default="1920x1080", help="WxH")
    parser.add_argument("--area", type=float, default=1.0, help="as in draw_times.py")
    parser.add_argument("--share", type=float, default=1.0, help="of its Gaussians alive at once")
    parser.add_argument("--frames", type=int, default=300)
    args = parser.parse_args()
    width, height = map(int, args.picture.split("x"))
    made: list[Watched] = []

    def device(ordinal: int | None = None) -> Watched:
        made.append(Watched(ordinal))
        return made[-1]

    cuda.CudaDevice = device  # type: ignore[assignment, misc]  # the one that the renderer makes
    for n in map(int, args.sizes.split(",")):
        model, path = scene(round(n / args.share), args.share, args.area), FramePath(None)
        shots = [
            (camera(k, width, height), 0.3 + 0.4 * k / args.frames) for k in range(args.frames)
        ]
        device_us, host_us = frames(path, model, shots)
        print(
            f"{n:,} alive at {width}x{height} on {made[-1].name}: {device_us:.0f} us a frame,"
            f" {1e6 / device_us:,.0f} FPS; the processor's part {host_us:.0f} us"
        )
        stages = kernels(path, model, shots[len(shots) // 2], made[-1])
        print("  " + ", ".join(f"{name} {us:.1f}" for name, us in stages), flush=True)
        path.release()


def camera(k: int, width: int, height: int) -> Camera:
    """The k-th of a swing about the middle of the scene."""
    turn = SWING * math.sin(math.tau * k / 240)
    eye = np.array([4 * math.sin(turn), 0.0, -4 * math.cos(turn)])
    return look_at(eye, np.zeros(3), np.array([0.0, -1.0, 0.0]), 0.9, (width, height))


def frames(
    path: FramePath, model: TemporalGaussians, shots: list[tuple[Camera, float]]
) -> tuple[float, float]:
    """Microseconds: the median frame on the device, and the mean that the processor was busy."""
    for view, time in shots[:30]:
        path.render(model, view, time, SETTINGS)
    path.finish()
    events = [torch.cuda.Event(enable_timing=True) for _ in range(len(shots) + 1)]
    events[0].record()
    start = perf_counter()
    for (view, time), event in zip(shots, events[1:], strict=True):
        path.render(model, view, time, SETTINGS)
        event.record()
    busy = perf_counter() - start
    path.finish()
    costs = [a.elapsed_time(b) for a, b in pairwise(events)]
    return 1e3 * float(np.median(costs)), 1e6 * busy / len(shots)


def kernels(
    path: FramePath, model: TemporalGaussians, shot: tuple[Camera, float], device: Watched
) -> list[tuple[str, float]]:
    """Each kernel of a frame in its order, and microseconds, medians."""
    renderer = path._renderer
    assert isinstance(renderer, cuda.CudaRenderer)
    path.render(model, *shot, SETTINGS)
    path.finish()
    form, rows = next(reversed(renderer._graphs))[0], renderer._rows  # type: ignore[index]
    assert rows is not None
    found: list[list[float]] = []
    names: list[str] = []
    for _ in range(REPEATS):
        torch.cuda._sleep(BUSY)
        first = torch.cuda.Event(enable_timing=True)
        first.record()
        device.noted = []
        renderer._draw(form, rows, Spans(lambda: None))  # stage by stage, and no wait between
        noted, device.noted = device.noted, None
        torch.cuda.synchronize()
        names = [name for name, _ in noted]
        marks = [first, *(event for _, event in noted)]
        found.append([1e3 * a.elapsed_time(b) for a, b in pairwise(marks)])
    return list(zip(names, np.median(found, axis=0).tolist(), strict=True))


if __name__ == "__main__":
    try:
        main()
    except Unusable as error:
        sys.exit(str(error))
