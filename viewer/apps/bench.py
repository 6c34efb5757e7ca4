"""bench: frame times of the shared frame path, without a window, in a form that can be quoted.

Throughput is measured without waiting for the device inside the run; stages are measured in a
second pass that waits after each one, and are labelled so.
"""

import hashlib
import json
import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from viewer.apps import machine
from viewer.apps.opening import DEFAULT_SIZE, Bar, Opening, frame_path, load, progress_bar
from viewer.core import playback as clock
from viewer.core import rig as rigs
from viewer.core.camera import Camera
from viewer.core.errors import BadArgument
from viewer.core.files import replacing
from viewer.core.model import Model
from viewer.core.report import Report
from viewer.core.settings import RenderSettings
from viewer.core.state import FrameStats, State, opened
from viewer.frame import FramePath
from viewer.render import RENDERERS, reference

SWING = math.radians(10)  # the camera swings so that no picture is drawn twice
STAGE_FRAMES = 60
SEEKS = 30
SCHEMA = "view4d-bench-1"
# Spans of the frame path under the stage names that the JSON has for every renderer.
STAGES = {
    "slice": "slice_project",
    "upload": "slice_project",
    "project": "slice_project",
    "cull": "cull",
    "sort": "sort",
    "blend": "blend",
    "composite": "present",
}


@dataclass(frozen=True, slots=True)
class BenchRequest:
    """time_path: play (one frame of footage a frame), frozen, or seek (seeded, anywhere)."""

    opening: Opening
    renderers: tuple[str, ...]
    frames: int
    warmup: int
    repeats: int
    time_path: str
    quality_frames: int
    json: Path | None


@dataclass(frozen=True, slots=True)
class Shot:
    """A time and a camera."""

    time: float
    camera: Camera


def bench(request: BenchRequest) -> int:
    """Measure every renderer asked for; prints a table and writes the JSON."""
    unknown = [name for name in request.renderers if name != "auto" and name not in RENDERERS]
    if unknown:
        raise BadArgument(f"--renderer is {unknown[0]!r}, expected auto, {', '.join(RENDERERS)}")
    start = perf_counter()
    model, report = load(request.opening)
    load_s = perf_counter() - start
    results = []
    for name in request.renderers:
        with progress_bar(f"measuring {name}") as bar:
            results.append(_measure(name, model, report, request, bar) | {"load_s": load_s})
    _print(results, report, request)
    if request.json is not None:
        document = {
            "schema": SCHEMA,
            "tool": machine.tool(),
            "scene": _scene(report, model, request.opening.path),
            "results": results,
        }
        with replacing(request.json) as beside:
            beside.write_text(json.dumps(document, indent=2) + "\n")
    return 0


def shots(request: BenchRequest, report: Report) -> Iterator[Shot]:
    """The endless path of times and cameras of a run, the same at every run."""
    state = opened(State(), report)
    rng = random.Random(0)
    size = request.opening.size or DEFAULT_SIZE
    for i in range(10**9):
        rig = rigs.orbit(state.rig, SWING * math.sin(i * math.tau / 240), 0.0)
        p = state.playback
        if request.time_path == "seek":
            p = clock.seek(p, rng.uniform(p.start, p.end))
        yield Shot(p.time, rig.camera(*size))
        if request.time_path == "play":
            state = replace(state, playback=clock.tick(p, 1 / p.fps))


