"""info: what was recognised in a path, and why."""

import json
from dataclasses import dataclass
from typing import Any

from rich.markup import escape
from rich.table import Table

from viewer.apps.opening import Opening, load, terminal
from viewer.core.camera import camera_to_dict
from viewer.core.report import Report


@dataclass(frozen=True, slots=True)
class InfoRequest:
    """What to look at."""

    opening: Opening


def info_text(request: InfoRequest) -> int:
    """Print the report as a table."""
    report = load(request.opening).report
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in _rows(report):
        table.add_row(name, escape(value))
    terminal().print(table)
    return 0


def info_json(request: InfoRequest) -> int:
    """Print the report as JSON."""
    print(json.dumps(as_json(load(request.opening).report), indent=2))
    return 0


def as_json(report: Report) -> dict[str, Any]:
    """The report as plain values."""
    return {
        "path": report.path,
        "format": report.format,
        "evidence": list(report.evidence),
        "count": report.count,
        "sh_degree": report.sh_degree,
        "time_range": list(report.time_range),
        "frame_step": report.frame_step,
        "frames": _frames(report),
        "fps": report.fps,
        "frame_times": None if report.frame_times is None else list(report.frame_times),
        "memory_bytes": report.memory,
        "bounds": {"low": list(report.bounds.low), "high": list(report.bounds.high)},
        "background": list(report.background),
        "up": list(report.up),
        "cameras": [
            {"name": c.name, "time": c.time, "origin": c.origin, **camera_to_dict(c.camera)}
            for c in report.cameras
        ],
        "options": [
            {"name": s.name, "value": s.value, "origin": s.origin, "help": s.help}
            for s in report.settings
        ],
        "warnings": list(report.warnings),
    }


def _frames(report: Report) -> int:
    start, end = report.time_range
    return round((end - start) / report.frame_step) + 1


def _rows(report: Report) -> list[tuple[str, str]]:
    start, end = report.time_range
    time = f"{start:g} to {end:g}, {_frames(report)} frames at {report.fps:g} frames a second"
    rows = [
        ("path", report.path),
        ("format", report.format),
        *(("because", line) for line in report.evidence),
        ("Gaussians", f"{report.count:,}, {_color(report.sh_degree)}"),
        ("time", time if report.moves else "a single instant"),
        ("memory", f"{report.memory / 2**20:.1f} MiB"),
        ("bounds", f"{_vec(report.bounds.low)} to {_vec(report.bounds.high)}"),
        ("cameras", _cameras(report)),
    ]
    for s in report.settings:
        rows.append(("option", f"{s.name}={s.value}  ({s.origin}) {s.help}"))
    rows += [("warning", line) for line in report.warnings]
    return rows


def _cameras(report: Report) -> str:
    if not report.cameras:
        return "none found beside it"
    timed = sum(c.time is not None for c in report.cameras)
    times = f", {timed} with the time they saw" if timed else ""
    return f"{len(report.cameras)}{times}  ({report.cameras[0].origin})"


def _color(degree: int) -> str:
    if not degree:
        return "the same colour from everywhere"
    return f"spherical harmonics of degree {degree}"


def _vec(v: tuple[float, float, float]) -> str:
    return "(" + ", ".join(f"{x:.3g}" for x in v) + ")"
