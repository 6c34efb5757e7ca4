"""Makes demo.ftgs.ply and cameras.json: a blossom tree on an island, lanterns, petals, an aurora.

Run it again and the same bytes come out. It needs numpy alone and shares no code with the viewer,
so the file is also an independent example of the .ftgs.ply layout. What a trained model would
have learned is here written down: a glint or a glow is a colour that changes with the direction of
sight (spherical harmonics of degree 1), a reflection is a fainter copy under the water, and
anything that bends or fades is a chain of Gaussians that move straight and live briefly.

The scene is built with z up and written with y down. Time is in loops while it is built: what
happens at 1 is what happens at 0.
"""

import json
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

Array = np.ndarray

HERE = Path(__file__).parent
FRAMES, FPS = 180, 30
LOOP = FRAMES / (FRAMES - 1)  # frame 0 follows the last after one frame's step
ALWAYS = 1e3  # a window so wide that it does not show
MIN_ALPHA = 1 / 255  # fainter is never drawn
C0, C1 = 0.28209479177387814, 0.4886025119029199  # spherical harmonics of degree 0 and 1

MOON = np.array([-4.6, 8.6, 5.2])
MOONLIGHT = MOON / np.linalg.norm(MOON)
LAMP = np.array([0.62, -0.72, 0.62])  # the flame of the stone lamp on the island
CANOPY = np.array([0.1, 0.0, 2.25])
UP = np.array([0.0, 0.0, 1.0])


@dataclass
class Gaussians:
    """Rows of the file before its encoding; z up, time in loops."""

    means: Array  # [N, 3]
    scales: Array  # [N, 3]
    axis: Array  # [N, 3] where the third axis of the ellipsoid points, unit
    rgb: Array  # [N, 3] seen from the side on which `tint` is neutral
    tint: Array  # [N, 3, 3] change of each channel with the direction of sight, x y z last
    opacity: Array  # [N]
    center: Array  # [N] time of its greatest opacity
    width: Array  # [N] standard deviation of its window
    velocity: Array  # [N, 3] per loop

    def rows(self, index: Array) -> "Gaussians":
        """Some of them."""
        return Gaussians(*(getattr(self, f.name)[index] for f in fields(self)))


def gaussians(
    means: Array, scales: object, axis: Array, rgb: object, opacity: object, **more: object
) -> Gaussians:
    """Rows from arrays that broadcast; tint, center, width and velocity may be left out."""
    n = len(means)
    default = {"tint": np.zeros((3, 3)), "center": 0.5, "width": ALWAYS, "velocity": np.zeros(3)}
    given = {"scales": scales, "axis": axis, "rgb": rgb, "opacity": opacity, **default, **more}
    shape = {"tint": (n, 3, 3), "opacity": (n,), "center": (n,), "width": (n,)}
    spread = {
        name: np.broadcast_to(np.asarray(value, dtype=np.float64), shape.get(name, (n, 3)))
        for name, value in given.items()
    }
    spread["axis"] = unit(spread["axis"])
    return Gaussians(means=np.asarray(means, dtype=np.float64), **spread)


def together(parts: list[Gaussians]) -> Gaussians:
    """One after another."""
    return Gaussians(
        *(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Gaussians))
    )


def reflected(g: Gaussians, rgb: float, opacity: float) -> Gaussians:
    """The same under the water, dimmer: a plane mirror is a world upside down."""
    flip = np.array([1.0, 1.0, -1.0])
    return Gaussians(
        g.means * flip, g.scales, g.axis * flip, g.rgb * rgb, g.tint * flip * rgb,
        g.opacity * opacity, g.center, g.width, g.velocity * flip,
    )  # fmt: skip


def unit(v: Array) -> Array:
    """Vectors [..., 3] of length 1."""
    return v / np.linalg.norm(v, axis=-1, keepdims=True)


def mix(a: object, b: object, t: Array) -> Array:
    """Colours between a (t = 0) and b (t = 1), [N, 3]."""
    t = np.clip(t, 0, 1)[:, None]
    return np.asarray(a) * (1 - t) + np.asarray(b) * t


