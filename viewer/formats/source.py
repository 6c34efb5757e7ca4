"""Source: what a format's `load` is given, and the options it may ask for."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, Generic, TypeVar

from viewer.core.errors import BadArgument
from viewer.core.report import Setting
from viewer.core.splats import Splats

HEAD = 1 << 20  # bytes; no header is longer
Progress = Callable[[float, str], None]  # fraction 0..1 and what; raises Cancelled to stop
T = TypeVar("T")
E = TypeVar("E", bound=Enum)


def silent(fraction: float, what: str) -> None:
    """Progress for who does not want any."""


@dataclass(frozen=True, slots=True)
class Option(Generic[T]):
    """Something a format guesses or cannot know, that `--option NAME=VALUE` overrides.

    parse: from text; raises ValueError saying what was expected.
    """

    name: str
    help: str
    parse: Callable[[str], T]


@dataclass(frozen=True, slots=True)
class Match:
    """A format claims a path. path: the file or folder to load. evidence: what was recognised.

    supersedes: formats that would show a part of it, such as the PLY of a run without its motion.
    """

    path: Path
    evidence: tuple[str, ...]
    supersedes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Codec:
    """How files of one kind are read as one instant: alone, or as a frame of a sequence.

    is_one: cheap. count: Gaussians in the file; raises Unusable where it is surely broken.
    read: raises Unusable; notes in the list what it mended. head: bytes at the start that is_one
    and count need, besides the file's size; None for all of them.
    """

    is_one: Callable[[Path], bool]
    count: Callable[[Path], int]
    read: Callable[[Path, Progress, list[str]], Splats]
    head: int | None = None


@dataclass(slots=True)
class Source:
    """A path to load, the options given for it, and where progress goes.

    It notes each option as it is used, so that the report can say where every value came from.
    """

    path: Path
    given: Mapping[str, str]
    progress: Progress
    evidence: tuple[str, ...] = ()
    settings: list[Setting] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def root(self) -> Path:
        """The folder of the training run, where cfg_args and cameras.json lie."""
        folder = self.path.parent
        if "iteration_" in folder.name and folder.parent.name == "point_cloud":
            return folder.parent.parent
        return folder

    def option(self, option: Option[T], found: T, origin: str) -> T:
        """The value given for `option`, else the one `found` in `origin` (a file, or "guessed").

        Raises BadArgument when the text given cannot be parsed.
        """
        value, text = found, self.given.get(option.name)
        if text is not None:
            try:
                value, origin = option.parse(text), "given"
            except ValueError as error:
                raise BadArgument(f"--option {option.name}={text}: {error}") from None
        self.settings.append(Setting(option.name, _text(value), origin, option.help))
        return value

    def origin_of(self, option: Option[Any]) -> str:
        """Where the value of an option came from, for what follows from it: its name if given."""
        origin = next(s.origin for s in self.settings if s.name == option.name)
        return option.name if origin == "given" else origin

    def part(self, start: float, end: float) -> Progress:
        """Progress of a step that is the part start..end of the whole."""
        return lambda fraction, what: self.progress(start + (end - start) * fraction, what)


def _text(value: object) -> str:
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, tuple):
        return ",".join(map(_text, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def positive(text: str) -> float:
    """A number over zero."""
    value = _number(text)
    if value <= 0:
        raise ValueError(f"is {value:g}, expected more than 0")
    return value


def not_negative(text: str) -> float:
    """A number of 0 or more."""
    value = _number(text)
    if value < 0:
        raise ValueError(f"is {value:g}, expected 0 or more")
    return value


def whole(text: str) -> int:
    """A whole number over zero."""
    value = positive(text)
    if value != int(value):
        raise ValueError(f"is {text}, expected a whole number")
    return int(value)


def yes_or_no(text: str) -> bool:
    """0 or 1, false or true."""
    if text.lower() not in ("0", "1", "false", "true"):
        raise ValueError("expected 0 or 1")
    return text.lower() in ("1", "true")


def share(text: str) -> float:
    """A number from 0 to 1."""
    value = _number(text)
    if not 0 <= value <= 1:
        raise ValueError(f"is {value:g}, expected 0 to 1")
    return value


def span(text: str) -> tuple[float, float]:
    """START,END in ascending order."""
    start, end = _numbers(text, 2, "START,END")
    if start > end:
        raise ValueError("START is after END")
    return (start, end)


def choice(kind: type[E]) -> Callable[[str], E]:
    """Parser of an option that is one of the values of an enum."""

    def parse(text: str) -> E:
        for member in kind:
            if str(member.value).lower() == text.strip().lower():
                return member
        raise ValueError(f"expected {' or '.join(str(member.value) for member in kind)}")

    return parse


def rgb(text: str) -> tuple[float, float, float]:
    """R,G,B, each 0..1."""
    r, g, b = _numbers(text, 3, "R,G,B")
    if not all(0 <= v <= 1 for v in (r, g, b)):
        raise ValueError("R,G,B lie outside 0..1")
    return (r, g, b)


def direction(text: str) -> tuple[float, float, float]:
    """X,Y,Z, or an axis such as y or -z; unit length."""
    axes = {"x": (1.0, 0.0, 0.0), "y": (0.0, 1.0, 0.0), "z": (0.0, 0.0, 1.0)}
    name = text.strip().lower()
    if name.lstrip("+-") in axes:
        sign = -1.0 if name.startswith("-") else 1.0
        x, y, z = axes[name.lstrip("+-")]
    else:
        sign = 1.0
        x, y, z = _numbers(text, 3, "X,Y,Z or an axis such as -y")
    length = math.hypot(x, y, z)
    if length == 0:
        raise ValueError("has no direction")
    x, y, z = (sign * v / length + 0.0 for v in (x, y, z))
    return (x, y, z)


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError("expected a number") from None
    if not math.isfinite(value):
        raise ValueError("expected a finite number")
    return value


def _numbers(text: str, count: int, expected: str) -> list[float]:
    parts = text.split(",")
    if len(parts) != count:
        raise ValueError(f"expected {expected}")
    return [_number(part) for part in parts]


OPEN_AS = Option("format", "what to open the path as", str)
FPS = Option("fps", "frames of the footage a second", positive)
FRAMES = Option("frames", "frames of the footage", whole)
TIME_RANGE = Option("time_range", "first and last time, model unit", span)
BACKGROUND = Option("background", "RGB the model was trained over", rgb)
UP = Option("up", "world direction that is upwards", direction)
COMMON = (BACKGROUND, UP)  # of every format
