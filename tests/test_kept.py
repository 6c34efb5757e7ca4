"""From the preferences to the window's first State and back."""

from viewer.apps.kept import first_state, remembered
from viewer.core.preferences import Preferences
from viewer.core.settings import RenderSettings


def test_what_was_set_is_there_at_the_next_start():
    kept = Preferences(
        ("/a",), (800, 600), False, 60, False, "time", cube=False, ball=True, to_pointer=False,
        inertia=True, theme="light", scale=1.5,
    )  # fmt: skip
    state = first_state(kept, RenderSettings())
    assert remembered(Preferences(("/a",)), state, (800, 600)) == kept