def facing(normal: Array, front: Array, edge: Array) -> tuple[Array, Array]:
    """(rgb, tint) of a surface that shows `front` seen head-on and `edge` seen from its side."""
    return edge, -(front - edge)[:, :, None] * normal[:, None, :]


def lit(rgb: Array, means: Array, normal: Array) -> Array:
    """Colours under the moon, the lamp and the sky; normals may be of any length up to 1."""
    moon = 0.5 + 0.5 * normal @ MOONLIGHT
    to_lamp = LAMP - means
    distance = np.linalg.norm(to_lamp, axis=-1)
    lamp = (0.45 + 0.55 * np.einsum("nd,nd->n", normal, to_lamp) / distance).clip(0)
    lamp = lamp / (0.35 + distance**2) * 0.95
    light = (
        np.array([0.11, 0.13, 0.21])
        + moon[:, None] ** 2 * np.array([0.62, 0.70, 0.92])
        + lamp[:, None] * np.array([1.0, 0.58, 0.22])
    )
    return rgb * light


def ball(rng: np.random.Generator, n: int) -> Array:
    """Points [n, 3] spread evenly in a ball of radius 1."""
    return unit(rng.normal(size=(n, 3))) * rng.random((n, 1)) ** (1 / 3)


def water(rng: np.random.Generator) -> Gaussians:
    """A lake: clear from above, silvery at a flat angle, gone where the night begins."""
    step, radius = 0.36, 8.2
    i, j = np.mgrid[-30:31, -30:31].reshape(2, -1)
    plane = np.stack([(i + 0.5 * (j % 2)) * step, j * step * 0.866, 0 * i], axis=1)
    plane[:, :2] += rng.normal(scale=0.04, size=(len(plane), 2))
    r = np.hypot(plane[:, 0], plane[:, 1])
    plane, r = plane[r < radius], r[r < radius]
    fade = np.clip((radius - r) / 3.5, 0, 1) ** 1.2
    shimmer = rng.normal(scale=0.012, size=(len(plane), 1))
    deep = np.array([0.012, 0.035, 0.075]) + shimmer.clip(0)
    flat = mix([0.035, 0.15, 0.21], [0.05, 0.22, 0.28], r / radius) + 2 * shimmer.clip(0)
    tint = (flat - deep)[:, :, None] * UP
    return gaussians(
        plane, [0.23, 0.23, 0.004], UP, flat, 0.17 * fade + 0.003, tint=tint
    )  # fmt: skip


def island(rng: np.random.Generator) -> Gaussians:
    """A mound of moss with stones along its shore and grass on it."""

    def height(x: Array, y: Array) -> Array:
        r2 = (x / 1.45) ** 2 + (y / 1.15) ** 2
        bumps = 0.05 * np.sin(3.1 * x + 1) * np.cos(2.7 * y) + 0.03 * np.sin(7 * x + 5 * y)
        return 0.42 * (1 - r2) + bumps * np.clip(1.3 - r2, 0, 1)

    def normals(x: Array, y: Array) -> Array:
        d = 1e-3
        dx = (height(x + d, y) - height(x - d, y)) / (2 * d)
        dy = (height(x, y + d) - height(x, y - d)) / (2 * d)
        return unit(np.stack([-dx, -dy, np.ones_like(x)], axis=1))

    n = 1900
    angle, r = 2.399963 * np.arange(n), 1.06 * np.sqrt((np.arange(n) + 0.5) / n)
    x, y = 1.45 * r * np.cos(angle), 1.15 * r * np.sin(angle)
    normal = normals(x, y)
    means = np.stack([x, y, height(x, y) - 0.01], axis=1)
    patch = 0.5 + 0.5 * np.sin(4 * x + 2 * np.sin(3 * y)) * np.cos(3.3 * y - x)
    moss = mix([0.10, 0.20, 0.09], [0.24, 0.36, 0.13], patch + rng.normal(scale=0.25, size=n))
    moss = mix([0.15, 0.13, 0.12], moss, (height(x, y) - 0.0) / 0.12)
    rgb = lit(moss, means, normal)
    ground = gaussians(means, [0.044, 0.044, 0.014], normal, rgb, 0.97)

    n = 1500
    angle, r = rng.uniform(0, 2 * np.pi, n), np.sqrt(rng.random(n)) * 0.93
    x, y = 1.45 * r * np.cos(angle), 1.15 * r * np.sin(angle)
    keep = np.hypot(x - LAMP[0], y - LAMP[1]) > 0.16
    x, y = x[keep], y[keep]
    n = len(x)
    length = rng.uniform(0.022, 0.06, n)
    axis = unit(normals(x, y) + rng.normal(scale=0.35, size=(n, 3)))
    root = np.stack([x, y, height(x, y)], axis=1)
    means = root + axis * length[:, None]
    blade = mix([0.13, 0.27, 0.08], [0.42, 0.56, 0.20], rng.random(n))
    rgb = lit(blade, means, 0.7 * axis)
    # Grass is translucent: brighter towards the moon.
    tint = 0.35 * rgb[:, :, None] * MOONLIGHT
    thin = np.full(n, 0.006)
    scales = np.stack([thin, thin, length * 0.7], axis=1)
    grass = gaussians(means, scales, axis, rgb, 0.9, tint=tint)

    stones = []
    for angle in np.sort(rng.uniform(0, 2 * np.pi, 34)):
        size = rng.uniform(0.05, 0.15)
        r = rng.uniform(0.98, 1.08)
        place = np.array([1.45 * r * np.cos(angle), 1.15 * r * np.sin(angle), 0.2 * size])
        normal = unit(rng.normal(size=(26, 3)) + 0.4 * UP)
        means = place + normal * size * np.array([1.0, 0.8, 0.6])
        grey = np.array([0.27, 0.27, 0.30]) * rng.uniform(0.7, 1.2)
        rgb = lit(np.tile(grey, (26, 1)), means, normal)
        stones.append(gaussians(means, [size * 0.33, size * 0.33, 0.012], normal, rgb, 0.97))
    return together([ground, grass, *stones])


