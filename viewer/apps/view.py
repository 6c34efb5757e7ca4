"""The window loop: poll Inputs, update, render, draw the interface, present, act."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from viewer import formats, resources
from viewer.apps import takeaway, trouble
from viewer.apps.dataset import Dataset
from viewer.apps.desk import Desk, Load, Order, Pick, Scene, problem
from viewer.apps.doctor import findings
from viewer.apps.kept import first_state, found_again, left, remembered
from viewer.apps.opening import Opening, time_of, use_gpu
from viewer.apps.pace import Pace
from viewer.apps.stage import Stage, given_way
from viewer.apps.studio import Studio
from viewer.core import gestures, preferences
from viewer.core import playback as clock
from viewer.core import rig as rigs
from viewer.core.controls import update
from viewer.core.errors import Unusable
from viewer.core.folder import Listing, existing, listing
from viewer.core.preferences import Preferences
from viewer.core.report import Report
from viewer.core.rig import Rig
from viewer.core.session import NO_SCENE, Problem, Session
from viewer.core.settings import RenderSettings
from viewer.core.state import Actions, Dialog, FrameStats, Inputs, State, opened, resumed
from viewer.gl.target import TextureTarget
from viewer.render import usable
from viewer.ui.panels import interface
from viewer.window import Window

TITLE_EVERY = 0.25  # seconds
NOTICE_LASTS = 4.0  # seconds
NAME = "view4d"

Watch = Callable[[State, Session, FrameStats], None]


@dataclass(frozen=True, slots=True)
class ViewRequest:
    """What to open and how to see it first.

    path None: the demo. time or frame: start there. gpu: CUDA device.
    """

    path: Path | None = None
    options: dict[str, str] = field(default_factory=dict)
    settings: RenderSettings = field(default_factory=RenderSettings)
    size: tuple[int, int] | None = None
    time: float | None = None
    frame: float | None = None
    rig: Rig | None = None
    gpu: int | None = None


def view(request: ViewRequest, load: Load = formats.load, watch: Watch | None = None) -> int:
    """Open the window and run it until it is closed; returns the exit code.

    watch: told of every frame. Raises Unusable for a path that does not exist, and where no window
    can be opened; what is wrong with a file that exists is shown in the window.
    """
    if request.path is not None and not request.path.exists():
        raise Unusable(f"{request.path}: there is no such file or folder")
    if request.gpu is not None:
        use_gpu(request.gpu)
    kept = preferences.load(resources.settings_file())
    viewer = Viewer(request, kept, load)
    try:
        while viewer.step():
            if watch is not None:
                watch(viewer.state, viewer.session, viewer.stats)
    finally:
        viewer.release()
    preferences.save(viewer.kept, resources.settings_file())
    return 0


class Viewer:
    """All that lives while the window is open. State changes in `step` and nowhere else."""

    def __init__(self, request: ViewRequest, kept: Preferences, load: Load) -> None:
        """Raises Unusable where no window can be opened."""
        self._request: ViewRequest | None = request  # until its scene is there
        self.kept = kept
        self.state = first_state(kept, request.settings)
        self.session = Session(recents=kept.recents)
        self._window = Window(NAME, request.size or kept.size, kept.vsync)
        self._stage = Stage(self._window.ctx)
        self._desk = Desk(load)
        self._dataset = Dataset(self._window.ctx)
        self._studio = Studio(self._window.ctx, self._stage.path)
        self._pace = Pace()
        self._clock = self._titled = self._noticed = time.perf_counter()
        self._title = NAME
        self._listing: Listing | None = None
        self._order: Order | None = None  # of the scene that is open
        self._own: tuple[tuple[str, float], ...] = ()  # spans of the last frame's own part
        self._last: tuple[object, ...] = ()
        path = request.path or resources.demo()
        if path.exists():
            self._desk.open(Order(path, request.options, recent=request.path is not None))

    @property
    def stats(self) -> FrameStats:
        """What the last frame cost."""
        return self._stage.stats

    def step(self) -> bool:
        """One turn of the loop; False once the window is to be closed."""
        window, desk = self._window, self._desk
        working = desk.loading is not None or bool(desk.busy or self._studio.exporting)
        time.sleep(self._pace.rest(time.perf_counter(), self.state.interface.fps_cap))
        woken = window.poll(self._pace.wait(working))
        now = time.perf_counter()
        dt, self._clock = now - self._clock, now
        if window.minimised and not window.closing:
            self.state, _ = update(self.state, Inputs(), self._report(), dt)
            self._export()
            self._pace = replace(self._pace, started=None)
            window.poll(0.0 if self._studio.exporting else 0.1)
            return True
        fresh = self._arrivals()
        self._dataset.follow(desk.scene)
        inputs = window.begin()
        report = self._report()
        dt = 0.0 if fresh else dt
        self.state, asked = update(self.state, inputs, report, dt, unseen=self._stage.pending)
        still = not self.state.playback.playing and not self._stage.pending
        if self._dataset.truth.follow(desk.scene, self.state, self._stage.path, still):
            self._stage.forget()
        picture = self._draw(inputs.size)
        self._stage.note(desk.scene, self.state, now)
        self.session = self._session(inputs.size, now)
        start = time.perf_counter()
        self.state, drawn = interface(self.state, report, self.stats, self.session)
        built = time.perf_counter()
        asked |= drawn
        shown = window.present(
            picture,
            lambda fbo: self._dataset.draw(fbo, self.state, self.session),
            keep=asked.snapshot,
        )
        self._account(built - start, time.perf_counter() - built)
        active = woken or self._last != (inputs, self.state, self.session.notice)
        self._last = (inputs, self.state, self.session.notice)
        active = active or self._stage.pending or self._studio.exporting is not None
        self._pace = self._pace.began(now, active)
        self._act(asked, inputs.size, shown)
        self._export()
        if fresh:
            self._clock = time.perf_counter()  # the first picture of a scene is its first frame
        return not window.closing

    def release(self) -> None:
        """Close everything; what is still loading is given up."""
        self._leave()
        self.kept = remembered(self.kept, self.state, self._window.size)
        self._studio.cancel()
        self._desk.release()
        self._dataset.release()
        self._stage.release()
        self._window.release()

    def _arrivals(self) -> bool:
        """Take what workers have finished and what was dropped; whether a new scene is there."""
        dropped = self._window.dropped()
        if dropped is not None:
            self._desk.open(Order(Path(dropped)))
        elif self._desk.newer(self.state.interface.watch):
            self._tell("Loading what is newer")
            assert self._desk.scene is not None
            self._desk.open(self._desk.scene.order)
        try:
            self._take(self._desk.picked())
        except Exception as error:
            self._fail(problem(error, "Finding the surface failed"))
        try:
            scene = self._desk.arrived()
            if scene is not None:
                self._adopt(scene)
        except Exception as error:
            self._fail(problem(error, "Loading failed"))
            return False
        return scene is not None

    def _take(self, found: Pick | None) -> None:
        """A surface was found: it becomes the pivot, or the hand has hold of it."""
        if found is not None and found.grab:
            self.state = gestures.taken(self.state, found.at, found.point)
        elif found is not None and found.point is not None:
            self.state = replace(self.state, rig=rigs.aim(self.state.rig, found.point))

    def _report(self) -> Report:
        return self._desk.scene.report if self._desk.scene else NO_SCENE

    def _export(self) -> None:
        """Take an export forward."""
        try:
            self._tell(self._studio.step())
        except Exception as error:
            self._fail(problem(error, "The export failed"))

    def _adopt(self, scene: Scene) -> None:
        if self._studio.cancel():
            self._tell("The export was stopped: another scene is open")
        again = self._order is not None and self._order.path == scene.order.path
        same = scene.order == self._order
        fresh = opened(self.state, scene.report)
        self._leave()
        if again:
            self.state = resumed(self.state, fresh, same)
        else:
            self.state = found_again(self.kept, _name(scene.order), fresh)
        self._order = scene.order
        self._stage.clear()
        self.session = replace(self.session, problem=None)
        if scene.order.recent:
            self.kept = preferences.with_recent(self.kept, _name(scene.order))
        request, self._request = self._request, None
        if request is not None and (request.time is not None or request.frame is not None):
            asked = Opening(scene.order.path, time=request.time, frame=request.frame)
            p = clock.seek(self.state.playback, time_of(asked, scene.report))
            self.state = replace(self.state, playback=replace(p, playing=False))
        if request is not None and request.rig is not None:
            self.state = replace(self.state, rig=request.rig)

    def _leave(self) -> None:
        """Remember where the open scene is left."""
        if self._order is not None and self._order.recent:
            self.kept = left(self.kept, _name(self._order), self.state)

    def _draw(self, size: tuple[int, int]) -> TextureTarget | None:
        stage, scene, before = self._stage, self._desk.scene, self._stage.frame
        if scene is None:
            return None
        try:
            return stage.draw(scene, self.state, size, self._own)
        except Exception as error:
            self._fail(problem(error, "Drawing failed"))
            worked = stage.path.renderer if before else self.state.settings.renderer
            self.state = given_way(self.state, worked)
            return None

    def _account(self, building: float, presenting: float) -> None:
        """Note what the frame cost beside the picture; shown with the next one."""
        self._own = (("interface", building * 1e3), ("present", presenting * 1e3))

    def _session(self, size: tuple[int, int], now: float) -> Session:
        old, window, scene = self.session, self._window, self._desk.scene
        shown = self.state.interface.dialog
        if shown is not None and (not self._listing or self._listing.folder != shown.folder):
            self._listing = listing(shown.folder)
        self._entitle(size, now)
        drawn = scene is not None and self._stage.drawn
        return replace(
            old,
            scene=scene is not None,
            loading=self._desk.loading,
            exporting=self._studio.exporting,
            recents=self.kept.recents,
            frame_times=self._pace.times,
            idle=self._pace.idle,
            pending=self._stage.pending,
            busy=self._desk.busy,
            loaded=scene.model.loaded if scene is not None else None,
            delivery=self._stage.delivery,
            compared=self._dataset.truth.compared,
            frusta=self._dataset.shown(self.state),
            notice=old.notice if now - self._noticed < NOTICE_LASTS else "",
            renderers=old.renderers or (usable(window.ctx) if drawn else ()),
            listing=self._listing if shown is not None else None,
            scale=window.scale,
            size=size,
        )

    def _entitle(self, size: tuple[int, int], now: float) -> None:
        if now - self._titled > TITLE_EVERY:
            self._titled = now
            self._title = _title(self._desk.scene, self.state, size)
        self._window.follow(self.state.interface, self._title)

    def _act(self, actions: Actions, size: tuple[int, int], whole: np.ndarray | None) -> None:
        """Do what was asked for. whole: the window, where that is to be kept."""
        desk, state = self._desk, self.state
        if actions.cancel_load and desk.loading is not None:
            desk.stop_loading()
            self._tell("Loading was stopped")
        elif actions.dismiss_error:
            self.session = replace(self.session, problem=None)
        if actions.open_path is not None:
            desk.open(Order(Path(actions.open_path).expanduser()))
        if actions.reload and desk.scene is not None:
            desk.open(desk.scene.order)
        if actions.option is not None and desk.scene is not None:
            order, (name, value) = desk.scene.order, actions.option
            desk.open(replace(order, options={**order.options, name: value}))
        if actions.open_dialog:
            known = self.kept.recents[0] if self.kept.recents else ""
            folder = existing(str(Path(known).parent) if known else "")
            self._listing = None
            shown = replace(state.interface, dialog=Dialog(folder), help=False)
            self.state = replace(state, interface=shown)
        try:
            if actions.screenshot and (image := self._stage.image()) is not None:
                self._save(image)
            if whole is not None:
                self._save(whole)
            if actions.copy_look and desk.scene is not None:
                self._window.clipboard = self._look()
                self._tell("Copied the view as a line of text")
            self.state, told = self._studio.act(actions, desk.scene, self.state)
            self._tell(told)
            if actions.copy_report and self.session.problem is not None:
                found = findings(self._window.ctx)
                told = trouble.report(
                    self.session.problem, self._look(), found, resources.log_file()
                )
                self._window.clipboard = told
                self._tell("Copied a report of what went wrong")
            if actions.paste_look:
                self._go_to(self._window.clipboard)
            at = actions.pick or actions.grab
            if at is not None:
                camera, time = state.rig.camera(*size), state.playback.shown
                desk.pick(Pick(at, grab=actions.pick is None), camera, state.settings, time)
        except Exception as error:
            self._fail(problem(error, "This failed"))

    def _look(self) -> str:
        """The view as a line of text; empty where no scene is open."""
        scene = self._desk.scene
        return "" if scene is None else takeaway.look_of(scene.order, self.state)

    def _go_to(self, text: str) -> None:
        """See the open scene as a copied line says."""
        try:
            self.state = takeaway.gone_to(self.state, text)
        except ValueError as error:
            self._tell(f"The clipboard holds no view: {error}")

    def _save(self, picture: np.ndarray) -> None:
        self._tell(f"Saved {takeaway.save_picture(picture, NAME).absolute()}")

    def _tell(self, notice: str) -> None:
        """Show it for a while; nothing where there is nothing to tell."""
        if not notice:
            return
        self._noticed = time.perf_counter()
        self.session = replace(self.session, notice=notice)

    def _fail(self, found: Problem) -> None:
        self.session = replace(self.session, problem=found)


def _name(order: Order) -> str:
    """Under which a scene is remembered."""
    return str(order.path.absolute())


def _title(scene: Scene | None, state: State, size: tuple[int, int]) -> str:
    if scene is None:
        return NAME
    name = scene.order.path.name or str(scene.order.path)
    when = f", {state.playback.seconds:.1f} s" if scene.report.moves else ""
    lens = "orthographic" if state.rig.orthographic else f"{state.rig.fov_y * 57.29578:.0f}°"
    return f"{name}{when}, {size[0]}×{size[1]}, {lens} - {NAME}"
