"""The dataset's image over the picture: which, where it lies, and how far off the picture is."""

import json
import math
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests import scenes
from tests.test_state import SIZE, press, report, start
from viewer.core import compare
from viewer.core import rig as rigs
from viewer.core.camera import Camera
from viewer.core.compare import Compare, Compared
from viewer.core.errors import Unusable
from viewer.core.model import StaticModel
from viewer.core.report import DatasetCamera, Shot
from viewer.core.state import go_to_camera
from viewer.formats import images, training

CAMERA = Camera(scenes.camera().viewmat, np.array([[90.0, 0, 45], [0, 100, 25], [0, 0, 1]]), 80, 60)


def seen(*shots: Shot):
    """A report whose first camera took images, and which moves for ten frames."""
    return replace(report(), cameras=(DatasetCamera("c", CAMERA, shots=shots),))


def test_the_image_is_the_one_nearest_in_time():
    camera = seen(Shot("a", 0.0), Shot("b", 2.0)).cameras[0]
    assert compare.shot_at(camera, 0.9).image == "a"
    assert compare.shot_at(camera, 1.1).image == "b"
    assert compare.shot_at(seen(Shot("x")).cameras[0], 7.0).image == "x"
    assert compare.shot_at(seen().cameras[0], 7.0) is None


def test_one_stands_at_a_camera_whatever_the_lens_until_one_moves():
    state = go_to_camera(start(), seen(), 0)
    assert compare.stands_at(state.rig, CAMERA)
    assert compare.stands_at(replace(state.rig, fov_y=0.3), CAMERA)
    assert not compare.stands_at(rigs.look(state.rig, 0.01, 0.0), CAMERA)
    assert not compare.stands_at(rigs.pan(state.rig, 5, 0, 90), CAMERA)


def test_an_image_lies_where_its_camera_saw_it():
    """A point seen at a pixel of the image is in the view where the image has that pixel."""
    rig = go_to_camera(start(), seen(), 0).rig
    left, top, right, bottom = compare.placed(CAMERA, rig, SIZE)
    ray = np.linalg.inv(CAMERA.K) @ [20.0, 50.0, 1.0]
    shown = rig.camera(*SIZE).K @ ray
    assert shown[0] == pytest.approx(left + 20 / 80 * (right - left))
    assert shown[1] == pytest.approx(top + 50 / 60 * (bottom - top))


def test_an_image_that_was_resized_is_the_same_view():
    half = compare.scaled(CAMERA, (40, 30))
    np.testing.assert_allclose(half.K[:2], CAMERA.K[:2] / 2)
    assert (half.width, half.height) == (40, 30)


def test_psnr_is_that_of_colours_from_nought_to_one():
    black = np.zeros((4, 4, 3), np.uint8)
    assert compare.psnr(black, black) == math.inf
    assert compare.psnr(black, black + 255) == pytest.approx(0.0)
    assert compare.psnr(black, black + 51) == pytest.approx(-20 * math.log10(0.2))


def test_y_goes_to_the_nearest_camera_and_the_time_of_its_image_and_back():
    from viewer.core.controls import update
    from viewer.core.state import Inputs

    timed = seen(Shot("a", 2.0), Shot("b", 7.0))
    state, _ = update(start(), Inputs(pressed=("y",)), timed, 0.0)
    assert (state.compare.shown, state.camera_index, state.playback.time) == (True, 0, 2.0)
    assert compare.stands_at(state.rig, CAMERA)
    assert not update(state, Inputs(pressed=("y",)), timed, 0.0)[0].compare.shown
    playing = press(start(), "space")
    state, _ = update(playing, Inputs(pressed=("y",)), timed, 0.0)
    assert state.playback.time == 0.0  # the images follow the clock
    alone = replace(report(), cameras=())
    assert update(start(), Inputs(pressed=("y",)), alone, 0.0)[0].compare.shown


def test_an_image_lies_over_the_background_and_its_ending_may_be_left_out(tmp_path):
    rgba = np.zeros((2, 3, 4), np.uint8)
    rgba[0] = (200, 100, 0, 255)
    rgba[1] = (200, 100, 0, 51)
    Image.fromarray(rgba).save(tmp_path / "r_0.png")
    read = images.read(tmp_path / "r_0", (1.0, 1.0, 1.0))
    assert read[0, 0].tolist() == [200, 100, 0]
    assert read[1, 2].tolist() == [244, 224, 204]
    assert images.size_of(tmp_path / "r_0") == (3, 2)


def test_what_is_no_image_is_one_line(tmp_path):
    (tmp_path / "x.png").write_text("no")
    for name, said in (("x.png", "cannot be read as an image"), ("y", "the image is not there")):
        with pytest.raises(Unusable, match=said):
            images.read(tmp_path / name, (0.0, 0.0, 0.0))
    assert images.size_of(tmp_path / "x.png") is None


@pytest.mark.parametrize("name", ["../secret", "/etc/x", "C:x", "a/../../b"])
def test_a_dataset_names_no_image_outside_of_it(tmp_path, name):
    assert images.inside(tmp_path, name) is None
    assert images.inside(tmp_path, "./train/r_0") == tmp_path / "train" / "r_0"