def stone_lamp() -> Gaussians:
    """A small stone lamp on the island; its flame lights what is near."""
    parts = []

    def drum(radius: float, low: float, high: float, colour: object, glow: float = 0.0) -> None:
        around, rows = 14, max(1, round((high - low) / 0.03))
        a, k = np.mgrid[0:around, 0:rows].reshape(2, -1)
        a = 2 * np.pi * a / around
        normal = np.stack([np.cos(a), np.sin(a), 0 * a], axis=1)
        z = low + (k + 0.5) * (high - low) / rows
        means = normal * radius + np.stack([0 * a + LAMP[0], 0 * a + LAMP[1], z], axis=1)
        stone = np.tile(np.asarray(colour, dtype=float), (len(a), 1))
        rgb = stone if glow else lit(stone, means, normal)
        rgb, tint = facing(normal, rgb, rgb * (0.75 if glow else 0.9))
        size = [radius * 0.26, max(0.014, (high - low) / rows * 0.5), 0.008]
        parts.append(gaussians(means, size, normal, rgb, 0.97, tint=tint))

    stone = [0.36, 0.36, 0.38]
    drum(0.085, 0.20, 0.30, stone)
    drum(0.040, 0.28, 0.54, stone)
    drum(0.085, 0.53, 0.57, stone)
    drum(0.060, 0.57, 0.67, [1.0, 0.74, 0.34], glow=1)
    for k in range(5):
        drum(0.125 - 0.023 * k, 0.67 + 0.022 * k, 0.70 + 0.022 * k, stone)
    halo = gaussians(
        LAMP + np.zeros((2, 3)), np.array([[0.10], [0.24]]) * np.ones(3), UP,
        [[1.0, 0.72, 0.35], [0.9, 0.42, 0.14]], [0.42, 0.10],
    )  # fmt: skip
    return together([*parts, halo])


