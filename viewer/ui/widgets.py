"""Small pieces that several panels share."""

from typing import Literal

from imgui_bundle import ImVec2, imgui

from viewer.ui import theme

Icon = Literal["play", "pause", "first", "last", "previous", "next", "menu"]

LABEL = 96.0  # design pixels: width of the column of labels in the settings
FIXED = (
    imgui.WindowFlags_.no_decoration.value
    | imgui.WindowFlags_.no_move.value
    | imgui.WindowFlags_.no_saved_settings.value
    | imgui.WindowFlags_.no_nav.value
    | imgui.WindowFlags_.no_scroll_with_mouse.value
    | imgui.WindowFlags_.no_bring_to_front_on_focus.value
)


def icon_button(name: str, icon: Icon, size: ImVec2, tip: str, lit: bool = False) -> bool:
    """A flat button with a drawn sign; lit: in the accent colour."""
    pressed = imgui.invisible_button(name, size)
    low, high = imgui.get_item_rect_min(), imgui.get_item_rect_max()
    hovered = imgui.is_item_hovered()
    draw, alpha = imgui.get_window_draw_list(), imgui.get_style().alpha  # less where disabled
    if lit or hovered:
        field = theme.FIELD_ACTIVE if imgui.is_item_active() else theme.FIELD_HOVERED
        fill = theme.u32(theme.ACCENT if lit else field, alpha * (1.0 if hovered else 0.88))
        draw.add_rect_filled(low, high, fill, imgui.get_style().frame_rounding)
    color = theme.u32(theme.ON_ACCENT if lit else theme.TEXT, alpha)
    center = ImVec2((low.x + high.x) / 2, (low.y + high.y) / 2)
    _sign(draw, icon, center, (high.y - low.y) * 0.21, color)
    imgui.set_item_tooltip(tip)
    return pressed


def _sign(draw: imgui.ImDrawList, icon: Icon, at: ImVec2, r: float, color: int) -> None:
    def bar(x: float, half: float) -> None:
        draw.add_rect_filled(
            ImVec2(at.x + x - half, at.y - r), ImVec2(at.x + x + half, at.y + r), color, half / 3
        )

    def arrow(x: float, way: float, reach: float) -> None:
        tip = ImVec2(at.x + x + way * reach, at.y)
        back = at.x + x - way * reach
        a, b = ImVec2(back, at.y - r), ImVec2(back, at.y + r)
        draw.add_triangle_filled(a, *((tip, b) if way > 0 else (b, tip)), color)

    match icon:
        case "play":
            arrow(r * 0.12, 1, r * 0.9)
        case "pause":
            bar(-r * 0.5, r * 0.26)
            bar(r * 0.5, r * 0.26)
        case "first":
            bar(-r * 0.8, r * 0.14)
            arrow(r * 0.2, -1, r * 0.75)
        case "last":
            bar(r * 0.8, r * 0.14)
            arrow(-r * 0.2, 1, r * 0.75)
        case "previous":
            bar(r * 0.65, r * 0.14)
            arrow(-r * 0.3, -1, r * 0.6)
        case "next":
            bar(-r * 0.65, r * 0.14)
            arrow(r * 0.3, 1, r * 0.6)
        case "menu":
            for row in (-0.75, 0.0, 0.75):
                y = at.y + row * r
                draw.add_line(ImVec2(at.x - r, y), ImVec2(at.x + r, y), color, max(1.0, r / 4))


def push_font_size(size: float) -> None:
    """Text of `size` design pixels from here; pop with imgui.pop_font()."""
    imgui.push_font(None, size)


def dim(text: str) -> None:
    """A line that stands back."""
    imgui.push_style_color(imgui.Col_.text.value, theme.vec(theme.DIM))
    imgui.text_unformatted(text)
    imgui.pop_style_color()


def colored(color: theme.Color | theme.Tone, text: str) -> None:
    """Text of a colour, wrapped at the end of the window."""
    imgui.push_style_color(imgui.Col_.text.value, theme.vec(color))
    wrapped(text)
    imgui.pop_style_color()


def wrapped(text: str) -> None:
    """Text taken as it is, broken at the end of the window, within long words too."""
    imgui.push_text_wrap_pos(0.0)
    imgui.text_unformatted(text)
    imgui.pop_text_wrap_pos()


def section(label: str, flags: int = 0) -> bool:
    """A heading that folds away what is under it."""
    imgui.push_style_color(imgui.Col_.header.value, theme.vec(theme.TEXT, 0.06))
    shown = imgui.collapsing_header(label, flags)
    imgui.pop_style_color()
    return shown


def row(label: str, width: float) -> None:
    """A label on the left; the next widget fills the line from `width` on."""
    imgui.align_text_to_frame_padding()
    dim(label)
    imgui.same_line(width)
    imgui.set_next_item_width(-1)


def short(text: str, width: float) -> str:
    """The end of a text that fits into `width` points, with an ellipsis in front if cut."""
    if imgui.calc_text_size(text).x <= width:
        return text
    low, high = 0, len(text)
    while low < high:  # fewest characters to drop
        middle = (low + high) // 2
        fits = imgui.calc_text_size("…" + text[middle:]).x <= width
        low, high = (low, middle) if fits else (middle + 1, high)
    return "…" + text[low:]
