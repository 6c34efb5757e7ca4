"""What every subcommand does first: open the model, find the time and the camera."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import moderngl
import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from viewer import formats
from viewer.core.camera import Camera, load_camera
from viewer.core.errors import BadArgument, Unusable
from viewer.core.report import Report
from viewer.core.rig import Rig
from viewer.core.settings import RenderSettings
from viewer.frame import FramePath
from viewer.gl import context
from viewer.render import NEEDS_GL, RENDERERS

DEFAULT_SIZE = (1280, 720)
WIDE = 200  # characters


@dataclass(frozen=True, slots=True)
class Opening:
    """Which model, and where and when to look at it; the part all subcommands share.

    time in the model's unit, or frame as a number; camera: a CAM.json; view: a dataset camera; rig:
    a copied view; gpu: CUDA device.
    """

    path: Path
    options: Mapping[str, str] = field(default_factory=dict)
    settings: RenderSettings = field(default_factory=RenderSettings)
    size: tuple[int, int] | None = None
    time: float | None = None
    frame: float | None = None
    camera: Path | None = None
    view: int | None = None
    rig: Rig | None = None
    gpu: int | None = None


def terminal() -> Console:
    """Where results are printed; wide where nobody's window wraps the lines."""
    return Console(width=None if sys.stdout.isatty() else WIDE)


@contextmanager
def progress_bar(what: str) -> Iterator["Bar"]:
    """A bar on stderr, silent where stderr is not a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as p:
        yield Bar(p, p.add_task(what, total=1.0))


class Bar:
    """A progress bar under way."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress, self._task = progress, task

    def __call__(self, fraction: float, what: str) -> None:
        """Show that `fraction` (0..1) is done."""
        self._progress.update(self._task, completed=fraction, description=what)


def load(opening: Opening) -> formats.Loaded:
    """The model at the path, with a progress bar."""
    with progress_bar("loading") as bar:
        return formats.load(opening.path, opening.options, bar)


def time_of(opening: Opening, report: Report) -> float:
    """Model time asked for; the start where none was."""
    if opening.time is not None and opening.frame is not None:
        raise BadArgument("--time and --frame say the same thing: give one of them")
    start, end = report.time_range
    if opening.frame is not None:
        time = start + opening.frame * report.frame_step
        if not start - 1e-6 <= time <= end + 1e-6 * max(1.0, abs(end)):
            last = round((end - start) / report.frame_step)
            raise BadArgument(f"--frame is {opening.frame:g}, this model has frames 0 to {last}")
        return min(max(time, start), end)
    return start if opening.time is None else opening.time


def camera_of(opening: Opening, report: Report) -> Camera:
    """The camera asked for, else the first view, at the size asked for."""
    given = {"camera": opening.camera, "view": opening.view, "look": opening.rig}
    named = [f"--{name}" for name, value in given.items() if value is not None]
    if len(named) > 1:
        raise BadArgument(f"{' and '.join(named)} say the same thing: give one of them")
    if opening.camera is not None:
        camera = load_camera(opening.camera)
    elif opening.view is not None:
        count = len(report.cameras)
        if not 0 <= opening.view < count:
            known = f"0 to {count - 1}" if count else "none: no cameras lie beside this model"
            raise BadArgument(f"--view is {opening.view}, this model has cameras {known}")
        camera = report.cameras[opening.view].camera
    else:
        return (opening.rig or report.home).camera(*(opening.size or DEFAULT_SIZE))
    return camera if opening.size is None else camera.resized(*opening.size)


def use_gpu(ordinal: int) -> None:
    """CUDA computes with this device from now on. Raises BadArgument for one that is not there."""
    count = torch.cuda.device_count()
    if ordinal >= count:
        known = f"PyTorch sees CUDA devices 0 to {count - 1}" if count else "PyTorch sees none"
        raise BadArgument(f"--gpu is {ordinal}, {known}")
    torch.cuda.set_device(ordinal)


@contextmanager
def frame_path(
    renderer: str, precision: str, gpu: int | None = None
) -> Iterator[tuple[FramePath, moderngl.Context | None]]:
    """A frame path without a window, on CUDA device `gpu`; OpenGL only where it is needed."""
    if renderer != "auto" and renderer not in RENDERERS:
        raise BadArgument(f"--renderer is {renderer!r}, expected auto, {', '.join(RENDERERS)}")
    if gpu is not None:
        use_gpu(gpu)
    ctx = _context(renderer, gpu)
    path = FramePath(ctx, precision)
    try:
        yield path, ctx
    finally:
        path.release()
        if ctx is not None:
            ctx.release()


def _context(renderer: str, gpu: int | None) -> moderngl.Context | None:
    if renderer not in (*NEEDS_GL, "auto"):
        return None
    try:
        return context.headless(gpu)
    except Unusable:
        if renderer == "auto" and torch.cuda.is_available():
            return None  # a node with CUDA and no OpenGL draws into tensors
        raise


def suffix_of(path: Path, known: tuple[str, ...]) -> str:
    """The ending of an output file. Raises BadArgument for one that cannot be written."""
    if path.suffix.lower() not in known:
        raise BadArgument(f"--output is {path}, expected a name ending in {' or '.join(known)}")
    return path.suffix.lower()
