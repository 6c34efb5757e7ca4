"""The open dialog: a path to type, and a list of folders and files. Folders can be opened too."""

from dataclasses import replace
from pathlib import Path

from imgui_bundle import ImVec2, imgui

from viewer.core.session import Session
from viewer.core.state import Actions, Dialog
from viewer.ui import theme, widgets

WIDTH, HEIGHT = 620.0, 460.0  # design pixels
FLAGS = widgets.FIXED & ~imgui.WindowFlags_.no_bring_to_front_on_focus.value


def open_dialog(dialog: Dialog, session: Session) -> tuple[Dialog | None, Actions]:
    """Draw it; None once it is closed."""
    s, display = session.scale, imgui.get_io().display_size
    size = ImVec2(min(WIDTH * s, display.x - 16 * s), min(HEIGHT * s, display.y - 16 * s))
    imgui.set_next_window_size(ImVec2(max(size.x, 1), max(size.y, 1)))
    middle = ImVec2(display.x / 2, display.y / 2)
    imgui.set_next_window_pos(middle, imgui.Cond_.always.value, ImVec2(0.5, 0.5))
    imgui.push_style_color(imgui.Col_.window_bg.value, theme.vec(theme.POPUP))
    imgui.begin("open", None, FLAGS)
    imgui.pop_style_color()
    dialog, typed = _path_field(dialog)
    footer = imgui.get_frame_height_with_spacing() + 4 * s
    tall = imgui.get_content_region_avail().y - footer
    entered = ""
    if tall > 20 * s:
        imgui.push_style_color(imgui.Col_.child_bg.value, theme.vec(theme.HOLLOW))
        imgui.begin_child("entries", ImVec2(0, tall))
        dialog, entered = _entries(dialog, session)
        imgui.end_child()
        imgui.pop_style_color()
    closed, opened = _buttons(dialog, s)
    imgui.end()
    chosen = typed or entered or opened
    if chosen and Path(chosen).is_dir() and not opened:
        return Dialog(chosen, _slash(chosen)), Actions()
    if chosen:
        return None, Actions(open_path=chosen)
    return (None if closed else dialog), Actions()


def _path_field(dialog: Dialog) -> tuple[Dialog, str]:
    """The path as text; Enter goes there."""
    if imgui.button("Up"):
        parent = str(Path(dialog.folder).parent)
        dialog = Dialog(parent, _slash(parent))
    imgui.set_item_tooltip("The folder above")
    imgui.same_line()
    if imgui.button("Home"):
        dialog = Dialog(str(Path.home()), _slash(str(Path.home())))
    imgui.same_line()
    imgui.set_next_item_width(-1)
    flags = imgui.InputTextFlags_.enter_returns_true.value
    if imgui.is_window_appearing():
        imgui.set_keyboard_focus_here()
    entered, text = imgui.input_text("##path", dialog.text or _slash(dialog.folder), flags)
    typed = str(Path(text).expanduser()) if entered and text else ""
    return replace(dialog, text=text), typed


def _entries(dialog: Dialog, session: Session) -> tuple[Dialog, str]:
    """The list; returns what was double-clicked as a path."""
    found = session.listing
    if found is None or found.folder != dialog.folder:
        widgets.dim("Reading…")
        return dialog, ""
    entered = ""
    folder = Path(found.folder)
    names = [f"{name}/" for name in found.folders] + list(found.files)
    clipper = imgui.ListClipper()
    clipper.begin(len(names))
    while clipper.step():
        for name in names[clipper.display_start : clipper.display_end]:
            chosen = name == dialog.chosen
            flags = imgui.SelectableFlags_.allow_double_click.value
            if imgui.selectable(name, chosen, flags)[0]:
                path = str(folder / name)
                dialog = replace(dialog, chosen=name, text=path)
                if imgui.is_mouse_double_clicked(imgui.MouseButton_.left.value):
                    entered = path
    if found.trouble:
        widgets.colored(theme.WARNING, found.trouble)
    elif not names:
        widgets.dim("Nothing in here")
    return dialog, entered


def _buttons(dialog: Dialog, s: float) -> tuple[bool, str]:
    """Whether it is closed, and the path to open."""
    wide = ImVec2(150 * s, 0)
    if dialog.chosen:
        label = "Open folder" if dialog.chosen.endswith("/") else "Open file"
    else:
        label = "Open this folder" if dialog.text in ("", _slash(dialog.folder)) else "Open this"
    path = str(Path(dialog.text or dialog.folder).expanduser())
    imgui.push_style_color(imgui.Col_.button.value, theme.vec(theme.ACCENT, 0.55))
    imgui.push_style_color(imgui.Col_.button_hovered.value, theme.vec(theme.ACCENT, 0.75))
    opened = imgui.button(f"{label}###open", wide)
    imgui.pop_style_color(2)
    imgui.same_line()
    closed = imgui.button("Cancel", ImVec2(90 * s, 0))
    closed |= imgui.is_key_pressed(imgui.Key.escape, False)  # the field would keep it to itself
    return closed, path if opened else ""


def _slash(folder: str) -> str:
    return folder if folder.endswith("/") else folder + "/"
