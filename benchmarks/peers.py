"""Our renderers beside others' on the same seeded still scenes, the camera moving with each frame.

    python -m benchmarks.peers [--sizes 100000,...] [--renderers NAME,...] [--degree 3] [--json F]

Measured is who can be imported: gsplat, its HiGS path, Faster-GS, diff-gaussian-rasterization; and
of ours what works here: through FramePath, whose picture lies over its background, and, named
"layer", the renderer alone, which is what peers do. Peers get splats sliced, in their own layout,
on the device, and cameras as tensors there; ours get what a window gives them. Nothing waits
between frames: on CUDA a frame is what lies between two events on the stream, elsewhere the mean.
"""

import argparse
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle, pairwise
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch

from benchmarks import adapters
from benchmarks.adapters import Drawer, View
from viewer.apps import machine, measure
from viewer.core import rotation, sh
from viewer.core.camera import look_at
from viewer.core.model import StaticModel
from viewer.core.settings import RenderSettings
from viewer.core.splats import Appearance, Splats
from viewer.core.target import TensorTarget
from viewer.core.temporal import explicit
from viewer.core.timing import Spans
from viewer.frame import FramePath
from viewer.gl import context
from viewer.render import NEEDS_GL, ON_CUDA, RENDERERS, create, reference
from viewer.render.protocol import Unsliced

SIZES = (100_000, 300_000, 1_000_000, 5_000_000, 10_000_000)
PICTURES = {"1080p": (1920, 1080), "4K": (3840, 2160)}
CHECKED = (20_000, (640, 360))  # splats and pixels of the comparison with `reference`
FOV = 0.9  # radians, vertical
OURS = tuple(name for name in RENDERERS if name not in ("peel", "reference"))
LEAST = 20  # frames


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured. frames: at most, in about `seconds`. degree: of harmonics; None: RGB."""

    sizes: tuple[int, ...] = SIZES
    pictures: tuple[tuple[int, int], ...] = tuple(PICTURES.values())
    renderers: tuple[str, ...] = OURS
    degree: int | None = None
    frames: int = 300
    warmup: int = 30
    seconds: float = 1.0
    checked: tuple[int, tuple[int, int]] = CHECKED


def scene(n: int, degree: int | None) -> Splats:
    """n Gaussians in a ball; seeded.

    They shrink with the cube root of n, so that layers grow with it as in trained scenes.
    """
    g = torch.Generator().manual_seed(n)
    size = 0.0137 * (n / 100_000) ** (-1 / 3)  # of the radius that a third of them lie in
    shape = (n, 3) if degree is None else (n, (degree + 1) ** 2, 3)
    colors = torch.rand(shape, generator=g)
    if degree is not None:
        colors = (colors - 0.5) * 0.6
    return Splats(
        means=torch.randn(n, 3, generator=g),
        quats=rotation.normalized(torch.randn(n, 4, generator=g)),
        scales=torch.exp(torch.randn(n, 3, generator=g) * 0.5) * size,
        opacities=torch.rand(n, generator=g) * 0.9 + 0.05,
        colors=colors,
        appearance=Appearance(),
    )


def views(size: tuple[int, int], count: int, device: str) -> list[View]:
    """A quarter of a circle about the scene in `count` steps, so that no two pictures are equal."""
    found = []
    for i in range(count):
        turn = math.pi / 2 * i / count
        eye = np.array([4 * math.sin(turn), -0.5, -4 * math.cos(turn)])
        camera = look_at(eye, np.zeros(3), np.array([0.0, -1.0, 0.0]), FOV, size)
        found.append(View.of(camera, device))
    return found


def drawers(plan: Plan, splats: Splats, device: str) -> Iterator[tuple[str, Callable[[], Drawer]]]:
    """Each name, and what makes it ready; which raises whatever is wrong."""
    there = splats.to(torch.device(device))
    for name, make in adapters.PEERS.items():
        yield name, lambda make=make: make(there)
    for name in plan.renderers:
        yield f"view4d {name}", lambda name=name: Own(name, splats)
        if name not in NEEDS_GL:
            yield f"view4d {name}, layer", lambda name=name: Layer(name, splats)


class Own:
    """One of our renderers, through the one frame path."""

    def __init__(self, name: str, splats: Splats) -> None:
        self._ctx = context.headless() if name in NEEDS_GL else None
        self._path = FramePath(self._ctx)
        self._model, self._settings = StaticModel(splats), RenderSettings(renderer=name)

    @property
    def on_cuda(self) -> bool:
        """Whether it draws on torch's stream; known once it has drawn."""
        return self._path.on_cuda

    def draw(self, view: View) -> Any:
        """The frame, as it is queued."""
        return self._path.render(self._model, view.camera, 0.0, self._settings)

    def image(self, drawn: Any) -> np.ndarray:
        """[H, W, 3] of what draw returned, 0..1."""
        picture = drawn.picture.read()[..., :3]
        return picture / 255 if picture.dtype == np.uint8 else np.clip(picture, 0, 1)

    def finish(self) -> None:
        """Wait for what is queued."""
        self._path.finish()

    def release(self) -> None:
        """Free it all."""
        self._path.release()
        if self._ctx is not None:
            self._ctx.release()


