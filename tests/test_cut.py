"""Instants as files of Gaussians: which ones, by the studio of a window, and the panel for it."""

import threading
import time
from dataclasses import replace

import pytest
import torch

from tests.headless_ui import Headless
from tests.test_ui_path import REPORT, SESSION, STATS
from tests.window_program import moving
from viewer import formats
from viewer.apps import cutting
from viewer.apps.desk import Order, Scene
from viewer.apps.studio import Studio
from viewer.core.cut import KINDS, Cut, as_kind, instants, kind
from viewer.core.errors import BadArgument, Unusable
from viewer.core.playback import Pacing, Playback
from viewer.core.session import NO_SCENE
from viewer.core.state import Actions, State, opened
from viewer.prefetch import Prefetch

FOOTAGE = Playback(time=0.26, end=1.0, step=0.1, fps=10.0)


def test_an_instant_is_the_one_that_is_shown():
    assert instants(Cut(), FOOTAGE) == ((2, 0.26),)
    assert instants(Cut(), replace(FOOTAGE, pacing=Pacing.FRAMES)) == ((2, 0.2),)


def test_a_range_is_of_whole_frames_between_the_marks():
    ranged = Cut(ranged=True)
    assert [i for i, _ in instants(ranged, FOOTAGE)] == list(range(11))
    marked = replace(FOOTAGE, mark_in=0.25, mark_out=0.5)
    assert instants(ranged, marked) == ((3, pytest.approx(0.3)), (4, 0.4), (5, 0.5))
    assert instants(ranged, replace(FOOTAGE, mark_in=0.21, mark_out=0.29)) == ()
    assert len(instants(ranged, Playback())) == 1  # nothing moves: there is no range


def test_a_format_is_the_ending_of_the_name():
    assert [kind(Cut(name)) for name in ("a.PLY", " b.spz ", "c", "d.mp4", "")] == [
        ".ply", ".spz", "", "", "",
    ]  # fmt: skip
    assert as_kind(Cut("a.b.ply"), ".spz").output == "a.b.spz"
    assert as_kind(Cut("a.b"), ".ply").output == "a.b.ply"
    assert as_kind(Cut(""), ".ply").output == "view4d.ply"


@pytest.fixture
def desk(ctx, tmp_path):
    """A studio, a scene that moves, and a state of it."""
    scene = Scene(Order(tmp_path), Prefetch(moving()), NO_SCENE)
    studio = Studio(ctx, None)  # a cut draws nothing
    yield studio, scene, State(playback=FOOTAGE)
    studio.cancel()


def finished(studio) -> str:
    end = time.monotonic() + 20
    while not (told := studio.step()):
        assert time.monotonic() < end
        time.sleep(0.005)
    return told


@pytest.mark.gl
@pytest.mark.parametrize("ending", list(KINDS))
def test_this_instant_is_a_file_that_opens_again(desk, tmp_path, ending):
    studio, scene, state = desk
    path = tmp_path / f"a{ending}"
    path.touch()
    state = replace(state, cut=Cut(str(path)))
    assert studio.act(Actions(cut=True), scene, state) == (state, "")
    assert studio.exporting.frames == 1
    told = finished(studio)
    written = tmp_path / f"a-2{ending}"
    assert told.split("; ")[0] == f"Exported {written}"
    assert studio.exporting is None
    assert path.read_bytes() == b""
    got, want = formats.load(written).model.slice(0.0), moving().slice(0.26)
    assert len(got) == len(want)
    torch.testing.assert_close(got.means, want.means, atol=1e-3, rtol=0)
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"a-2{ending}", f"a{ending}"]


@pytest.mark.gl
def test_a_range_is_a_folder_that_plays(desk, tmp_path):
    studio, scene, state = desk
    p = replace(FOOTAGE, mark_in=0.3, mark_out=0.5)
    cut = Cut(str(tmp_path / "a.ply"), ranged=True)
    studio.act(Actions(cut=True), scene, replace(state, playback=p, cut=cut))
    assert finished(studio) == f"Exported {tmp_path / 'a'}"
    names = [f"frame_{i:05d}.ply" for i in (3, 4, 5)]
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == names
    loaded = formats.load(tmp_path / "a")
    assert loaded.report.time_range == (0.0, 2.0)
    torch.testing.assert_close(loaded.model.slice(2.0).means, moving().slice(0.5).means)


@pytest.mark.gl
def test_a_stopped_range_leaves_nothing(desk, tmp_path, monkeypatch):
    studio, scene, state = desk
    at_last, go = threading.Event(), threading.Event()

    def slow(path, splats):
        path.write_bytes(b"half")
        at_last.set()
        assert go.wait(20)
        return []

    monkeypatch.setitem(cutting.WRITERS, ".ply", slow)
    state = replace(state, cut=Cut(str(tmp_path / "a.ply"), ranged=True))
    studio.act(Actions(cut=True), scene, state)
    assert at_last.wait(20)
    assert studio.exporting.written == 0
    _, told = studio.act(Actions(cancel_export=True), scene, state)
    assert told == "The export was stopped; nothing was written"
    assert studio.exporting is None
    go.set()
    end = time.monotonic() + 20
    while list(tmp_path.iterdir()):
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.mark.gl
def test_warnings_are_told_and_what_fails_is_raised_once(desk, tmp_path, monkeypatch):
    studio, scene, state = desk
    monkeypatch.setitem(cutting.WRITERS, ".spz", lambda path, _: path.touch() or ["it is round"])
    cut = Cut(str(tmp_path / "a.spz"), ranged=True)
    studio.act(Actions(cut=True), scene, replace(state, cut=cut))
    assert finished(studio) == f"Exported {tmp_path / 'a'}; it is round"
    elsewhere = Cut(str(tmp_path / "none" / "a.ply"))
    studio.act(Actions(cut=True), scene, replace(state, cut=elsewhere))
    with pytest.raises(Unusable, match="there is no folder"):
        finished(studio)
    assert studio.exporting is None
    with pytest.raises(BadArgument, match=r"ending in \.ply, \.splat, \.spz"):
        studio.act(Actions(cut=True), scene, replace(state, cut=Cut("a.obj")))


@pytest.mark.gl
def test_the_panel_chooses_what_and_as_what(ctx):
    size, state = (1000, 760), opened(State(), REPORT)
    ui = Headless(ctx, size=size, state=state, report=REPORT, stats=STATS, session=SESSION).frame(3)
    for heading in (100, 130, 217):  # two folded, and its own opened
        ui.click(820, heading).frame(2)
    assert ui.click(820, 332).actions.cut
    ui.click(875, 245).frame(2).click(850, 290).frame(2)
    assert ui.state.cut.ranged
    ui.click(875, 274).frame(2).click(850, 342).frame(2)
    assert ui.state.cut.output == "view4d.spz"
    ui.state = replace(ui.state, cut=Cut("a.obj"))
    assert not ui.frame(2).click(820, 332).actions.cut
    ui.release()
