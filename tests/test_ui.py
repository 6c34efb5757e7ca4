"""The interface without a window: events go in as a window sends them, State comes out."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

imgui = pytest.importorskip("imgui_bundle").imgui

from tests.headless_ui import Headless  # noqa: E402  after the check that it can be imported
from tests.test_state import report  # noqa: E402
from viewer.core import folder  # noqa: E402
from viewer.core.bindings import BINDINGS  # noqa: E402
from viewer.core.playback import Playback  # noqa: E402
from viewer.core.report import Setting  # noqa: E402
from viewer.core.session import NO_SCENE, Loading, Problem, Session  # noqa: E402
from viewer.core.settings import RenderSettings  # noqa: E402
from viewer.core.state import (  # noqa: E402
    Actions,
    Dialog,
    FrameStats,
    Interface,
    State,
    Theme,
    Units,
    opened,
)
from viewer.ui import picture, ruler, theme  # noqa: E402

pytestmark = pytest.mark.gl

STATS = FrameStats(
    spans=(("slice", 1.0),), total=5, renderer="peel", adapter="test", notes=("n",), passes=7
)
SESSION = Session(scene=True, frame_times=(16.0, 17.0), recents=("/a/b.ply",))
SIZE = (1000, 600)
LEFT, RIGHT = 17.0, 983.0  # ends of the rail
RAIL = 600 - 92 + 8 + 28 + 6 + 26  # its height on screen
PLAY = (90, 530)


@pytest.fixture
def ui(ctx):
    """Makes an interface that is released at the end; paused at the start of ten frames."""
    made = []

    def make(**changes):
        state = opened(State(), report())
        state = replace(state, playback=replace(state.playback, playing=False))
        given = {"state": state, "report": report(), "stats": STATS, "session": SESSION}
        made.append(Headless(ctx, **{"size": SIZE, **given, **changes}).frame(3))
        return made[-1]

    yield make
    for one in made:
        one.release()


def with_interface(ui, **changes) -> Headless:
    """An interface in a state of its own."""
    one = ui()
    one.state = replace(one.state, interface=replace(one.state.interface, **changes))
    return one.frame(3)


def rail(share: float) -> tuple[float, float]:
    """A place on the rail."""
    return (LEFT + share * (RIGHT - LEFT), RAIL)


def test_play_button(ui):
    one = ui().click(*PLAY)
    assert one.state.playback.playing
    assert not one.click(*PLAY).state.playback.playing


def test_a_click_on_the_ruler_seeks_there(ui):
    one = ui().click(rail(0.5)[0], RAIL - 18)
    assert one.state.playback.time == pytest.approx(4.5, abs=0.02)
    assert not one.state.playback.held


def test_dragging_scrubs_holds_the_clock_and_lets_go(ui):
    one = ui()
    one.move(*rail(0.2)).button(True)
    one.move(*rail(0.7))
    assert one.state.playback.held
    assert one.state.playback.time == pytest.approx(6.3, abs=0.02)
    one.move(2000, 100)
    assert one.state.playback.time == 9.0
    rig = one.state.rig
    one.button(False).frame()
    assert not one.state.playback.held
    assert one.state.rig == rig == report().home  # a drag that began on a panel stays there


def test_dragging_the_handles_marks_the_part_that_plays(ui):
    one = ui()
    one.drag((LEFT - 4, RAIL), rail(0.34))
    assert one.state.playback.mark_in == 3.0
    one.drag((RIGHT + 3, RAIL), rail(0.66))
    assert one.state.playback.mark_out == 6.0
    assert one.state.playback.time == 0.0


def test_pressing_a_handle_without_moving_marks_nothing(ui):
    p = ui().click(RIGHT + 3, RAIL).state.playback
    assert (p.mark_in, p.mark_out) == (None, None)


def test_a_click_on_the_readout_changes_the_ruler(ui):
    one = ui()
    before = one.picture()
    one.click(960, 530).frame()
    assert one.state.interface.units is Units.SECONDS
    assert (one.picture() != before).any()
    one.click(960, 530).frame()
    assert one.state.interface.units is Units.TIME
    one.click(960, 530).frame()
    assert one.state.interface.units is Units.FRAMES


def test_gestures_on_the_scene_reach_the_camera_and_go_on_over_panels(ui):
    one = ui().move(500, 300).button(True)
    one.move(520, 300)
    turned = one.state.rig
    assert turned != report().home
    one.move(520, 590)  # over the timeline
    assert one.state.rig != turned
    time = one.state.playback.time
    one.button(False)
    assert one.state.playback.time == time


@pytest.mark.parametrize("which", [0, 1, 2])
def test_every_button_moves_the_camera_in_its_own_way(ui, which):
    one = ui().drag((500, 300), (540, 310), which)
    assert one.state.rig != report().home


def test_the_wheel_is_the_scenes_or_the_panels(ui):
    one = ui().move(500, 300)
    imgui.get_io().add_mouse_wheel_event(0, 1)
    assert one.frame().state.rig.distance < 4.0
    one.move(900, 100)
    before = one.state.rig
    imgui.get_io().add_mouse_wheel_event(0, 1)
    assert one.frame(2).state.rig == before


def test_pointer_and_drag_are_in_framebuffer_pixels(ui):
    one = ui(dense=2.0).move(500, 300).button(True).move(510, 305)
    assert one.inputs.pointer == (1020.0, 610.0)
    assert one.inputs.drag == (20.0, 10.0)
    assert one.inputs.size == (2000, 1200)
    one.button(False)


def test_double_click_asks_for_the_surface(ui):
    one = ui().move(500, 300)
    asked = Actions()
    for _ in range(2):
        one.button(True)
        asked |= one.actions
        one.button(False)
    assert asked.pick == (500.0, 300.0)


def test_keys_reach_the_state(ui):
    one = ui().key(imgui.Key.space)
    assert one.state.playback.playing
    one.key(imgui.Key.f1)
    assert one.state.interface.help


def test_a_text_field_keeps_its_keys(ui):
    one = with_interface(ui, dialog=Dialog("/"))
    assert imgui.get_io().want_text_input
    one.dt = 0.1
    one.key(imgui.Key.w, True).frame(3)
    one.key(imgui.Key.space, True).type("x")
    assert one.state.rig == report().home
    assert not one.state.playback.playing
    assert "x" in one.state.interface.dialog.text


def test_held_keys_fly(ui):
    one = ui()
    one.dt = 0.1
    one.key(imgui.Key.w, True).frame()
    assert one.state.rig != report().home


def test_help_opens_shows_and_closes(ui):
    one = with_interface(ui, help=True)
    with_help = one.picture()
    one.key(imgui.Key.escape).frame(2)
    assert not one.state.interface.help
    assert (one.picture() != with_help).mean() > 0.02


def test_an_error_is_shown_until_dismissed(ui):
    one = ui()
    before = one.picture()
    one.session = replace(SESSION, problem=Problem("/x.ply: broken %s %d", "fix it"))
    one.frame(3)
    assert (one.picture() != before).mean() > 0.02
    asked = press_somewhere(one, lambda a: a.dismiss_error, (300, 480), (150, 260))
    assert asked.dismiss_error
    assert press_somewhere(one, lambda a: a.copy_report, (300, 600), (150, 260)).copy_report


def test_loading_can_be_cancelled_with_and_without_a_scene(ui):
    for scene in (True, False):
        found = Loading("/some/where", 0.4, "reading 40%")
        session = replace(SESSION, scene=scene, loading=found)
        one = ui(session=session, report=report() if scene else NO_SCENE)
        down = (70, 130) if scene else (330, 380)
        assert press_somewhere(one, lambda a: a.cancel_load, (600, 660), down).cancel_load


def text_field(one, x, down) -> float:
    """Height of the first text field on a line down the window, told by the pointer's shape."""
    for y in range(*down, 8):
        one.move(x, y)
        if imgui.get_mouse_cursor() == imgui.MouseCursor_.text_input.value:
            return y + 4
    raise AssertionError("no field")


