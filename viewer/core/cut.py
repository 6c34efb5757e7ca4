"""Cut: which instants of the scene are wanted as files of Gaussians, and where. Pure."""

import math
from dataclasses import dataclass, replace
from pathlib import PurePath

from viewer.core.playback import Playback

KINDS = {".ply": "3DGS PLY", ".splat": ".splat", ".spz": ".spz"}


@dataclass(frozen=True, slots=True)
class Cut:
    """output: a name that ends in one of KINDS. ranged: every frame from in to out, numbered.

    The frames of a range lie in a folder of that name without its ending.
    """

    output: str = "view4d.ply"
    ranged: bool = False


def kind(cut: Cut) -> str:
    """The ending of the files, one of KINDS; "" where the name has another."""
    suffix = PurePath(cut.output.strip()).suffix.lower()
    return suffix if suffix in KINDS else ""


def as_kind(cut: Cut, chosen: str) -> Cut:
    """The same name with the ending of one of KINDS."""
    name = cut.output.strip()
    stem = name[: -len(PurePath(name).suffix)] if kind(cut) else name
    return replace(cut, output=(stem or "view4d") + chosen)


def is_ranged(cut: Cut, p: Playback) -> bool:
    """Whether it is a range of frames, which only a scene that moves has."""
    return cut.ranged and p.frames > 1


def instants(cut: Cut, p: Playback) -> tuple[tuple[int, float], ...]:
    """Frame number and model time of each: what is shown now, or whole frames from in to out."""
    if not is_ranged(cut, p):
        return ((math.floor(p.frame + 1e-6), p.shown),)
    low = math.ceil((p.first - p.start) / p.step - 1e-6)
    high = math.floor((p.last - p.start) / p.step + 1e-6)
    return tuple((i, min(p.time_of(i), p.end)) for i in range(low, high + 1))
