"""bench: frame times of the shared frame path, without a window, in a form that can be quoted.

Throughput is measured without waiting for the device inside the run; stages are measured in a
second pass that waits after each one, and are labelled so.
"""

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import moderngl
import numpy as np
from rich.markup import escape
from rich.table import Table

from viewer.apps import machine, measure
from viewer.apps.measure import Plan
from viewer.apps.opening import Bar, Opening, frame_path, load, progress_bar, terminal
from viewer.core.errors import BadArgument
from viewer.core.files import replacing
from viewer.core.model import Model
from viewer.core.report import Report
from viewer.core.settings import RenderSettings
from viewer.core.state import FrameStats
from viewer.gl import context
from viewer.render import RENDERERS

SCHEMA = "view4d-bench-1"


@dataclass(frozen=True, slots=True)
class BenchRequest:
    """renderers: names, measured one after the other. quality_frames: compared; 0 is none."""

    opening: Opening
    renderers: tuple[str, ...]
    plan: Plan
    quality_frames: int
    json: Path | None
    ui: bool = False  # measure the interface of the window as well


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
            results.append(_measured(name, model, report, request, bar) | {"load_s": load_s})
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


def _measured(
    name: str, model: Model, report: Report, request: BenchRequest, bar: Bar
) -> dict[str, Any]:
    plan, settings = request.plan, replace(request.opening.settings, renderer=name)
    path_of_shots = measure.shots(plan, report)
    anywhere = measure.shots(replace(plan, time_path="seek"), report)
    with frame_path(name, "f2", request.opening.gpu) as (path, ctx):
        finish = path.finish
        start = perf_counter()
        measure.draw(path, model, next(path_of_shots), settings)
        finish()
        first_s = perf_counter() - start
        for _ in range(plan.warmup):
            measure.draw(path, model, next(path_of_shots), settings)
        finish()
        samples: list[float] = []
        seen: list[FrameStats] = []
        for repeat in range(plan.repeats):
            batch = [next(path_of_shots) for _ in range(plan.frames)]
            costs, stats = measure.throughput(path, model, batch, settings, finish)
            samples += costs
            seen += stats
            bar((repeat + 1) / (plan.repeats + 1), f"measuring {name}")
        frames = [next(path_of_shots) for _ in range(request.quality_frames)]
        ui = _interface(ctx, report, seen[-1], plan.size) if request.ui and ctx else None
        result = {
            "frame_ms": measure.statistics(samples),
            "fps_p50": 1e3 / float(np.median(samples)),
            "viewer_frame_ms": None,  # needs a window
            "stages_ms": measure.stages(path, model, path_of_shots, settings, finish),
            "first_frame_s": first_s,
            "seek_ms": measure.seeks(path, model, anywhere, settings, finish),
            "active": measure.spread([s.alive for s in seen]),
            "drawn": measure.spread([s.drawn for s in seen]),
            "passes": measure.spread([s.passes for s in seen]),
            "ui_ms": ui,
            "quality": measure.quality(path, model, frames, settings),
            "rss_peak_mb": machine.peak_memory_mb(),
            "vram_peak_mb": machine.peak_cuda_memory_mb(),
            "renderer_device_mb": max(s.device_memory for s in seen) / 2**20,
        }
        return {
            "system": machine.system(ctx, seen[-1].adapter),
            "config": _config(request, seen[-1], path.precision),
            "run": {
                "mode": "throughput",
                "warmup_frames": plan.warmup,
                "frames": plan.frames,
                "repeats": plan.repeats,
            },
            "result": result,
        }


def _interface(
    ctx: moderngl.Context, report: Report, stats: FrameStats, size: tuple[int, int]
) -> dict[str, float]:
    from viewer.apps.interface_cost import interface_ms

    return interface_ms(ctx, report, stats, size)


def _config(request: BenchRequest, stats: FrameStats, precision: str) -> dict[str, Any]:
    width, height = request.plan.size
    settings = request.opening.settings
    default = RenderSettings()
    given = {
        "sh_degree": (settings.sh_degree, default.sh_degree),
        "scale": (settings.scale, default.scale),
        "near": (settings.near, default.near),
        "far": (settings.far, default.far),
        "mode": (settings.mode.value, default.mode.value),
        "min_opacity": (settings.min_opacity, default.min_opacity),
        "antialias": (settings.antialias, default.antialias),
        "layers": (settings.peel_layers, default.peel_layers),
    }
    changing = [f"{name}={value}" for name, (value, usual) in given.items() if value != usual]
    return {
        "backend": stats.renderer,
        "adapter": stats.adapter,
        "width": width,
        "height": height,
        "camera_path": "swing of 10 degrees about the first view",
        "time_path": request.plan.time_path,
        "sh_degree": settings.sh_degree,
        "precision": precision,
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


def _print(results: list[dict[str, Any]], report: Report, request: BenchRequest) -> None:
    width, height = request.plan.size
    console = terminal()
    title = f"{report.path}  {width}x{height}  {request.plan.time_path}, milliseconds a frame"
    console.print(escape(title), soft_wrap=True)
    table = Table()
    measured = ("mean", "p50", "p95", "p99", "max")
    for column in ("renderer", *measured, "FPS (p50)", "PSNR dB", "max error"):
        table.add_column(column, justify="left" if column == "renderer" else "right")
    for r in results:
        ms, quality = r["result"]["frame_ms"], r["result"]["quality"]
        numbers = [f"{ms[k]:.2f}" for k in measured]
        error = ["-", "-"] if quality is None else [_decibel(quality), f"{quality['max_abs']:.4f}"]
        table.add_row(r["config"]["backend"], *numbers, f"{r['result']['fps_p50']:.1f}", *error)
    console.print(table)
    for r in results:
        stages = r["result"]["stages_ms"]
        parts = ", ".join(f"{name} {ms:.2f}" for name, ms in stages["detail"].items())
        console.print(
            f"{r['config']['backend']} on {r['config']['adapter']}: stages, waiting after each: "
            f"{parts}; together {stages['total']:.2f}, {stages['own']:.2f} of it the frame path's "
            f"own; seek {r['result']['seek_ms']['p50']:.2f}; "
            f"first frame {r['result']['first_frame_s'] * 1e3:.0f}; load {r['load_s']:.2f} s",
            soft_wrap=True,
        )
        if r["result"]["passes"]["max"]:
            most, mean = r["result"]["passes"]["max"], r["result"]["passes"]["mean"]
            console.print(f"{r['config']['backend']}: {mean:.1f} passes a frame, at most {most}")
        if (ui := r["result"]["ui_ms"]) is not None:
            console.print(f"interface: build {ui['build']:.2f}, draw {ui['draw']:.2f}")
        if context.is_software(r["config"]["adapter"]):
            console.print("A software rasteriser drew this: no figure here speaks for a GPU.")


def _decibel(quality: dict[str, Any]) -> str:
    return "exact" if quality["psnr_db"] is None else f"{quality['psnr_db']:.1f}"
