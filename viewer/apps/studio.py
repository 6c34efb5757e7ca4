"""Studio: the export under way in the window, a step at a time, and the files of camera paths."""

import time
from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path

import moderngl

from viewer.apps.desk import Scene
from viewer.apps.export import Shot, Step, check, export
from viewer.core import tour as tours
from viewer.core.session import Exporting
from viewer.core.state import Actions, State
from viewer.formats import camera_path
from viewer.frame import FramePath

SLICE = 0.012  # seconds of a turn of the window's loop; one step at least


@dataclass(eq=False, slots=True)
class Work:
    """An export under way."""

    output: Path
    frames: int
    draw: FramePath
    steps: Generator[Step, None, None]
    started: float
    last: Step | None = None


class Studio:
    """Takes an export forward between two frames of the window, in the same OpenGL context."""

    def __init__(self, ctx: moderngl.Context, draw: FramePath) -> None:
        """draw: the window's own; an export shares its renderer, and the model on the device."""
        self._ctx, self._draw = ctx, draw
        self._work: Work | None = None

    @property
    def exporting(self) -> Exporting | None:
        """How far it is."""
        work = self._work
        if work is None:
            return None
        if work.last is None:
            return Exporting(str(work.output), 0.0, 0, work.frames)
        gone, done = time.perf_counter() - work.started, work.last.fraction
        return Exporting(
            str(work.output), done, work.last.written, work.frames, gone * (1 - done) / done
        )

    def act(self, asked: Actions, scene: Scene | None, state: State) -> tuple[State, str]:
        """Do what was asked of exports and path files; what to tell. Raises what that meets."""
        path = Path(state.tour.file.strip()).expanduser()
        if asked.cancel_export and self.cancel():
            return state, "The export was stopped; nothing was written"
        if asked.export and not state.tour.path.keys:
            return state, "There is no camera path yet: Insert takes a key"
        if asked.export and scene is not None and self._work is None:
            self.start(scene, state)
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
        steps = export(draw, shot, output)
        self._work = Work(output, shot.frames, draw, steps, time.perf_counter())

    def step(self) -> str:
        """Take it forward for a while; what to tell once it is done. Raises what it meets."""
        work, end = self._work, time.perf_counter() + SLICE
        if work is None:
            return ""
        try:
            while True:
                step = next(work.steps, None)
                if step is None:
                    break
                work.last = step
                if time.perf_counter() >= end:
                    return ""
        except BaseException:
            self.cancel()
            raise
        self.cancel()
        return f"Exported {work.output.absolute()}"

    def cancel(self) -> bool:
        """Give up what is under way; nothing of it stays. Whether there was something."""
        work, self._work = self._work, None
        if work is None:
            return False
        work.steps.close()
        work.draw.release()
        return True


def free(path: Path) -> Path:
    """The path, or the first like it with a number that nothing is at."""
    if not path.exists():
        return path
    numbered = (path.with_stem(f"{path.stem}-{i}") for i in range(2, 10**6))
    return next(p for p in numbered if not p.exists())


def _even(side: int) -> int:
    return max(side - side % 2, 2)
