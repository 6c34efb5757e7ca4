"""State by scripts of Inputs: what each key and gesture does, without a window."""

import math
from dataclasses import replace

import numpy as np
import pytest

from tests import scenes
from viewer.core import playback as clock
from viewer.core import rig as rigs
from viewer.core.bindings import BINDINGS
from viewer.core.controls import update
from viewer.core.playback import Loop, Pacing
from viewer.core.report import Bounds, DatasetCamera, Report
from viewer.core.rig import Rig
from viewer.core.session import NO_SCENE
from viewer.core.settings import Mode
from viewer.core.state import (
    Actions,
    Dialog,
    FrameStats,
    Inputs,
    Interface,
    State,
    Theme,
    go_to_camera,
    opened,
    reset,
    resumed,
)

SIZE = (160, 90)


def report(**changes) -> Report:
    """Ten frames of one unit each, and two cameras."""
    cameras = tuple(
        DatasetCamera(f"cam{i}", scenes.camera(), time) for i, time in enumerate((None, 4.0))
    )
    home = Rig(position=(0.0, 0.0, -4.0), distance=4.0)
    return replace(
        NO_SCENE, path="x", count=5, time_range=(0.0, 9.0), frame_step=1.0, fps=10.0,
        bounds=Bounds((-1.0,) * 3, (1.0,) * 3), home=home, cameras=cameras, **changes,
    )  # fmt: skip


def start() -> State:
    """Just opened, paused."""
    state = opened(State(), report())
    return replace(state, playback=replace(state.playback, playing=False))


def press(state: State, *keys: str, modifiers: tuple[str, ...] = ()) -> State:
    """The state after some keys, one frame each."""
    for key in keys:
        state, _ = update(
            state, Inputs(SIZE, pressed=(key,), modifiers=frozenset(modifiers)), report(), 0.0
        )
    return state


def asked(key: str, *modifiers: str, state: State | None = None) -> Actions:
    """What a key asks the program for."""
    return update(
        state or start(), Inputs(pressed=(key,), modifiers=frozenset(modifiers)), report(), 0.0
    )[1]


def drag(state: State, button: str, by: tuple[float, float], *modifiers: str) -> State:
    """The state after one frame of dragging."""
    inputs = Inputs(SIZE, drag=by, buttons=frozenset({button}), modifiers=frozenset(modifiers))
    return update(state, inputs, report(), 0.0)[0]


def test_a_scene_that_moves_opens_playing_from_its_first_frame_and_view():
    state = opened(replace(start(), camera_index=1), report())
    p = state.playback
    assert (p.playing, p.time, p.frames, p.fps, state.rig) == (True, 0.0, 10, 10.0, report().home)
    assert state.camera_index is None
    assert not opened(State(), replace(report(), time_range=(0.0, 0.0))).playback.playing


def test_opening_forgets_marks_and_keeps_speed_and_loop():
    p = replace(start().playback, mark_in=1.0, mark_out=2.0, speed=2.0, loop=Loop.ONCE, held=True)
    p = opened(replace(start(), playback=p), report()).playback
    assert (p.mark_in, p.mark_out, p.speed, p.loop, p.held) == (None, None, 2.0, Loop.ONCE, False)


def test_space_plays_and_pauses():
    assert press(start(), "space").playback.playing
    assert press(start(), "space", "space") == start()


def test_an_empty_frame_changes_nothing():
    assert update(start(), Inputs(), report(), 0.0) == (start(), Actions())


def test_playing_goes_on_with_the_clock():
    state, _ = update(press(start(), "space"), Inputs(), report(), 0.25)
    assert state.playback.time == pytest.approx(2.5)


