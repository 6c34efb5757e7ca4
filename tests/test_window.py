"""Single gestures and troubles in the real window."""

import json
import time

import numpy as np
import pytest
from PIL import Image

from tests.windows import RAIL, scene
from viewer.core.errors import Unusable

pytestmark = pytest.mark.window


def test_play_scrub_orbit_pan_look_wheel_and_keys(program):
    one = scene(program)
    before = one.catch_up()
    picture = one.picture()

    one.hands("key", "space")
    one.until(lambda now: now["playing"] and now["time"] != before["time"], "the clock")
    one.hands("key", "space")
    one.until(lambda now: not now["playing"], "the second pause")

    one.drag(1, (200, RAIL), (440, RAIL))
    assert one.now["time"] == pytest.approx((440 - 17) / (640 - 34), abs=0.01)
    assert not one.now["held"]
    assert one.now["position"] == before["position"]
    assert np.abs(one.picture() - picture)[:300, 250:310].max() > 30  # another instant is shown

    at, to = (280, 150), (300, 170)
    turned = one.drag(1, at, to)
    assert turned["orientation"] != before["orientation"]
    assert turned["distance"] == before["distance"]
    panned = one.drag(2, at, to)
    assert panned["orientation"] == turned["orientation"]
    assert panned["position"] != turned["position"]
    looked = one.drag(3, at, to)
    assert looked["position"] == panned["position"]
    assert looked["orientation"] != panned["orientation"]
    one.hands(*one.at(*at), "click", "4")
    one.until(lambda now: now["distance"] < looked["distance"], "the dolly")
    one.hands("key", "r")
    home = one.until(lambda now: now["distance"] == 4.0, "the first view")
    assert home["position"] == before["position"]
    one.hands("keydown", "w", "sleep", "0.2", "keyup", "w")
    one.until(lambda now: now["position"] != home["position"], "the flight")

    one.hands("key", "Home", "key", "Right", "key", "i")
    one.until(lambda now: now["mark_in"] == pytest.approx(0.05), "a step and a mark")
    one.hands("key", "F1")
    one.until(lambda now: now["help"], "the help")
    one.hands("key", "Escape")
    one.until(lambda now: not now["help"], "no help")
    one.hands("key", "F12")
    one.until(lambda now: "view4d-0001.png" in now["notice"], "the saved picture")
    with Image.open(one.folder / "view4d-0001.png") as saved:
        assert saved.size == (640, 400)
    assert ["sorted", ""] in one.now["renderers"]
    one.until(lambda now: now["idle"], "rest")
    assert one.close() == 0
    kept = json.loads((one.folder / "config" / "view4d" / "settings.json").read_text())
    assert kept["recents"] == [str(one.folder / "scene.ply")]
    assert kept["size"] == [640, 400]


def test_double_click_turns_about_the_surface(program):
    one = scene(program)
    one.hands(*one.at(290, 190), "click", "--repeat", "2", "--delay", "60", "1")
    one.until(lambda now: now["distance"] != 4.0, "another pivot")
    assert 1.0 < one.now["distance"] < 8.0
    assert one.close() == 0


def test_any_size_down_to_a_few_pixels_and_minimised(program):
    one = scene(program)
    for size in ((3, 3), (400, 5), (120, 90), (700, 500)):
        one.hands("windowsize", one.window, str(size[0]), str(size[1]))
        one.until(lambda now, size=size: now["size"] == list(size), f"size {size}")
        one.catch_up()
    assert one.picture().std() > 5
    one.tell("minimise")  # without a window manager nothing may come of it; it must do no harm
    one.tell("restore")
    one.catch_up()
    one.hands(*one.at(300, 150), "key", "F1")
    one.until(lambda now: now["help"], "life after it")
    assert one.close() == 0


def test_what_cannot_be_opened_is_said_and_the_old_scene_stays(program):
    one = scene(program)
    one.tell(f"drop {one.folder}/broken.ply")
    one.until(lambda now: now["problem"], "the error")
    assert one.now["problem"].endswith("broken.ply: the header is cut short | download it again")
    assert one.now["scene"]
    one.hands("key", "Escape")
    one.until(lambda now: not now["problem"], "no error")
    one.tell(f"drop {one.folder}/bug.ply")
    one.until(lambda now: now["problem"], "the unforeseen error")
    assert "ZeroDivisionError: a bug" in one.now["problem"]
    assert "view4d.log" in one.now["problem"]
    assert "in load" in (one.folder / "log.txt").read_text()  # the traceback
    one.tell(f"drop {one.folder}/slow.ply")
    one.until(lambda now: now["loading"], "loading")
    one.hands("key", "space")
    one.until(lambda now: now["playing"] and now["loading"], "playing on while loading")
    one.hands("key", "Escape")
    one.until(lambda now: not now["loading"] and now["notice"], "the end of loading")
    one.tell(f"drop {one.folder}/other.ply")
    one.until(lambda now: len(now["recents"]) == 2, "the other scene")
    assert not one.now["problem"]
    assert one.close() == 0


def test_a_broken_first_file_leaves_the_window_open(program):
    one = program("broken.ply").find()
    one.until(lambda now: now["problem"], "the error")
    assert not one.now["scene"]
    assert one.close() == 0


def test_closing_while_loading_ends_promptly(program):
    one = program("slow.ply").find()
    one.until(lambda now: now["loading"], "loading")
    start = time.monotonic()
    assert one.close() == 0
    assert time.monotonic() - start < 10


def test_a_path_that_is_not_there_is_refused_before_any_window(tmp_path):
    pytest.importorskip("imgui_bundle")
    from viewer.apps.view import ViewRequest, view

    with pytest.raises(Unusable, match="there is no such file or folder"):
        view(ViewRequest(path=tmp_path / "none.ply"))


def test_a_scene_opens_where_it_was_left(program):
    one = scene(program)
    one.drag(1, (280, 150), (320, 170))
    one.hands("key", "Home", "key", "Right", "key", "Right")
    there = one.until(lambda now: now["time"] == pytest.approx(0.1), "two steps")
    assert one.close() == 0
    again = program("scene.ply").find()
    again.until(lambda now: now["scene"] and now["drawn"], "the scene")
    assert again.now["position"] == pytest.approx(there["position"], abs=1e-5)
    assert again.now["time"] >= 0.1
    assert again.close() == 0
