"""The bar of the comparison with the dataset's image: whose it is, how near, how much is seen."""

import math
from dataclasses import replace

from imgui_bundle import ImVec2, imgui

from viewer.core.compare import Compare, Compared
from viewer.core.session import Session
from viewer.ui import theme, widgets

WIDTH = 600.0  # design pixels
LEAST = 200.0
WORDS = 280.0  # room for what is said, beside the sliders
SLIDER, SMALL_SLIDER = 120.0, 48.0
ALWAYS = imgui.SliderFlags_.always_clamp.value


def comparebar(
    asked: Compare, found: Compared, session: Session, room: tuple[float, float]
) -> Compare:
    """Draw it above the timeline; room: points to the settings and down to the timeline."""
    s = session.scale
    width = max(min(WIDTH * s, room[0] - 24 * s), LEAST * s)
    slider = min(max((width - WORDS * s) / 2, SMALL_SLIDER * s), SLIDER * s)
    names = ("opacity %.0f%%", "wipe %.0f%%") if slider == SLIDER * s else ("%.0f%%", "%.0f%%")
    imgui.set_next_window_pos(
        ImVec2(room[0] / 2, room[1] - 12 * s), imgui.Cond_.always.value, ImVec2(0.5, 1.0)
    )
    imgui.set_next_window_size(ImVec2(width, 0))
    imgui.begin("compare", None, widgets.FIXED | imgui.WindowFlags_.always_auto_resize.value)
    sliders = 2 * slider + 50 * s
    imgui.align_text_to_frame_padding()
    _words(found, width - sliders - 24 * s)
    imgui.same_line(width - sliders - 12 * s)
    imgui.set_next_item_width(slider)
    opacity = imgui.slider_float("##opacity", 100 * asked.opacity, 0, 100, names[0], ALWAYS)
    imgui.set_item_tooltip("How much the dataset's image covers")
    imgui.same_line()
    imgui.set_next_item_width(slider)
    wipe = imgui.slider_float("##wipe", 100 * asked.wipe, 0, 100, names[1], ALWAYS)
    imgui.set_item_tooltip("The dataset's image on the left, the picture on the right")
    imgui.same_line()
    closed = imgui.button("×", ImVec2(26 * s, 0))
    imgui.set_item_tooltip("Close (Y)")
    imgui.end()
    if opacity[0]:
        asked = replace(asked, opacity=opacity[1] / 100)
    if wipe[0]:
        asked = replace(asked, wipe=wipe[1] / 100)
    return replace(asked, shown=not closed)


def _words(found: Compared, room: float) -> None:
    when = "" if found.time is None else f"  t {found.time:.3g}"
    known = found.psnr is not None and not math.isnan(found.psnr)
    told = f"PSNR {found.psnr:.2f} dB" if known else found.note
    if found.name:
        taken = imgui.calc_text_size(told).x + 16
        imgui.text_unformatted(widgets.short(found.name + when, max(room - taken, 1.0)))
        imgui.same_line()
    imgui.push_style_color(imgui.Col_.text.value, theme.vec(theme.ACCENT if known else theme.DIM))
    imgui.text_unformatted(widgets.short(told, room))
    imgui.pop_style_color()
