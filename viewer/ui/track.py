"""The track of the timeline: ruler, playhead, in and out handles; what the mouse does on them."""

from dataclasses import replace

from imgui_bundle import ImVec2, imgui

from viewer.core import playback as clock
from viewer.core import zoom
from viewer.core.playback import Playback
from viewer.core.report import Report
from viewer.core.session import Session
from viewer.core.state import Interface
from viewer.core.zoom import Part
from viewer.ui import lane, ruler, theme, widgets
from viewer.ui.span import Span

LABEL_GAP = 64.0  # design pixels between labels
LABEL_HEIGHT = 15.0
THICK = 3.0  # half the rail's thickness
GRIP = 7.0  # half the width of a handle's sensitive part
BUTTONS = imgui.ButtonFlags_.mouse_button_left.value | imgui.ButtonFlags_.mouse_button_middle.value
INSTANT_GAP = 4.0  # stored instants closer than this are not drawn


def track(
    p: Playback, interface: Interface, report: Report, session: Session
) -> tuple[Playback, Part]:
    """Draw it over the rest of the window; the playback as dragged, and what the ruler shows."""
    s, part = session.scale, interface.ruler
    at, room = imgui.get_cursor_screen_pos(), imgui.get_content_region_avail()
    inset = GRIP * s
    if room.x < 4 * inset or room.y < 8 * s:
        return replace(p, held=False), part
    start, end = (p.start + share * (p.end - p.start) for share in part)
    span = Span(at.x + inset, at.x + room.x - inset, at.y, s, start, end)
    p, lit_in = _handle(p, "in", span)
    p, lit_out = _handle(p, "out", span)
    imgui.set_cursor_screen_pos(at)
    imgui.invisible_button("track", ImVec2(room.x, max(room.y, 1.0)), BUTTONS)
    panning = imgui.is_item_active() and imgui.is_mouse_down(imgui.MouseButton_.middle.value)
    held = imgui.is_item_active() and not panning
    if held:
        p = clock.seek(p, span.time(imgui.get_io().mouse_pos.x))
    hovered = imgui.is_item_hovered()
    moved = _zoom(part, p, span, hovered, panning)
    draw = imgui.get_window_draw_list()
    draw.push_clip_rect(ImVec2(at.x - inset, at.y - 2 * s), ImVec2(at.x + room.x + inset, 1e5))
    _ruler(draw, span, p, interface)
    _rail(draw, span, p, report.frame_times)
    lane.cameras(draw, span, report)
    lane.loaded(draw, span, report, session)
    for which, lit in (("in", lit_in), ("out", lit_out)):
        _draw_handle(draw, span, p, which, lit)
    lane.markers(draw, span, p)
    if hovered and not held:
        x = min(max(imgui.get_io().mouse_pos.x, span.left), span.right)
        draw.add_line(
            ImVec2(x, span.top), ImVec2(x, span.rail + 8 * s), theme.u32(theme.TEXT, 0.25)
        )
    if span.shows(p.time):
        _playhead(draw, span, p, held)
    lane.part(draw, span, part)
    draw.pop_clip_rect()
    return replace(p, held=held), moved


def _zoom(part: Part, p: Playback, span: Span, hovered: bool, panning: bool) -> Part:
    """What the wheel and the middle button make of the part that the ruler shows."""
    io, (low, high) = imgui.get_io(), part
    width = span.right - span.left
    if panning:
        return zoom.panned(part, -io.mouse_delta.x / width * (high - low))
    if not hovered or not (io.mouse_wheel or io.mouse_wheel_h):
        return part
    part = zoom.panned(part, -0.1 * io.mouse_wheel_h * (high - low))
    at = zoom.share(p, span.time(io.mouse_pos.x))
    return zoom.zoomed(part, at, io.mouse_wheel, p.frames)


def _handle(p: Playback, which: str, span: Span) -> tuple[Playback, bool]:
    time = p.first if which == "in" else p.last
    if not span.shows(time):
        return p, False
    x, grip = span.x(time), GRIP * span.s
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


def _ruler(draw: imgui.ImDrawList, span: Span, p: Playback, shown: Interface) -> None:
    s, width = span.s, span.right - span.left
    first, last = span.x(p.first) - 0.5, span.x(p.last) + 0.5
    bottom = span.rail - 5 * s
    widgets.push_font_size(theme.SMALL)
    free = -1e9
    for tick in ruler.ticks(p, shown.units, width, LABEL_GAP * s, shown.ruler):
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
    first, last = max(span.x(p.first), span.left), min(span.x(p.last), span.right)
    bar(first, last, theme.u32(theme.TEXT, 0.22))
    bar(first, min(max(span.x(p.time), first), last), theme.u32(theme.ACCENT, 0.75))
    shown = [time for time in instants or () if span.shows(time)]
    if len(shown) * INSTANT_GAP * s <= span.right - span.left:
        plays, rests = theme.u32(theme.TEXT, 0.55), theme.u32(theme.TEXT, 0.2)
        for time in shown:
            dot = plays if p.first <= time <= p.last else rests
            draw.add_circle_filled(ImVec2(span.x(time), y + 9 * s), 1.6 * s, dot, 8)


def _draw_handle(draw: imgui.ImDrawList, span: Span, p: Playback, which: str, lit: bool) -> None:
    s, y = span.s, span.rail
    marked = (p.mark_in if which == "in" else p.mark_out) is not None
    x, way = (span.x(p.first), -1) if which == "in" else (span.x(p.last), 1)
    color = theme.u32(theme.TEXT if lit else theme.ACCENT if marked else theme.FAINT)
    near, far = sorted((x, x + way * 4 * s))
    draw.add_rect_filled(ImVec2(near, y - 7 * s), ImVec2(far, y + 7 * s), color, 2 * s)


def _playhead(draw: imgui.ImDrawList, span: Span, p: Playback, held: bool) -> None:
    s, y, x = span.s, span.rail, span.x(p.time)
    color = theme.u32(theme.PLAYHEAD)
    top = span.top + LABEL_HEIGHT * s
    draw.add_line(ImVec2(x, top), ImVec2(x, y + 9 * s), color, 1.5 * s)
    draw.add_circle_filled(ImVec2(x, y), (6.5 if held else 5.5) * s, color, 24)
    draw.add_circle_filled(ImVec2(x, y), 2.5 * s, theme.u32(theme.ACCENT), 16)
