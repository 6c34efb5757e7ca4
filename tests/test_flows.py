"""What users do from beginning to end, in the real window, and what they then have on disk."""

import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.window_program import moving, report
from tests.windows import RAIL, Program, chord, scene
from viewer import formats
from viewer.core.camera import Camera
from viewer.core.film import Film
from viewer.core.path import Key, through
from viewer.core.rig import Rig
from viewer.core.settings import Mode, RenderSettings
from viewer.frame import FramePath

pytestmark = [pytest.mark.window, pytest.mark.gl]

LARGE = (1000, 700)  # the whole screen
AT, TO = (260, 120), (300, 130)  # a drag on the scene


def drawn(ctx, camera: Camera, time: float) -> np.ndarray:
    """The made-up scene as the frame path draws it, [H, W, 3]."""
    path = FramePath(ctx)
    picture = path.render(moving(), camera, time, RenderSettings()).picture.read()
    path.release()
    return picture[..., :3].astype(int)


def names(folder: Path) -> set[str]:
    return {p.name for p in folder.iterdir()}


def with_four_keys(program) -> Program:
    """A paused window and a path of four views, three frames apart."""
    one = scene(program)
    one.hands("key", "Home")
    for count in range(1, 5):
        one.hands("key", "Insert")
        one.until(lambda now, count=count: len(now["path"]) == count, f"key {count}")
        one.drag(1, AT, TO)
        one.hands("key", "Right", "key", "Right", "key", "Right")
        time = 0.15 * count
        one.until(lambda now, time=time: abs(now["time"] - time) < 1e-6, "three frames on")
    return one


def test_a_path_of_four_keys_becomes_a_video_of_what_is_drawn(program, ctx):
    av = pytest.importorskip("av")
    one = with_four_keys(program)
    path = through([Key(**k) for k in one.now["path"]])
    chord(one, "ctrl", "e")
    one.until(lambda now: "Exported" in now["notice"], "the video")
    assert one.close() == 0
    with av.open(str(one.folder / "view4d.mp4")) as container:
        decoded = [
            frame.reformat(format="rgb24", src_colorspace="itu709").to_ndarray()
            for frame in container.decode(video=0)
        ]
    film = Film(fps=report(one.folder).fps)
    assert len(decoded) == film.frames(path.duration) == 9
    assert {f.shape for f in decoded} == {(film.size[1], film.size[0], 3)}
    for i in (0, 4):
        key = path.at(i / film.fps)
        want = drawn(ctx, key.on(Rig()).camera(*film.size), key.time)
        apart = np.abs(decoded[i] - want)
        assert apart.mean() < 2
        assert np.abs(decoded[8] - want).mean() > 2 * apart.mean()


def test_closing_while_it_exports_leaves_nothing_half_written(program):
    one = scene(program)
    before = names(one.folder)
    one.hands("keydown", "shift", "sleep", "0.2", *["key", "Insert"] * 12, "keyup", "shift")
    one.until(lambda now: len(now["path"]) == 12, "a long path")
    chord(one, "ctrl", "e")
    one.until(lambda now: now["exporting"] or now["notice"], "an export under way")
    one.until(lambda _: names(one.folder) - before, "what is half written")
    (half,) = names(one.folder) - before
    assert half.endswith(".part")
    assert one.close() == 0
    assert names(one.folder) - {"config", "state"} == before - {"config", "state"}


def test_an_exported_instant_is_what_was_seen(program):
    one = scene(program)
    one.hands("windowsize", one.window, *map(str, LARGE))
    one.until(lambda now: now["size"] == list(LARGE), "a larger window")
    one.drag(1, (200, LARGE[1] - 400 + RAIL), (500, LARGE[1] - 400 + RAIL))
    for heading in (100, 130, 217):  # two folded, and that of the export opened
        one.hands(*one.at(820, heading), "click", "1")
        one.catch_up()
    one.hands(*one.at(820, 332), "click", "1")
    one.until(lambda now: "Exported" in now["notice"], "the export")
    want = moving().slice(one.now["time"])
    assert one.close() == 0
    got = formats.load(one.folder / "view4d.ply").model.slice(0.0)
    np.testing.assert_allclose(got.means, want.means, atol=1e-6)
    np.testing.assert_allclose(got.opacities, want.opacities, atol=1e-5)


