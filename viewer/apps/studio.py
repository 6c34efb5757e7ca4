"""Studio: the export under way in the window, a step at a time, and the files of camera paths."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import moderngl

from viewer.apps.cutting import Cutting, task
from viewer.apps.desk import Scene
from viewer.apps.export import Shot, Step, check, export
from viewer.core import tour as tours
from viewer.core.files import free
from viewer.core.session import Exporting
from viewer.core.state import Actions, State
from viewer.formats import camera_path
from viewer.frame import FramePath

SLICE = 0.012  # seconds of a turn of the window's loop; one step at least


class Work(Protocol):
    """An export under way."""

    @property
    def exporting(self) -> Exporting:
        """How far it is."""
        ...

    def turn(self) -> str:
        """Take it forward for a while; what to tell once it is done. Raises what it meets."""
        ...

    def close(self) -> None:
        """Leave nothing of what is not done."""
        ...


class Filming:
    """Frames along a path, drawn between two frames of the window."""

    def __init__(self, draw: FramePath, shot: Shot, output: Path) -> None:
        """draw: its own; released when it is closed."""
        self._draw, self._shot, self._output = draw, shot, output
        self._steps = export(draw, shot, output)
        self._started = time.perf_counter()
        self._last: Step | None = None

    @property
    def exporting(self) -> Exporting:
        """How far it is."""
        output, frames, last = str(self._output), self._shot.frames, self._last
        if last is None:
            return Exporting(output, 0.0, 0, frames)
        gone, done = time.perf_counter() - self._started, last.fraction
        return Exporting(output, done, last.written, frames, gone * (1 - done) / done)

    def turn(self) -> str:
        """Draw for a while."""
        end = time.perf_counter() + SLICE
        for step in self._steps:
            self._last = step
            if time.perf_counter() >= end:
                return ""
        return f"Exported {self._output.absolute()}"

    def close(self) -> None:
        """Give up what is not done."""
        self._steps.close()
        self._draw.release()


class Studio:
    """Takes an export forward between two frames of the window, in the same OpenGL context."""

    def __init__(self, ctx: moderngl.Context, draw: FramePath) -> None:
        """draw: the window's own; an export shares its renderer, and the model on the device."""
        self._ctx, self._draw = ctx, draw
        self._work: Work | None = None

    @property
    def exporting(self) -> Exporting | None:
        """How far it is."""
        return None if self._work is None else self._work.exporting

    def act(self, asked: Actions, scene: Scene | None, state: State) -> tuple[State, str]:
        """Do what was asked of exports and path files; what to tell. Raises what that meets."""
        path = Path(state.tour.file.strip()).expanduser()
        if asked.cancel_export and self.cancel():
            return state, "The export was stopped; nothing was written"
        if asked.export and not state.tour.path.keys:
            return state, "There is no camera path yet: Insert takes a key"
        if asked.export and scene is not None and self._work is None:
            self.start(scene, state)
        if asked.cut and scene is not None and self._work is None:
            self._work = Cutting(task(scene.model, state.cut, state.playback))
        if asked.save_path:
            camera_path.save(path, state.tour.path)
            return state, f"Saved {path.absolute()}"
        if asked.load_path:
            told: list[str] = []
            found = camera_path.load(path, state.playback, told)
            state = replace(state, tour=tours.with_path(state.tour, found))
            return state, "; ".join((f"{len(found.keys)} keys loaded", *told))
        return state, ""

    def start(self, scene: Scene, state: State) -> None:
        """Begin to export the path of the state. Raises BadArgument for a size too large here."""
        self.cancel()
        film = state.tour.film
        if tours.is_video(state.tour):
            film = replace(film, size=(_even(film.size[0]), _even(film.size[1])))
        check(film, self._ctx)
        shot = Shot(scene.model.wrapped, state.tour.path, state.playback, state.settings, film)
        output = free(Path(state.tour.output.strip()).expanduser())
        draw = self._draw.beside("f4" if film.sampled else "f2")
        self._work = Filming(draw, shot, output)

    def step(self) -> str:
        """Take it forward for a while; what to tell once it is done. Raises what it meets."""
        if self._work is None:
            return ""
        try:
            told = self._work.turn()
        except BaseException:
            self.cancel()
            raise
        if told:
            self.cancel()
        return told

    def cancel(self) -> bool:
        """Give up what is under way; nothing of it stays. Whether there was something."""
        work, self._work = self._work, None
        if work is None:
            return False
        work.close()
        return True


def _even(side: int) -> int:
    return max(side - side % 2, 2)
