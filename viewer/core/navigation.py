"""Navigation: how the hand moves the camera, and what it has hold of just now."""

import math
from dataclasses import dataclass

from viewer.core.rig import Vec3

SETTLE = 0.25  # seconds in which a turn that goes on falls to 1 / e
EVEN = 0.05  # seconds over which the speed of the hand is taken
STILL = 0.02  # radians a second: slower than this it stands


@dataclass(frozen=True, slots=True)
class Navigation:
    """ball: turn as a ball, without an upright axis. to_pointer: the wheel goes to what is there.

    inertia: a turn goes on for a moment after the hand has let go.
    """

    ball: bool = False
    to_pointer: bool = True
    inertia: bool = False


@dataclass(frozen=True, slots=True)
class Grip:
    """at: pixel whose surface was asked for. point: that surface, world, once it is known.

    panning: a pan is under way. spin: yaw and pitch of the turn, radians a second.
    """

    at: tuple[float, float] | None = None
    point: Vec3 | None = None
    panning: bool = False
    spin: tuple[float, float] = (0.0, 0.0)


def followed(
    spin: tuple[float, float], turned: tuple[float, float], dt: float
) -> tuple[float, float]:
    """The speed of a turn in hand, after `turned` radians in `dt` seconds; evened over a moment."""
    if dt <= 0:
        return spin
    weight = 1 - math.exp(-dt / EVEN)
    return (
        spin[0] + weight * (turned[0] / dt - spin[0]),
        spin[1] + weight * (turned[1] / dt - spin[1]),
    )


def slowed(spin: tuple[float, float], dt: float) -> tuple[float, float]:
    """The speed of a turn that nobody holds, `dt` seconds later."""
    if math.hypot(*spin) < STILL:
        return (0.0, 0.0)
    left = math.exp(-dt / SETTLE)
    return (spin[0] * left, spin[1] * left)