@pytest.mark.parametrize(
    ("keys", "modifiers", "frame"),
    [
        (("right", "period"), (), 2), (("right", "left"), (), 0), (("end",), (), 9),
        (("end", "comma"), (), 8), (("end", "home"), (), 0), (("right",), ("shift",), 9),
        (("left",), (), 0),
    ],
)  # fmt: skip
def test_frame_keys(keys, modifiers, frame):
    assert press(start(), *keys, modifiers=modifiers).playback.frame == frame


def test_speed_loop_and_mark_keys():
    assert press(start(), "rightbracket").playback.speed == 2.0
    assert press(start(), "leftbracket").playback.speed == 0.5
    assert press(start(), "p").playback.loop is Loop.PING_PONG
    marked = press(start(), "right", "i", "right", "right", "o")
    assert (marked.playback.mark_in, marked.playback.mark_out) == (1.0, 3.0)
    assert press(marked, "o", modifiers=("shift",)).playback.mark_in is None


def test_shuttle_whole_frame_and_entry_keys():
    paused = press(start(), "k")
    back = press(paused, "j", "j")
    assert (back.playback.playing, back.playback.backwards, back.playback.speed) == (True, True, 2)
    assert not press(back, "k").playback.playing
    forth = press(back, "l")
    assert (forth.playback.backwards, forth.playback.speed) == (False, 1)
    assert press(paused, "x").playback.pacing is Pacing.FRAMES
    assert press(paused, "x", "x").playback.pacing is Pacing.EVERY
    assert press(paused, "t").interface.entry == ""


def test_markers_are_set_removed_and_gone_to():
    state = press(start(), "right", "m", "right", "right", "m", "home")
    assert state.playback.markers == (1.0, 3.0)
    state = press(state, "m", modifiers=("shift",))
    assert state.playback.time == 1.0
    state = press(state, "m", modifiers=("shift",))
    assert press(state, "m", modifiers=("shift",)) == state  # there is none further on
    back = press(state, "m", modifiers=("ctrl", "shift"))
    assert (state.playback.time, back.playback.time) == (3.0, 1.0)
    assert press(back, "m").playback.markers == (3.0,)
    assert opened(back, report()).playback.markers == ()


def test_the_ruler_fits_what_plays_and_the_whole():
    marked = press(start(), "right", "i", "right", "right", "o")
    near = press(marked, "z", modifiers=("shift",))
    low, high = near.interface.ruler
    assert 0 < low < 1 / 9 < 3 / 9 < high < 0.4
    assert press(near, "z").interface.ruler == (0.0, 1.0)
    assert press(near, "home", "left", "left").interface.ruler != near.interface.ruler


def test_a_ruler_near_turns_the_page_with_the_playhead():
    near = replace(start(), interface=replace(start().interface, ruler=(0.0, 0.3)))
    assert press(near, "right").interface.ruler == (0.0, 0.3)
    low, high = press(near, "right", "right", "right").interface.ruler
    assert (low, high) == pytest.approx((1 / 3, 1 / 3 + 0.3))


def test_where_every_frame_is_shown_the_clock_waits_for_the_picture():
    state = press(start(), "x", "x", "space")
    assert update(state, Inputs(), report(), 1.0, unseen=True)[0].playback.time == 0.0
    assert update(state, Inputs(), report(), 1.0)[0].playback.time == 1.0
    smooth = press(start(), "space")
    assert update(smooth, Inputs(), report(), 0.1, unseen=True)[0].playback.time == 1.0


def test_left_drag_orbits_middle_and_shift_left_pan_right_looks():
    home = start().rig
    orbited = drag(start(), "left", (10, 5)).rig
    np.testing.assert_allclose(orbited.pivot, home.pivot, atol=1e-9)
    assert orbited.position != home.position
    panned = drag(start(), "middle", (10, 5)).rig
    assert panned == rigs.pan(home, 10, 5, SIZE[1])  # until it is known what was grabbed
    assert drag(start(), "left", (10, 5), "shift").rig == panned
    looked = drag(start(), "right", (10, 5)).rig
    assert looked.position == home.position
    assert looked.orientation != home.orientation