def transforms(folder: Path) -> None:
    """Two images of one place at two times, and one of another."""
    frames = []
    for i, (x, at) in enumerate(((0.0, 0.0), (0.0, 0.5), (3.0, 1.0))):
        matrix = np.eye(4)
        matrix[:3, 3] = (x, 0, 4)
        frames.append(
            {"file_path": f"./r_{i}", "time": at, "transform_matrix": matrix.tolist(), "w": 80,
             "h": 60, "fl_x": 90.0}
        )  # fmt: skip
        Image.new("RGB", (80, 60), (10 * i, 0, 0)).save(folder / f"r_{i}.png")
    (folder / "transforms.json").write_text(json.dumps({"frames": frames}))


def test_cameras_of_transforms_have_every_image_of_their_place(tmp_path):
    transforms(tmp_path)
    one, two = training.cameras(tmp_path, [])
    assert [(Path(s.image).name, s.time) for s in one.shots] == [("r_0", 0.0), ("r_1", 0.5)]
    assert [(Path(s.image).name, s.time) for s in two.shots] == [("r_2", 1.0)]


def test_cameras_of_a_run_have_the_images_of_the_data_set_it_was_trained_on(tmp_path):
    transforms(tmp_path)
    of_set = training.cameras(tmp_path, [])
    entries = [
        {"img_name": "x", "width": 80, "height": 60, "fx": 90, "fy": 90,
         "position": (c.camera.center + 1e-6).tolist(),
         "rotation": c.camera.viewmat[:3, :3].T.tolist()}
        for c in reversed(of_set)
    ]  # fmt: skip
    entries.append({**entries[0], "position": [9, 9, 9]})
    (tmp_path / "cameras.json").write_text(json.dumps(entries))
    two, one, alone = training.cameras(tmp_path, [])
    assert (one.shots, two.shots, alone.shots) == (of_set[0].shots, of_set[1].shots, ())
    assert one.origin == "cameras.json"


@pytest.mark.gl
def test_the_image_is_read_drawn_and_measured(ctx, tmp_path):
    from viewer.apps.desk import Order, Scene
    from viewer.apps.truth import Truth
    from viewer.frame import FramePath
    from viewer.gl.target import TextureTarget
    from viewer.prefetch import Prefetch

    path, truth = FramePath(ctx), Truth(ctx)
    model = Prefetch(StaticModel(scenes.cloud(50, 3, size=0.2)))
    camera = scenes.camera(80, 60)
    drawn = path.render(model, camera, 0.0, start().settings).picture.read()[..., :3]
    Image.fromarray(drawn).save(tmp_path / "same.png")
    own = DatasetCamera("c", camera, shots=(Shot(str(tmp_path / "same"), 3.0),))
    scene = Scene(Order(tmp_path), model, replace(report(), cameras=(own,)))
    state = go_to_camera(start(), scene.report, 0)
    state = replace(state, compare=Compare(shown=True, wipe=0.5))

    def followed(state, still=True) -> Compared:
        end = time.monotonic() + 10
        while True:
            truth.follow(scene, state, path, still)
            if truth.compared is None or truth.compared.note != "Reading the image":
                return truth.compared
            assert time.monotonic() < end

    assert followed(state) == Compared("c", 3.0, note="The image is of another time")
    there = replace(state, playback=replace(state.playback, time=3.0))
    assert followed(there, still=False).note == "Pause to measure"
    found = followed(there)
    assert found.psnr == math.inf or found.psnr > 60
    assert not truth.follow(scene, there, path, True)  # measured once
    assert truth.compared == found
    target = TextureTarget(ctx, 80, 60, "f1")
    target.framebuffer.clear(1.0, 0.0, 1.0, 1.0)
    truth.draw(target.framebuffer, there, (80, 60))
    picture = target.read()[..., :3].astype(int)
    assert np.abs(picture[:, :40] - drawn[:, :40]).max() <= 2
    assert (picture[:, 40:] == (255, 0, 255)).all()
    away = replace(there, rig=rigs.look(there.rig, 0.1, 0.0))
    assert "Go to a camera" in followed(away).note
    target.framebuffer.clear(1.0, 0.0, 1.0, 1.0)
    truth.draw(target.framebuffer, away, (80, 60))
    assert (target.read()[..., :3] == (255, 0, 255)).all()
    assert followed(replace(there, compare=Compare())) is None
    for held in (target, truth, path, model):
        held.release()


@pytest.mark.gl
def test_the_bar_is_closed_and_its_sliders_move(ctx):
    pytest.importorskip("imgui_bundle")
    from tests.headless_ui import Headless
    from tests.test_ui import SESSION, STATS

    state = replace(start(), compare=Compare(shown=True))
    session = replace(SESSION, compared=Compared("train/r_0000", 0.25, 31.4159))
    one = Headless(
        ctx, size=(1000, 600), state=state, report=report(), stats=STATS, session=session
    ).frame(3)
    try:
        y, wipe = 600 - 92 - 12 - 20, (520, 580)
        one.drag((wipe[0], y), (wipe[1], y))
        assert one.state.compare.wipe > 0.8
        assert one.state.compare.opacity == 1.0
        assert one.state.rig == start().rig
        assert not one.click(607, y).state.compare.shown
    finally:
        one.release()
