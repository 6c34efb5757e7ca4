"""Statistics over the picture: how fast it is, what it costs, what draws it. It takes no clicks."""

import numpy as np
from imgui_bundle import ImVec2, imgui

from viewer.core.delivery import Delivery
from viewer.core.playback import Playback
from viewer.core.report import Report
from viewer.core.session import Session
from viewer.core.state import FrameStats
from viewer.ui import theme, widgets

WIDTH = 232.0  # design pixels
ROOM = (256.0, 150.0)  # a smaller window shows none
FLAGS = widgets.FIXED | imgui.WindowFlags_.no_inputs.value


def hud(
    playback: Playback, report: Report, stats: FrameStats, session: Session, room: float
) -> None:
    """Draw it in the top left corner; room: points down to the timeline."""
    s, display = session.scale, imgui.get_io().display_size
    if display.x < ROOM[0] * s or room < ROOM[1] * s:
        return
    imgui.set_next_window_pos(ImVec2(12 * s, 12 * s))
    tall = room - 24 * s
    imgui.set_next_window_size_constraints(ImVec2(WIDTH * s, 0), ImVec2(WIDTH * s, tall))
    imgui.set_next_window_bg_alpha(0.88)
    imgui.begin("statistics", None, FLAGS | imgui.WindowFlags_.always_auto_resize.value)
    _speed(session, s)
    if room > 220 * s:
        _graph(session, s)
        widgets.push_font_size(theme.SMALL)
        if room > 400 * s:
            _table("spans", [(name, f"{ms:.2f} ms") for name, ms in stats.spans])
            imgui.separator()
        _table("counts", _counts(stats))
        if report.moves:
            _table("frames", _delivery(session.delivery, playback))
        imgui.separator()
        _machine(report, stats, session, s)
        imgui.pop_font()
    imgui.end()


def _speed(session: Session, s: float) -> None:
    times = session.frame_times
    mean = sum(times) / len(times) if times else 0.0
    known = mean > 0
    widgets.push_font_size(22.0)
    if session.idle or not known:
        imgui.text_colored(theme.vec(theme.DIM), "idle")
    else:
        rate = 1000 / mean
        imgui.text(f"{rate:.0f} fps" if rate >= 9.95 else f"{rate:.1f} fps")
    imgui.pop_font()
    if known:
        p95 = sorted(times)[min(len(times) - 1, int(0.95 * len(times)))]
        widgets.push_font_size(theme.SMALL)
        mean_text, p95_text = f"{mean:.1f} ms", f"p95 {p95:.1f} ms"
        right = imgui.get_window_size().x - imgui.get_style().window_padding.x
        imgui.same_line(right - imgui.calc_text_size(mean_text).x)
        widgets.dim(mean_text)
        # Under it, in the same line's height.
        imgui.set_cursor_pos_y(imgui.get_cursor_pos_y() - 14 * s)
        imgui.set_cursor_pos_x(right - imgui.calc_text_size(p95_text).x)
        widgets.dim(p95_text)
        imgui.pop_font()


def _graph(session: Session, s: float) -> None:
    times = np.array(session.frame_times[-120:] or (0.0,), dtype=np.float32)
    top = max(20.0, float(times.max()) * 1.15)
    imgui.push_style_color(imgui.Col_.frame_bg.value, theme.vec(theme.TEXT, 0.05))
    size = ImVec2(imgui.get_content_region_avail().x, 34 * s)
    imgui.plot_lines("##times", times, graph_size=size, scale_min=0.0, scale_max=top)
    imgui.pop_style_color()


def _counts(stats: FrameStats) -> list[tuple[str, str]]:
    counts = [
        ("Gaussians", f"{stats.total:,}"),
        ("alive now", f"{stats.alive:,}"),
        ("drawn", f"{stats.drawn:,}"),
    ]
    if stats.passes:
        counts.append(("passes", f"{stats.passes:,}"))
    if stats.device_memory:
        counts.append(("on the device", f"{stats.device_memory / 2**20:.1f} MiB"))
    return counts


def _delivery(seen: Delivery, p: Playback) -> list[tuple[str, str]]:
    rate = f"{seen.rate:.1f}" if seen.rate else "–"
    return [
        ("frames a second", f"{rate} of {p.fps * p.speed:.4g}"),
        ("dropped", f"{seen.dropped:,}"),
    ]


def _table(name: str, rows: list[tuple[str, str]]) -> None:
    """Names on the left, numbers aligned at the right edge."""
    right = imgui.get_window_size().x - imgui.get_style().window_padding.x
    imgui.push_style_var(
        imgui.StyleVar_.item_spacing.value, ImVec2(0, imgui.get_style().item_spacing.y / 3)
    )
    for label, value in rows:
        widgets.dim(label)
        imgui.same_line(right - imgui.calc_text_size(value).x)
        imgui.text_unformatted(value)
    imgui.pop_style_var()


def _machine(report: Report, stats: FrameStats, session: Session, s: float) -> None:
    width, height = session.size
    widgets.wrapped(f"{stats.renderer or 'no renderer yet'}, {width} × {height}")
    imgui.push_style_color(imgui.Col_.text.value, theme.vec(theme.DIM))
    widgets.wrapped(stats.adapter)
    if stats.told:
        widgets.wrapped(stats.told)
    for note in stats.notes:  # of what `auto` tried first
        widgets.wrapped(note)
    imgui.pop_style_color()
    if report.warnings:
        count = len(report.warnings)
        told = f"{count} warning{'s' if count > 1 else ''} about this file"
        widgets.colored(theme.WARNING, f"{told}: see Scene in the settings (G)")
    waits = session.busy or ("Fetching this instant" if session.pending else "")
    if waits:
        widgets.colored(theme.ACCENT, waits)
