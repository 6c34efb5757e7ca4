"""An export in slices beside a window that goes on drawing, and the files of camera paths."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.window_program import moving, report
from viewer.apps.desk import Order, Scene
from viewer.apps.export import Shot, export
from viewer.apps.studio import Studio
from viewer.core import tour as tours
from viewer.core.errors import BadArgument, Unusable
from viewer.core.files import free
from viewer.core.film import Film
from viewer.core.state import Actions, State, opened
from viewer.frame import FramePath
from viewer.prefetch import Prefetch

pytestmark = pytest.mark.gl


@pytest.fixture
def desk(ctx, tmp_path):
    """A studio, the frame path of its window, a scene, and a state with a path of 4 frames."""
    path = FramePath(ctx)
    scene = Scene(Order(tmp_path), Prefetch(moving()), report(tmp_path))
    state = opened(State(), scene.report)
    tour = tours.preset(state.tour, "orbit", state.rig, state.playback)
    film = Film((64, 36), fps=1.0)
    state = replace(state, tour=replace(tour, film=film, output=str(tmp_path / "out")))
    studio = Studio(ctx, path)
    yield studio, path, scene, state
    studio.cancel()
    path.release()


def window_frame(path: FramePath, scene: Scene, state: State) -> np.ndarray:
    camera = state.rig.camera(80, 50)
    return path.render(scene.model, camera, 0.3, state.settings).picture.read()


@pytest.mark.parametrize("sampled", [False, True])
def test_frames_are_those_of_record_and_the_window_is_not_disturbed(desk, ctx, tmp_path, sampled):
    studio, path, scene, state = desk
    if sampled:
        film = replace(state.tour.film, supersample=2, blur=2)
        state = replace(state, tour=replace(state.tour, film=film))
    before = window_frame(path, scene, state)
    asked, told = studio.act(Actions(export=True), scene, state)
    assert asked == state
    assert told == ""
    assert studio.exporting.fraction == 0
    told, turns = "", 0
    while not told:
        told = studio.step()
        np.testing.assert_array_equal(window_frame(path, scene, state), before)
        turns += 1
        now = studio.exporting
        assert now is None or (now.frames == 4 and 0 < now.fraction <= 1 and now.seconds_left >= 0)
    assert told == f"Exported {tmp_path / 'out'}"
    assert studio.exporting is None
    shot = Shot(moving(), state.tour.path, state.playback, state.settings, state.tour.film)
    alone = FramePath(ctx, "f4" if sampled else "f2")
    list(export(alone, shot, tmp_path / "want"))
    alone.release()
    for i in range(4):
        name = f"frame_{i:05d}.png"
        got, want = (np.asarray(Image.open(tmp_path / f / name)) for f in ("out", "want"))
        # record of a sampled film has exact numbers on the device, the window packed ones
        assert np.abs(got.astype(int) - want).max() <= (2 if sampled else 0)


@pytest.mark.parametrize("name", ["out", "a.mp4"])
def test_a_cancelled_export_leaves_nothing(desk, tmp_path, name, monkeypatch):
    studio, _, scene, state = desk
    monkeypatch.setattr("viewer.apps.studio.SLICE", 0.0)
    state = replace(state, tour=replace(state.tour, output=str(tmp_path / name)))
    studio.start(scene, state)
    assert studio.step() == ""
    assert studio.step() == ""
    assert studio.exporting.written == 2
    _, told = studio.act(Actions(cancel_export=True), scene, state)
    assert told == "The export was stopped; nothing was written"
    assert list(tmp_path.iterdir()) == []
    assert studio.step() == ""


def test_what_fails_is_raised_once_and_leaves_nothing(desk, tmp_path):
    studio, _, scene, state = desk
    elsewhere = str(tmp_path / "nowhere" / "out")
    studio.start(scene, replace(state, tour=replace(state.tour, output=elsewhere)))
    with pytest.raises(Unusable, match="there is no folder"):
        studio.step()
    assert studio.exporting is None
    wide = replace(state.tour, film=Film((16000, 10), supersample=4))
    with pytest.raises(BadArgument, match="smaller"):
        studio.start(scene, replace(state, tour=wide))


def test_a_video_has_even_sides_and_takes_a_free_name(desk, tmp_path):
    av = pytest.importorskip("av")
    studio, _, scene, state = desk
    (tmp_path / "a.mp4").touch()
    film = replace(state.tour.film, size=(65, 37))
    tour = replace(state.tour, film=film, output=str(tmp_path / "a.mp4"))
    studio.start(scene, replace(state, tour=tour))
    while not (told := studio.step()):
        pass
    assert told.endswith("a-2.mp4")
    with av.open(str(tmp_path / "a-2.mp4")) as container:
        frames = list(container.decode(video=0))
    assert len(frames) == 4
    assert (frames[0].width, frames[0].height) == (64, 36)
    assert free(tmp_path / "a.mp4") == tmp_path / "a-3.mp4"


def test_paths_are_saved_and_loaded(desk, tmp_path):
    studio, _, scene, state = desk
    state = replace(state, tour=replace(state.tour, file=str(tmp_path / "a.json")))
    _, told = studio.act(Actions(save_path=True), scene, state)
    assert told == f"Saved {tmp_path / 'a.json'}"
    empty = replace(state, tour=tours.delete(tours.with_path(state.tour, tours.CameraPath()), 0))
    loaded, told = studio.act(Actions(load_path=True), scene, empty)
    assert told == "37 keys loaded"
    assert loaded.tour.path.duration == state.tour.path.duration
    Path(state.tour.file).write_text("{}")
    with pytest.raises(Unusable, match="no camera path"):
        studio.act(Actions(load_path=True), scene, state)
