"""Where the ticks of a ruler go, and what they say. Pure numbers; it draws nothing."""

import math
from dataclasses import dataclass

from viewer.core.playback import Playback
from viewer.core.state import Units
from viewer.core.zoom import WHOLE, Part

MOST_TICKS = 400


@dataclass(frozen=True, slots=True)
class Tick:
    """place: 0..1 along the ruler. label: empty on a minor tick."""

    place: float
    label: str = ""


def ticks(
    p: Playback, units: Units, width: float, label_gap: float, part: Part = WHOLE
) -> tuple[Tick, ...]:
    """Ticks of a ruler `width` pixels long whose labels stand at least `label_gap` apart.

    part: of the whole range, what the ruler shows.
    """
    whole = _length(p, units)
    length = whole * (part[1] - part[0])
    offset = (p.start if units is Units.TIME else 0.0) + whole * part[0]
    if length <= 0 or width <= 0:
        return ()
    step = nice_step(length * label_gap / width, whole=units is Units.FRAMES)
    minor = step / _divisions(step, units, width / length, label_gap)
    if length / minor > MOST_TICKS:
        minor = step
    begin = math.ceil(offset / minor - 1e-9)
    count = min(math.floor((offset + length) / minor + 1e-9) - begin, MOST_TICKS)
    per_label = round(step / minor)
    return tuple(
        Tick(
            (i * minor - offset) / length,
            _label(i * minor, step, units) if i % per_label == 0 else "",
        )
        for i in range(begin, begin + count + 1)
    )


def _length(p: Playback, units: Units) -> float:
    if units is Units.FRAMES:
        return float(p.frames - 1)
    return (p.frames - 1) / p.fps if units is Units.SECONDS else p.end - p.start


def nice_step(least: float, whole: bool) -> float:
    """The smallest of 1, 2, 5 times a power of ten that is at least `least`; whole: at least 1."""
    if whole and least <= 1:
        return 1.0
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * m for m in (1.0, 2.0, 5.0, 10.0) if power * m >= least * (1 - 1e-9))


def clock(seconds: float, decimals: int) -> str:
    """Seconds, with minutes from one minute on: 4.25, 1:04.25."""
    if seconds < 60 - 0.5 * 10.0**-decimals:
        return f"{seconds:.{decimals}f}"
    minutes, rest = divmod(round(seconds, decimals), 60)
    width = decimals + 3 if decimals else 2
    return f"{int(minutes)}:{rest:0{width}.{decimals}f}"


def _divisions(step: float, units: Units, pixels_per_unit: float, label_gap: float) -> int:
    leading = round(step / 10.0 ** math.floor(math.log10(step) + 1e-9))
    for n in {1: (10, 5, 2), 2: (4, 2), 5: (5,)}.get(leading, (2,)):
        wide = step / n * pixels_per_unit >= label_gap / 12
        if wide and (units is not Units.FRAMES or (step / n).is_integer()):
            return n
    return 1


def _label(value: float, step: float, units: Units) -> str:
    if units is Units.FRAMES:
        return f"{round(value)}"
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    if units is Units.TIME:
        return f"{value:.{decimals}f}"
    return clock(value, decimals) + "s"