def tree(rng: np.random.Generator) -> tuple[Gaussians, Array]:
    """Trunk and branches, and where the blossoms sit [T, 3]."""
    parts: list[Gaussians] = []
    tips: list[Array] = []

    def grow(start: Array, heading: Array, length: float, radius: float, depth: int) -> None:
        steps = 6 if depth < 2 else 4
        place, step = start, length / steps
        bend = rng.normal(scale=0.22, size=3) * [1, 1, 0.4]
        for k in range(steps):
            # Wood reaches outwards, then turns up to the light.
            heading = unit(heading + bend / steps + [0, 0, 0.05 if depth else 0.02])
            thick = radius * (1 - 0.4 * k / steps)
            bark(place + heading * step / 2, heading, step, thick)
            place = place + heading * step
            if depth >= 2 and k >= 1:
                tips.append(place)
        if depth == 4:
            return
        count = 3 if depth < 3 else 2
        turn = rng.uniform(0, 2 * np.pi)
        side = unit(np.cross(heading, [0.3, 0.5, 0.8]))
        other = np.cross(heading, side)
        for k in range(count):
            angle = turn + 2 * np.pi * (k + rng.uniform(-0.2, 0.2)) / count
            out = np.cos(angle) * side + np.sin(angle) * other
            spread = rng.uniform(0.55, 0.95) if depth < 2 else rng.uniform(0.4, 0.8)
            child = unit(heading + spread * out * [1.25, 1.25, 0.75])
            grow(place, child, length * rng.uniform(0.62, 0.8), radius * 0.58, depth + 1)

    def bark(middle: Array, heading: Array, step: float, radius: float) -> None:
        around = 12 if radius > 0.08 else 7 if radius > 0.03 else 1
        brown = np.array([0.30, 0.20, 0.17]) * rng.uniform(0.8, 1.25, (around, 1))
        if around == 1:
            rgb = lit(brown, middle[None], 0.3 * MOONLIGHT[None])
            size = [radius * 0.6, radius * 0.6, step * 0.45]
            parts.append(gaussians(middle[None], size, heading, rgb, 0.97))
            return
        a = 2 * np.pi * (np.arange(around) + rng.uniform()) / around
        side = unit(np.cross(heading, [0.31, 0.11, 0.2]))
        normal = np.cos(a)[:, None] * side + np.sin(a)[:, None] * np.cross(heading, side)
        means = middle + normal * radius * 0.85
        size = [radius * 0.30, radius * 0.30, step * 0.48]
        parts.append(gaussians(means, size, heading, lit(brown, means, normal), 0.97))

    grow(np.array([-0.12, 0.05, 0.22]), unit(np.array([0.16, -0.05, 1.0])), 1.0, 0.15, 0)
    for angle in np.linspace(0, 2 * np.pi, 6)[:-1]:  # roots
        out = np.array([np.cos(angle + 0.4), np.sin(angle + 0.4), -0.35])
        bark(np.array([-0.12, 0.05, 0.36]) + out * 0.2, unit(out), 0.3, 0.05)
    return together(parts), np.array(tips)


def blossoms(rng: np.random.Generator, tips: Array, n: int) -> Gaussians:
    """Small petals in clouds about the tips of the branches."""
    chosen = tips[rng.integers(len(tips), size=n)]
    offset = ball(rng, n) * np.array([0.19, 0.19, 0.12])
    means = chosen + offset
    outward = unit(means - CANOPY + [0, 0, 0.6])
    puff = unit(offset)
    normal = unit(puff + 0.5 * outward + rng.normal(scale=0.5, size=(n, 3)))
    reach = np.linalg.norm(offset / [0.20, 0.20, 0.13], axis=1)
    shade = 0.5 + 0.5 * (0.65 * puff + 0.35 * outward) @ unit(MOONLIGHT + 0.9 * UP)
    tone = 0.02 + 0.74 * shade**1.5 * (0.35 + 0.65 * reach) + rng.normal(scale=0.06, size=n)
    rgb = mix([0.19, 0.05, 0.20], [0.90, 0.45, 0.62], 1.9 * tone)
    rgb = mix(rgb, [1.0, 0.88, 0.91], 2.8 * (tone - 0.40))
    below = (LAMP - means) / np.linalg.norm(LAMP - means, axis=1, keepdims=True) ** 3
    warm = np.clip(np.einsum("nd,nd->n", below, 0.5 * puff + 0.5 * unit(below)), 0, 1)
    rgb = rgb + 0.55 * warm[:, None] * np.array([1.0, 0.45, 0.20])
    # A petal lets light through: towards the moon it glows, away from it, it turns to mauve.
    glow = np.array([0.16, 0.10, 0.12])[:, None] * MOONLIGHT
    size = rng.uniform(0.018, 0.034, n)
    scales = np.stack([size, size * 0.8, size * 0.25], axis=1)
    return gaussians(means, scales, normal, rgb, rng.uniform(0.75, 0.95, n), tint=glow)


