"""The track of the camera path and its export, without a window."""

from dataclasses import replace

import numpy as np
import pytest

imgui = pytest.importorskip("imgui_bundle").imgui

from tests.headless_ui import Headless  # noqa: E402  after the check that it can be imported
from tests.test_ui import SESSION, STATS  # noqa: E402
from viewer.core import rig as rigs  # noqa: E402
from viewer.core import tour as tours  # noqa: E402
from viewer.core.path import through  # noqa: E402
from viewer.core.path_presets import key  # noqa: E402
from viewer.core.rig import Rig  # noqa: E402
from viewer.core.session import NO_SCENE, Exporting  # noqa: E402
from viewer.core.state import State, opened  # noqa: E402
from viewer.ui import pathlines, pathtrack  # noqa: E402

pytestmark = pytest.mark.gl

SIZE = (1000, 600)
REPORT = replace(
    NO_SCENE, path="/a/b.ply", time_range=(0.0, 9.0), fps=5.0,
    home=Rig(position=(0.0, 0.0, -4.0), distance=4.0),
)  # fmt: skip
RAIL = 600 - 44 + 4 + 22
LEFT, RIGHT = 10 + 150, 1000 - 18
EXTENT = 5.0
HEAD = 188  # height of the section's heading, those above it folded


def x(seconds: float) -> float:
    return LEFT + seconds / EXTENT * (RIGHT - LEFT)


@pytest.fixture
def ui(ctx):
    """An interface with a path of three keys at 0, 1 and 3 seconds, paused at its beginning."""
    state = opened(State(), REPORT)
    p = replace(state.playback, playing=False)
    rig = REPORT.home
    keys = [key(rigs.orbit(rig, 0.4 * s, 0.0), p, s) for s in (0.0, 1.0, 3.0)]
    tour = tours.with_path(state.tour, through(keys))
    state = replace(state, playback=p, tour=tour)
    made = Headless(ctx, size=SIZE, state=state, report=REPORT, stats=STATS, session=SESSION)
    yield made.frame(3)
    made.release()


def seconds(ui) -> list[float]:
    return [k.seconds for k in ui.state.tour.path.keys]


def test_a_click_on_a_key_goes_there(ui):
    ui.click(x(1.0), RAIL)
    tour = ui.state.tour
    assert (tour.chosen, tour.seconds) == (1, 1.0)
    assert ui.state.rig == tour.path.keys[1].on(REPORT.home)
    assert ui.state.playback.time == pytest.approx(5.0)
    assert seconds(ui) == [0, 1, 3]


def test_a_drag_retimes_a_key_and_keeps_what_it_shows(ui):
    before = ui.state.tour.path.keys[1]
    ui.drag((x(1.0), RAIL), (x(2.0), RAIL))
    assert seconds(ui) == [0, pytest.approx(2.0, abs=0.01), 3]
    assert ui.state.tour.path.keys[1].position == before.position
    assert ui.state.tour.path.keys[1].time == before.time
    ui.drag((x(3.0), RAIL), (RIGHT + 50, RAIL))
    assert seconds(ui)[2] == pytest.approx(EXTENT)
    assert ui.state.tour.extent > EXTENT  # room again, once let go


def test_a_drag_on_the_lane_goes_along_the_path(ui):
    ui.move(x(0.3), RAIL).button(True).move(x(2.2), RAIL)
    state = ui.state
    assert state.tour.seconds == pytest.approx(2.2, abs=0.01)
    assert state.rig == state.tour.path.at(state.tour.seconds).on(REPORT.home)
    ui.button(False)
    assert not ui.state.tour.held


def test_keys_are_added_followed_and_removed(ui):
    ui.state = replace(ui.state, rig=rigs.orbit(REPORT.home, 1.0, 0.2))
    ui.key(imgui.Key.b).frame()
    assert not ui.state.tour.shown
    ui.key(imgui.Key.b).key(imgui.Key.delete)
    assert len(seconds(ui)) == 3
    ui.click(x(3.0), RAIL).key(imgui.Key.delete)
    assert seconds(ui) == [0, 1]
    io = imgui.get_io()
    io.add_key_event(imgui.Key.mod_shift, True)
    ui.key(imgui.Key.insert)
    io.add_key_event(imgui.Key.mod_shift, False)
    ui.frame()
    assert seconds(ui) == [0, 1, 2]


