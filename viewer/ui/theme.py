"""How the interface looks: colours, spacing, the font, and its size on dense screens."""

from pathlib import Path

from imgui_bundle import ImVec4, imgui

FONT_SIZE = 15.0  # design pixels
SMALL = 12.5

Color = tuple[float, float, float, float]

TEXT: Color = (0.90, 0.91, 0.93, 1.0)
DIM: Color = (0.62, 0.65, 0.70, 1.0)
FAINT: Color = (0.42, 0.45, 0.50, 1.0)
ACCENT: Color = (0.36, 0.64, 0.98, 1.0)
WARNING: Color = (0.95, 0.72, 0.32, 1.0)
LOADED: Color = (0.40, 0.78, 0.55, 1.0)
DANGER: Color = (0.96, 0.45, 0.42, 1.0)
PANEL: Color = (0.075, 0.082, 0.098, 0.94)
POPUP: Color = (0.095, 0.104, 0.124, 1.0)
FIELD: Color = (0.155, 0.170, 0.200, 1.0)
FIELD_HOVERED: Color = (0.195, 0.215, 0.255, 1.0)
FIELD_ACTIVE: Color = (0.235, 0.260, 0.310, 1.0)
LINE: Color = (1.0, 1.0, 1.0, 0.09)
SHADE: Color = (0.03, 0.035, 0.045, 0.62)
CLEAR: Color = (0.0, 0.0, 0.0, 0.0)


def u32(color: Color, alpha: float = 1.0) -> int:
    """The packed form that draw lists take, with its opacity times `alpha`."""
    r, g, b, a = (round(255 * c) for c in (*color[:3], color[3] * alpha))
    return r | g << 8 | b << 16 | a << 24


def mixed(a: Color, b: Color, share: float) -> Color:
    """A colour between two; share: 0 is the first."""
    r, g, blue, alpha = (x + share * (y - x) for x, y in zip(a, b, strict=True))
    return (r, g, blue, alpha)


def vec(color: Color, alpha: float = 1.0) -> ImVec4:
    """The form that style entries take."""
    return ImVec4(*color[:3], color[3] * alpha)


def start(font: Path | None) -> None:
    """Set up the current ImGui context; without a font file ImGui's own scalable one serves."""
    io = imgui.get_io()
    io.set_ini_filename("")  # nothing is remembered but what Preferences holds
    io.config_windows_move_from_title_bar_only = True
    io.config_input_text_cursor_blink = False  # an idle window does not redraw
    if font is not None and font.is_file():
        io.fonts.add_font_from_file_ttf(str(font), FONT_SIZE)
    apply(1.0)


def apply(scale: float) -> None:
    """Set every size for a screen where one design pixel is `scale` pixels."""
    fresh = imgui.Style()
    style = imgui.get_style()
    for name, value in _sizes().items():
        setattr(fresh, name, value)
    for name in (*_sizes(), "indent_spacing", "columns_min_spacing", "touch_extra_padding"):
        setattr(style, name, getattr(fresh, name))
    style.scale_all_sizes(scale)
    style.font_size_base = FONT_SIZE
    style.font_scale_dpi = scale
    for place, color in _colors().items():
        style.set_color_(place.value, vec(color))


def _sizes() -> dict[str, object]:
    from imgui_bundle import ImVec2

    return {
        "window_padding": ImVec2(12, 10),
        "frame_padding": ImVec2(8, 4),
        "item_spacing": ImVec2(8, 6),
        "item_inner_spacing": ImVec2(6, 4),
        "cell_padding": ImVec2(6, 2),
        "window_min_size": ImVec2(1, 1),
        "window_rounding": 8.0,
        "child_rounding": 6.0,
        "frame_rounding": 5.0,
        "popup_rounding": 6.0,
        "grab_rounding": 4.0,
        "grab_min_size": 10.0,
        "scrollbar_size": 11.0,
        "scrollbar_rounding": 6.0,
        "window_border_size": 1.0,
        "frame_border_size": 0.0,
        "popup_border_size": 1.0,
        "separator_text_border_size": 1.0,
    }


def _colors() -> dict[imgui.Col_, Color]:
    c = imgui.Col_
    accents = (c.check_mark, c.slider_grab, c.plot_lines, c.plot_histogram, c.text_link)
    soft = (*ACCENT[:3], 0.30)
    return {
        c.text: TEXT,
        c.text_disabled: DIM,
        c.window_bg: PANEL,
        c.child_bg: CLEAR,
        c.popup_bg: POPUP,
        c.border: LINE,
        c.frame_bg: FIELD,
        c.frame_bg_hovered: FIELD_HOVERED,
        c.frame_bg_active: FIELD_ACTIVE,
        c.button: FIELD,
        c.button_hovered: FIELD_HOVERED,
        c.button_active: FIELD_ACTIVE,
        c.header: (*ACCENT[:3], 0.20),
        c.header_hovered: (1.0, 1.0, 1.0, 0.08),
        c.header_active: (1.0, 1.0, 1.0, 0.12),
        c.title_bg: POPUP,
        c.title_bg_active: POPUP,
        c.separator: LINE,
        c.scrollbar_bg: CLEAR,
        c.scrollbar_grab: (1.0, 1.0, 1.0, 0.14),
        c.scrollbar_grab_hovered: (1.0, 1.0, 1.0, 0.22),
        c.scrollbar_grab_active: (1.0, 1.0, 1.0, 0.30),
        c.slider_grab_active: (0.56, 0.77, 1.0, 1.0),
        c.text_selected_bg: soft,
        c.table_row_bg_alt: (1.0, 1.0, 1.0, 0.025),
        c.table_border_light: LINE,
        c.modal_window_dim_bg: SHADE,
        **dict.fromkeys(accents, ACCENT),
    }
