"""Look: a view as one line of text, which is also what the command line takes.

The line begins with the model's path; all that is not as it would be anyway follows as options:
    scene.splatv --look=0,-1,-4,1,0,0,0,4,0,-1,0,50 --time=0.49 --scale=2
"""

import math
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from viewer.core.rig import MAX_FOV, MIN_FOV, Rig
from viewer.core.settings import ANTIALIAS, Mode, RenderSettings

T = TypeVar("T")
NUMBERS = "X,Y,Z,QW,QX,QY,QZ,DISTANCE,UPX,UPY,UPZ,FOV"
ORTHOGRAPHIC = ",ortho"  # after them, where it is


@dataclass(frozen=True, slots=True)
class Look:
    """From where, when and how a model is seen. time: model time; None where the line has none."""

    path: str
    rig: Rig
    time: float | None
    settings: RenderSettings


def line(
    path: str, options: Mapping[str, str], rig: Rig, time: float, settings: RenderSettings
) -> str:
    """The line of a view."""
    default = RenderSettings()
    given = {"look": pose(rig), "time": _text(time)}
    if settings.renderer != default.renderer:
        given["renderer"] = settings.renderer
    if settings.background is not None:
        given["background"] = _joined(settings.background)
    if settings.sh_degree != default.sh_degree:
        given["sh-degree"] = str(settings.sh_degree)
    if settings.scale != default.scale:
        given["scale"] = _text(settings.scale)
    if settings.near is not None:
        given["near"] = _text(settings.near)
    if settings.far is not None:
        given["far"] = _text(settings.far)
    if settings.mode is not default.mode:
        given["mode"] = settings.mode.value
    if settings.min_opacity != default.min_opacity:
        given["min-opacity"] = _text(settings.min_opacity)
    if settings.antialias is not None:
        given["antialias"] = "on" if settings.antialias else "off"
    if settings.peel_layers is not None:
        given["layers"] = str(settings.peel_layers)
    words = [f"--{name}={value}" for name, value in given.items()]
    chosen = [f"--option={name}={value}" for name, value in options.items()]
    return shlex.join([path, *words, *chosen])


def parsed(text: str, settings: RenderSettings) -> Look:
    """The view of a line; what it does not say of `settings` is as it would be anyway.

    Raises ValueError saying what was expected.
    """
    try:
        words = shlex.split(text.strip())
    except ValueError:
        words = []
    pairs = (word[2:].partition("=") for word in words[1:] if word.startswith("--"))
    given = {name: value for name, _, value in pairs}
    if "look" not in given:
        raise ValueError("expected a line with --look=, as Ctrl+C copies it")
    default = RenderSettings()
    found = replace(
        settings,
        background=_three(given["background"]) if "background" in given else None,
        sh_degree=min(max(int(_number(given.get("sh-degree", "3"))), 0), default.sh_degree),
        scale=_positive(given.get("scale", "1")),
        near=_positive(given["near"]) if "near" in given else None,
        far=_positive(given["far"]) if "far" in given else None,
        mode=_one_of({mode.value: mode for mode in Mode}, given.get("mode", "color")),
        min_opacity=min(max(_number(given.get("min-opacity", "0")), 0.0), 1.0),
        antialias=_one_of(ANTIALIAS, given.get("antialias", "model")),
        peel_layers=max(int(_number(given["layers"])), 1) if "layers" in given else None,
    )
    time = _number(given["time"]) if "time" in given else None
    return Look(words[0], rig_of(given["look"]), time, found)


def pose(rig: Rig) -> str:
    """The twelve numbers of a rig, the field of view in degrees; and `ortho`, where it is."""
    fov = math.degrees(rig.fov_y)
    numbers = _joined((*rig.position, *rig.orientation, rig.distance, *rig.up, fov))
    return numbers + ORTHOGRAPHIC * rig.orthographic


def rig_of(text: str) -> Rig:
    """The rig of a pose. Raises ValueError saying what was expected."""
    parts = text.removesuffix(ORTHOGRAPHIC).split(",")
    if len(parts) != 12:
        raise ValueError(f"expected {NUMBERS}, found {len(parts)} numbers")
    x, y, z, a, b, c, d, distance, ux, uy, uz, fov = map(_number, parts)
    turn, up = math.hypot(a, b, c, d), math.hypot(ux, uy, uz)
    if turn == 0 or up == 0 or distance <= 0:
        raise ValueError("expected a quaternion and an up that are not zero, and a distance over 0")
    return Rig(
        position=(x, y, z),
        orientation=(a / turn, b / turn, c / turn, d / turn),
        distance=distance,
        up=(ux / up, uy / up, uz / up),
        fov_y=min(max(math.radians(fov), MIN_FOV), MAX_FOV),
        orthographic=text.endswith(ORTHOGRAPHIC),
    )


def _joined(values: tuple[float, ...]) -> str:
    return ",".join(map(_text, values))


def _text(value: float) -> str:
    return f"{value:.8g}"


def _three(text: str) -> tuple[float, float, float]:
    r, g, b = (min(max(_number(part), 0.0), 1.0) for part in text.split(","))
    return r, g, b


def _one_of(known: Mapping[str, T], text: str) -> T:
    if text not in known:
        raise ValueError(f"{text!r}, expected {', '.join(known)}")
    return known[text]


def _positive(text: str) -> float:
    value = _number(text)
    if value <= 0:
        raise ValueError(f"{text!r}, expected a number above 0")
    return value


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{text!r}, expected a number")
    return value
