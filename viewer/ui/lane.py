"""What is drawn along the track beside the playhead: markers, cameras, what is in memory."""

import numpy as np
from imgui_bundle import ImVec2, imgui

from viewer.core import zoom
from viewer.core.playback import Playback
from viewer.core.report import Report
from viewer.core.session import Session
from viewer.core.zoom import Part
from viewer.ui import theme
from viewer.ui.span import Span

LOADED = 14.0  # design pixels under the rail's middle
CAMERA = 4.0  # design pixels between two marks, at the least
PART = 20.0


def cameras(draw: imgui.ImDrawList, span: Span, report: Report) -> None:
    """A triangle where a camera of the dataset saw the scene; those that touch are one."""
    s, color = span.s, theme.u32(theme.ACCENT, 0.6)
    top, bottom, apart = span.rail + 6 * s, span.rail + 12 * s, CAMERA * s
    seen = [c.time for c in report.cameras if c.time is not None]
    steps = np.unique(np.round((span.xs(np.array(seen)) - span.left) / apart))
    places = span.left + steps * apart
    for x in places[(places >= span.left) & (places <= span.right)].tolist():
        a, b, c = ImVec2(x, top), ImVec2(x - 3 * s, bottom), ImVec2(x + 3 * s, bottom)
        draw.add_triangle_filled(a, b, c, color)


def loaded(draw: imgui.ImDrawList, span: Span, report: Report, session: Session) -> None:
    """A line under the instants that are in memory: they are shown at once."""
    times, s = report.frame_times, span.s
    if times is None or session.loaded is None:
        return
    y, color = span.rail + LOADED * s, theme.u32(theme.LOADED, 0.8)
    last = len(times) - 1
    for begin, end in session.loaded:
        a = max(span.x(times[begin]), span.left)
        b = min(span.x(times[min(end + 1, last)]), span.right)
        if b >= a:
            draw.add_rect_filled(ImVec2(a, y - s), ImVec2(max(b, a + 2 * s), y + s), color)


def markers(draw: imgui.ImDrawList, span: Span, p: Playback) -> None:
    """A pointed flag over the rail at each marker."""
    s, color = span.s, theme.u32(theme.WARNING)
    for time in p.markers:
        if not span.shows(time):
            continue
        x, tip = span.x(time), span.rail - 4 * s
        low, high, shoulder = x - 4 * s, x + 4 * s, tip - 4.5 * s
        draw.add_rect_filled(ImVec2(low, tip - 10 * s), ImVec2(high, shoulder + s), color, s)
        draw.add_triangle_filled(
            ImVec2(low, shoulder), ImVec2(high, shoulder), ImVec2(x, tip), color
        )


def part(draw: imgui.ImDrawList, span: Span, shown: Part) -> None:
    """Zoomed in: which part of the whole range the ruler shows."""
    if shown == zoom.WHOLE:
        return
    s, y, width = span.s, span.rail + PART * span.s, span.right - span.left

    def bar(a: float, b: float, alpha: float) -> None:
        low, high = ImVec2(span.left + a * width, y - s), ImVec2(span.left + b * width, y + s)
        draw.add_rect_filled(low, high, theme.u32(theme.TEXT, alpha), s)

    bar(0.0, 1.0, 0.10)
    bar(*shown, 0.50)
