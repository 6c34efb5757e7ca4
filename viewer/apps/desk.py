"""The scene that is open and the work under way for it: loading another, finding a surface."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from viewer import formats, resources
from viewer.apps.job import Job
from viewer.apps.watch import Watcher
from viewer.core.camera import Camera
from viewer.core.errors import BadArgument, Cancelled, Unusable
from viewer.core.report import Report
from viewer.core.rig import Vec3
from viewer.core.session import Loading, Problem
from viewer.core.settings import RenderSettings
from viewer.core.splats import Splats
from viewer.prefetch import Prefetch
from viewer.render.reference import surface_depth

LOG = logging.getLogger("viewer")

Load = Callable[[Path, Mapping[str, str] | None, formats.Progress], formats.Loaded]


@dataclass(frozen=True, slots=True)
class Order:
    """Something to open. recent: whether it is worth remembering."""

    path: Path
    options: Mapping[str, str] = field(default_factory=dict)
    recent: bool = True


@dataclass(frozen=True, eq=False, slots=True)
class Scene:
    """What is open."""

    order: Order
    model: Prefetch
    report: Report


@dataclass(frozen=True, slots=True)
class Pick:
    """A surface to find. at: framebuffer pixels. grab: for the hand, not to become the pivot.

    point: it, world space, once it was found; None where there is none.
    """

    at: tuple[float, float]
    grab: bool
    point: Vec3 | None = None


class Desk:
    """Owns the scene and the jobs. The old scene stays until the new one is there."""

    def __init__(self, load: Load) -> None:
        self.scene: Scene | None = None
        self._load = load
        self._loading: tuple[Order, Job[formats.Loaded]] | None = None
        self._picking: Job[Pick] | None = None
        self._watched: tuple[Order, Watcher] | None = None
        self._retired: list[Prefetch] = []  # of scenes that are gone, still at a last slice

    @property
    def loading(self) -> Loading | None:
        """The scene on its way."""
        if self._loading is None:
            return None
        order, job = self._loading
        return Loading(str(order.path), *job.progress)

    @property
    def busy(self) -> str:
        """What else is worked on."""
        return "" if self._picking is None else self._picking.what

    def open(self, order: Order) -> None:
        """Start to load; what was loading is given up."""
        self.stop_loading()
        path, options = order.path, order.options
        job = Job(lambda progress: self._load(path, options, progress), "load")
        self._loading = (order, job)

    def stop_loading(self) -> None:
        """Give up what is loading."""
        if self._loading is not None:
            self._loading[1].cancel()
            self._loading = None

    def arrived(self) -> Scene | None:
        """The scene that has just finished loading: it replaces the old one. Raises what it met."""
        if self._loading is None or not self._loading[1].done:
            return None
        order, job = self._loading
        self._loading = None
        try:
            loaded = job.result()
        except Cancelled:
            return None
        old, self.scene = self.scene, Scene(order, Prefetch(loaded.model), loaded.report)
        if old is not None:
            old.model.retire()
            self._retired = [m for m in (*self._retired, old.model) if m.working]
        return self.scene

    def newer(self, follow: bool) -> bool:
        """Whether what lies where the scene came from is newer than it; looked at while following.

        Nothing is while another scene is on its way.
        """
        order = self.scene.order if follow and self.scene is not None else None
        if self._watched is not None and self._watched[0] is not order:
            self._watched[1].release()
            self._watched = None
        if order is None:
            return False
        if self._watched is None:
            self._watched = order, Watcher(order.path, order.options)
        return self._loading is None and self._watched[1].newer()

    def pick(self, found: Pick, camera: Camera, settings: RenderSettings, time: float) -> None:
        """Start to look for the surface at a pixel; one is looked for at a time."""
        scene = self.scene
        if scene is not None and self._picking is None:
            what = "" if found.grab else "Finding the surface"
            self._picking = Job(
                lambda _: replace(
                    found,
                    point=surface_at(scene.model.exact(time), camera, settings, found.at),
                ),
                what,
            )

    def picked(self) -> Pick | None:
        """The surface that was looked for, once. Raises what that met."""
        if self._picking is None or not self._picking.done:
            return None
        job, self._picking = self._picking, None
        return job.result()

    def release(self) -> None:
        """Stop all work and let the scene go, promptly."""
        self.newer(follow=False)
        if self._loading is not None:
            self._loading[1].close()
            self._loading = None
        if self._picking is not None:
            self._picking.close()
        if self.scene is not None:
            self._retired.append(self.scene.model)
            self.scene = None
        for model in self._retired:
            model.release()


def surface_at(
    splats: Splats, camera: Camera, settings: RenderSettings, at: tuple[float, float]
) -> Vec3 | None:
    """The point that pixel `at` shows, world space; None where it shows nothing."""
    depth = surface_depth(splats, camera, settings, *at)
    if depth is None:
        return None
    x, y, z = camera.point_at(at, depth)
    return (float(x), float(y), float(z))


def problem(error: BaseException, doing: str) -> Problem:
    """What the error panel says. What nobody foresaw goes to the log with its traceback."""
    match error:
        case Unusable():
            return Problem(error.cause, error.fix)
        case BadArgument():
            return Problem(str(error))
        case MemoryError():
            return Problem(f"{doing}: there is not enough memory", "close other programs")
    LOG.error("%s", doing, exc_info=error)
    what = " ".join(str(error).split())[:300]
    return Problem(
        f"{doing}: {type(error).__name__}: {what}", f"the log tells more: {resources.log_file()}"
    )
