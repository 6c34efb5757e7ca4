"""The track of the camera path under the timeline: keys over seconds, to click, drag, remove."""

from dataclasses import dataclass, replace

from imgui_bundle import ImVec2, imgui

from viewer.core import tour as tours
from viewer.core.playback import Playback
from viewer.core.rig import Rig
from viewer.core.session import Session
from viewer.core.state import State, Units
from viewer.core.tour import Moment, Tour
from viewer.ui import ruler, theme, widgets

HEIGHT = 44.0  # design pixels
LEAST_ROOM = 260.0  # height of a window that shows it
MARGIN = 10.0
BUTTONS = 150.0  # width of what stands left of the lane
NARROW = 420.0  # a narrower window has no buttons
LABEL_GAP = 70.0
RAIL = 22.0  # from the top of the lane to the middle of its rail
KEY = 6.0  # half the diagonal of a key
GRIP = 8.0


@dataclass(frozen=True, slots=True)
class Lane:
    """Where seconds lie on screen, points. extent: seconds at its right end."""

    left: float
    right: float
    top: float
    s: float
    extent: float

    def x(self, seconds: float) -> float:
        """Place of a second."""
        return self.left + seconds / self.extent * (self.right - self.left)

    def seconds(self, x: float) -> float:
        """The second at a place."""
        share = (x - self.left) / max(self.right - self.left, 1e-6)
        return min(max(share, 0.0), 1.0) * self.extent

    @property
    def rail(self) -> float:
        """Height of the rail's middle."""
        return self.top + RAIL * self.s


def height(tour: Tour, session: Session) -> float:
    """Points that it takes from the bottom of the window."""
    room = imgui.get_io().display_size.y >= LEAST_ROOM * session.scale
    return HEIGHT * session.scale if tour.shown and session.scene and room else 0.0


def path_track(state: State, session: Session) -> State:
    """Draw it along the bottom, and return the state with what was done on it."""
    display, s = imgui.get_io().display_size, session.scale
    tall = height(state.tour, session)
    imgui.set_next_window_pos(ImVec2(0, display.y - tall))
    imgui.set_next_window_size(ImVec2(display.x, tall))
    imgui.push_style_var(imgui.StyleVar_.window_rounding.value, 0.0)
    imgui.push_style_var(imgui.StyleVar_.window_padding.value, ImVec2(MARGIN * s, 4 * s))
    imgui.begin("path", None, widgets.FIXED)
    imgui.pop_style_var(2)
    moment = (state.tour, state.rig, state.playback)
    at, right = imgui.get_cursor_screen_pos(), display.x - (MARGIN + GRIP) * s
    left = at.x + GRIP * s
    if display.x > NARROW * s:
        moment = _buttons(moment, s)
        left = at.x + BUTTONS * s
    moment = _lane(moment, Lane(left, right, at.y, s, state.tour.extent))
    imgui.end()
    tour, rig, p = moment
    index = state.camera_index if rig == state.rig else None
    return replace(state, tour=tour, rig=rig, playback=p, camera_index=index)


def _buttons(moment: Moment, s: float) -> Moment:
    tour, rig, p = moment
    imgui.set_cursor_pos_y(imgui.get_cursor_pos_y() + 4 * s)
    if imgui.button("Add key", ImVec2(68 * s, 0)):
        tour = tours.add(tour, rig, p, behind=imgui.get_io().key_shift)
    imgui.set_item_tooltip(
        "A key of the view here and now (Insert)\nWith Shift: a second after the last"
    )
    imgui.same_line(0, 4 * s)
    imgui.begin_disabled(not tour.can_play)
    name = "Leave" if tour.follow else "Follow"
    if imgui.button(f"{name}###follow", ImVec2(60 * s, 0)):
        tour, rig, p = tours.follow(tour, rig, p, not tour.follow)
    imgui.set_item_tooltip("Play along the path, or leave it (Shift+B)")
    imgui.end_disabled()
    return tour, rig, p


def _lane(moment: Moment, lane: Lane) -> Moment:
    tour, rig, p = moment
    s, draw = lane.s, imgui.get_window_draw_list()
    _ruler(draw, lane, p)
    if lane.right - lane.left < 60 * s:
        return replace(tour, held=False), rig, p
    held, lit = False, None
    for i in range(len(tour.path.keys)):
        if i == len(tour.path.keys):  # a menu removed one
            break
        tour, rig, p, active, hovered = _key((tour, rig, p), i, lane)
        held, lit = held or active, i if active or hovered else lit
    imgui.set_cursor_screen_pos(ImVec2(lane.left - GRIP * s, lane.top))
    size = ImVec2(lane.right - lane.left + 2 * GRIP * s, (HEIGHT - 8) * s)
    imgui.invisible_button("lane", size)
    if imgui.is_item_active() and tour.path.keys:
        held = True
        tour, rig, p = tours.go(tour, rig, p, lane.seconds(imgui.get_io().mouse_pos.x))
        tour, p = replace(tour, chosen=None), replace(p, playing=p.playing and tour.follow)
    _draw(draw, lane, tour, lit)
    if tour.held and not held:
        tour = tours.fitted(tour)
    return replace(tour, held=held), rig, p


