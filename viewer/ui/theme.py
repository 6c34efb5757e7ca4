"""How the interface looks: colours, spacing, the font, and its size on dense screens.

The colours in force lie in the style of the current ImGui context. A tone is the entry that holds
one; those that ImGui draws nothing with here (tabs and the like) hold what only this program knows.
"""

from dataclasses import dataclass
from pathlib import Path

from imgui_bundle import ImVec2, ImVec4, imgui

from viewer.core.state import Theme

FONT_SIZE = 15.0  # design pixels
SMALL = 12.5

Color = tuple[float, float, float, float]
Tone = int  # an entry of ImGui's style

TEXT = imgui.Col_.text.value
DIM = imgui.Col_.text_disabled.value
FAINT = imgui.Col_.tab_dimmed.value
ACCENT = imgui.Col_.check_mark.value
WARNING = imgui.Col_.tab_dimmed_selected.value
LOADED = imgui.Col_.tab.value
DANGER = imgui.Col_.tab_selected.value
PANEL = imgui.Col_.window_bg.value
POPUP = imgui.Col_.popup_bg.value
FIELD = imgui.Col_.frame_bg.value
FIELD_HOVERED = imgui.Col_.frame_bg_hovered.value
FIELD_ACTIVE = imgui.Col_.frame_bg_active.value
LINE = imgui.Col_.border.value
HOLLOW = imgui.Col_.tab_hovered.value  # behind a list
PLAYHEAD = imgui.Col_.tab_selected_overline.value
ON_ACCENT = imgui.Col_.nav_windowing_highlight.value  # a sign on a field of the accent's colour
BACKDROP = imgui.Col_.tab_dimmed_selected_overline.value  # behind the start screen
CLEAR: Color = (0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of a theme. ink: what is laid over a field, thinly, to make it stand out."""

    text: Color
    dim: Color
    faint: Color
    accent: Color
    on_accent: Color
    bright: Color
    warning: Color
    loaded: Color
    danger: Color
    panel: Color
    popup: Color
    field: Color
    field_hovered: Color
    field_active: Color
    line: Color
    shade: Color
    hollow: Color
    playhead: Color
    backdrop: Color
    ink: tuple[float, float, float]


DARK = Palette(
    text=(0.90, 0.91, 0.93, 1.0),
    dim=(0.62, 0.65, 0.70, 1.0),
    faint=(0.42, 0.45, 0.50, 1.0),
    accent=(0.36, 0.64, 0.98, 1.0),
    on_accent=(0.04, 0.06, 0.09, 1.0),
    bright=(0.56, 0.77, 1.0, 1.0),
    warning=(0.95, 0.72, 0.32, 1.0),
    loaded=(0.40, 0.78, 0.55, 1.0),
    danger=(0.96, 0.45, 0.42, 1.0),
    panel=(0.075, 0.082, 0.098, 0.94),
    popup=(0.095, 0.104, 0.124, 1.0),
    field=(0.155, 0.170, 0.200, 1.0),
    field_hovered=(0.195, 0.215, 0.255, 1.0),
    field_active=(0.235, 0.260, 0.310, 1.0),
    line=(1.0, 1.0, 1.0, 0.09),
    shade=(0.03, 0.035, 0.045, 0.62),
    hollow=(0.0, 0.0, 0.0, 0.22),
    playhead=(1.0, 1.0, 1.0, 1.0),
    backdrop=(0.055, 0.060, 0.072, 1.0),
    ink=(1.0, 1.0, 1.0),
)
LIGHT = Palette(
    text=(0.12, 0.13, 0.16, 1.0),
    dim=(0.36, 0.39, 0.44, 1.0),
    faint=(0.55, 0.58, 0.63, 1.0),
    accent=(0.10, 0.42, 0.84, 1.0),
    on_accent=(1.0, 1.0, 1.0, 1.0),
    bright=(0.28, 0.58, 0.98, 1.0),
    warning=(0.60, 0.37, 0.00, 1.0),
    loaded=(0.14, 0.56, 0.32, 1.0),
    danger=(0.78, 0.17, 0.15, 1.0),
    panel=(0.955, 0.960, 0.970, 0.95),
    popup=(0.980, 0.984, 0.992, 1.0),
    field=(0.875, 0.886, 0.906, 1.0),
    field_hovered=(0.835, 0.849, 0.876, 1.0),
    field_active=(0.780, 0.800, 0.836, 1.0),
    line=(0.0, 0.0, 0.0, 0.14),
    shade=(0.30, 0.32, 0.36, 0.45),
    hollow=(0.0, 0.0, 0.0, 0.05),
    playhead=(0.10, 0.11, 0.13, 1.0),
    backdrop=(0.830, 0.842, 0.864, 1.0),
    ink=(0.0, 0.0, 0.0),
)
PALETTES = {Theme.DARK: DARK, Theme.LIGHT: LIGHT}


def rgba(color: Color | Tone) -> Color:
    """A colour; a tone's as it is in the present style."""
    if isinstance(color, tuple):
        return color
    held = imgui.get_style().color_(color)
    return (held.x, held.y, held.z, held.w)


def u32(color: Color | Tone, alpha: float = 1.0) -> int:
    """The packed form that draw lists take, with its opacity times `alpha`."""
    red, green, blue, opacity = rgba(color)
    r, g, b, a = (round(255 * c) for c in (red, green, blue, opacity * alpha))
    return r | g << 8 | b << 16 | a << 24


def mixed(a: Color | Tone, b: Color | Tone, share: float) -> Color:
    """A colour between two; share: 0 is the first."""
    red, green, blue, alpha = (x + share * (y - x) for x, y in zip(rgba(a), rgba(b), strict=True))
    return (red, green, blue, alpha)


def vec(color: Color | Tone, alpha: float = 1.0) -> ImVec4:
    """The form that style entries take."""
    red, green, blue, opacity = rgba(color)
    return ImVec4(red, green, blue, opacity * alpha)


def start(font: Path | None) -> None:
    """Set up the current ImGui context; without a font file ImGui's own scalable one serves."""
    io = imgui.get_io()
    io.set_ini_filename("")  # nothing is remembered but what Preferences holds
    io.config_windows_move_from_title_bar_only = True
    io.config_input_text_cursor_blink = False  # an idle window does not redraw
    if font is not None and font.is_file():
        io.fonts.add_font_from_file_ttf(str(font), FONT_SIZE)
    apply(1.0)


def apply(scale: float, theme: Theme = Theme.DARK) -> None:
    """Set every size for a screen where one design pixel is `scale` pixels, and every colour."""
    fresh = imgui.Style()
    style = imgui.get_style()
    for name, value in _sizes().items():
        setattr(fresh, name, value)
    for name in (*_sizes(), "indent_spacing", "columns_min_spacing", "touch_extra_padding"):
        setattr(style, name, getattr(fresh, name))
    style.scale_all_sizes(scale)
    style.font_size_base = FONT_SIZE
    style.font_scale_dpi = scale
    for place, color in _colors(PALETTES[theme]).items():
        style.set_color_(place, vec(color))


def _sizes() -> dict[str, object]:
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


def _colors(p: Palette) -> dict[Tone, Color]:
    c = imgui.Col_
    accents = (c.plot_lines, c.plot_histogram, c.text_link)
    return {
        **_own(p),
        c.child_bg.value: CLEAR,
        c.checkbox_selected_bg.value: p.field,
        c.button.value: p.field,
        c.button_hovered.value: p.field_hovered,
        c.button_active.value: p.field_active,
        c.header.value: (*p.accent[:3], 0.20),
        c.header_hovered.value: (*p.ink, 0.08),
        c.header_active.value: (*p.ink, 0.12),
        c.title_bg.value: p.popup,
        c.title_bg_active.value: p.popup,
        c.separator.value: p.line,
        c.scrollbar_bg.value: CLEAR,
        c.scrollbar_grab.value: (*p.ink, 0.14),
        c.scrollbar_grab_hovered.value: (*p.ink, 0.22),
        c.scrollbar_grab_active.value: (*p.ink, 0.30),
        c.slider_grab.value: (*p.accent[:3], 0.55),  # a number is read through it
        c.slider_grab_active.value: (*p.accent[:3], 0.75),
        c.text_selected_bg.value: (*p.accent[:3], 0.30),
        c.table_row_bg_alt.value: (*p.ink, 0.025),
        c.table_border_light.value: p.line,
        c.modal_window_dim_bg.value: p.shade,
        c.input_text_cursor.value: p.text,
        **{place.value: p.accent for place in accents},
    }


def _own(p: Palette) -> dict[Tone, Color]:
    """The tones."""
    return {
        TEXT: p.text,
        DIM: p.dim,
        FAINT: p.faint,
        ACCENT: p.accent,
        ON_ACCENT: p.on_accent,
        WARNING: p.warning,
        LOADED: p.loaded,
        DANGER: p.danger,
        PANEL: p.panel,
        POPUP: p.popup,
        FIELD: p.field,
        FIELD_HOVERED: p.field_hovered,
        FIELD_ACTIVE: p.field_active,
        LINE: p.line,
        HOLLOW: p.hollow,
        PLAYHEAD: p.playhead,
        BACKDROP: p.backdrop,
    }