def chain(
    path: Array, spin: Array, times: Array, rgb: Array, size: float, opacity: float
) -> Gaussians:
    """One thing along a bent path: a Gaussian per stretch, straight and short-lived.

    path: [S + 2, 3], one point beyond either end. spin: [S, 3] axes. times: [S] even, in loops.
    """
    step = times[1] - times[0]
    velocity = (path[2:] - path[:-2]) / (2 * step)
    n = len(times)
    scales = np.tile([size, size * 0.62, size * 0.16], (n, 1))
    tint = 0.4 * rgb[None, :, None] * MOONLIGHT
    return gaussians(
        path[1:-1], scales, spin, rgb, opacity,
        tint=np.broadcast_to(tint, (n, 3, 3)), center=times, width=0.60 * step, velocity=velocity,
    )  # fmt: skip


def petals(rng: np.random.Generator, tips: Array, n: int) -> Gaussians:
    """Petals that come loose, tumble on the wind, and drift on the water until they sink."""
    parts = []
    wind = np.array([0.75, -0.42, 0.0])
    stretches = 7
    for k in range(n):
        start = tips[rng.integers(len(tips))] + rng.normal(scale=0.1, size=3)
        fall = start[2] - 0.01
        life = 0.27 * fall * rng.uniform(0.85, 1.15)
        gust = wind * rng.uniform(0.5, 1.5) + rng.normal(scale=0.22, size=3) * [1, 1, 0]
        s = np.arange(-1, stretches + 1) / (stretches - 1)
        phase, turns = rng.uniform(0, 2 * np.pi), rng.uniform(1.2, 2.4)
        flutter = 0.13 * np.stack(
            [np.sin(2 * np.pi * turns * s + phase), np.cos(2 * np.pi * turns * s + phase), 0 * s],
            axis=1,
        )
        path = start + gust * s[:, None] + flutter * s.clip(0)[:, None]
        path[:, 2] = start[2] - fall * s
        birth = (k + rng.random()) / n
        times = birth + life * s[1:-1]
        spin = unit(rng.normal(size=3) + 1.2 * np.cumsum(rng.normal(size=(stretches, 3)), axis=0))
        pale = rng.uniform(0, 1)
        rgb = np.array([0.93, 0.56, 0.70]) * (1 - pale) + np.array([1.0, 0.86, 0.90]) * pale
        size = rng.uniform(0.019, 0.030)
        parts.append(chain(path, spin, times, rgb * 0.9, size, 0.95))
        rest = path[-2] * [1, 1, 0] + [0, 0, 0.012]
        if np.hypot(rest[0] / 1.5, rest[1] / 1.2) < 1:
            continue  # it fell on the island
        parts.append(
            gaussians(
                rest[None],
                [size * 1.1, size * 0.8, 0.003],
                UP,
                rgb * 0.62,
                0.9,
                center=times[-1] + 0.13,
                width=0.06,
                velocity=0.25 * gust,
            )
        )
    return together(parts)


