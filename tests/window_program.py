"""The real window program for tests: the program's own `view`, with models made here.

Told what to do by lines on stdin, it tells what it shows by one line of JSON a frame on stdout.
"""

import contextlib
import json
import logging
import os
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import imgui_bundle  # noqa: F401  before glfw, as in viewer/window.py

import glfw  # isort: skip
import torch

from tests import scenes
from viewer.apps.view import ViewRequest, view
from viewer.core.errors import Unusable
from viewer.core.report import Bounds, Report
from viewer.core.rig import Rig
from viewer.core.session import NO_SCENE
from viewer.core.splats import Appearance, Splats
from viewer.core.temporal import Gaussians4D, TemporalGaussians
from viewer.formats import Loaded, transforms

SIZE = (640, 400)


def moving() -> TemporalGaussians:
    """A few large Gaussians that drift to the right."""
    n, splats = 60, scenes.cloud(60, 3, size=0.2)
    motion = torch.zeros(n, 1, 3)
    motion[:, 0, 0] = 2.0
    gaussians = Gaussians4D(
        means=splats.means * 0.5, motion=motion, opacities=torch.full((n,), 0.9),
        center=torch.full((n,), 0.5), width=torch.full((n,), float("inf")),
        colors=splats.colors, quats=splats.quats, scales=splats.scales,
    )  # fmt: skip
    return TemporalGaussians(gaussians, (0.0, 1.0), Appearance())


def report(path: Path) -> Report:
    """Twenty-one frames in two seconds."""
    return replace(
        NO_SCENE, path=str(path), format="test", count=60, time_range=(0.0, 1.0),
        frame_step=0.05, fps=10.0, bounds=Bounds((-1.0,) * 3, (1.0,) * 3),
        home=Rig(position=(0.0, 0.0, -4.0), distance=4.0), warnings=("made up",),
    )  # fmt: skip


def load(path, options, progress):
    """What a path's name says: a scene, a broken file, a bug, or a load that takes for ever."""
    progress(0.1, "reading")
    if "broken" in path.name:
        raise Unusable(f"{path}: the header is cut short", "download it again")
    if "bug" in path.name:
        raise ZeroDivisionError("a bug")
    while "slow" in path.name:
        progress(0.5, "waiting")
        time.sleep(0.01)
    found = report(path)
    if "truth" in path.name:  # it names a folder of images and the cameras they are from
        cameras = transforms.cameras(Path(path.read_text()), [])
        found = replace(found, cameras=cameras)
    return Loaded(Slow(moving()) if "heavy" in path.name else moving(), found)


class Slow:
    """A model of which an instant takes a while."""

    def __init__(self, model: TemporalGaussians) -> None:
        self._model = model

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def slice(self, moment: float) -> Splats:
        time.sleep(0.2)
        return self._model.slice(moment)


class Ear:
    """Lines from stdin, as they come, without waiting."""

    def __init__(self) -> None:
        os.set_blocking(0, False)
        self.rest = b""

    def lines(self) -> list[str]:
        with contextlib.suppress(BlockingIOError):
            self.rest += os.read(0, 4096)
        *whole, self.rest = self.rest.split(b"\n")
        return [line.decode() for line in whole]


def main() -> int:
    """Run, with glfw's drop callback and window caught on their way so that a test can use them."""
    logging.getLogger("viewer").addHandler(logging.FileHandler("log.txt"))
    caught, ear = {}, Ear()
    original = glfw.set_drop_callback

    def catch(window, callback):
        caught.update(window=window, drop=callback)
        return original(window, callback)

    glfw.set_drop_callback = catch

    def watch(state, session, stats):
        for line in ear.lines():
            word, _, rest = line.partition(" ")
            if word == "drop":
                caught["drop"](caught["window"], [rest])
            elif word == "minimise":
                glfw.iconify_window(caught["window"])
            elif word == "restore":
                glfw.restore_window(caught["window"])
            elif word == "close":
                glfw.set_window_should_close(caught["window"], True)
        p = state.playback
        told = {
            "time": p.time, "playing": p.playing, "held": p.held, "position": state.rig.position,
            "orientation": state.rig.orientation, "distance": state.rig.distance,
            "scene": session.scene, "size": session.size, "help": state.interface.help,
            "loading": session.loading is not None, "idle": session.idle,
            "problem": session.problem and f"{session.problem.cause} | {session.problem.fix}",
            "notice": session.notice, "drawn": stats.drawn, "scale": session.scale,
            "recents": session.recents, "renderers": session.renderers, "mark_in": p.mark_in,
            "keys": [k.seconds for k in state.tour.path.keys], "follow": state.tour.follow,
            "exporting": session.exporting and session.exporting.fraction,
            "path": [asdict(k) for k in state.tour.path.keys], "mode": state.settings.mode.value,
            "ruler": state.interface.ruler, "markers": p.markers,
            "entry": state.interface.entry, "orthographic": state.rig.orthographic,
            "psnr": session.compared and session.compared.psnr,
        }  # fmt: skip
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()

    return view(ViewRequest(path=Path(sys.argv[1]), size=SIZE), load=load, watch=watch)


if __name__ == "__main__":
    sys.exit(main())