class Layer:
    """One of our renderers that needs no OpenGL, alone: its layer over nothing."""

    def __init__(self, name: str, splats: Splats) -> None:
        _, self._renderer, _ = create(name, None, exact=False)
        whole = explicit(StaticModel(splats)) if self._renderer.slices else None
        self._source = splats if whole is None else Unsliced(whole, 0.0)
        self._settings = RenderSettings(renderer=name)
        self.on_cuda = name in ON_CUDA

    def draw(self, view: View) -> TensorTarget:
        """The layer, as it is queued."""
        target = TensorTarget(view.camera.width, view.camera.height)
        self._renderer.render(self._source, view.camera, self._settings, target, Spans())
        return target

    def image(self, drawn: TensorTarget) -> np.ndarray:
        """[H, W, 3] of what draw returned, 0..1."""
        return drawn.read()[..., :3].clip(0, 1)

    def finish(self) -> None:
        """Wait for what is queued."""
        if self.on_cuda:
            torch.cuda.synchronize()

    def release(self) -> None:
        """Free it all."""
        self._renderer.release()


def timed(drawer: Drawer, moving: list[View], plan: Plan) -> dict[str, Any]:
    """Frame times of a drawer, milliseconds; of single frames on CUDA alone."""
    turn = cycle(moving)
    for _ in range(plan.warmup):
        drawer.draw(next(turn))
    drawer.finish()
    start = perf_counter()
    for _ in range(LEAST):
        drawer.draw(next(turn))
    drawer.finish()
    once = (perf_counter() - start) / LEAST
    count = max(LEAST, min(plan.frames, int(plan.seconds / once)))
    batch = [moving[i * len(moving) // count] for i in range(count)]
    events = [torch.cuda.Event(enable_timing=True) for _ in range(count + 1) if drawer.on_cuda]
    start = perf_counter()
    for event in events[:1]:
        event.record()
    for i, view in enumerate(batch):
        drawer.draw(view)
        for event in events[i + 1 : i + 2]:
            event.record()
    drawer.finish()
    wall = (perf_counter() - start) * 1e3 / count
    told = None
    if events:
        told = measure.statistics([a.elapsed_time(b) for a, b in pairwise(events)])
    fps = 1e3 / (told["p50"] if told else wall)
    return {"frames": count, "wall_ms": wall, "frame_ms": told, "fps": fps}


def psnr(got: np.ndarray, want: np.ndarray) -> float | None:
    """Decibels; None where they are equal."""
    square = float(np.mean((got.astype(np.float64) - want) ** 2))
    return -10 * math.log10(square) if square else None


def checked(plan: Plan, device: str) -> list[dict[str, Any]]:
    """Each one's picture against `reference`, with its largest error."""
    n, size = plan.checked
    splats, view = scene(n, plan.degree), views(size, 1, device)[0]
    want = reference.image(splats, view.camera, RenderSettings()).numpy()[..., :3].clip(0, 1)
    found = []
    for name, make in drawers(plan, splats, device):
        row: dict[str, Any] = {"name": name, "n": n, "size": list(size)}
        found.append(row)
        try:
            drawer = make()
            with torch.inference_mode():
                got = drawer.image(drawer.draw(view))
            drawer.release()
            row |= {"psnr_db": psnr(got, want), "max_abs": float(np.abs(got - want).max())}
            print(f"{name}: {row['psnr_db']} dB, at most {row['max_abs']:.4f}", flush=True)
        except Exception as error:  # of code that is not ours
            row["error"] = _line(error)
            print(f"{name}: {row['error']}", flush=True)
    return found


def timings(plan: Plan, able: set[str], device: str) -> Iterator[dict[str, Any]]:
    """A row for each of the `able`, for each scene and size of picture."""
    paths = {size: views(size, plan.frames, device) for size in plan.pictures}
    for n in plan.sizes:
        splats = scene(n, plan.degree)
        for name, make in drawers(plan, splats, device):
            if name in able:
                yield from _rows({"name": name, "n": n}, make, paths, plan)


def _rows(
    whose: dict[str, Any],
    make: Callable[[], Drawer],
    paths: dict[tuple[int, int], list[View]],
    plan: Plan,
) -> Iterator[dict[str, Any]]:
    drawer: Drawer | None = None
    for size, moving in paths.items():
        row = whose | {"size": list(size)}
        try:
            with torch.inference_mode():
                start = perf_counter()
                drawer = drawer or make()
                drawer.draw(moving[0])
                drawer.finish()
                row["first_frame_s"] = perf_counter() - start
                row |= timed(drawer, moving, plan)
        except Exception as error:  # of code that is not ours
            row["error"] = _line(error)
        yield row
    if drawer is not None:
        drawer.release()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]


def run(plan: Plan, output: Path | None) -> dict[str, Any]:
    """Measure it all; the JSON is written anew after each row, so that a cut run leaves some."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    adapter = torch.cuda.get_device_name() if device == "cuda" else "CPU, no OpenGL"
    document: dict[str, Any] = {
        "schema": "view4d-peers-1",
        "tool": machine.tool(),
        "system": machine.system(None, adapter),
        "peers": adapters.versions(),
        "degree": plan.degree,
        "warmup_frames": plan.warmup,
        "quality": checked(plan, device),
        "results": [],
    }
    able = {row["name"] for row in document["quality"] if "error" not in row}
    print("| n | picture | renderer | p50 ms | mean ms | FPS |\n|---|---|---|---|---|---|")
    for row in timings(plan, able, device):
        document["results"].append(row)
        print(_told(row), flush=True)
        if output is not None:
            output.parent.mkdir(parents=True, exist_ok=True)
            output.write_text(json.dumps(document, indent=1) + "\n")
    return document


def _told(row: dict[str, Any]) -> str:
    cells = [f"{row['n']:,}", f"{row['size'][0]}x{row['size'][1]}", row["name"]]
    if "error" in row:
        cells += ["", "", row["error"]]
    else:
        ms = row["frame_ms"]
        cells += [f"{ms['p50']:.3f}" if ms else "", f"{row['wall_ms']:.3f}", f"{row['fps']:.0f}"]
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Measure what was asked for."""
    given = Plan()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="numbers of splats")
    parser.add_argument("--pictures", default=",".join(PICTURES), help=f"of {', '.join(PICTURES)}")
    parser.add_argument("--renderers", default=",".join(OURS), help="of ours")
    parser.add_argument("--degree", type=int, choices=range(sh.MAX_DEGREE + 1), help="default: RGB")
    parser.add_argument("--frames", type=int, default=given.frames, help="at most")
    parser.add_argument("--seconds", type=float, default=given.seconds, help="for each row")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    plan = Plan(
        sizes=tuple(map(int, args.sizes.split(","))),
        pictures=tuple(PICTURES[name] for name in args.pictures.split(",")),
        renderers=tuple(name for name in args.renderers.split(",") if name),
        degree=args.degree,
        frames=args.frames,
        seconds=args.seconds,
    )
    run(plan, args.json)


if __name__ == "__main__":
    main()