def test_dragging_right_turns_the_scene_the_way_of_the_hand():
    """A point in front of the pivot follows the pointer to the right and down."""
    near = np.array([0.0, 0.0, -1.0, 1.0])

    def place(state):
        camera = state.rig.camera(*SIZE)
        seen = camera.K @ (camera.viewmat @ near)[:3]
        return seen[:2] / seen[2]

    before, after = place(start()), place(drag(start(), "left", (5, 3)))
    assert (after > before).all()


def test_wheel_dollies_and_with_ctrl_changes_the_field_of_view():
    near, _ = update(start(), Inputs(wheel=1.0), report(), 0.0)
    assert near.rig.distance == pytest.approx(3.6)
    inputs = Inputs(wheel=1.0, modifiers=frozenset({"ctrl"}))
    narrow, _ = update(start(), inputs, report(), 0.0)
    assert narrow.rig.fov_y < start().rig.fov_y
    assert narrow.rig.position == start().rig.position
    for _ in range(200):
        narrow, _ = update(narrow, inputs, report(), 0.0)
    assert narrow.rig.fov_y == rigs.MIN_FOV


def test_flying_is_by_time_faster_with_shift_slower_with_alt_and_never_leaps():
    def flown(dt, *modifiers, keys=("w",)):
        inputs = Inputs(held=frozenset(keys), modifiers=frozenset(modifiers))
        state, _ = update(start(), inputs, report(), dt)
        return math.dist(state.rig.position, start().rig.position)

    assert flown(0.02) == pytest.approx(2 * flown(0.01))
    assert flown(0.01, "shift") == pytest.approx(5 * flown(0.01))
    assert flown(0.01, "alt") == pytest.approx(0.2 * flown(0.01))
    assert flown(0.01, keys=("w", "d", "q")) == pytest.approx(flown(0.01))
    assert flown(5.0) == pytest.approx(flown(0.1))
    assert flown(0.01, "ctrl") == 0.0
    assert flown(0.01, keys=("w", "s")) == 0.0


def test_f_frames_the_scene_and_r_goes_home():
    away = drag(start(), "middle", (50, 50))
    np.testing.assert_allclose(press(away, "f").rig.pivot, (0, 0, 0), atol=1e-9)
    assert press(away, "r").rig == report().home


def test_keypad_looks_from_the_sides_and_with_ctrl_from_the_opposite_ones():
    front, back = press(start(), "keypad1").rig, press(start(), "keypad1", modifiers=("ctrl",)).rig
    np.testing.assert_allclose(front.axes[:, 2], -back.axes[:, 2], atol=1e-9)
    top = press(start(), "keypad7")
    assert top.rig == rigs.from_side(start().rig, rigs.Side.TOP)
    assert top.camera_index is None
    assert press(start(), "keypad3").rig == rigs.from_side(start().rig, rigs.Side.RIGHT)


def test_number_and_page_keys_go_to_cameras_of_the_dataset():
    state = press(start(), "2")
    assert (state.camera_index, state.playback.time) == (1, 4.0)
    np.testing.assert_allclose(state.rig.position, scenes.camera().center, atol=1e-9)
    assert press(state, "pagedown").camera_index == 0
    assert press(start(), "pageup").camera_index == 0
    assert press(start(), "9") == start()
    assert go_to_camera(State(), NO_SCENE, 3) == State()


def test_double_click_asks_for_the_surface_there():
    _, actions = update(start(), Inputs(pointer=(3.0, 4.0), double_click=True), report(), 0.0)
    assert actions == Actions(pick=(3.0, 4.0))


def test_keys_that_ask_the_program():
    assert asked("o", "ctrl") == Actions(open_dialog=True)
    assert asked("f5") == Actions(reload=True)
    assert asked("f12") == Actions(screenshot=True)
    assert asked("f12", "shift") == Actions(snapshot=True)
    assert asked("escape") == Actions(dismiss_error=True, cancel_load=True)


