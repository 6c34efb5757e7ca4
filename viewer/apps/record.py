"""record: a camera path to a video or a folder of pictures."""

import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter

import numpy as np

from viewer.apps.export import Shot, check, export
from viewer.apps.opening import DEFAULT_SIZE, Opening, frame_path, load, progress_bar, time_of
from viewer.core import path_presets as presets
from viewer.core import playback as clock
from viewer.core.errors import BadArgument
from viewer.core.film import Film
from viewer.core.path import CameraPath, stretched
from viewer.core.playback import Playback
from viewer.core.report import Report
from viewer.core.state import State, opened
from viewer.formats import camera_path

SHORTEST = 4.0  # seconds: a camera that moves is not hurried, however short the footage
STILL = "still"


@dataclass(frozen=True, slots=True)
class RecordRequest:
    """output: .mp4, or a folder. Of path, preset and orbit one at most; none stands still.

    path: a file with a camera path. orbit: degrees to turn about the pivot. film: its size and fps
    are taken from the opening and from fps. fps, duration (seconds): None is the footage's own.
    """

    opening: Opening
    output: Path
    path: Path | None = None
    preset: str | None = None
    orbit: float | None = None
    fps: float | None = None
    duration: float | None = None
    film: Film = field(default_factory=Film)


def record(request: RecordRequest) -> int:
    """Render every frame and write it; prints the frame times."""
    given = {"camera-path": request.path, "preset": request.preset, "orbit": request.orbit}
    named = [f"--{name}" for name, value in given.items() if value is not None]
    if len(named) > 1:
        raise BadArgument(f"{' and '.join(named)} say the same thing: give one of them")
    opening = request.opening
    if opening.rig is not None and opening.rig.orthographic:
        raise BadArgument("--look is orthographic: camera paths are seen in perspective alone")
    model, report = load(opening)
    size = opening.size or DEFAULT_SIZE
    film = replace(request.film, size=size, fps=request.fps or report.fps)
    warnings: list[str] = []
    state = starting_state(request, report)
    path = path_of(request, report, state, warnings)
    shot = Shot(model, path, state.playback, opening.settings, film)
    precision = "f4" if film.sampled else "f2"
    costs, drawn_by, written, start = [], "", 0, perf_counter()
    with (
        frame_path(opening.settings.renderer, precision, opening.gpu) as (draw, ctx),
        progress_bar("recording") as bar,
    ):
        check(film, ctx)
        for step in export(draw, shot, request.output):
            if step.written > written:
                costs.append((perf_counter() - start) * 1e3)
                written, start = step.written, perf_counter()
            drawn_by = f"{step.stats.renderer} on {step.stats.adapter}"
            bar(step.fraction, f"recording, frame {step.written} of {shot.frames}")
    p50, p95 = np.percentile(costs, [50, 95])
    width, height = film.size
    print(f"{request.output}: {written} frames of {width}x{height} at {film.fps:g} frames a second")
    print(
        f"a frame took {p50:.1f} ms (median), {p95:.1f} ms (95th percentile), written, {drawn_by}"
    )
    for warning in (*report.warnings, *warnings):
        print(f"warning: {warning}")
    return 0


def path_of(
    request: RecordRequest, report: Report, state: State, warnings: list[str]
) -> CameraPath:
    """The path asked for, in as many seconds as asked for."""
    if request.path is not None:
        found = camera_path.load(request.path, state.playback, warnings)
        return found if request.duration is None else stretched(found, request.duration)
    rig, p = state.rig, state.playback
    moves = request.preset not in (None, STILL) or bool(request.orbit)
    seconds = request.duration or _duration(report, p, moves)
    if request.orbit is not None:
        return presets.orbit(rig, p, seconds, math.radians(request.orbit))
    return presets.PRESETS[request.preset or STILL](rig, p, seconds)


def starting_state(request: RecordRequest, report: Report) -> State:
    """The first view at the time asked for."""
    state = opened(State(), report)
    p = clock.seek(state.playback, time_of(request.opening, report))
    return replace(state, rig=request.opening.rig or report.home, playback=p)


def _duration(report: Report, p: Playback, moves: bool) -> float:
    """One pass of the footage; as many as a camera that moves needs not to be hurried."""
    footage = p.frames / p.fps if report.moves else 0.0
    if not moves:
        return footage or SHORTEST
    passes = max(1, math.ceil(SHORTEST / footage)) if footage else 1
    return footage * passes or SHORTEST
