"""State: all that the user can change, as one value, and how a frame's input changes it.

What each key and gesture does is written here once (BINDINGS); the help in the window and the
table in the README are made from it.
"""

import math
from dataclasses import dataclass, field, replace
from enum import Enum

from viewer.core import playback as clock
from viewer.core import rig as rigs
from viewer.core.playback import Playback
from viewer.core.report import Report
from viewer.core.rig import Rig, Side
from viewer.core.settings import RenderSettings

FLY_SPEED = 0.6  # pivot distances a second
FAST, SLOW = 5.0, 0.2
LOOK_SPEED = 2.0  # radians for a drag across the height of the window
MAX_FLY_STEP = 0.1  # seconds: after a hitch the camera does not leap
SIDES = {  # without Ctrl, and with it
    "keypad1": (Side.FRONT, Side.BACK),
    "keypad3": (Side.RIGHT, Side.LEFT),
    "keypad7": (Side.TOP, Side.BOTTOM),
}
MIN_FLY_DISTANCE = 0.02  # of the scene's radius: flying never stalls beside a near pivot

BINDINGS: tuple[tuple[str, str, str], ...] = (
    ("Time", "Space", "play or pause"),
    ("Time", "Left  Right  ,  .", "previous or next frame (Shift: ten)"),
    ("Time", "Home  End", "first or last frame"),
    ("Time", "J  K  L", "play backwards, pause, play forwards; again: twice as fast"),
    ("Time", "[  ]", "slower, faster"),
    ("Time", "T", "go to a typed frame (123, +10), second (4.1s), share (50%) or time (t0.62)"),
    ("Time", "X", "whole frames only, or every moment between them"),
    ("Time", "P", "loop, ping-pong, once"),
    ("Time", "I  O", "start or end of the part that plays; with Shift: clear both"),
    ("Camera", "left drag", "orbit"),
    ("Camera", "middle drag", "pan (also Shift + left drag)"),
    ("Camera", "right drag", "look around"),
    ("Camera", "wheel", "dolly (Ctrl: field of view)"),
    ("Camera", "double click", "turn about the surface under the pointer"),
    ("Camera", "W A S D Q E", "fly; Shift fast, Alt slow"),
    ("Camera", "F", "show the whole scene"),
    ("Camera", "keypad 1 3 7", "from the front, the right, the top (Ctrl: back, left, below)"),
    ("Camera", "R", "back to the first view"),
    ("Camera", "1 to 9  PgUp  PgDn", "cameras of the dataset"),
    ("Camera", "Ctrl+C  Ctrl+V", "copy the view as a line of text; go to a copied one"),
    ("Window", "F1  ?", "this help"),
    ("Window", "G", "settings"),
    ("Window", "H", "statistics"),
    ("Window", "Tab", "hide or show the interface"),
    ("Window", "Ctrl+O", "open a file or folder (or drop it on the window)"),
    ("Window", "F5", "load the same path again"),
    ("Window", "F11", "full screen"),
    ("Window", "F12", "save a picture"),
    ("Window", "Esc", "close the help or an error; stop loading"),
)


class Units(Enum):
    """What the ruler of the timeline counts."""

    FRAMES = "frames"
    SECONDS = "seconds"
    TIME = "time"  # the model's own


@dataclass(frozen=True, slots=True)
class Dialog:
    """The open dialog. text: what stands in its field. chosen: the name picked in the list."""

    folder: str
    text: str = ""
    chosen: str = ""


@dataclass(frozen=True, slots=True)
class Interface:
    """How the window itself is set. fps_cap: 0 is none."""

    visible: bool = True
    help: bool = False
    panel: bool = True
    statistics: bool = True
    units: Units = Units.FRAMES
    dialog: Dialog | None = None
    entry: str | None = None  # text of the field for a time, while it is open
    vsync: bool = True
    fps_cap: int = 0
    fullscreen: bool = False
    watch: bool = False  # load again what training leaves anew


@dataclass(frozen=True, slots=True)
class State:
    """The user's part: numbers and strings alone. The model travels beside it."""

    rig: Rig = field(default_factory=Rig)
    playback: Playback = field(default_factory=Playback)
    settings: RenderSettings = field(default_factory=RenderSettings)
    interface: Interface = field(default_factory=Interface)
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
    screenshot: bool = False
    dismiss_error: bool = False
    quit: bool = False
    pick: tuple[float, float] | None = None  # framebuffer pixels: make this surface the pivot
    option: tuple[str, str] | None = None  # of the format: load again with this name and value
    copy_look: bool = False  # the view, as a line in the clipboard
    paste_look: bool = False

    def __or__(self, other: "Actions") -> "Actions":
        """Both: the second's path, pick and option win where both have one."""
        return Actions(
            open_path=other.open_path or self.open_path,
            open_dialog=self.open_dialog or other.open_dialog,
            reload=self.reload or other.reload,
            cancel_load=self.cancel_load or other.cancel_load,
            screenshot=self.screenshot or other.screenshot,
            dismiss_error=self.dismiss_error or other.dismiss_error,
            quit=self.quit or other.quit,
            pick=other.pick or self.pick,
            option=other.option or self.option,
            copy_look=other.copy_look or self.copy_look,
            paste_look=other.paste_look or self.paste_look,
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
            overrun=0.0,
        ),
        camera_index=None,
    )


