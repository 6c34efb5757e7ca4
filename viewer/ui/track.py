"""The track of the timeline: ruler, playhead, in and out handles; what dragging on them means."""

from dataclasses import dataclass, replace

from imgui_bundle import ImVec2, imgui

from viewer.core import playback as clock
from viewer.core.playback import Playback
from viewer.core.report import Report
from viewer.core.state import Units
from viewer.ui import ruler, theme, widgets

LABEL_GAP = 64.0  # design pixels between labels
LABEL_HEIGHT = 15.0
RAIL = 26.0  # from the top of the track to the middle of its rail
THICK = 3.0  # half the rail's thickness
GRIP = 7.0  # half the width of a handle's sensitive part
INSTANT_GAP = 4.0  # stored instants closer than this are not drawn


@dataclass(frozen=True, slots=True)
class Span:
    """Where the range lies on screen, points."""

    left: float
    right: float
    top: float
    s: float
    start: float
    end: float

    def x(self, time: float) -> float:
        """Place of a model time."""
        share = (time - self.start) / (self.end - self.start)
        return self.left + share * (self.right - self.left)

    def time(self, x: float) -> float:
        """Model time at a place."""
        share = (x - self.left) / max(self.right - self.left, 1e-6)
        return self.start + min(max(share, 0.0), 1.0) * (self.end - self.start)

    @property
    def rail(self) -> float:
        """Height of the rail's middle."""
        return self.top + RAIL * self.s


def track(p: Playback, units: Units, report: Report, s: float) -> Playback:
    """Draw it over the rest of the window, and return the playback as dragged."""
    at, room = imgui.get_cursor_screen_pos(), imgui.get_content_region_avail()
    inset = GRIP * s
    if room.x < 4 * inset or room.y < 8 * s:
        return replace(p, held=False)
    span = Span(at.x + inset, at.x + room.x - inset, at.y, s, p.start, p.end)
    p, lit_in = _handle(p, "in", span)
    p, lit_out = _handle(p, "out", span)
    imgui.set_cursor_screen_pos(at)
    imgui.invisible_button("track", ImVec2(room.x, max(room.y, 1.0)))
    held = imgui.is_item_active()
    if held:
        p = clock.seek(p, span.time(imgui.get_io().mouse_pos.x))
    hovered = imgui.is_item_hovered()
    draw = imgui.get_window_draw_list()
    _ruler(draw, span, p, units)
    _rail(draw, span, p, report.frame_times)
    _cameras(draw, span, report)
    for which, lit in (("in", lit_in), ("out", lit_out)):
        _draw_handle(draw, span, p, which, lit)
    if hovered and not held:
        x = min(max(imgui.get_io().mouse_pos.x, span.left), span.right)
        draw.add_line(
            ImVec2(x, span.top), ImVec2(x, span.rail + 8 * s), theme.u32(theme.TEXT, 0.25)
        )
    _playhead(draw, span, p, held)
    return replace(p, held=held)


def _handle(p: Playback, which: str, span: Span) -> tuple[Playback, bool]:
    x = span.x(p.first if which == "in" else p.last)
    grip = GRIP * span.s
    # Half of each grip lies outside, so that the playhead at the very end stays within reach.
    left = x - 1.6 * grip if which == "in" else x - 0.4 * grip
    imgui.set_cursor_screen_pos(ImVec2(left, span.rail - grip))
    imgui.invisible_button(which, ImVec2(2 * grip, 2.2 * grip))
    if imgui.is_item_active():
        # A press that does not move changes nothing.
        if imgui.is_mouse_dragging(imgui.MouseButton_.left.value, 1.0):
            p = clock.move_mark(p, which, span.time(imgui.get_io().mouse_pos.x))
    elif imgui.is_item_hovered():
        imgui.set_tooltip("Drag: the part that plays")
    lit = imgui.is_item_active() or imgui.is_item_hovered()
    if lit:
        imgui.set_mouse_cursor(imgui.MouseCursor_.resize_ew.value)
    return p, lit