def _measure(
    name: str, model: Model, report: Report, request: BenchRequest, bar: Bar
) -> dict[str, Any]:
    settings = replace(request.opening.settings, renderer=name)
    path_of_shots = shots(request, report)
    with frame_path(name, "f2") as (path, ctx):
        finish = _no_device if ctx is None else ctx.finish
        start = perf_counter()
        stats = _draw(path, model, next(path_of_shots), settings)
        finish()
        first_ms = (perf_counter() - start) * 1e3
        for _ in range(request.warmup):
            _draw(path, model, next(path_of_shots), settings)
        finish()
        samples: list[float] = []
        seen: list[FrameStats] = []
        for repeat in range(request.repeats):
            batch = [next(path_of_shots) for _ in range(request.frames)]
            costs, stats = _throughput(path, model, batch, settings, finish)
            samples += costs
            seen += stats
            bar((repeat + 1) / (request.repeats + 1), f"measuring {name}")
        stages = _stages(path, model, path_of_shots, settings, finish)
        seeks = _seeks(path, model, report, request, finish)
        quality = _quality(path, model, path_of_shots, settings, request.quality_frames)
        return {
            "system": machine.system(ctx),
            "config": _config(request, seen[-1]),
            "run": {
                "mode": "throughput",
                "warmup_frames": request.warmup,
                "frames": request.frames,
                "repeats": request.repeats,
            },
            "result": {
                "frame_ms": statistics(samples),
                "fps_p50": 1e3 / float(np.median(samples)),
                "viewer_frame_ms": None,  # needs a window
                "stages_ms": stages,
                "first_frame_s": first_ms / 1e3,
                "seek_ms": seeks,
                "rss_peak_mb": machine.peak_memory_mb(),
                "vram_peak_mb": None,
                "active": _spread([s.alive for s in seen]),
                "drawn": _spread([s.drawn for s in seen]),
                "quality": quality,
            },
        }


def _draw(path: FramePath, model: Model, shot: Shot, settings: RenderSettings) -> FrameStats:
    return path.render(model, shot.camera, shot.time, settings).stats


def _throughput(
    path: FramePath,
    model: Model,
    batch: list[Shot],
    settings: RenderSettings,
    finish: Callable[[], None],
) -> tuple[list[float], list[FrameStats]]:
    """Milliseconds of each frame; what is still queued at the end counts to the last one."""
    marks, stats = [perf_counter()], []
    for shot in batch:
        stats.append(_draw(path, model, shot, settings))
        marks.append(perf_counter())
    finish()
    marks[-1] = perf_counter()
    return list(np.diff(marks) * 1e3), stats


def _stages(
    path: FramePath,
    model: Model,
    path_of_shots: Iterator[Shot],
    settings: RenderSettings,
    finish: Callable[[], None],
) -> dict[str, Any]:
    """Medians with a wait after each stage: their sum exceeds a queued frame."""
    spans: dict[str, list[float]] = {}
    totals = []
    for _ in range(STAGE_FRAMES):
        shot = next(path_of_shots)
        start = perf_counter()
        stats = path.render(model, shot.camera, shot.time, settings, finish).stats
        totals.append((perf_counter() - start) * 1e3)
        for name, ms in stats.spans:
            spans.setdefault(name, []).append(ms)
    detail = {name: float(np.median(ms)) for name, ms in spans.items()}
    named: dict[str, float] = {}
    for name, ms in detail.items():
        named[STAGES[name]] = named.get(STAGES[name], 0.0) + ms
    total = float(np.median(totals))
    own = total - detail["slice"] - detail.get("sort", 0.0) - detail["blend"]
    return {
        "waits_after_each_stage": True,
        "total": total,
        **named,
        "detail": detail,
        "all_but_slice_sort_blend": own,
    }


def _seeks(
    path: FramePath,
    model: Model,
    report: Report,
    request: BenchRequest,
    finish: Callable[[], None],
) -> dict[str, float]:
    """From asking for a time anywhere to its picture being finished, milliseconds."""
    settings = replace(request.opening.settings, renderer=path.renderer)
    anywhere = shots(replace(request, time_path="seek"), report)
    costs = []
    for _ in range(SEEKS):
        shot = next(anywhere)
        start = perf_counter()
        _draw(path, model, shot, settings)
        finish()
        costs.append((perf_counter() - start) * 1e3)
    p50, p99 = np.percentile(costs, [50, 99])
    return {"p50": float(p50), "p99": float(p99)}


def _quality(
    path: FramePath,
    model: Model,
    path_of_shots: Iterator[Shot],
    settings: RenderSettings,
    frames: int,
) -> dict[str, Any] | None:
    """Error of the displayed picture against the reference, worst frame of those compared."""
    if frames < 1:
        return None
    psnr, worst = math.inf, 0.0
    for _ in range(frames):
        shot = next(path_of_shots)
        got = path.render(model, shot.camera, shot.time, settings).layer.read()[..., :3]
        want = reference.image(model.slice(shot.time), shot.camera, settings).numpy()[..., :3]
        error = np.abs(np.clip(got, 0, 1) - np.clip(want, 0, 1))
        worst = max(worst, float(error.max()))
        mean_square = float(np.mean(error**2))
        psnr = min(psnr, -10 * math.log10(mean_square) if mean_square else math.inf)
    shown = psnr if math.isfinite(psnr) else None
    return {"ref": "reference", "psnr_db": shown, "max_abs": worst, "frames": frames}