def update(state: State, inputs: Inputs, report: Report, dt: float) -> tuple[State, Actions]:
    """The next state: keys, then gestures, then flight, then `dt` seconds of clock."""
    actions = Actions(pick=inputs.pointer if inputs.double_click else None)
    for key in inputs.pressed:
        state, asked = _press(state, key, inputs, report)
        actions = actions | asked
    state = replace(state, rig=_fly(_drag(state.rig, inputs), inputs, report, dt))
    return replace(state, playback=clock.tick(state.playback, dt)), actions


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


def _press(state: State, key: str, inputs: Inputs, report: Report) -> tuple[State, Actions]:
    shift, ctrl = "shift" in inputs.modifiers, "ctrl" in inputs.modifiers
    match key:
        case "o" if ctrl:
            return state, Actions(open_dialog=True)
        case "keypad1" | "keypad3" | "keypad7":
            rig = rigs.from_side(state.rig, SIDES[key][ctrl])
            return replace(state, rig=rig, camera_index=None), Actions()
        case "c" if ctrl:
            return state, Actions(copy_look=True)
        case "v" if ctrl:
            return state, Actions(paste_look=True)
        case "f5":
            return state, Actions(reload=True)
        case "f12":
            return state, Actions(screenshot=True)
        case "escape" if not (state.interface.help or state.interface.dialog):
            return state, Actions(dismiss_error=True, cancel_load=True)
    if ctrl:
        return state, Actions()
    state = replace(state, interface=_press_window(state.interface, key, shift))
    moved = _press_camera(state, key, inputs, report)
    return replace(moved, playback=_press_time(moved.playback, key, shift)), Actions()


def _press_window(interface: Interface, key: str, shift: bool) -> Interface:
    match key:
        case "f1":
            return replace(interface, help=not interface.help)
        case "slash" if shift:
            return replace(interface, help=not interface.help)
        case "tab":
            return replace(interface, visible=not interface.visible)
        case "g":
            return replace(interface, panel=not interface.panel)
        case "h":
            return replace(interface, statistics=not interface.statistics)
        case "t":
            return replace(interface, entry="")
        case "f11":
            return replace(interface, fullscreen=not interface.fullscreen)
        case "escape" if interface.help:
            return replace(interface, help=False)
        case "escape":
            return replace(interface, dialog=None)
    return interface


def _press_camera(state: State, key: str, inputs: Inputs, report: Report) -> State:
    match key:
        case "f":
            aspect = inputs.size[0] / max(1, inputs.size[1])
            bounds = report.bounds
            framed = rigs.frame(state.rig, bounds.center, bounds.radius, aspect)
            return replace(state, rig=framed, camera_index=None)
        case "r":
            return replace(state, rig=report.home, camera_index=None)
        case "pageup" | "pagedown":
            step = 1 if key == "pagedown" else -1
            here = state.camera_index
            return go_to_camera(state, report, 0 if here is None else here + step)
        case _ if len(key) == 1 and key in "123456789":
            known = int(key) <= len(report.cameras)
            return go_to_camera(state, report, int(key) - 1) if known else state
    return state


def _press_time(p: Playback, key: str, shift: bool) -> Playback:
    match key:
        case "space":
            return clock.toggle(p)
        case "j" | "l":
            return clock.shuttle(p, backwards=key == "j")
        case "k":
            return replace(p, playing=False)
        case "x":
            return replace(p, whole_frames=not p.whole_frames)
        case "left" | "comma":
            return clock.step_frames(p, -10 if shift else -1)
        case "right" | "period":
            return clock.step_frames(p, 10 if shift else 1)
        case "home":
            return clock.seek(p, p.first)
        case "end":
            return clock.seek(p, p.last)
        case "leftbracket":
            return clock.faster(p, -1)
        case "rightbracket":
            return clock.faster(p, 1)
        case "p":
            return clock.next_loop(p)
        case "i" | "o" if shift:
            return clock.clear_marks(p)
        case "i":
            return clock.mark(p, "in")
        case "o":
            return clock.mark(p, "out")
    return p


def _drag(rig: Rig, inputs: Inputs) -> Rig:
    (dx, dy), height = inputs.drag, max(1, inputs.size[1])
    turn = LOOK_SPEED / height
    if dx or dy:
        if "middle" in inputs.buttons or ("left" in inputs.buttons and "shift" in inputs.modifiers):
            rig = rigs.pan(rig, dx, dy, height)
        elif "left" in inputs.buttons:
            rig = rigs.orbit(rig, 2 * dx * turn, -2 * dy * turn)
        elif "right" in inputs.buttons:
            rig = rigs.look(rig, dx * turn, -dy * turn)
    if inputs.wheel:
        if "ctrl" in inputs.modifiers:
            fov = min(max(rig.fov_y * 0.95**inputs.wheel, rigs.MIN_FOV), rigs.MAX_FOV)
            return replace(rig, fov_y=fov)
        rig = rigs.dolly(rig, inputs.wheel)
    return rig


def _fly(rig: Rig, inputs: Inputs, report: Report, dt: float) -> Rig:
    if "ctrl" in inputs.modifiers:
        return rig
    keys = inputs.held
    direction = (
        ("d" in keys) - ("a" in keys),
        ("q" in keys) - ("e" in keys),
        ("w" in keys) - ("s" in keys),
    )
    if direction == (0, 0, 0):
        return rig
    dt = min(dt, MAX_FLY_STEP)
    factor = (FAST if "shift" in inputs.modifiers else 1.0) * (
        SLOW if "alt" in inputs.modifiers else 1.0
    )
    reach = max(rig.distance, MIN_FLY_DISTANCE * report.bounds.radius)
    step = FLY_SPEED * factor * reach * dt / math.sqrt(sum(d * d for d in direction))
    x, y, z = direction
    return rigs.fly(rig, (x * step, y * step, z * step))