def press_somewhere(one, wanted, across, down) -> Actions:
    """Click on a coarse grid until an action is asked for: layouts may move a little."""
    for y in range(*down, 12):
        for x in range(*across, 40):
            one.click(x, y)
            if wanted(one.actions):
                return one.actions
    return Actions()


def test_the_start_screen_offers_to_open(ui):
    one = ui(report=NO_SCENE, session=replace(SESSION, scene=False), state=State())
    asked = press_somewhere(one, lambda a: a.open_dialog, (310, 420), (270, 340))
    assert asked.open_dialog


def test_a_recent_path_opens(ui):
    one = ui(report=NO_SCENE, session=replace(SESSION, scene=False), state=State())
    asked = press_somewhere(one, lambda a: a.open_path, (320, 420), (300, 400))
    assert asked.open_path == "/a/b.ply"


def test_dialog_goes_into_folders_and_opens_files_and_folders(ui, tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "scene.ply").write_text("")
    one = with_interface(ui, dialog=Dialog(str(tmp_path)))
    one.session = replace(SESSION, listing=folder.listing(str(tmp_path)))
    one.frame(3)
    one.click(260, 118)
    assert one.state.interface.dialog.chosen == "inner/"
    one.button(True).button(False)  # the second click of a double click
    assert one.state.interface.dialog.folder.rstrip("/") == str(tmp_path / "inner")
    one.frame(3).click(260, 515)
    assert one.actions.open_path.rstrip("/") == str(tmp_path / "inner")
    assert one.state.interface.dialog is None


