"""Timings of the frame path: throughput, stages, seeks, and the error of what was drawn.

Throughput is measured without waiting for the device inside the run; stages are measured in a
second pass that waits after each one.
"""

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from time import perf_counter
from typing import Any

import numpy as np
import torch

from viewer.core import playback as clock
from viewer.core import rig as rigs
from viewer.core.camera import Camera
from viewer.core.model import Model
from viewer.core.report import Report
from viewer.core.settings import RenderSettings
from viewer.core.state import FrameStats, State, opened
from viewer.frame import FramePath
from viewer.render import reference

SWING = math.radians(10)  # the camera swings so that no picture is drawn twice
STAGE_FRAMES = 60
SEEKS = 30
# Spans of the frame path under the stage names that the JSON has for every renderer.
STAGES = {
    "slice": "slice_project",
    "upload": "slice_project",
    "project": "slice_project",
    "cull": "cull",
    "sort": "sort",
    "bin": "bin",
    "blend": "blend",
    "composite": "present",
    "present": "present",
}
# Slicing, sorting and drawing; what remains of a frame is the frame path's own.
NOT_OWN = frozenset({"slice", "sort", "project", "bin", "blend", "composite", "present"})


@dataclass(frozen=True, slots=True)
class Plan:
    """What is drawn in a run. size: W, H in pixels.

    time_path: play (one frame of footage a frame), frozen, or seek (seeded, anywhere).
    """

    size: tuple[int, int]
    time_path: str
    frames: int
    warmup: int
    repeats: int


@dataclass(frozen=True, slots=True)
class Shot:
    """A time and a camera."""

    time: float
    camera: Camera


def shots(plan: Plan, report: Report) -> Iterator[Shot]:
    """The endless path of times and cameras of a run, the same at every run."""
    state = opened(State(), report)
    rng = random.Random(0)
    for i in range(10**9):
        rig = rigs.orbit(state.rig, SWING * math.sin(i * math.tau / 240), 0.0)
        p = state.playback
        if plan.time_path == "seek":
            p = clock.seek(p, rng.uniform(p.start, p.end))
        yield Shot(p.time, rig.camera(*plan.size))
        if plan.time_path == "play":
            state = replace(state, playback=clock.tick(p, 1 / p.fps))


def draw(path: FramePath, model: Model, shot: Shot, settings: RenderSettings) -> FrameStats:
    """One frame, as it is queued."""
    return path.render(model, shot.camera, shot.time, settings).stats


def throughput(
    path: FramePath,
    model: Model,
    batch: list[Shot],
    settings: RenderSettings,
    finish: Callable[[], None],
) -> tuple[list[float], list[FrameStats]]:
    """Milliseconds of each frame; what is still queued at the end counts to the last one.

    Where CUDA alone draws they are the device's own, by events that are read afterwards.
    """
    stats = []
    if path.on_cuda:
        events = [torch.cuda.Event(enable_timing=True) for _ in range(len(batch) + 1)]
        events[0].record()
        for shot, event in zip(batch, events[1:], strict=True):
            stats.append(draw(path, model, shot, settings))
            event.record()
        finish()
        return [a.elapsed_time(b) for a, b in pairwise(events)], stats
    marks = [perf_counter()]
    for shot in batch:
        stats.append(draw(path, model, shot, settings))
        marks.append(perf_counter())
    finish()
    marks[-1] = perf_counter()
    return list(np.diff(marks) * 1e3), stats


def stages(
    path: FramePath,
    model: Model,
    path_of_shots: Iterator[Shot],
    settings: RenderSettings,
    finish: Callable[[], None],
) -> dict[str, Any]:
    """Medians with a wait after each stage: their sum exceeds a queued frame."""
    spans: dict[str, list[float]] = {}
    totals, own = [], []
    for _ in range(STAGE_FRAMES):
        shot = next(path_of_shots)
        start = perf_counter()
        stats = path.render(model, shot.camera, shot.time, settings, finish).stats
        totals.append((perf_counter() - start) * 1e3)
        own.append(totals[-1] - sum(ms for name, ms in stats.spans if name in NOT_OWN))
        for name, ms in stats.spans:
            spans.setdefault(name, []).append(ms)
    detail = {name: float(np.median(ms)) for name, ms in spans.items()}
    named: dict[str, float] = {}
    for name, ms in detail.items():
        named[STAGES[name]] = named.get(STAGES[name], 0.0) + ms
    return {
        "waits_after_each_stage": True,
        "total": float(np.median(totals)),
        **named,
        "detail": detail,
        "own": float(np.median(own)),
    }


def seeks(
    path: FramePath,
    model: Model,
    anywhere: Iterator[Shot],
    settings: RenderSettings,
    finish: Callable[[], None],
) -> dict[str, float]:
    """From asking for a time anywhere to its picture being finished, milliseconds."""
    costs = []
    for _ in range(SEEKS):
        shot = next(anywhere)
        start = perf_counter()
        draw(path, model, shot, settings)
        finish()
        costs.append((perf_counter() - start) * 1e3)
    p50, p99 = np.percentile(costs, [50, 99])
    return {"p50": float(p50), "p99": float(p99)}


def quality(
    path: FramePath, model: Model, frames: list[Shot], settings: RenderSettings
) -> dict[str, Any] | None:
    """Error of the displayed picture against the reference, worst frame of those compared."""
    if not frames:
        return None
    psnr, worst = math.inf, 0.0
    for shot in frames:
        got = path.render(model, shot.camera, shot.time, settings, whole=True).layer.read()[..., :3]
        want = reference.image(model.slice(shot.time), shot.camera, settings).numpy()[..., :3]
        error = np.abs(np.clip(got, 0, 1) - np.clip(want, 0, 1))
        worst = max(worst, float(error.max()))
        mean_square = float(np.mean(error**2))
        psnr = min(psnr, -10 * math.log10(mean_square) if mean_square else math.inf)
    shown = psnr if math.isfinite(psnr) else None
    return {"ref": "reference", "psnr_db": shown, "max_abs": worst, "frames": len(frames)}


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


def spread(values: list[int]) -> dict[str, float]:
    """Least, mean and most."""
    return {"min": min(values), "mean": sum(values) / len(values), "max": max(values)}