def paper_lanterns(rng: np.random.Generator, n: int) -> tuple[Gaussians, Gaussians]:
    """Lanterns that rise from the lake and go out, and what the lake shows of them."""
    body, mirrored = [], []
    around, rows = 9, 7
    a, k = np.mgrid[0:around, 0:rows].reshape(2, -1)
    a = 2 * np.pi * (a + 0.5 * (k % 2)) / around
    h = (k + 0.5) / rows
    bulge = 0.78 + 0.42 * np.sqrt((1 - (2 * h - 0.9) ** 2).clip(0))
    for i in range(n):
        size = rng.uniform(0.065, 0.105)
        angle = 2.399963 * i + rng.uniform(-0.3, 0.3)
        r = 1.9 + 2.7 * ((i * 0.618034 + 0.2) % 1) ** 0.8
        speed = rng.uniform(3.0, 3.9)
        life = {
            "center": (i + 0.5 * rng.random()) / n,
            "width": 0.142,
            "velocity": np.array([rng.normal(scale=0.15), rng.normal(scale=0.15), speed]),
        }
        place = np.array([r * np.cos(angle), r * np.sin(angle), 0.40 * speed + 0.2])
        normal = np.stack([np.cos(a), np.sin(a), 0 * a], axis=1)
        means = place + size * np.stack(
            [bulge * np.cos(a), bulge * np.sin(a), 2.5 * (h - 0.5)], axis=1
        )
        hue = rng.uniform(0, 1)
        hot = np.array([1.0, 0.90, 0.58])
        cool = np.array([1.0, 0.36, 0.10]) * (1 - hue) + np.array([0.98, 0.30, 0.22]) * hue
        front = mix(hot, cool, 0.05 + 0.85 * h) * (1 - 0.10 * (k % 2))[:, None]
        rgb, tint = facing(normal, front, front * [0.80, 0.55, 0.42])
        paper = gaussians(
            means, size * np.array([0.36, 0.36, 0.06]), normal, rgb, 0.93, tint=tint, **life
        )
        rim = place + size * np.array([[0, 0, 1.34], [0, 0, -1.32]])
        rims = gaussians(
            rim, size * np.array([[0.46, 0.46, 0.06], [0.36, 0.36, 0.05]]), UP,
            [[0.32, 0.09, 0.04], [1.0, 0.93, 0.70]], 0.95, **life,
        )  # fmt: skip
        halo = gaussians(
            place + size * np.array([[0, 0, -0.1], [0, 0, -0.1]]),
            size * np.array([[1.9], [4.2]]) * np.ones(3), UP,
            [[1.0, 0.55, 0.20], [0.85, 0.32, 0.10]], [0.20, 0.07], **life,
        )  # fmt: skip
        body += [paper, rims, halo]
        few = gaussians(
            place + size * np.array([[0, 0, -0.9], [0, 0, 0], [0, 0, 0.9], [0, 0, 0]]),
            size * np.array([[0.7, 0.7, 0.5], [0.8, 0.8, 0.6], [0.7, 0.7, 0.5], [2.2, 2.2, 3.0]]),
            UP,
            [[1.0, 0.80, 0.44], [1.0, 0.62, 0.26], [0.95, 0.42, 0.14], [0.9, 0.38, 0.12]],
            [0.85, 0.85, 0.8, 0.16], **life,
        )  # fmt: skip
        mirrored.append(few)
    return together(body), reflected(together(mirrored), 1.0, 0.9)


def aurora(rng: np.random.Generator) -> Gaussians:
    """Curtains of light far around the lake that brighten and fade in waves."""
    parts = []
    for fold, count in ((0, 250), (1, 170)):
        theta = 2 * np.pi * (np.arange(count) + rng.random(count)) / count
        r = 8.6 + 1.1 * fold + 0.55 * np.sin(5 * theta + fold) + 0.25 * np.sin(11 * theta + 2)
        base = 0.95 + 0.6 * fold + 0.40 * np.sin(2 * theta + 1.3 * fold) + 0.2 * np.sin(7 * theta)
        place = np.stack([r * np.cos(theta), r * np.sin(theta), base], axis=1)
        along = np.stack([-np.sin(theta), np.cos(theta), 0 * theta], axis=1)
        center = (theta / np.pi + 0.35 * np.sin(3 * theta) + 0.5 * fold + 0.45) % 1
        bright = 0.55 + 0.45 * np.sin(3 * theta + 2.2 * fold + 0.6) * np.sin(theta * 2 - 0.3)
        for level, (lift, height, colour, opacity) in enumerate(
            (
                (0.00, 0.34, [0.22, 1.00, 0.66], 0.40),
                (0.70, 0.62, [0.14, 0.72, 0.74], 0.30),
                (1.70, 0.90, [0.42, 0.28, 0.82], 0.20),
            )
        ):
            tall = height * rng.uniform(0.8, 1.3, count)
            scales = np.stack([np.full(count, 0.16 + 0.05 * level)] * 2 + [tall], axis=1)
            parts.append(
                gaussians(
                    place + [0, 0, 1] * (lift + tall[:, None] * 0.4),
                    scales,
                    UP,
                    colour,
                    opacity * bright,
                    center=center + 0.05 * level,
                    width=0.13,
                    velocity=0.9 * along,
                )
            )
    return together(parts)