def test_a_typed_path_opens(ui, tmp_path):
    (tmp_path / "scene.ply").write_text("")
    one = with_interface(ui, dialog=Dialog(str(tmp_path)))
    one.type("")
    imgui.get_io().add_key_event(imgui.Key.mod_ctrl, True)
    one.key(imgui.Key.a)
    imgui.get_io().add_key_event(imgui.Key.mod_ctrl, False)
    one.frame().type(str(tmp_path / "scene.ply")).key(imgui.Key.enter)
    assert one.actions.open_path == str(tmp_path / "scene.ply")


STATES = {
    "scene": (Interface(), SESSION),
    "help": (Interface(help=True), SESSION),
    "dialog": (Interface(dialog=Dialog("/")), replace(SESSION, listing=folder.Listing("/"))),
    "error": (Interface(), replace(SESSION, problem=Problem("x" * 300, "y" * 300))),
    "loading": (Interface(), replace(SESSION, loading=Loading("z" * 300, 0.5, "w" * 99))),
    "start": (Interface(), replace(SESSION, scene=False)),
    "hidden": (Interface(visible=False), replace(SESSION, notice="n" * 300)),
    "menu": (Interface(panel=False), replace(SESSION, busy="b", pending=True, idle=True)),
}


@pytest.mark.parametrize("name", STATES)
def test_every_panel_at_every_size(ui, name):
    shown, session = STATES[name]
    one = ui(session=session)
    one.state = replace(one.state, interface=shown)
    for size, scale in (
        ((3, 3), 1.0), ((1, 1), 2.0), ((50, 45), 1.0), ((200, 100), 2.0), ((3, 400), 1.0),
        ((640, 360), 1.0), ((700, 400), 2.0),
    ):  # fmt: skip
        one.resize(size, scale)
        one.frame(3)
        assert one.picture().shape[:2] == (size[1], size[0])


def test_a_static_scene_says_so_and_has_no_track(ui):
    still = replace(report(), time_range=(0.0, 0.0))
    one = ui(report=still, state=opened(State(), still))
    one.drag(rail(0.2), rail(0.7)).click(*PLAY)
    assert (one.state.playback.time, one.state.playback.playing) == (0.0, False)


def test_textures_are_made_grown_and_destroyed(ui):
    one = ui()
    assert len(one.renderer._textures) >= 1
    for scale in (1.0, 1.5, 2.0, 3.0):  # glyphs in new sizes grow the atlas
        one.resize(SIZE, scale)
        one.frame(2)
    alive = [t for t in imgui.get_platform_io().textures if t.get_tex_id()]
    assert {t.get_tex_id() for t in alive} == set(one.renderer._textures)
    one.renderer.release()
    assert one.renderer._textures == {}
    assert all(not t.get_tex_id() for t in imgui.get_platform_io().textures)
    one.renderer = type(one.renderer)(one.ctx)  # as the fixture releases it again
    one.frame(2)
    assert one.picture().std() > 5


