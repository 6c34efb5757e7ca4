"""Session: what the window shows besides the State, the Report and the FrameStats.

Plain values, made anew each frame by the window loop; the interface reads them and changes none.
"""

from dataclasses import dataclass, field

from viewer.core.compare import Compared
from viewer.core.delivery import Delivery
from viewer.core.folder import Listing
from viewer.core.frusta import Frusta
from viewer.core.report import Bounds, Report
from viewer.core.rig import Rig

NO_SCENE = Report(
    path="",
    format="",
    evidence=(),
    count=0,
    sh_degree=0,
    time_range=(0.0, 0.0),
    frame_step=1.0,
    fps=30.0,
    memory=0,
    bounds=Bounds((-1.0, -1.0, -1.0), (1.0, 1.0, 1.0)),
    home=Rig(position=(0.0, 0.0, -3.0), distance=3.0),
)


@dataclass(frozen=True, slots=True)
class Loading:
    """A scene on its way. fraction: 0..1. what: the step it is at."""

    path: str
    fraction: float = 0.0
    what: str = ""


@dataclass(frozen=True, slots=True)
class Exporting:
    """An export under way. fraction: 0..1. seconds_left: None before there is anything to say."""

    output: str
    fraction: float
    written: int
    frames: int
    seconds_left: float | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong, and what the user can do about it."""

    cause: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Session:
    """scale: pixels of the interface for one of its design. frame_times: ms, oldest first.

    scene: whether there is one to see. idle: nothing moves, so frames come only when asked for.
    busy: what a worker does for the user. pending: a newer slice is on its way.
    loaded: runs of stored instants that are in memory, first and last rank; None: none are stored.
    frusta: the dataset's cameras as they are drawn; None where they are not.
    compared: what the dataset's image says; None where it is not wanted.
    delivery: which of the scene's frames were seen.
    renderers: name and "" or why it cannot be used here.
    """

    scene: bool = False
    loading: Loading | None = None
    exporting: Exporting | None = None
    problem: Problem | None = None
    recents: tuple[str, ...] = ()
    frame_times: tuple[float, ...] = ()
    idle: bool = False
    pending: bool = False
    busy: str = ""
    notice: str = ""
    loaded: tuple[tuple[int, int], ...] | None = None
    frusta: Frusta | None = None
    compared: Compared | None = None
    delivery: Delivery = field(default_factory=Delivery)
    renderers: tuple[tuple[str, str], ...] = ()
    listing: Listing | None = None
    scale: float = 1.0
    size: tuple[int, int] = (1, 1)  # framebuffer pixels
