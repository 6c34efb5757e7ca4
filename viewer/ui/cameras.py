"""The dataset's cameras in the scene: the one under the pointer is named, a click goes there."""

from imgui_bundle import ImVec2, imgui

from viewer.core import frusta
from viewer.core.frusta import Frusta
from viewer.core.report import Report
from viewer.core.session import Session
from viewer.core.state import State, go_to_camera
from viewer.ui import theme

REACH = 12.0  # design pixels
STILL = 3.0  # a press that moved farther was a drag


def cameras(state: State, report: Report, shown: Frusta, session: Session) -> State:
    """Ring and name under the pointer; the state after a click."""
    io, s = imgui.get_io(), session.scale
    if io.want_capture_mouse or not imgui.is_mouse_pos_valid() or any(state.grip.spin):
        return state
    dense = io.display_framebuffer_scale.x
    camera = state.rig.camera(*session.size)
    pointer = (io.mouse_pos.x * dense, io.mouse_pos.y * dense)
    found = frusta.under(shown, camera, pointer, REACH * s * dense)
    if found is None or found == state.camera_index:
        return state
    x, y = (p / dense for p in frusta.pixel_of(shown, found, camera))
    draw = imgui.get_background_draw_list()
    draw.add_circle(ImVec2(x, y), REACH * s, theme.u32(theme.ACCENT), 24, 1.5 * s)
    known = report.cameras[found]
    when = "" if known.time is None else f"  t {known.time:.3g}"
    imgui.set_tooltip(f"{known.name}{when}\nClick: go there")
    dragged = imgui.get_mouse_drag_delta(imgui.MouseButton_.left.value, STILL * s)
    if imgui.is_mouse_released(imgui.MouseButton_.left.value) and not (dragged.x or dragged.y):
        return go_to_camera(state, report, found)
    return state
