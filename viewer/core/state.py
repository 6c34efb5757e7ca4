"""State: all that the user can change, as one value; controls.py says how input changes it."""

import math
from dataclasses import dataclass, field, replace
from enum import Enum

import numpy as np

from viewer.core import compare as comparing
from viewer.core import playback as clock
from viewer.core import rig as rigs
from viewer.core.compare import Compare
from viewer.core.cut import Cut
from viewer.core.navigation import Grip, Navigation
from viewer.core.playback import Playback
from viewer.core.report import Report
from viewer.core.rig import Rig
from viewer.core.settings import RenderSettings
from viewer.core.tour import Tour
from viewer.core.zoom import WHOLE, Part


class Units(Enum):
    """What the ruler of the timeline counts."""

    FRAMES = "frames"
    SECONDS = "seconds"
    TIME = "time"  # the model's own


class Theme(Enum):
    """The colours of the interface."""

    DARK = "dark"
    LIGHT = "light"


SCALES = (0.75, 1.0, 1.25, 1.5, 1.75, 2.0)  # of the interface, that the user picks from


@dataclass(frozen=True, slots=True)
class Dialog:
    """The open dialog. text: what stands in its field. chosen: the name picked in the list."""

    folder: str
    text: str = ""
    chosen: str = ""


@dataclass(frozen=True, slots=True)
class Interface:
    """How the window itself is set. fps_cap: 0 is none.

    scale: of the interface, on top of the screen's.
    """

    visible: bool = True
    help: bool = False
    panel: bool = True
    statistics: bool = True
    cube: bool = True
    cameras: bool = False  # of the dataset, drawn in the scene
    units: Units = Units.FRAMES
    dialog: Dialog | None = None
    ruler: Part = WHOLE  # of the range of time
    entry: str | None = None  # text of the field for a time, while it is open
    vsync: bool = True
    fps_cap: int = 0
    fullscreen: bool = False
    theme: Theme = Theme.DARK
    scale: float = 1.0
    watch: bool = False  # load again what training leaves anew


@dataclass(frozen=True, slots=True)
class State:
    """The user's part: numbers and strings alone. The model travels beside it."""

    rig: Rig = field(default_factory=Rig)
    playback: Playback = field(default_factory=Playback)
    settings: RenderSettings = field(default_factory=RenderSettings)
    interface: Interface = field(default_factory=Interface)
    compare: Compare = field(default_factory=Compare)
    navigation: Navigation = field(default_factory=Navigation)
    grip: Grip = field(default_factory=Grip)
    tour: Tour = field(default_factory=Tour)
    cut: Cut = field(default_factory=Cut)
    camera_index: int | None = None


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the user did since the last frame, outside the panels; lengths are framebuffer pixels.

    buttons: held among "left", "middle", "right". held: keys down. pressed: keys that went down
    (repeats included). modifiers: among "shift", "ctrl", "alt". Key names are lower case:
    letters, digits, "space", "left", "comma", "leftbracket", "pageup", "f1", ...
    """

    size: tuple[int, int] = (1, 1)
    pointer: tuple[float, float] = (0.0, 0.0)
    drag: tuple[float, float] = (0.0, 0.0)
    wheel: float = 0.0
    buttons: frozenset[str] = frozenset()
    held: frozenset[str] = frozenset()
    pressed: tuple[str, ...] = ()
    modifiers: frozenset[str] = frozenset()
    double_click: bool = False


@dataclass(frozen=True, slots=True)
class Actions:
    """What the interface asks the program to do, besides changing the State."""

    open_path: str | None = None
    open_dialog: bool = False
    reload: bool = False
    cancel_load: bool = False
    screenshot: bool = False  # the picture alone
    snapshot: bool = False  # all that the window shows
    dismiss_error: bool = False
    quit: bool = False
    pick: tuple[float, float] | None = None  # framebuffer pixels: make this surface the pivot
    grab: tuple[float, float] | None = None  # framebuffer pixels: which surface the hand is on
    option: tuple[str, str] | None = None  # of the format: load again with this name and value
    copy_report: bool = False  # of what went wrong, for the clipboard
    copy_look: bool = False  # the view, as a line in the clipboard
    paste_look: bool = False
    export: bool = False  # the camera path
    cut: bool = False  # instants, as files of Gaussians
    cancel_export: bool = False
    load_path: bool = False
    save_path: bool = False

    def __or__(self, other: "Actions") -> "Actions":
        """Both: the second's path, pick, grab and option win where both have one."""
        return Actions(
            open_path=other.open_path or self.open_path,
            open_dialog=self.open_dialog or other.open_dialog,
            reload=self.reload or other.reload,
            cancel_load=self.cancel_load or other.cancel_load,
            screenshot=self.screenshot or other.screenshot,
            snapshot=self.snapshot or other.snapshot,
            dismiss_error=self.dismiss_error or other.dismiss_error,
            quit=self.quit or other.quit,
            pick=other.pick or self.pick,
            grab=other.grab or self.grab,
            option=other.option or self.option,
            copy_report=other.copy_report or self.copy_report,
            copy_look=other.copy_look or self.copy_look,
            paste_look=other.paste_look or self.paste_look,
            export=other.export or self.export,
            cut=other.cut or self.cut,
            cancel_export=other.cancel_export or self.cancel_export,
            load_path=other.load_path or self.load_path,
            save_path=other.save_path or self.save_path,
        )