def test_the_buttons_add_and_follow(ui):
    ui.click(30, RAIL - 4)
    assert len(seconds(ui)) == 3  # in the place of the key at this frame
    ui.click(110, RAIL - 4)
    assert ui.state.tour.follow
    ui.dt = 0.5
    ui.frame()
    ui.dt = 0.0
    assert ui.state.tour.seconds == pytest.approx(0.5)
    ui.click(110, RAIL - 4)
    assert not ui.state.tour.follow


def test_the_menu_of_a_key_takes_the_view_or_removes_it(ui):
    ui.state = replace(ui.state, rig=rigs.orbit(REPORT.home, 1.0, 0.2))
    ui.click(x(1.0), RAIL, which=1).frame(3)
    ui.click(x(1.0) + 40, RAIL - 19).frame(3)
    assert ui.state.tour.path.keys[1].position == ui.state.rig.position
    assert seconds(ui) == [0, 1, 3]
    ui.click(x(1.0), RAIL, which=1).frame(3)
    ui.click(x(1.0) + 40, RAIL + 2).frame(3)
    assert seconds(ui) == [0, 3]


def test_the_path_is_seen_in_the_scene_and_not_from_itself(ui):
    ui.state = replace(ui.state, rig=Rig(position=(0.0, -1.5, -12.0), distance=12.0))
    shown = ui.frame(2).picture()
    ui.state = replace(ui.state, tour=replace(ui.state.tour, path=through([])))
    assert (shown[:450] != ui.frame(2).picture()[:450]).any()


def test_segments_are_cut_where_they_pass_behind_the_eye():
    camera = Rig().camera(100, 100)
    ends = np.array([[0.0, 0.0, 2.0], [0.0, 0.0, -3.0]])
    starts = np.array([[0.1, 0.0, -2.0], [0.1, 0.0, -1.0]])
    found = pathlines.seen(camera, starts, ends, 0.1)
    assert found.shape == (1, 2, 2)
    np.testing.assert_allclose(found[0, 1], [50, 50])
    assert np.isfinite(found).all()
    half = pathlines.seen(camera, np.array([[0.0, 0.0, 1.0]]), np.array([[1.0, 0.0, 1.0]]), 0.1)
    np.testing.assert_allclose(half[0, 0], [50, 50])


def test_a_low_window_shows_no_track(ui):
    ui.resize((1000, 240), 1.0)
    ui.frame(2)
    assert pathtrack.height(ui.state.tour, ui.session) == 0.0


def opened_section(ui) -> Headless:
    """The settings with the section of the camera path alone."""
    ui.resize((1000, 760), 1.0)
    ui.frame(2).click(820, 100).frame(2).click(820, 130).frame(2).click(820, HEAD)
    return ui.frame(3)


def test_the_settings_make_save_load_and_export_a_path(ui):
    opened_section(ui)
    ui.click(760, HEAD + 144)
    assert (ui.actions.save_path, ui.actions.load_path) == (False, True)
    ui.click(906, HEAD + 144)
    assert (ui.actions.save_path, ui.actions.load_path) == (True, False)
    ui.click(703, HEAD + 86)
    assert not ui.state.tour.shown
    ui.click(820, HEAD + 326)
    assert ui.actions.export
    ui.click(791, HEAD + 86).frame()
    assert ui.state.tour.path.closed
    ui.click(875, HEAD + 29).frame(2).click(850, HEAD + 71).frame(2)
    assert ui.state.tour.path.duration > 3  # a preset in its place


def test_an_export_shows_how_far_it_is_and_can_be_stopped(ui):
    found = Exporting("/a/b.mp4", 0.4, 40, 100, 83.0)
    ui.session = replace(ui.session, exporting=found)
    opened_section(ui)
    assert not ui.click(820, HEAD + 326).actions.export
    ui.click(580, 115)
    assert ui.actions.cancel_export
