"""The timeline along the bottom: transport, readout, and the track one scrubs on."""

from dataclasses import replace

from imgui_bundle import ImVec2, imgui

from viewer.core import markers
from viewer.core import playback as clock
from viewer.core.playback import SPEEDS, Loop, Pacing, Playback
from viewer.core.report import Report
from viewer.core.session import Session
from viewer.core.state import Interface, State, Units
from viewer.ui import ruler, theme, track, widgets

HEIGHT = 92.0  # design pixels
LOW_HEIGHT = 52.0  # where the window is too low for the transport
ROOM_FOR_TRANSPORT = 180.0  # height of the window
MARGIN = 10.0
BUTTON = 28.0
ENTRY_WIDTH = 190.0
ENTRY_HINT = "123, +10, 4.1s, 50%, t0.62"
PACING_NAMES = {
    Pacing.SMOOTH: "Smooth",
    Pacing.FRAMES: "Frames",
    Pacing.EVERY: "Every frame",
}
PACING_TIP = """Smooth: every moment, in real time
Frames: whole frames, in real time, late ones dropped
Every frame: none dropped, it may play slower
(X)"""
LOOP_NAMES = {Loop.REPEAT: "Loop", Loop.PING_PONG: "Ping-pong", Loop.ONCE: "Once"}


def height(session: Session) -> float:
    """Points that the timeline takes from the bottom of the window."""
    if not session.scene:
        return 0.0
    low = imgui.get_io().display_size.y < ROOM_FOR_TRANSPORT * session.scale
    return (LOW_HEIGHT if low else HEIGHT) * session.scale


def timeline(state: State, report: Report, session: Session, below: float = 0.0) -> State:
    """Draw it, and return the state with what was done on it. below: points left free under it."""
    display, s = imgui.get_io().display_size, session.scale
    tall = height(session)
    imgui.set_next_window_pos(ImVec2(0, display.y - below - tall))
    imgui.set_next_window_size(ImVec2(display.x, tall))
    imgui.push_style_var(imgui.StyleVar_.window_rounding.value, 0.0)
    imgui.push_style_var(imgui.StyleVar_.window_padding.value, ImVec2(MARGIN * s, 8 * s))
    imgui.begin("timeline", None, widgets.FIXED)
    imgui.pop_style_var(2)
    p, interface = state.playback, state.interface
    imgui.begin_disabled(not report.moves)
    if tall >= HEIGHT * s:
        p = _transport(p, s)
    imgui.end_disabled()
    if tall < HEIGHT * s or not report.moves:
        interface = replace(interface, entry=None)
    elif interface.entry is not None:
        p, interface = _entry(p, interface, s)
    else:
        interface = replace(interface, units=_readout(p, interface.units, s))
    if report.moves:
        p, part = track.track(p, interface, report, session)
        interface = replace(interface, ruler=part)
    else:
        p = replace(p, held=False)
        widgets.push_font_size(theme.SMALL)
        imgui.set_cursor_pos_y(imgui.get_cursor_pos_y() + 6 * s)
        widgets.dim("This scene does not move.")
        imgui.pop_font()
    imgui.end()
    return replace(state, playback=p, interface=interface)


def _transport(p: Playback, s: float) -> Playback:
    size = ImVec2(BUTTON * s, BUTTON * s)
    width = imgui.get_window_size().x / s
    if width > 240:
        if widgets.icon_button("first", "first", size, "First frame (Home)"):
            p = clock.seek(p, p.first)
        imgui.same_line(0, 2 * s)
        if widgets.icon_button("previous", "previous", size, "Previous frame (Left)"):
            p = clock.step_frames(p, -1)
        imgui.same_line(0, 2 * s)
    wide = ImVec2(BUTTON * 1.4 * s, BUTTON * s)
    way = ", backwards" if p.backwards and p.loop is not Loop.PING_PONG else ""
    icon, tip = ("pause", "Pause (Space)") if p.playing else ("play", f"Play{way} (Space)")
    if widgets.icon_button("play", icon, wide, tip, lit=True):
        p = clock.toggle(p)
    if width > 240:
        imgui.same_line(0, 2 * s)
        if widgets.icon_button("next", "next", size, "Next frame (Right)"):
            p = clock.step_frames(p, 1)
        imgui.same_line(0, 2 * s)
        if widgets.icon_button("last", "last", size, "Last frame (End)"):
            p = clock.seek(p, p.last)
    padding = ImVec2(8 * s, (BUTTON * s - imgui.get_font_size()) / 2)
    imgui.push_style_var(imgui.StyleVar_.frame_padding.value, padding)
    if width > 450:
        imgui.same_line(0, 12 * s)
        p = _manner(p, s)
    if width > 680:
        imgui.same_line(0, 12 * s)
        p = _marks(p, s)
    imgui.pop_style_var()
    return p


