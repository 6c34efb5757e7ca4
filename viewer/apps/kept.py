"""What the window remembers: from the preferences to its first State, and back at closing."""

from dataclasses import replace

from viewer.core.navigation import Navigation
from viewer.core.preferences import Preferences
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
