"""The real window under Xvfb, with a pointer and keys moved by xdotool.

Every wait has a deadline and notices when the other side has ended.
"""

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from viewer.core.errors import Unusable

ROOT = Path(__file__).parents[1]
PATIENCE = 20.0  # seconds for anything to happen
RAIL = 400 - 92 + 8 + 28 + 6 + 26
pytestmark = pytest.mark.window


class Lines:
    """Whole lines of a pipe, each with a deadline."""

    def __init__(self, fd: int) -> None:
        self.fd, self.rest = fd, b""

    def next(self, end: float, who: str) -> str:
        while b"\n" not in self.rest:
            ready = select.select([self.fd], [], [], max(0.0, end - time.monotonic()))[0]
            assert ready, f"{who} said nothing in time"
            got = os.read(self.fd, 65536)
            assert got, f"{who} has ended"
            self.rest += got
        line, self.rest = self.rest.split(b"\n", 1)
        return line.decode()


class Screen(NamedTuple):
    """An X server. file: its picture, which the server keeps up to date (XWD format)."""

    name: str
    file: Path

    def picture(self) -> np.ndarray:
        """What is on the screen now, [H, W, 3]."""
        held = self.file.read_bytes()
        head = np.frombuffer(held, ">u4", 25)
        width, height, stride, colors = (int(head[i]) for i in (4, 5, 12, 19))
        start = int(head[0]) + 12 * colors
        rows = np.frombuffer(held, np.uint8, height * stride, start).reshape(height, stride)
        blue_first = rows[:, : 4 * width].reshape(height, width, 4)
        return blue_first[..., 2::-1].astype(int)


@pytest.fixture(scope="module")
def display(tmp_path_factory) -> Iterator[Screen]:
    """A screen of its own; its number is chosen by the server."""
    folder = tmp_path_factory.mktemp("screen")
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1000x700x24"]
    xvfb = subprocess.Popen(
        [*command, "-nolisten", "tcp", "-noreset", "-fbdir", str(folder)],
        pass_fds=(writing,),
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    try:
        number = Lines(reading).next(time.monotonic() + PATIENCE, "Xvfb").strip()
        yield Screen(f":{number}", folder / "Xvfb_screen0")
    finally:
        xvfb.terminate()
        xvfb.wait(PATIENCE)
        os.close(reading)  # the server dies if this is closed while it writes


class Program:
    """The window program as a child, what it last told, and hands on its pointer and keys."""

    def __init__(self, display: Screen, folder: Path, name: str) -> None:
        self.folder, self.screen = folder, display
        path = folder / name
        path.touch()
        self.env = {
            **os.environ, "DISPLAY": display.name, "XDG_CONFIG_HOME": str(folder / "config"),
            "XDG_STATE_HOME": str(folder / "state"), "PYTHONPATH": str(ROOT),
        }  # fmt: skip
        self.env.pop("WAYLAND_DISPLAY", None)
        self.errors = (folder / "stderr.txt").open("w+")
        self.child = subprocess.Popen(
            [sys.executable, "-m", "tests.window_program", str(path)], env=self.env, cwd=folder,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors,
        )  # fmt: skip
        assert self.child.stdout is not None
        self.lines = Lines(self.child.stdout.fileno())
        self.now: dict = {}
        self.window = ""

    def until(self, holds: Callable[[dict], object], what: str) -> dict:
        """Read frames until one is as wanted."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                self.now = json.loads(self.lines.next(end, "the window"))
            except AssertionError as error:
                self.errors.seek(0)
                pytest.fail(f"{error}, waiting for {what}\n{self.now}\n{self.errors.read()}")
            if holds(self.now):
                return self.now

    def catch_up(self) -> dict:
        """Read what was told so far, and one frame more that is news."""
        while select.select([self.lines.fd], [], [], 0.05)[0]:
            self.until(lambda _: True, "any frame")
        return self.now

    def tell(self, line: str) -> None:
        assert self.child.stdin is not None
        self.child.stdin.write(line.encode() + b"\n")
        self.child.stdin.flush()
        self.hands("mousemove_relative", "1", "0")  # an idle window listens to events alone

    def hands(self, *words: str) -> str:
        done = subprocess.run(
            ["xdotool", *words], env=self.env, timeout=PATIENCE, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def find(self) -> "Program":
        self.until(lambda now: now["scene"] or now["loading"] or now["problem"], "a frame")
        found = self.hands("search", "--sync", "--onlyvisible", "--name", "view4d")
        self.window = found.split()[0]
        self.hands("windowfocus", "--sync", self.window)
        return self

    def at(self, x: float, y: float) -> tuple[str, ...]:
        return ("mousemove", "--window", self.window, str(round(x)), str(round(y)), "sleep", "0.1")

    def drag(self, button: int, start: tuple[float, float], end: tuple[float, float]) -> dict:
        b = str(button)
        self.hands(*self.at(*start), "mousedown", b, "sleep", "0.1", *self.at(*end), "mouseup", b)
        return self.catch_up()

    def picture(self) -> np.ndarray:
        """What the window shows, [H, W, 3]; without a window manager it lies at the corner."""
        width, height = self.now["size"]
        return self.screen.picture()[:height, :width]

    def close(self) -> int:
        """Close it as the user would; its exit code."""
        if self.child.poll() is None:
            self.tell("close")
        code = self.drain()
        self.errors.seek(0)
        said = self.errors.read()
        assert "Traceback" not in said, said
        return code

    def drain(self) -> int:
        """Read until it has ended."""
        end = time.monotonic() + PATIENCE
        assert self.child.stdout is not None
        while select.select([self.lines.fd], [], [], max(0.0, end - time.monotonic()))[0]:
            if not os.read(self.lines.fd, 65536):
                break
        return self.child.wait(max(0.1, end - time.monotonic()))

    def kill(self) -> None:
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait(PATIENCE)
        for pipe in (self.child.stdin, self.child.stdout, self.errors):
            assert pipe is not None
            pipe.close()


@pytest.fixture
def program(display, tmp_path) -> Iterator[Callable[[str], Program]]:
    """Starts the window with a path of some name; ends it whatever happens."""
    started = []

    def start(name: str) -> Program:
        started.append(Program(display, tmp_path, name))
        return started[-1]

    yield start
    for one in started:
        one.kill()


def scene(program) -> Program:
    """The window with its scene, paused by the space key."""
    one = program("scene.ply").find()
    one.until(lambda now: now["scene"] and now["playing"] and now["drawn"], "a playing scene")
    one.hands(*one.at(300, 150), "key", "--window", one.window, "space")
    one.until(lambda now: not now["playing"], "the pause")
    return one


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
    assert one.now["renderers"][0] == ["sorted", ""]
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