def test_keys_with_ctrl_are_not_the_keys_alone():
    assert press(start(), "p", "i", "r", "g", "space", modifiers=("ctrl",)) == start()


def test_keys_of_the_window():
    shown = start().interface
    assert press(start(), "f1").interface == replace(shown, help=True)
    assert press(start(), "slash", modifiers=("shift",)).interface.help
    assert not press(start(), "slash").interface.help
    assert not press(start(), "tab").interface.visible
    assert not press(start(), "g").interface.panel
    assert not press(start(), "h").interface.statistics
    assert press(start(), "f11").interface.fullscreen


def test_escape_closes_help_then_dialog_before_anything_else():
    both = Interface(help=True, dialog=Dialog("/"))
    state = replace(start(), interface=both)
    assert asked("escape", state=state) == Actions()
    state = press(state, "escape")
    assert (state.interface.help, state.interface.dialog) == (False, Dialog("/"))
    assert press(state, "escape").interface.dialog is None


def test_actions_add_up():
    both = Actions(open_path="/a", reload=True) | Actions(open_path="/b", pick=(1.0, 2.0))
    assert both == Actions(open_path="/b", reload=True, pick=(1.0, 2.0))


def test_a_frames_cost_is_the_sum_of_its_spans():
    assert FrameStats(spans=(("slice", 1.0), ("blend", 2.5))).milliseconds == 3.5


def test_every_binding_has_a_section_keys_and_words():
    assert {section for section, _, _ in BINDINGS} == {
        "Time",
        "Camera",
        "Path",
        "Picture",
        "Window",
    }
    assert all(keys and does for _, keys, does in BINDINGS)


def test_the_clock_stands_while_the_playhead_is_held():
    state = press(start(), "space")
    state = replace(state, playback=replace(clock.seek(state.playback, 3.0), held=True))
    assert update(state, Inputs(), report(), 1.0)[0].playback.time == 3.0


def test_v_shows_the_next_mode_and_shift_the_one_before():
    assert press(start(), "v").settings.mode is Mode.DEPTH
    assert press(start(), "v", modifiers=("shift",)).settings.mode is Mode.OVERDRAW
    assert press(start(), *["v"] * len(Mode)) == start()


def test_reset_makes_every_setting_as_at_first_and_keeps_the_scene():
    changed = press(press(start(), "g", "right", "f11"), "u", modifiers=("shift",))
    changed = replace(
        changed,
        settings=replace(changed.settings, scale=2.0),
        interface=replace(changed.interface, theme=Theme.LIGHT, scale=2.0),
        camera_index=1,
    )
    again = reset(changed)
    assert (again.rig, again.playback, again.camera_index) == (
        changed.rig, changed.playback, 1,
    )  # fmt: skip
    fresh = State()
    assert (again.settings, again.navigation) == (fresh.settings, fresh.navigation)
    assert again.interface == replace(fresh.interface, fullscreen=True)


def test_no_key_is_bound_twice():
    keys = [key for _, keys, _ in BINDINGS for key in keys.split("  ")]
    twice = {key for key in keys if keys.count(key) > 1}
    assert twice <= {"wheel"}  # which is the ruler's over the ruler


def test_a_scene_loaded_again_is_seen_from_the_same_place_at_the_same_time():
    before = press(drag(start(), "left", (9, 4)), "right", "m", "space")
    fresh = opened(before, report())
    again = resumed(before, fresh, same=True)
    assert (again.rig, again.playback) == (before.rig, before.playback)
    turned = replace(fresh, rig=replace(fresh.rig, up=(0.0, 0.0, 1.0)))
    assert resumed(before, turned, same=False).rig == replace(before.rig, up=(0.0, 0.0, 1.0))
    still = opened(before, replace(report(), time_range=(0.0, 0.0)))
    assert not resumed(before, still, same=True).playback.playing