def test_closing_while_instants_are_written_leaves_none(program):
    one = scene(program, "heavy.ply")
    before = names(one.folder)
    one.hands("windowsize", one.window, *map(str, LARGE))
    one.until(lambda now: now["size"] == list(LARGE), "a larger window")
    for height in (100, 130, 217, 246, 300, 332):  # folded, opened, in to out, the export
        one.hands(*one.at(820, height), "click", "1")
        one.catch_up()
    one.until(lambda now: now["exporting"], "some of the instants")
    (half,) = names(one.folder) - before
    assert half.endswith(".part")
    assert one.close() == 0
    assert names(one.folder) - {"config", "state"} == before - {"config", "state"}


def test_a_typed_time_is_gone_to(program):
    one = scene(program)
    for typed, time in (("7", 0.35), ("1.2s", 0.6), ("50%", 0.5), ("+2", 0.6), ("t0.25", 0.25)):
        one.hands("key", "t")
        one.until(lambda now: now["entry"] is not None, "the field")
        one.hands("type", "--delay", "60", typed)
        one.until(lambda now, typed=typed: now["entry"] == typed, "the text")
        one.hands("key", "Return")
        one.until(lambda now: now["entry"] is None, "the end of it")
        one.until(lambda now, time=time: abs(now["time"] - time) < 1e-6, typed)
    assert one.close() == 0


def test_a_copied_view_is_pasted(program):
    one = scene(program)
    one.hands("key", "Home", "key", "Right", "key", "Right", "key", "KP_5")
    one.until(lambda now: now["orthographic"], "no perspective")
    one.drag(1, AT, TO)
    told = ("time", "position", "orientation", "distance", "mode", "orthographic")
    copied = {name: one.now[name] for name in told}
    chord(one, "ctrl", "c")
    one.until(lambda now: "Copied" in now["notice"], "the copy")
    one.hands("key", "r", "key", "v", "key", "End")
    one.until(lambda now: now["mode"] == "depth" and now["time"] == 1, "another view")
    assert not one.now["orthographic"]
    chord(one, "ctrl", "v")
    one.until(lambda now: now["mode"] == "color", "the view again")
    assert {name: one.now[name] for name in told} == {
        name: value if isinstance(value, str | bool) else pytest.approx(value, abs=1e-6)
        for name, value in copied.items()
    }
    assert one.close() == 0


def test_pictures_are_saved_with_and_without_the_interface(program, ctx):
    one = scene(program)
    one.hands("key", "Home")
    one.until(lambda now: now["time"] == 0, "the first frame")
    one.catch_up()
    one.hands("key", "F12")
    one.until(lambda now: "0001.png" in now["notice"], "the picture")
    chord(one, "shift", "F12")
    one.until(lambda now: "0002.png" in now["notice"], "the window")
    saved = [np.asarray(Image.open(one.folder / f"view4d-000{i}.png")).astype(int) for i in (1, 2)]
    want = drawn(ctx, report(one.folder).home.camera(640, 400), 0.0)
    assert np.abs(saved[0] - want).max() <= 1
    assert saved[1].shape == want.shape
    assert np.abs(saved[1] - want)[-60:].mean() > 10  # the timeline
    assert np.abs(saved[1] - want)[60:200, 280:300].max() <= 1  # the scene between the panels
    assert one.close() == 0


