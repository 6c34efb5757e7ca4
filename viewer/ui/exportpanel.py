"""What is written to files, as sections of the settings: a camera path's frames, Gaussians."""

from collections.abc import Sequence
from dataclasses import replace

from imgui_bundle import ImVec2, imgui

from viewer.core import cut as cuts
from viewer.core import tour as tours
from viewer.core.film import Film
from viewer.core.path_presets import PRESETS
from viewer.core.session import Session
from viewer.core.state import Actions, State
from viewer.core.tour import Tour
from viewer.ui import widgets

LABEL = 96.0
LARGEST = 16384  # pixels of a side
SHORTEST = 0.1  # seconds
RATES = (1.0, 240.0)
SAMPLES = (1, 2, 3, 4)
MOMENTS = (1, 2, 4, 8, 16, 32)
CLAMP = imgui.SliderFlags_.always_clamp.value


def export_section(state: State, session: Session) -> tuple[State, Actions]:
    """Make, keep and take a camera path; drawn inside the settings."""
    s, tour = session.scale, state.tour
    tour = _path(state, s)
    tour, asked = _file(tour, s)
    imgui.separator()
    tour = replace(tour, film=_film(tour, s))
    widgets.row("Write to", LABEL * s)
    tour = replace(tour, output=imgui.input_text("##output", tour.output)[1])
    imgui.set_item_tooltip("A name ending in .mp4, or that of a folder for PNGs")
    busy = session.exporting is not None
    imgui.begin_disabled(busy or not tour.path.keys or not tour.output.strip())
    count = tour.film.frames(tour.path.duration)
    export = imgui.button(f"Export {count:,} frame{'s'[count == 1 :]}###export", ImVec2(-1, 0))
    imgui.end_disabled()
    imgui.set_item_tooltip("Ctrl+E")
    return replace(state, tour=tour), asked | Actions(export=export)


def cut_section(state: State, session: Session) -> tuple[State, Actions]:
    """Instants of the scene as files of Gaussians; drawn inside the settings."""
    cut, p, s = state.cut, state.playback, session.scale
    if p.frames > 1:
        widgets.row("What", LABEL * s)
        names = ["This instant", "Frames from in to out"]
        cut = replace(cut, ranged=imgui.combo("##what", int(cut.ranged), names)[1] == 1)
    widgets.row("Format", LABEL * s)
    endings = list(cuts.KINDS)
    at = endings.index(cuts.kind(cut)) if cuts.kind(cut) else -1
    changed, at = imgui.combo("##format", at, list(cuts.KINDS.values()))
    cut = cuts.as_kind(cut, endings[at]) if changed else cut
    widgets.row("Write to", LABEL * s)
    cut = replace(cut, output=imgui.input_text("##cut", cut.output)[1])
    tip = "A name ending in .ply, .splat or .spz"
    imgui.set_item_tooltip(f"{tip}; a range goes into a folder" if p.frames > 1 else tip)
    count = len(cuts.instants(cut, p))
    busy = session.exporting is not None
    imgui.begin_disabled(busy or not count or not cuts.kind(cut))
    what = f"{count:,} files" if cuts.is_ranged(cut, p) else "this instant"
    asked = imgui.button(f"Export {what}###cut", ImVec2(-1, 0))
    imgui.end_disabled()
    return replace(state, cut=cut), Actions(cut=asked)


def _path(state: State, s: float) -> Tour:
    """Presets, and what is true of the whole path."""
    tour = state.tour
    widgets.row("Preset", LABEL * s)
    if imgui.begin_combo("##preset", "a camera move"):
        for name in PRESETS:
            if imgui.selectable(name, False)[0]:
                tour = tours.preset(tour, name, state.rig, state.playback)
        imgui.end_combo()
    imgui.set_item_tooltip("A path from the present view, in place of the one that is there")
    widgets.row("Duration", LABEL * s)
    imgui.begin_disabled(not tour.can_play)
    changed, seconds = imgui.drag_float(
        "##duration", tour.path.duration, 0.05, SHORTEST, tours.LONGEST, "%.2f s", CLAMP
    )
    imgui.end_disabled()
    if changed:
        tour = tours.last(tour, seconds)
    tour = replace(tour, shown=imgui.checkbox("Show (B)", tour.shown)[1])
    imgui.set_item_tooltip("The track under the timeline, and the path in the scene")
    imgui.same_line()
    imgui.begin_disabled(not tour.can_play)
    changed, closed = imgui.checkbox("Go round", tour.path.closed)
    imgui.set_item_tooltip("From the last key on to the first, without a halt")
    imgui.end_disabled()
    return tours.close(tour, closed) if changed else tour


def _file(tour: Tour, s: float) -> tuple[Tour, Actions]:
    """Where the path is kept."""
    widgets.row("Path file", LABEL * s)
    tour = replace(tour, file=imgui.input_text("##file", tour.file)[1])
    imgui.set_item_tooltip("Loads Nerfstudio's camera_path.json and cameras.json too")
    half = ImVec2((imgui.get_content_region_avail().x - 8 * s) / 2, 0)
    imgui.begin_disabled(not tour.file.strip())
    load = imgui.button("Load path", half)
    imgui.same_line(0, 8 * s)
    imgui.begin_disabled(not tour.path.keys)
    save = imgui.button("Save path", half)
    imgui.end_disabled()
    imgui.end_disabled()
    return tour, Actions(load_path=load, save_path=save)


def _film(tour: Tour, s: float) -> Film:
    film, label = tour.film, LABEL * s
    widgets.row("Size", label)
    width, height = imgui.input_int2("##size", list(film.size))[1]
    film = replace(film, size=(_side(width), _side(height)))
    widgets.row("Frames/s", label)
    changed, fps = imgui.drag_float("##fps", film.fps, 0.2, *RATES, "%.5g", CLAMP)
    film = replace(film, fps=fps) if changed else film
    widgets.row("Samples", label)
    film = replace(film, supersample=_choice("##samples", film.supersample, SAMPLES, "{0} x {0}"))
    imgui.set_item_tooltip("Of each pixel, averaged")
    widgets.row("Motion blur", label)
    film = replace(film, blur=_choice("##blur", film.blur, MOMENTS, "{0} moments"))
    if film.blur > 1:
        widgets.row("Shutter", label)
        changed, shutter = imgui.slider_float("##shutter", film.shutter, 10, 360, "%.0f°", CLAMP)
        film = replace(film, shutter=shutter) if changed else film
    if tours.is_video(tour):
        return replace(film, transparent=False)
    return replace(film, transparent=imgui.checkbox("Transparent", film.transparent)[1])


def _choice(name: str, value: int, known: Sequence[int], words: str) -> int:
    def said(n: int) -> str:
        return "off" if n == 1 else words.format(n)

    if imgui.begin_combo(name, said(value)):
        for n in known:
            if imgui.selectable(said(n), n == value)[0]:
                value = n
        imgui.end_combo()
    return value


def _side(pixels: int) -> int:
    return min(max(pixels, 1), LARGEST)