def test_interface_is_drawn_in_dense_pixels(ui):
    coarse, fine = ui().picture(), ui(dense=2.0).picture()
    assert fine.shape[0] == 2 * coarse.shape[0]
    halved = fine.reshape(600, 2, 1000, 2, 4).mean((1, 3))
    assert np.abs(halved - coarse).mean() < 4


def test_time_to_build_the_interface_is_told(ui, record_property):
    one = ui().frame(40)
    record_property("interface_ms", sorted(one.build_ms)[len(one.build_ms) // 2])


def test_every_binding_is_in_the_help():
    source = Path(ruler.__file__).with_name("overlays.py").read_text()
    assert "BINDINGS" in source
    assert len(BINDINGS) > 20


@pytest.mark.parametrize("frames", [2, 3, 10, 50, 300, 10_000, 1_000_000])
@pytest.mark.parametrize("units", list(Units))
@pytest.mark.parametrize("width", [50.0, 966.0, 5000.0])
def test_ruler_labels_fit_and_start_at_nought(frames, units, width):
    p = Playback(end=float(frames - 1), fps=30.0)
    ticks = ruler.ticks(p, units, width, 64.0)
    labelled = [t for t in ticks if t.label]
    assert labelled[0].place == 0.0
    assert len(ticks) <= ruler.MOST_TICKS + 1
    assert all(0 <= t.place <= 1 + 1e-9 for t in ticks)
    gaps = np.diff([t.place for t in labelled]) * width
    assert (gaps >= 63.9).all()
    assert len({t.label for t in labelled}) == len(labelled)


@pytest.mark.parametrize(
    ("seconds", "decimals", "text"),
    [(4.25, 2, "4.25"), (59.999, 2, "1:00.00"), (64.5, 1, "1:04.5"), (125, 0, "2:05"), (0, 0, "0")],
)
def test_clock_text(seconds, decimals, text):
    assert ruler.clock(seconds, decimals) == text


def test_no_ruler_for_one_frame():
    assert ruler.ticks(Playback(), Units.FRAMES, 100.0, 64.0) == ()
    assert math.isclose(ruler.nice_step(0.3, whole=False), 0.5)


def test_an_option_is_changed_in_its_field(ui):
    """Enter asks to load again with the new value; leaving the field asks for nothing."""
    guessed = Setting("time_duration", "0,10", "guessed", "start and end")
    one = ui(report=replace(report(), warnings=("w",), settings=(guessed,)), size=(1000, 1200))
    field, elsewhere = (860, text_field(one, 860, (500, 1060))), (400, 500)
    one.click(*field).key(imgui.Key.end).type("7")
    assert one.click(*elsewhere).actions.option is None
    one.click(*field).key(imgui.Key.end).type("5").key(imgui.Key.enter)
    assert one.actions.option == ("time_duration", "0,105")


def test_a_far_plane_is_set_in_the_settings(ui):
    one = ui()
    for y in range(280, 420, 8):  # the box, somewhere under the near plane
        if one.click(787, y).state.settings.far is not None:
            break
    assert one.state.settings.far == pytest.approx(2 * report().bounds.radius)
    assert one.click(787, y).state.settings.far is None


def test_layers_of_peel_are_set_where_peel_is_chosen(ui):
    assert picture.chosen(RenderSettings(), "peel").peel_layers == picture.LAYERS
    assert picture.chosen(RenderSettings(renderer="peel"), "peel").peel_layers is None
    assert picture.chosen(RenderSettings(peel_layers=3), "peel").peel_layers == 3
    assert picture.chosen(RenderSettings(), "sorted").peel_layers is None
    one = ui()
    plain = one.picture()
    one.state = replace(one.state, settings=RenderSettings(renderer="peel"))
    assert (one.frame(3).picture() != plain).any()
    for y in range(146, 200, 8):  # the box, somewhere under the renderer
        if one.click(787, y).state.settings.peel_layers is not None:
            break
    assert one.state.settings.peel_layers == picture.LAYERS


def test_a_time_is_typed_in_the_readouts_place(ui):
    one = ui().key(imgui.Key.t)
    assert one.state.interface.entry == ""
    one.frame(2).type("50%").key(imgui.Key.enter)
    assert one.state.interface.entry is None
    assert one.state.playback.time == pytest.approx(4.5)
    one.key(imgui.Key.t).frame(2).type("what").key(imgui.Key.enter)
    assert one.state.interface.entry == ""  # cleared, and open still
    assert one.state.playback.time == pytest.approx(4.5)
    one.frame(2).key(imgui.Key.escape)
    assert one.state.interface.entry is None


def test_cameras_with_a_time_are_marked_on_the_track(ui):
    seen = report()
    untimed = replace(seen, cameras=tuple(replace(c, time=None) for c in seen.cameras))
    assert any(c.time is not None for c in seen.cameras)
    assert (ui(report=seen).picture()[560:] != ui(report=untimed).picture()[560:]).any()


def test_the_wheel_zooms_the_ruler_about_the_pointer_and_a_middle_drag_moves_it(ui):
    one = ui().move(*rail(0.25))
    imgui.get_io().add_mouse_wheel_event(0, 2)
    low, high = one.frame().state.interface.ruler
    assert (0.25 - low) / (high - low) == pytest.approx(0.25, abs=0.01)
    assert high - low < 0.7
    rig, time = one.state.rig, one.state.playback.time
    one.drag(rail(0.5), rail(0.25), which=2)
    moved = one.state.interface.ruler
    assert moved[0] == pytest.approx(low + 0.25 * (high - low), abs=0.01)
    assert (one.state.rig, one.state.playback.time) == (rig, time)
    one.click(*rail(0.0))
    assert one.state.playback.time == pytest.approx(9 * moved[0], abs=0.02)


def test_markers_and_what_is_in_memory_are_drawn(ui):
    stored = replace(report(), frame_times=tuple(float(i) for i in range(10)))
    plain = ui(report=stored)
    before = plain.picture()[560:]
    plain.state = replace(
        plain.state, playback=replace(plain.state.playback, markers=(2.0, 7.5, 99.0))
    )
    marked = plain.frame().picture()[560:]
    assert (marked != before).any()
    plain.session = replace(SESSION, loaded=((0, 3), (9, 9)))
    assert (plain.frame().picture()[560:] != marked).any()


def test_a_ruler_that_is_near_has_ticks_of_its_own():
    p = Playback(end=9999.0)
    near = ruler.ticks(p, Units.FRAMES, 966.0, 64.0, (0.5, 0.501))
    assert [t.label for t in near if t.label][:2] == ["5000", "5001"]
    assert all(0 <= t.place <= 1 + 1e-9 for t in near)


def test_every_tone_is_another_colour_in_each_theme_and_text_can_be_read(ui):
    one = ui()
    for chosen in Theme:
        theme.apply(1.0, chosen)
        tones = [theme.TEXT, theme.DIM, theme.FAINT, theme.ACCENT, theme.WARNING, theme.LOADED,
                 theme.DANGER, theme.FIELD, theme.FIELD_ACTIVE, theme.HOLLOW, theme.PLAYHEAD,
                 theme.BACKDROP, theme.LINE, theme.POPUP]  # fmt: skip
        assert len(set(tones)) == len(tones)
        for tone in (theme.TEXT, theme.DIM, theme.WARNING, theme.DANGER, theme.ACCENT):
            for ground in (theme.POPUP, theme.PANEL):
                assert contrast(theme.rgba(tone), theme.rgba(ground)) > 4.5
    assert one.frame().picture().mean() > ui().picture().mean()


def contrast(a, b) -> float:
    """Of two colours, as WCAG 2 has it: 1 to 21."""
    light = []
    for color in (a, b):
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color[:3]]
        light.append(float(np.dot(linear, (0.2126, 0.7152, 0.0722))))
    return (max(light) + 0.05) / (min(light) + 0.05)