def _manner(p: Playback, s: float) -> Playback:
    if imgui.button(f"{LOOP_NAMES[p.loop]}###loop", ImVec2(84 * s, 0)):
        p = clock.next_loop(p)
    imgui.set_item_tooltip("At the end: loop, ping-pong, once (P)")
    imgui.same_line(0, 4 * s)
    imgui.set_next_item_width(68 * s)
    if imgui.begin_combo("###speed", f"{speed_name(p.speed)}"):
        for speed in SPEEDS:
            if imgui.selectable(speed_name(speed), speed == p.speed)[0]:
                p = replace(p, speed=speed)
        imgui.end_combo()
    imgui.set_item_tooltip("Speed ([ slower, ] faster)")
    imgui.same_line(0, 4 * s)
    if imgui.button(f"{PACING_NAMES[p.pacing]}###pacing", ImVec2(96 * s, 0)):
        p = clock.next_pacing(p)
    imgui.set_item_tooltip(PACING_TIP)
    return p


def _marks(p: Playback, s: float) -> Playback:
    if imgui.button("In"):
        p = clock.mark(p, "in")
    imgui.set_item_tooltip("Play from here (I)")
    imgui.same_line(0, 4 * s)
    if imgui.button("Out"):
        p = clock.mark(p, "out")
    imgui.set_item_tooltip("Play up to here (O)")
    imgui.same_line(0, 4 * s)
    if imgui.button("Marker"):
        p = markers.toggle(p)
    imgui.set_item_tooltip("Set or remove one here (M); Shift+M next, Ctrl+Shift+M the one before")
    if p.mark_in is not None or p.mark_out is not None:
        imgui.same_line(0, 4 * s)
        if imgui.button("Clear"):
            p = clock.clear_marks(p)
        imgui.set_item_tooltip("Play all (Shift+I)")
    return p


def _entry(p: Playback, interface: Interface, s: float) -> tuple[Playback, Interface]:
    """A field in the readout's place: Enter goes there and pauses, Esc or a click closes it.

    What means nothing is cleared away, so that the field shows again what can be typed.
    """
    imgui.same_line(imgui.get_window_size().x - (MARGIN + ENTRY_WIDTH) * s)
    imgui.set_next_item_width(ENTRY_WIDTH * s)
    if not interface.entry:
        imgui.set_keyboard_focus_here()
    flags = imgui.InputTextFlags_.enter_returns_true.value
    done, text = imgui.input_text_with_hint("##entry", ENTRY_HINT, interface.entry or "", flags)
    if not done:
        return p, replace(interface, entry=None if imgui.is_item_deactivated() else text)
    try:
        time = clock.entered(p, text)
    except ValueError:
        return p, replace(interface, entry="")
    return replace(clock.seek(p, time), playing=False), replace(interface, entry=None)


def _readout(p: Playback, units: Units, s: float) -> Units:
    """Frames, seconds and model time at the right end; a click changes what the ruler counts."""
    frame, last = f"{p.frame:.1f}", f"{p.frames - 1}"
    length = ruler.clock((p.frames - 1) / p.fps, 2)
    parts = [
        (f"{frame:>{len(last) + 2}}", f"/ {last}"),
        (ruler.clock(p.seconds, 2), f"/ {length} s"),
        ("t", f"{p.time:.4g}" if abs(p.time) >= 1e4 else f"{p.time:.3f}"),
    ]
    used = imgui.get_item_rect_max().x - imgui.get_window_pos().x
    room = imgui.get_window_size().x - MARGIN * s - used - 24 * s
    while parts and _width(parts, s) > room:
        parts.pop()
    if not parts:
        return units
    total = _width(parts, s)
    imgui.same_line(imgui.get_window_size().x - MARGIN * s - total)
    at = imgui.get_cursor_screen_pos()
    clicked = imgui.invisible_button("readout", ImVec2(total, BUTTON * s))
    imgui.set_item_tooltip("Frame, seconds, model time. Click: what the ruler counts. T: go to")
    _draw_readout(parts, at, s)
    if not clicked:
        return units
    order = list(Units)
    return order[(order.index(units) + 1) % len(order)]


def _draw_readout(parts: list[tuple[str, str]], at: ImVec2, s: float) -> None:
    draw = imgui.get_window_draw_list()
    x, y = at.x, at.y + (BUTTON * s - imgui.get_font_size()) / 2
    for i, (strong, weak) in enumerate(parts):
        own = _reserved(parts[i], s)
        pad = own - imgui.calc_text_size(f"{strong} {weak}").x
        x += pad
        is_time = strong == "t"
        first, second = (theme.DIM, theme.TEXT) if is_time else (theme.TEXT, theme.DIM)
        draw.add_text(ImVec2(x, y), theme.u32(first), strong)
        x += imgui.calc_text_size(strong + " ").x
        draw.add_text(ImVec2(x, y), theme.u32(second), weak)
        x += own - pad - imgui.calc_text_size(strong + " ").x + 20 * s


def _width(parts: list[tuple[str, str]], s: float) -> float:
    return sum(_reserved(part, s) for part in parts) + 20 * s * (len(parts) - 1)


def _reserved(part: tuple[str, str], s: float) -> float:
    """Points kept for a number, so that the line stands still while it counts."""
    strong, weak = part
    widest = max(len(strong), len(weak) - 2) if strong != "t" else len(strong)
    digits = imgui.calc_text_size("0" * widest).x
    return digits + imgui.calc_text_size(" " + weak).x


def speed_name(speed: float) -> str:
    """1x, 2x, 1/4x."""
    return f"{speed:g}×" if speed >= 1 else f"1/{round(1 / speed)}×"
