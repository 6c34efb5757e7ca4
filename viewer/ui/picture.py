"""The part of the settings that says how the picture is drawn."""

from dataclasses import replace

from imgui_bundle import imgui

from viewer.core.report import Report
from viewer.core.session import Session
from viewer.core.settings import ANTIALIAS, INTEROP, Mode, RenderSettings
from viewer.ui import widgets

LAYERS, MOST_LAYERS = 16, 512  # peeled at first, and at the end of the slider
SHOWN = {
    Mode.COLOR: "Colour",
    Mode.DEPTH: "Depth, mean",
    Mode.MEDIAN: "Depth, median",
    Mode.ALPHA: "Alpha",
    Mode.CENTERS: "Centres",
    Mode.OVERDRAW: "Overdraw",
}

WAYS = ["as it works here", "interop", "pinned memory"]


def picture(settings: RenderSettings, report: Report, session: Session) -> RenderSettings:
    """The settings as the user leaves them."""
    label = widgets.LABEL * session.scale
    widgets.row("Renderer", label)
    settings = chosen(settings, _renderer(settings.renderer, session))
    if settings.renderer == "peel":
        settings = _layers(settings, label)
    if ("cuda", "") in session.renderers:
        widgets.row("Into OpenGL", label)
        changed, way = imgui.combo("##interop", INTEROP.index(settings.interop), WAYS)
        imgui.set_item_tooltip("How pictures made by CUDA get there; the statistics tell")
        if changed:
            settings = replace(settings, interop=INTEROP[way])
    widgets.row("Show", label)
    modes = list(Mode)
    names = [SHOWN[mode] for mode in modes]
    changed, number = imgui.combo("##mode", modes.index(settings.mode), names)
    imgui.set_item_tooltip("V, Shift+V")
    if changed:
        settings = replace(settings, mode=modes[number])
    widgets.row("Background", label)
    own = settings.background is None
    changed, own = imgui.checkbox("the model's", own)
    if changed:
        settings = replace(settings, background=None if own else report.background)
    if settings.background is not None:
        widgets.row("", label)
        r, g, b = imgui.color_edit3("##background", list(settings.background))[1]
        settings = replace(settings, background=(r, g, b))
    if report.sh_degree > 0:
        widgets.row("SH degree", label)
        shown = min(settings.sh_degree, report.sh_degree)
        degrees = [str(d) for d in range(report.sh_degree + 1)]
        changed, degree = imgui.combo("##sh", shown, degrees)
        if changed:
            settings = replace(settings, sh_degree=degree)
    widgets.row("Splat size", label)
    logarithmic = imgui.SliderFlags_.logarithmic.value | imgui.SliderFlags_.always_clamp.value
    scale = imgui.slider_float("##scale", settings.scale, 0.05, 4.0, "%.2f ×", logarithmic)
    settings = replace(settings, scale=scale[1] if scale[0] else settings.scale)
    widgets.row("Least opacity", label)
    least = imgui.slider_float(
        "##opacity", settings.min_opacity, 0.0, 1.0, "%.2f",
        imgui.SliderFlags_.always_clamp.value,
    )  # fmt: skip
    imgui.set_item_tooltip("Splats that are fainter are not drawn")
    settings = replace(settings, min_opacity=least[1] if least[0] else settings.min_opacity)
    widgets.row("Antialiasing", label)
    kinds = list(ANTIALIAS)
    at = list(ANTIALIAS.values()).index(settings.antialias)
    changed, number = imgui.combo("##antialias", at, ["the model's", *kinds[1:]])
    imgui.set_item_tooltip("Far splats are drawn larger than they are; opacity makes up for it")
    if changed:
        settings = replace(settings, antialias=ANTIALIAS[kinds[number]])
    radius = report.bounds.radius
    most = max(4 * radius, 1e-3)
    near = _plane("Near plane", "the model's", settings.near, (0.01 * radius, most), label)
    far = _plane("Far plane", "none", settings.far, (2 * radius, most), label)
    return replace(settings, near=near, far=far)


def _plane(
    name: str, without: str, value: float | None, usual: tuple[float, float], label: float
) -> float | None:
    """A depth, world units; None while the box `without` is ticked. usual: first, and the most."""
    widgets.row(name, label)
    changed, none = imgui.checkbox(f"{without}##{name}", value is None)
    if changed:
        value = None if none else usual[0]
    if value is None:
        return None
    widgets.row("", label)
    most = max(usual[1], value)
    flags = imgui.SliderFlags_.logarithmic.value
    return imgui.slider_float(f"##{name}", value, most * 1e-4, most, "%.4g", flags)[1]


def chosen(settings: RenderSettings, renderer: str) -> RenderSettings:
    """With another renderer. Peeling to the end can take seconds a picture: it begins with few."""
    if renderer == "peel" != settings.renderer and settings.peel_layers is None:
        return replace(settings, renderer=renderer, peel_layers=LAYERS)
    return replace(settings, renderer=renderer)


def _layers(settings: RenderSettings, label: float) -> RenderSettings:
    widgets.row("Layers", label)
    changed, whole = imgui.checkbox("all", settings.peel_layers is None)
    imgui.set_item_tooltip(
        "Each takes a draw of all splats; the statistics tell how many there were"
    )
    if changed:
        settings = replace(settings, peel_layers=None if whole else LAYERS)
    if settings.peel_layers is not None:
        widgets.row("", label)
        flags = imgui.SliderFlags_.logarithmic.value | imgui.SliderFlags_.always_clamp.value
        layers = imgui.slider_int("##layers", settings.peel_layers, 1, MOST_LAYERS, "%d", flags)
        settings = replace(settings, peel_layers=layers[1] if layers[0] else settings.peel_layers)
    return settings


def _renderer(asked: str, session: Session) -> str:
    if imgui.begin_combo("##renderer", asked):
        for name, reason in (("auto", ""), *session.renderers):
            imgui.begin_disabled(bool(reason))
            if imgui.selectable(name, name == asked)[0]:
                asked = name
            imgui.end_disabled()
            if reason and imgui.is_item_hovered(imgui.HoveredFlags_.allow_when_disabled.value):
                imgui.set_tooltip(reason)
        imgui.end_combo()
    return asked
