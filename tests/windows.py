"""The real window under Xvfb, with a pointer and keys moved by xdotool, for tests.

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

ROOT = Path(__file__).parents[1]
PATIENCE = 20.0  # seconds for anything to happen
RAIL = 400 - 92 + 8 + 28 + 6 + 26


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

    def until_seen(self, right: Callable[[np.ndarray], object], what: str) -> np.ndarray:
        """Look at the screen until its picture is as wanted."""
        end = time.monotonic() + PATIENCE
        while not right(picture := self.picture()):
            assert time.monotonic() < end, f"not seen in time: {what}"
            self.catch_up()
        return picture

    def catch_up(self) -> dict:
        """Read what was told so far, until nothing is news; for a while, where it plays."""
        end = time.monotonic() + 0.5
        while time.monotonic() < end and select.select([self.lines.fd], [], [], 0.05)[0]:
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


def chord(one: Program, held: str, key: str) -> None:
    """Both keys, slowly enough for a busy machine."""
    one.hands("keydown", held, "sleep", "0.2", "key", key, "sleep", "0.2", "keyup", held)


def scene(program, name: str = "scene.ply") -> Program:
    """The window with its scene, paused by the space key."""
    one = program(name).find()
    one.until(lambda now: now["scene"] and now["playing"] and now["drawn"], "a playing scene")
    one.hands(*one.at(300, 150), "key", "--window", one.window, "space")
    one.until(lambda now: not now["playing"], "the pause")
    return one