def _ruler(draw: imgui.ImDrawList, span: Span, p: Playback, units: Units) -> None:
    s, width = span.s, span.right - span.left
    first, last = span.x(p.first) - 0.5, span.x(p.last) + 0.5
    bottom = span.rail - 5 * s
    widgets.push_font_size(theme.SMALL)
    free = -1e9
    for tick in ruler.ticks(p, units, width, LABEL_GAP * s):
        x = round(span.left + tick.place * width)
        strength = 1.0 if first <= x <= last else 0.4  # what does not play stands back
        tall, alpha = (6, 0.34) if tick.label else (3, 0.16)
        color = theme.u32(theme.TEXT, alpha * strength)
        draw.add_line(ImVec2(x, bottom - tall * s), ImVec2(x, bottom), color, s)
        if tick.label:
            text = imgui.calc_text_size(tick.label).x
            left = min(max(x - text / 2, span.left - 4 * s), span.right + 4 * s - text)
            if left > free:
                draw.add_text(
                    ImVec2(left, span.top - s), theme.u32(theme.DIM, strength), tick.label
                )
                free = left + text + 4 * s
    imgui.pop_font()


def _rail(
    draw: imgui.ImDrawList, span: Span, p: Playback, instants: tuple[float, ...] | None
) -> None:
    s, y, half = span.s, span.rail, THICK * span.s

    def bar(a: float, b: float, color: int) -> None:
        if b > a:
            draw.add_rect_filled(ImVec2(a, y - half), ImVec2(b, y + half), color, half)

    bar(span.left, span.right, theme.u32(theme.TEXT, 0.07))
    first, last = span.x(p.first), span.x(p.last)
    bar(first, last, theme.u32(theme.TEXT, 0.22))
    bar(first, min(max(span.x(p.time), first), last), theme.u32(theme.ACCENT, 0.75))
    if instants and len(instants) * INSTANT_GAP * s <= span.right - span.left:
        for time in instants:
            x = span.x(time)
            alpha = 0.55 if p.first <= time <= p.last else 0.2
            dot = theme.u32(theme.TEXT, alpha)
            draw.add_circle_filled(ImVec2(x, y + 9 * s), 1.6 * s, dot, 8)


def _cameras(draw: imgui.ImDrawList, span: Span, report: Report) -> None:
    """A mark where a camera of the dataset saw the scene."""
    times = {round(span.x(c.time)) for c in report.cameras if c.time is not None}
    s, color = span.s, theme.u32(theme.ACCENT, 0.6)
    for x in times:
        if span.left <= x <= span.right:
            draw.add_triangle_filled(
                ImVec2(x, span.rail + 6 * s),
                ImVec2(x - 3 * s, span.rail + 12 * s),
                ImVec2(x + 3 * s, span.rail + 12 * s),
                color,
            )


def _draw_handle(draw: imgui.ImDrawList, span: Span, p: Playback, which: str, lit: bool) -> None:
    s, y = span.s, span.rail
    marked = (p.mark_in if which == "in" else p.mark_out) is not None
    x, way = (span.x(p.first), -1) if which == "in" else (span.x(p.last), 1)
    color = theme.u32(theme.TEXT if lit else theme.ACCENT if marked else theme.FAINT)
    near, far = sorted((x, x + way * 4 * s))
    draw.add_rect_filled(ImVec2(near, y - 7 * s), ImVec2(far, y + 7 * s), color, 2 * s)


def _playhead(draw: imgui.ImDrawList, span: Span, p: Playback, held: bool) -> None:
    s, y, x = span.s, span.rail, span.x(p.time)
    color = theme.u32((1.0, 1.0, 1.0, 1.0))
    top = span.top + LABEL_HEIGHT * s
    draw.add_line(ImVec2(x, top), ImVec2(x, y + 9 * s), color, 1.5 * s)
    draw.add_circle_filled(ImVec2(x, y), (6.5 if held else 5.5) * s, color, 24)
    draw.add_circle_filled(ImVec2(x, y), 2.5 * s, theme.u32(theme.ACCENT), 16)
