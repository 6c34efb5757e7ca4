"""Instants of the open scene as files of Gaussians, written on a thread."""

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from viewer.apps.job import Job, Progress
from viewer.apps.slice import WRITERS
from viewer.core.cut import Cut, instants, is_ranged, kind
from viewer.core.errors import BadArgument
from viewer.core.files import free, replacing
from viewer.core.playback import Playback
from viewer.core.session import Exporting
from viewer.prefetch import Prefetch


@dataclass(frozen=True, eq=False, slots=True)
class Task:
    """What is written. frames: number and model time of each. ranged: into a folder of them."""

    model: Prefetch
    frames: tuple[tuple[int, float], ...]
    kind: str
    output: Path
    ranged: bool


def task(model: Prefetch, cut: Cut, p: Playback) -> Task:
    """The cut of a scene, to a name that is free. Raises BadArgument where there is none."""
    if not kind(cut):
        raise BadArgument(f"{cut.output}: expected a name ending in {', '.join(WRITERS)}")
    if not (frames := instants(cut, p)):
        raise BadArgument("there is no whole frame between the marks")
    ranged, path = is_ranged(cut, p), Path(cut.output.strip()).expanduser()
    return Task(model, frames, kind(cut), free(path.with_suffix("") if ranged else path), ranged)


def write(task: Task, progress: Progress) -> list[str]:
    """Write all files or, told to stop, none; what had to be approximated, each said once."""
    lost: dict[str, None] = {}
    with replacing(task.output) as beside:
        if task.ranged:
            beside.mkdir()
        for done, (number, moment) in enumerate(task.frames):
            progress(done / len(task.frames), "")
            path = beside / f"frame_{number:05d}{task.kind}" if task.ranged else beside
            lost |= dict.fromkeys(WRITERS[task.kind](path, task.model.exact(moment)))
        progress(1.0, "")
    return list(lost)


class Cutting:
    """A cut under way."""

    def __init__(self, task: Task) -> None:
        self._task, self._started = task, time.perf_counter()
        # No daemon: a program that ends meanwhile waits until what was half written is gone.
        self._job = Job(partial(write, task), "cut", daemon=False)

    @property
    def exporting(self) -> Exporting:
        """How far it is."""
        done, count = self._job.progress[0], len(self._task.frames)
        gone = time.perf_counter() - self._started
        left = gone * (1 - done) / done if done else None
        return Exporting(str(self._task.output), done, round(done * count), count, left)

    def turn(self) -> str:
        """What to tell once it is done. Raises what it met."""
        if not self._job.done:
            return ""
        return "; ".join((f"Exported {self._task.output.absolute()}", *self._job.result()))

    def close(self) -> None:
        """Give up; what was written goes as soon as the file at hand is done."""
        self._job.cancel()