def _key(moment: Moment, i: int, lane: Lane) -> tuple[Tour, Rig, Playback, bool, bool]:
    """One key's handle: a click goes there, a drag retimes it, the right button has a menu."""
    tour, rig, p = moment
    s, key = lane.s, tour.path.keys[i]
    imgui.set_cursor_screen_pos(ImVec2(lane.x(key.seconds) - GRIP * s, lane.rail - GRIP * s))
    imgui.invisible_button(f"key {i}", ImVec2(2 * GRIP * s, 2 * GRIP * s))
    active, hovered = imgui.is_item_active(), imgui.is_item_hovered()
    if imgui.is_item_activated():
        tour, rig, p = tours.go(replace(tour, chosen=i), rig, p, key.seconds)
        p = replace(p, playing=False)
    if active and imgui.is_mouse_dragging(imgui.MouseButton_.left.value, 2.0 * s):
        tour = tours.retime(tour, i, lane.seconds(imgui.get_io().mouse_pos.x))
        tour = replace(tour, seconds=tour.path.keys[i].seconds)
    elif hovered and not active:
        imgui.set_tooltip(f"{key.seconds:.2f} s: time {key.time:g}\nDrag: another second")
    if imgui.begin_popup_context_item(f"menu {i}"):
        if imgui.menu_item_simple("Take the present view"):
            tour = tours.reshoot(tour, i, rig)
        if imgui.menu_item_simple("Remove", "Delete"):
            tour = tours.delete(tour, i)
        imgui.end_popup()
    return tour, rig, p, active, hovered


def _ruler(draw: imgui.ImDrawList, lane: Lane, p: Playback) -> None:
    s, width = lane.s, lane.right - lane.left
    span = Playback(end=lane.extent * p.fps, fps=p.fps)
    widgets.push_font_size(theme.SMALL)
    for tick in ruler.ticks(span, Units.SECONDS, width, LABEL_GAP * s):
        x = round(lane.left + tick.place * width)
        tall, alpha = (5, 0.34) if tick.label else (3, 0.16)
        foot = lane.rail + 4 * s
        draw.add_line(ImVec2(x, foot), ImVec2(x, foot + tall * s), theme.u32(theme.TEXT, alpha), s)
        if tick.label and x + 40 * s < lane.right + GRIP * s:
            at = ImVec2(x + 4 * s, lane.rail + 3 * s)
            draw.add_text(at, theme.u32(theme.FAINT), tick.label)
    imgui.pop_font()


def _draw(draw: imgui.ImDrawList, lane: Lane, tour: Tour, lit: int | None) -> None:
    s, y, path = lane.s, lane.rail, tour.path

    def bar(a: float, b: float, alpha: float) -> None:
        low, high = ImVec2(a, y - 2 * s), ImVec2(b, y + 2 * s)
        draw.add_rect_filled(low, high, theme.u32(theme.TEXT, alpha), 2 * s)

    bar(lane.left, lane.right, 0.07)
    if not path.keys:
        widgets.push_font_size(theme.SMALL)
        hint = "Insert takes a key of the view and the time that are seen"
        draw.add_text(ImVec2(lane.left, lane.top - 2 * s), theme.u32(theme.DIM), hint)
        imgui.pop_font()
        return
    bar(lane.x(path.start), lane.x(path.end), 0.22)
    x = lane.x(tour.seconds)
    color = theme.u32(theme.ACCENT if tour.follow else theme.TEXT, 1.0 if tour.follow else 0.5)
    draw.add_line(ImVec2(x, y - 14 * s), ImVec2(x, y + 10 * s), color, 1.5 * s)
    for i, key in enumerate(path.keys):
        x, r = lane.x(key.seconds), (KEY + (1.5 if i == lit else 0)) * s
        fill = theme.ACCENT if i == tour.chosen else theme.TEXT
        corners = (ImVec2(x, y - r), ImVec2(x + r, y), ImVec2(x, y + r), ImVec2(x - r, y))
        draw.add_quad_filled(*corners, theme.u32(fill))
        draw.add_quad(*corners, theme.u32(theme.PANEL), 1.5 * s)