def statistics(samples: list[float]) -> dict[str, float]:
    """Mean, percentiles, extremes, and the mean of the slowest hundredth; milliseconds."""
    values = np.sort(np.asarray(samples))
    slowest = values[-max(1, len(values) // 100) :]
    p50, p95, p99 = np.percentile(values, [50, 95, 99])
    return {
        "mean": float(values.mean()),
        "p50": float(p50),
        "p95": float(p95),
        "p99": float(p99),
        "max": float(values[-1]),
        "slowest_1_percent_mean": float(slowest.mean()),
        "std": float(values.std()),
        "over_twice_median": int((values > 2 * p50).sum()),
    }


def _config(request: BenchRequest, stats: FrameStats) -> dict[str, Any]:
    width, height = request.opening.size or DEFAULT_SIZE
    settings = request.opening.settings
    changing = [f"sh_degree={settings.sh_degree}"] if settings.sh_degree < 3 else []
    changing += [f"scale={settings.scale:g}"] if settings.scale != 1 else []
    changing += [f"near={settings.near:g}"] if settings.near is not None else []
    return {
        "backend": stats.renderer,
        "adapter": stats.adapter,
        "width": width,
        "height": height,
        "camera_path": "swing of 10 degrees about the first view",
        "time_path": request.time_path,
        "sh_degree": settings.sh_degree,
        "precision": "RGBA16F layer" if stats.renderer != "reference" else "float64",
        "image_changing": changing,
    }


def _scene(report: Report, model: Model, path: Path) -> dict[str, Any]:
    digest = None
    if path.is_file():
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "name": path.name,
        "sha256": digest,
        "family": report.format,
        "n_total": model.count,
        "time_range": list(report.time_range),
        "background": list(report.background),
    }


def _spread(values: list[int]) -> dict[str, float]:
    return {"min": min(values), "mean": sum(values) / len(values), "max": max(values)}


def _no_device() -> None:
    """Nothing is queued where there is no device."""


def _print(results: list[dict[str, Any]], report: Report, request: BenchRequest) -> None:
    width, height = request.opening.size or DEFAULT_SIZE
    console = Console()
    title = f"{report.path}  {width}x{height}  {request.time_path}, milliseconds a frame"
    table = Table(title=title, title_justify="left")
    for column in ("renderer", "p50", "p95", "p99", "max", "FPS (p50)", "PSNR dB", "max error"):
        table.add_column(column, justify="left" if column == "renderer" else "right")
    for r in results:
        ms, quality = r["result"]["frame_ms"], r["result"]["quality"]
        numbers = [f"{ms[k]:.2f}" for k in ("p50", "p95", "p99", "max")]
        error = ["-", "-"] if quality is None else [_decibel(quality), f"{quality['max_abs']:.4f}"]
        table.add_row(r["config"]["backend"], *numbers, f"{r['result']['fps_p50']:.1f}", *error)
    console.print(table)
    for r in results:
        stages = r["result"]["stages_ms"]
        parts = ", ".join(f"{name} {ms:.2f}" for name, ms in stages["detail"].items())
        console.print(
            f"{r['config']['backend']} on {r['config']['adapter']}: stages, waiting after each: "
            f"{parts}; together {stages['total']:.2f}; seek {r['result']['seek_ms']['p50']:.2f}; "
            f"first frame {r['result']['first_frame_s'] * 1e3:.0f}; load {r['load_s']:.2f} s",
            soft_wrap=True,
        )
        if machine.is_software(r["config"]["adapter"]):
            console.print("A software rasteriser drew this: no figure here speaks for a GPU.")


def _decibel(quality: dict[str, Any]) -> str:
    return "exact" if quality["psnr_db"] is None else f"{quality['psnr_db']:.1f}"
