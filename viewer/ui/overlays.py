"""What lies over the picture for a while: start screen, loading, errors, help, notices."""

from dataclasses import replace

from imgui_bundle import ImVec2, imgui

from viewer.core.bindings import BINDINGS
from viewer.core.session import Exporting, Problem, Session
from viewer.core.state import Actions, Interface
from viewer.ui import ruler, theme, widgets

BOX = (
    imgui.WindowFlags_.no_decoration.value & ~imgui.WindowFlags_.no_scrollbar.value
    | imgui.WindowFlags_.no_move.value
    | imgui.WindowFlags_.no_saved_settings.value
    | imgui.WindowFlags_.no_nav.value
    | imgui.WindowFlags_.always_auto_resize.value
)
STRETCH = imgui.TableFlags_.sizing_stretch_same.value
SHOWN_RECENTS = 5

HELP = 980.0  # design pixels
LEFT = ("Time", "Window")  # sections of its left column: as long as the others together


def start_screen(session: Session, room: float) -> Actions:
    """What to do where no scene is open; room: points of height there are."""
    s = session.scale
    actions = Actions()
    _place("start", session, room, 0.5, 400)
    widgets.push_font_size(26.0)
    imgui.text("view4d")
    imgui.pop_font()
    imgui.push_style_color(imgui.Col_.text.value, theme.vec(theme.DIM))
    widgets.wrapped("Drop a trained model on this window: a file, or the folder a training left.")
    imgui.pop_style_color()
    imgui.dummy(ImVec2(0, 4 * s))
    if session.loading is not None:
        actions |= _progress(session, s)
    elif imgui.button("Open…", ImVec2(110 * s, 0)):
        actions |= Actions(open_dialog=True)
    if session.recents and session.loading is None:
        imgui.separator_text("Recent")
        actions |= recent_list(session, SHOWN_RECENTS)
    imgui.end()
    return actions


def recent_list(session: Session, most: int) -> Actions:
    """Paths opened before; a click opens one again."""
    actions = Actions()
    for path in session.recents[:most]:
        width = imgui.get_content_region_avail().x
        if imgui.selectable(f"{widgets.short(path, width)}##{path}", False)[0]:
            actions |= Actions(open_path=path)
        if imgui.is_item_hovered():
            imgui.set_tooltip(path)
    return actions


def loading(session: Session, room: float) -> Actions:
    """The scene on its way, while the old one stays."""
    _place("loading", session, room, 0.08, 360)
    actions = _progress(session, session.scale)
    imgui.end()
    return actions


def exporting(found: Exporting, session: Session, room: float) -> Actions:
    """How far an export is, and a way to stop it."""
    s = session.scale
    _place("exporting", session, room, 0.08, 360)
    width = imgui.get_content_region_avail().x
    imgui.text_unformatted(widgets.short(found.output, width))
    left, rest = found.seconds_left, ""
    if left is not None:
        rest = f", {ruler.clock(left, 0)}{'' if left >= 60 else ' s'} left"
    what = f"{found.written:,} of {found.frames:,} frames{rest}"
    actions = Actions(cancel_export=_bar(found.fraction, what, s))
    imgui.end()
    return actions


def error(problem: Problem, session: Session, room: float) -> Actions:
    """Cause and fix, until dismissed."""
    s = session.scale
    _place("error", session, room, 0.3, 460, border=theme.DANGER)
    imgui.text_colored(theme.vec(theme.DANGER), "This did not work")
    widgets.wrapped(problem.cause)
    if problem.fix:
        widgets.colored(theme.DIM, problem.fix)
    imgui.dummy(ImVec2(0, 2 * s))
    dismissed = imgui.button("Dismiss", ImVec2(110 * s, 0))
    imgui.set_item_tooltip("Esc")
    imgui.same_line()
    copied = imgui.button("Copy a report", ImVec2(130 * s, 0))
    imgui.set_item_tooltip("What went wrong, on which machine, as text in the clipboard")
    imgui.end()
    return Actions(dismiss_error=dismissed, copy_report=copied)