@dataclass(frozen=True, slots=True)
class FrameStats:
    """What the last frame cost. spans: (name, milliseconds) in the order they ran."""

    spans: tuple[tuple[str, float], ...] = ()
    total: int = 0  # Gaussians stored
    alive: int = 0  # in the slice
    drawn: int = 0  # in front of the camera and big enough to see
    renderer: str = ""
    adapter: str = ""
    notes: tuple[str, ...] = ()  # fallbacks taken, and why
    told: str = ""  # what the renderer decided by measuring
    passes: int = 0  # draws of all splats, where one does not do
    device_memory: int = 0  # bytes it holds there: the model and what a frame needs

    @property
    def milliseconds(self) -> float:
        """The whole frame."""
        return sum(ms for _, ms in self.spans)


def opened(state: State, report: Report) -> State:
    """The state in which a scene that was just loaded is first seen, playing if it moves."""
    start, end = report.time_range
    return replace(
        state,
        rig=report.home,
        grip=Grip(),
        playback=replace(
            state.playback,
            held=False,
            time=start,
            start=start,
            end=end,
            step=report.frame_step,
            fps=report.fps,
            playing=report.moves,
            backwards=False,
            mark_in=None,
            mark_out=None,
            markers=(),
            due=0.0,
            overrun=0.0,
        ),
        interface=replace(state.interface, ruler=WHOLE),
        tour=Tour(film=replace(state.tour.film, fps=report.fps), output=state.tour.output),
        camera_index=None,
    )


def go_to_camera(state: State, report: Report, index: int) -> State:
    """Stand where a camera of the dataset stood, at its time if it has one."""
    if not report.cameras:
        return state
    index %= len(report.cameras)
    found = report.cameras[index]
    reach = math.dist(tuple(found.camera.center), report.bounds.center)
    reach = max(reach, 0.1 * report.bounds.radius, 1e-3)
    rig = rigs.from_camera(found.camera, reach, report.up)
    p = state.playback if found.time is None else clock.seek(state.playback, found.time)
    return replace(state, rig=rig, playback=p, camera_index=index)


def go_to_nearest(state: State, report: Report) -> State:
    """Stand where the camera of the dataset stood whose view is most like the present one."""
    if not report.cameras:
        return state
    here, ahead = np.array(state.rig.position), state.rig.axes[:, 2]
    reach = max(report.bounds.radius, 1e-9)

    def unlike(i: int) -> float:
        seen = report.cameras[i].camera
        apart = float(np.linalg.norm(seen.center - here)) / reach
        return apart + 1 - float(seen.viewmat[2, :3] @ ahead)

    return go_to_camera(state, report, min(range(len(report.cameras)), key=unlike))


def toggle_compare(state: State, report: Report) -> State:
    """The dataset's image over the picture, or no longer: from the nearest camera, at its time.

    While it plays it goes on playing, and the images follow.
    """
    if state.compare.shown:
        return replace(state, compare=replace(state.compare, shown=False))
    state = replace(state, compare=replace(state.compare, shown=True))
    if not report.cameras:
        return state
    index = state.camera_index
    if index is None or not comparing.stands_at(state.rig, report.cameras[index].camera):
        state = go_to_nearest(state, report)
    assert state.camera_index is not None
    p = state.playback
    shot = comparing.shot_at(report.cameras[state.camera_index], p.shown)
    if p.playing or shot is None or shot.time is None:
        return state
    return replace(state, playback=clock.seek(p, shot.time))


def reset(state: State) -> State:
    """Every setting as it is at first; the scene, where one stands in it, and its time stay."""
    fresh = State()
    kept = replace(fresh.interface, fullscreen=state.interface.fullscreen)
    return replace(
        state, settings=fresh.settings, interface=kept, compare=fresh.compare,
        navigation=fresh.navigation,
    )  # fmt: skip


def resumed(before: State, fresh: State, same: bool) -> State:
    """A scene that was loaded again, seen as before: to see what training or an option changed.

    fresh: the state in which it would be first seen. same: nothing was asked to be other.
    """
    moves = fresh.playback.end > fresh.playback.start
    p = clock.seek(fresh.playback, before.playback.time)
    p = replace(p, playing=before.playback.playing and moves, markers=before.playback.markers)
    rig = before.rig if same else replace(before.rig, up=fresh.rig.up)
    return replace(fresh, rig=rig, playback=p, tour=replace(before.tour, follow=False))