def sky(rng: np.random.Generator) -> Gaussians:
    """The moon, and stars that twinkle."""
    n = 330
    way = unit(rng.normal(size=(n, 3)) * [1, 1, 0.75])
    way[:, 2] = np.abs(way[:, 2]) + 0.06
    means = unit(way) * 13.5
    tone = mix([0.72, 0.80, 1.0], [1.0, 0.90, 0.75], rng.random(n))
    size = rng.uniform(0.011, 0.026, (n, 1)) * np.ones(3)
    blink = rng.random(n) < 0.5
    stars = gaussians(
        means, size, UP, tone, rng.uniform(0.35, 0.95, n),
        center=rng.random(n), width=np.where(blink, 0.16, ALWAYS),
    )  # fmt: skip
    disc = unit(rng.normal(size=(90, 3)))
    rgb = np.array([0.93, 0.93, 0.86]) * rng.uniform(0.86, 1.0, (90, 1))
    moon = gaussians(MOON + 0.46 * disc, [0.12, 0.12, 0.03], disc, rgb, 0.95)
    halo = gaussians(
        MOON + np.zeros((2, 3)), np.array([[0.62], [1.25]]) * np.ones(3), UP,
        [[0.62, 0.68, 0.85], [0.30, 0.38, 0.62]], [0.20, 0.08],
    )  # fmt: skip
    return together([stars, moon, halo, reflected(moon, 0.8, 0.5), reflected(halo, 0.8, 0.8)])


def fireflies(rng: np.random.Generator, n: int) -> Gaussians:
    """Sparks over the shore that come and go."""
    angle, r = rng.uniform(0, 2 * np.pi, n), rng.uniform(0.6, 2.3, n)
    means = np.stack([r * np.cos(angle), r * np.sin(angle), rng.uniform(0.15, 1.0, n)], axis=1)
    means[:, 2] += 0.25 * np.clip(1 - r / 1.3, 0, 1)
    life = {
        "center": rng.random(n),
        "width": rng.uniform(0.03, 0.07, n),
        "velocity": rng.normal(scale=0.8, size=(n, 3)) * [1, 1, 0.4],
    }
    core = gaussians(means, 0.008, UP, [1.0, 0.95, 0.55], 0.95, **life)
    glow = gaussians(means, 0.028, UP, [0.85, 0.75, 0.20], 0.25, **life)
    return together([core, glow])


def looped(g: Gaussians) -> Gaussians:
    """Repeat what lives across the seam, and leave out what is never seen."""
    reach = g.width * np.sqrt(2 * np.log(np.maximum(g.opacity / MIN_ALPHA, 1)))
    always = g.width >= ALWAYS
    parts = [g.rows(np.flatnonzero(always & (g.opacity >= MIN_ALPHA)))]
    for turn in (-2, -1, 0, 1, 2):
        seen = (g.center + turn + reach > 0) & (g.center + turn - reach < 1) & ~always & (reach > 0)
        some = g.rows(np.flatnonzero(seen))
        some.center = some.center + turn
        parts.append(some)
    return together(parts)


def turning_z_to(axis: Array) -> Array:
    """Quaternions [N, 4] w x y z that take (0, 0, 1) to unit vectors [N, 3]."""
    x, y, z = axis.T
    flipped = z < -0.999999
    q = np.stack([1 + z, -y, x, 0 * z], axis=1)
    q[flipped] = [0, 1, 0, 0]
    return unit_rows(q)


def unit_rows(q: Array) -> Array:
    """Rows of length 1."""
    return q / np.linalg.norm(q, axis=1, keepdims=True)


def y_down(v: Array) -> Array:
    """Vectors [..., 3] from z up to y down."""
    return np.stack([v[..., 0], -v[..., 2], v[..., 1]], axis=-1)