def help_window(interface: Interface, session: Session) -> Interface:
    """Every key and gesture, from the one table of them."""
    s, display = session.scale, imgui.get_io().display_size
    width = min(HELP * s, display.x - 24 * s)
    columns = 2 if width > 640 * s else 1
    _place("help", session, display.y, 0.5, HELP)
    _title("Keys and gestures")
    sections = list(dict.fromkeys(section for section, _, _ in BINDINGS))
    left = [section for section in sections if section in LEFT]
    right = [section for section in sections if section not in LEFT]
    halves = [left, right] if columns == 2 else [sections]
    inner = width - 2 * imgui.get_style().window_padding.x
    if imgui.begin_table("keys", columns, STRETCH, ImVec2(inner, 0)):
        for half in halves:
            imgui.table_next_column()
            for section in half:
                _section(section, s)
        imgui.end_table()
    closed = imgui.button("Close", ImVec2(110 * s, 0))
    imgui.end()
    return replace(interface, help=interface.help and not closed)


def notice(session: Session, room: float) -> None:
    """A line that says what was done, above the timeline."""
    _place("notice", session, room, 0.97, 420, flags=imgui.WindowFlags_.no_inputs.value)
    widgets.wrapped(session.notice)
    imgui.end()


def _section(section: str, s: float) -> None:
    widgets.colored(theme.ACCENT, section)
    flags = imgui.TableFlags_.row_bg.value | STRETCH
    if imgui.begin_table(section, 2, flags):
        imgui.table_setup_column("keys", imgui.TableColumnFlags_.width_fixed.value, 132 * s)
        imgui.table_setup_column("does", imgui.TableColumnFlags_.width_stretch.value)
        for _, keys, does in (b for b in BINDINGS if b[0] == section):
            imgui.table_next_column()
            widgets.wrapped(keys)
            imgui.table_next_column()
            widgets.colored(theme.DIM, does)
        imgui.end_table()
    imgui.dummy(ImVec2(0, 6 * s))


def _progress(session: Session, s: float) -> Actions:
    found = session.loading
    assert found is not None
    width = imgui.get_content_region_avail().x
    imgui.text_unformatted(widgets.short(found.path, width))
    what = f"{found.fraction:4.0%}  {widgets.short(found.what, width * 0.5)}"
    return Actions(cancel_load=_bar(found.fraction, what, s))


def _bar(fraction: float, what: str, s: float) -> bool:
    """Progress, what is done, and a button; whether that was pressed."""
    imgui.progress_bar(fraction, ImVec2(imgui.get_content_region_avail().x, 6 * s), "")
    imgui.align_text_to_frame_padding()
    widgets.dim(what)
    button = ImVec2(90 * s, 0)
    imgui.same_line(imgui.get_window_size().x - imgui.get_style().window_padding.x - button.x)
    return imgui.button("Cancel", button)


def _title(text: str) -> None:
    widgets.push_font_size(19.0)
    imgui.text(text)
    imgui.pop_font()


def _place(
    name: str,
    session: Session,
    room: float,
    down: float,
    width: float,
    border: theme.Color | theme.Tone = theme.LINE,
    flags: int = 0,
) -> None:
    """Begin a box in the middle, `down` 0..1 of the way, at most `width` design pixels wide."""
    s, display = session.scale, imgui.get_io().display_size
    margin = 12 * s
    wide = max(min(width * s, display.x - 2 * margin), 1.0)
    tall = max(room - 2 * margin, 1.0)
    imgui.set_next_window_size_constraints(ImVec2(wide, 0), ImVec2(wide, tall))
    anchor = ImVec2(display.x / 2, margin + down * tall)
    imgui.set_next_window_pos(anchor, imgui.Cond_.always.value, ImVec2(0.5, down))
    imgui.push_style_color(imgui.Col_.border.value, theme.vec(border))
    imgui.push_style_color(imgui.Col_.window_bg.value, theme.vec(theme.POPUP))
    imgui.begin(name, None, BOX | flags)
    imgui.pop_style_color(2)
