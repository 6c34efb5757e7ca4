"""When the frames and key frames of an Ex4DGS model are.

Its PLYs do not say; cfg_args of the run do, all but how many frames there are, which is resolved
after it is written. A checkpoint says that, and where key frames lie, but not how they are joined.
Source: train.py, arguments/__init__.py and scene/__init__.py of juno181/Ex4DGS.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from viewer.core.errors import Unusable
from viewer.formats import chkpnt
from viewer.formats.keyframes import Clock, Interpolation
from viewer.formats.source import Option, Source, choice, not_negative, positive, whole

# Of the published N3V configuration, in frames.
DURATION, INTERVAL, TIME_PAD, VAR_PAD = 300.0, 10.0, 2.0, 3.0
SHORTEST, MOST = 1e-3, 1e9  # frames that make sense
ROTATIONS = "slerp"


FRAMES = Option("duration", "frames trained on; time is the frame number", whole)
INTERP_TYPE = Option("interp_type", "key frames: cube, linear or pchip", choice(Interpolation))
TIME_INTERVAL = Option("time_interval", "frames from key frame to key frame", positive)
PAD = Option("time_pad", "frames by which keys begin before the first frame", not_negative)
LIFE_PAD = Option("var_pad", "frames by which Gaussians come and go more slowly", not_negative)
OPTIONS = (FRAMES, INTERP_TYPE, TIME_INTERVAL, PAD, LIFE_PAD)


@dataclass(frozen=True, slots=True)
class Stated:
    """What a checkpoint says, in frames; None where it says nothing that makes sense."""

    origin: str = "guessed"  # its name
    duration: float | None = None
    interval: float | None = None
    shift: float | None = None


def of_tuple(held: Sequence[Any], path: Path) -> Stated:
    """What a training tuple of 40 entries says."""
    duration, interval = _frames(held[19], 1), _frames(held[20], SHORTEST)
    return Stated(path.name, duration, interval, _frames(held[21], 0))


def beside(source: Source, cfg: Mapping[str, Any]) -> Stated:
    """What the checkpoint beside the PLYs says; it is not asked where cfg_args say all."""
    file = None if _frames(cfg.get("duration"), 1) else chkpnt.find(source.root)
    if file is None:
        return Stated()
    try:
        held, _ = chkpnt.read(file)
    except Unusable as error:
        source.warnings.append(f"the number of frames is guessed: {error.cause}")
        return Stated()
    return of_tuple(held, file) if len(held) == chkpnt.EX4DGS else Stated()


def clock(stated: Stated, cfg: Mapping[str, Any], source: Source) -> tuple[Clock, Interpolation]:
    """Of options, else cfg_args, else a checkpoint, else as published."""
    duration, origin = _found(cfg, "duration", 1, (stated.duration, DURATION), stated)
    frames = source.option(FRAMES, int(duration), origin)
    found = _found(cfg, "time_interval", SHORTEST, (stated.interval, INTERVAL), stated)
    interval = source.option(TIME_INTERVAL, *found)
    interpolation = source.option(INTERP_TYPE, *_joined(stated, interval, cfg))
    keys_before = 0.0 if interpolation is Interpolation.LINEAR else interval
    rest = None if stated.shift is None else stated.shift - keys_before
    pad = (rest if rest is not None and rest >= 0 else None, TIME_PAD)
    shift = source.option(PAD, *_found(cfg, "time_pad", 0, pad, stated)) + keys_before
    if cfg.get("rot_interp_type", ROTATIONS) != ROTATIONS:
        source.warnings.append(
            f"rot_interp_type is {cfg['rot_interp_type']!r:.40} in cfg_args; rotations are "
            f"interpolated as for {ROTATIONS!r}"
        )
    return Clock(float(frames), interval, shift), interpolation


def life_padding(cfg: Mapping[str, Any], source: Source) -> float:
    """var_pad, in frames."""
    return source.option(LIFE_PAD, *_found(cfg, "var_pad", 0, (None, VAR_PAD), Stated()))


def _joined(stated: Stated, interval: float, cfg: Mapping[str, Any]) -> tuple[Interpolation, str]:
    """How key frames are joined; without any curve, keys begin later than an interval before."""
    try:
        return Interpolation(cfg.get("interp_type")), "cfg_args"
    except ValueError:
        if stated.shift is not None and stated.shift < interval:
            return Interpolation.LINEAR, stated.origin
        return Interpolation.CUBE, "guessed"


def _found(
    cfg: Mapping[str, Any],
    name: str,
    least: float,
    otherwise: tuple[float | None, float],
    stated: Stated,
) -> tuple[float, str]:
    """A number of cfg_args, else of the checkpoint, else the guess, and where it is from."""
    value = _frames(cfg.get(name), least)
    if value is not None:
        return value, "cfg_args"
    known, guess = otherwise
    return (guess, "guessed") if known is None else (known, stated.origin)


def _frames(value: object, least: float) -> float | None:
    """A number of frames, if it is one of at least so many."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if least <= value <= MOST else None