def test_the_datasets_image_is_measured_from_the_nearest_camera(program, models, tmp_path):
    folder = models / "dnerf_texture_ball"
    if not folder.is_dir():
        pytest.skip(f"no images of a dataset beside this checkout (looked for {folder})")
    (tmp_path / "truth.ply").write_text(str(folder))
    one = scene(program, "truth.ply")
    before = one.catch_up()
    one.hands("key", "y")
    one.until(lambda now: now["psnr"], "a PSNR")
    assert 1 < one.now["psnr"] < 60
    assert one.now["position"] != before["position"]
    one.hands("key", "y")
    one.until(lambda now: now["psnr"] is None, "no image")
    assert one.close() == 0


def test_sixty_sizes_while_it_plays(program, ctx):
    one = scene(program)
    one.hands("key", "space", "key", "Tab")
    one.until(lambda now: now["playing"], "playing")
    some, size, words = random.Random(4), (0, 0), []
    for _ in range(60):
        size = (some.randint(1, LARGE[0]), some.randint(1, LARGE[1]))
        words += ["windowsize", one.window, str(size[0]), str(size[1])]
    last = (517, 389)
    one.hands(*words, "windowsize", one.window, *map(str, last))
    one.until(lambda now: now["size"] == list(last), "the last size")
    moment = one.now["time"]
    one.until(lambda now: now["time"] != moment, "the clock")
    one.hands("key", "space", "key", "Home")
    one.until(lambda now: not now["playing"] and now["time"] == 0, "the first frame")
    want = drawn(ctx, report(one.folder).home.camera(*last), 0.0)
    one.hands("mousemove", *map(str, LARGE))  # the screen's picture holds the pointer
    one.until_seen(lambda seen: np.abs(seen - want).max() <= 1, "the picture as drawn elsewhere")
    assert one.close() == 0


def test_every_mode_has_a_picture_of_its_own(program):
    one = scene(program)
    one.hands("key", "Tab")
    one.catch_up()
    first = seen = one.picture()
    for mode in [*list(Mode)[1:], Mode.COLOR]:
        one.hands("key", "v")
        one.until(lambda now, mode=mode: now["mode"] == mode.value, mode.value)
        before = seen
        seen = one.until_seen(lambda p, before=before: np.abs(p - before).max() > 30, mode.value)
    one.until_seen(lambda p: (p == first).all(), "the first picture again")
    assert one.close() == 0


def test_a_file_dropped_while_it_plays_plays(program):
    one = scene(program)
    one.hands("key", "space")
    one.until(lambda now: now["playing"] and now["time"] > 0.2, "the middle of it")
    one.tell(f"drop {one.folder}/other.ply")
    one.until(lambda now: len(now["recents"]) == 2, "the other scene")
    assert one.now["playing"]
    assert not one.now["problem"]
    moment = one.now["time"]
    one.until(lambda now: now["time"] != moment and now["drawn"], "the clock")
    assert one.close() == 0


def test_the_ruler_is_zoomed_and_markers_are_found_again(program):
    one = scene(program)
    for frames in (4, 8):
        one.hands("key", "Home", *["key", "Right"] * frames, "key", "m")
        one.until(lambda now, frames=frames: len(now["markers"]) == frames // 4, "a marker")
    assert one.now["markers"] == pytest.approx([0.2, 0.4])
    one.hands("key", "Home")
    for wanted in one.now["markers"]:
        chord(one, "shift", "m")
        one.until(lambda now, wanted=wanted: now["time"] == wanted, "the next marker")
    before = one.now["distance"]
    middle = (17 + 640 - 17) / 2
    one.hands(*one.at(middle, RAIL), "click", "4")
    low, high = one.until(lambda now: now["ruler"][1] < 1, "a closer look")["ruler"]
    assert (low + high) / 2 == pytest.approx(0.5, abs=0.01)
    assert one.now["distance"] == before  # the camera stays
    one.hands(*one.at(middle, RAIL), "mousedown", "1", "sleep", "0.1", "mouseup", "1")
    one.until(lambda now: now["time"] == pytest.approx(0.5, abs=0.01), "a click in the middle")
    one.hands("key", "z")
    one.until(lambda now: now["ruler"] == [0, 1], "the whole again")
    assert one.close() == 0
