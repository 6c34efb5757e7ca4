"""Report: what was recognised in a path, and on what evidence. Made by loading; needs no torch.

`info` prints it, the window shows it, and the camera and the clock start from it.
"""

from dataclasses import dataclass

from viewer.core.camera import Camera
from viewer.core.rig import Rig, Vec3


@dataclass(frozen=True, slots=True)
class Bounds:
    """A world box that holds what matters of the scene and leaves out the strays."""

    low: Vec3
    high: Vec3

    @property
    def center(self) -> Vec3:
        """Middle of the box."""
        (a, b, c), (d, e, f) = self.low, self.high
        return ((a + d) / 2, (b + e) / 2, (c + f) / 2)

    @property
    def radius(self) -> float:
        """Half the diagonal."""
        return sum((h - lo) ** 2 for lo, h in zip(self.low, self.high, strict=True)) ** 0.5 / 2


@dataclass(frozen=True, slots=True)
class Shot:
    """An image of a camera. image: its path, perhaps without its ending. time: model time."""

    image: str
    time: float | None = None


@dataclass(frozen=True, eq=False, slots=True)
class DatasetCamera:
    """A camera found beside the model, with the time it saw where the files say.

    origin: the file it was found in. shots: its images, where the files name them.
    """

    name: str
    camera: Camera
    time: float | None = None
    origin: str = ""
    shots: tuple[Shot, ...] = ()


@dataclass(frozen=True, slots=True)
class Setting:
    """One option of a format as it was used. origin: "given", a file's name, or "guessed"."""

    name: str
    value: str
    origin: str
    help: str


@dataclass(frozen=True, eq=False, slots=True)
class Report:
    """What a load found.

    count: Gaussians stored (the largest frame's, for sequences).
    time_range, frame_step: model time.
    frame_times: stored instants, where only those exist. memory: bytes the model holds.
    home: the first view. up: world direction, unit.
    """

    path: str
    format: str
    evidence: tuple[str, ...]
    count: int
    sh_degree: int
    time_range: tuple[float, float]
    frame_step: float
    fps: float
    memory: int
    bounds: Bounds
    home: Rig
    background: Vec3 = (0.0, 0.0, 0.0)
    frame_times: tuple[float, ...] | None = None
    frame_names: tuple[str, ...] = ()
    cameras: tuple[DatasetCamera, ...] = ()
    settings: tuple[Setting, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def up(self) -> Vec3:
        """World direction that is upwards in the first view."""
        return self.home.up

    @property
    def moves(self) -> bool:
        """Whether there is more than one instant to see."""
        return self.time_range[1] > self.time_range[0]
