"""What the window remembers: from the preferences to its first State, and back at closing."""

from dataclasses import replace

from viewer.core import look, preferences
from viewer.core import playback as clock
from viewer.core.navigation import Navigation
from viewer.core.preferences import Place, Preferences
from viewer.core.settings import RenderSettings
from viewer.core.state import Interface, State, Theme, Units


def first_state(kept: Preferences, settings: RenderSettings) -> State:
    """The state in which the window opens."""
    interface = Interface(
        vsync=kept.vsync, fps_cap=kept.fps_cap, panel=kept.panel, cube=kept.cube,
        units=Units(kept.units), theme=Theme(kept.theme), scale=kept.scale,
    )  # fmt: skip
    hand = Navigation(kept.ball, kept.to_pointer, kept.inertia)
    return State(settings=settings, interface=interface, navigation=hand)


def remembered(kept: Preferences, state: State, size: tuple[int, int]) -> Preferences:
    """The preferences as the window is now; size: its own."""
    shown, hand = state.interface, state.navigation
    return replace(
        kept, size=size, vsync=shown.vsync, fps_cap=shown.fps_cap, panel=shown.panel,
        cube=shown.cube, theme=shown.theme.value, scale=shown.scale, units=shown.units.value,
        ball=hand.ball, to_pointer=hand.to_pointer,
        inertia=hand.inertia,
    )  # fmt: skip


def left(kept: Preferences, path: str, state: State) -> Preferences:
    """The preferences that know where a scene was left."""
    p = state.playback
    place = Place(look.pose(state.rig), p.time, p.mark_in, p.mark_out, p.markers)
    return preferences.with_place(kept, path, place)


def found_again(kept: Preferences, path: str, state: State) -> State:
    """The state of a scene just opened, where it was left the last time, if it was."""
    place = dict(kept.places).get(path)
    if place is None:
        return state
    try:
        rig = look.rig_of(place.pose)
    except ValueError:  # written by hand
        return state
    p = state.playback
    marks = sorted(m for m in (place.mark_in, place.mark_out) if m is not None)
    if marks and not p.start <= marks[0] <= marks[-1] <= p.end:
        return replace(state, rig=rig)  # the file has another range now
    p = replace(p, mark_in=place.mark_in, mark_out=place.mark_out)
    p = replace(p, markers=tuple(m for m in place.markers if p.start <= m <= p.end))
    return replace(state, rig=rig, playback=clock.seek(p, place.time))