def columns(g: Gaussians) -> dict[str, Array]:
    """The file's columns in the file's encoding and axes."""
    means, velocity, tint = y_down(g.means), y_down(g.velocity) / LOOP, y_down(g.tint)
    quats = turning_z_to(y_down(g.axis))
    dc = (g.rgb - 0.5) / C0
    # basis of degree 1: -C1 y, C1 z, -C1 x
    rest = np.stack([-tint[..., 1], tint[..., 2], -tint[..., 0]], axis=-1) / C1  # [N, 3, K]
    opacity = np.clip(g.opacity, 1e-4, 0.995)
    named = {
        "x": means[:, 0], "y": means[:, 1], "z": means[:, 2],
        "nx": 0 * g.center, "ny": 0 * g.center, "nz": 0 * g.center,
        **{f"f_dc_{i}": dc[:, i] for i in range(3)},
        **{f"f_rest_{i}": rest.reshape(-1, 9)[:, i] for i in range(9)},
        "opacity": np.log(opacity / (1 - opacity)),
        **{f"scale_{i}": np.log(g.scales[:, i]) for i in range(3)},
        **{f"rot_{i}": quats[:, i] for i in range(4)},
        "time": g.center * LOOP,
        "log_duration": np.log(g.width * LOOP),
        **{f"velocity_{i}": velocity[:, i] for i in range(3)},
    }  # fmt: skip
    return {name: column.astype("<f4") for name, column in named.items()}


def write_ply(path: Path, named: dict[str, Array]) -> None:
    """A .ftgs.ply, layout version 1."""
    count = len(named["x"])
    header = [
        "ply", "format binary_little_endian 1.0",
        "comment ftgs_version 1", "comment time_units normalized", "comment sh_degree 1",
        "comment use_velocity 1", "comment min_duration 0.02", "comment opacity_floor 0.0001",
        f"comment n_frames {FRAMES}", f"comment fps {FPS}",
        "comment view4d.background 0.008 0.012 0.028",  # night behind everything
        f"element vertex {count}", *(f"property float {name}" for name in named), "end_header",
    ]  # fmt: skip
    rows = np.stack(list(named.values()), axis=1)
    path.write_bytes(("\n".join(header) + "\n").encode() + rows.tobytes())


def cameras() -> list[dict[str, object]]:
    """Eight views around the lake; the first is where a viewer starts."""
    found = []
    target = np.array([0.0, 0.0, 1.22])
    for i in range(8):
        a = np.radians(45 * i - 93)
        eye = np.array([6.2 * np.cos(a), 6.2 * np.sin(a), 1.6])
        forward = unit(target - eye)
        right = unit(np.cross(forward, UP))
        world_from_cam = np.stack([right, np.cross(forward, right), forward], axis=1)
        found.append(
            {
                "id": i,
                "img_name": f"view_{i + 1}",
                "width": 1280,
                "height": 720,
                "position": y_down(eye).round(6).tolist(),
                "rotation": y_down(world_from_cam.T).T.round(9).tolist(),
                "fx": 900.0,
                "fy": 900.0,
            }
        )
    return found


def scene() -> Gaussians:
    """Everything, in the order it is written."""
    rng = np.random.default_rng(4)
    wood, tips = tree(rng)
    canopy = blossoms(rng, tips, 5200)
    lanterns, lantern_images = paper_lanterns(rng, 27)
    lights = aurora(rng)
    night = sky(rng)
    lamp = stone_lamp()
    mirrored = canopy.rows(np.arange(0, 5200, 6))
    mirrored.scales = mirrored.scales * [2.6, 2.6, 5.0]
    return together(
        [
            water(rng),
            island(rng),
            lamp,
            wood,
            canopy,
            looped(petals(rng, tips, 210)),
            looped(lanterns),
            looped(fireflies(rng, 90)),
            looped(lights),
            looped(night),
            reflected(wood, 0.5, 0.8),
            reflected(lamp, 0.6, 0.8),
            reflected(mirrored, 0.6, 0.8),
            looped(lantern_images),
            looped(reflected(lights.rows(np.arange(0, len(lights.means), 4)), 0.8, 1.0)),
        ]
    )


def main() -> None:
    """Write both files beside this script."""
    g = scene()
    write_ply(HERE / "demo.ftgs.ply", columns(g))
    (HERE / "cameras.json").write_text(json.dumps(cameras(), indent=1) + "\n")
    size = (HERE / "demo.ftgs.ply").stat().st_size
    print(f"demo.ftgs.ply: {len(g.means)} Gaussians, {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
