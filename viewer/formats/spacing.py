"""How large points are drawn: so that those of a surface just close it.

A radius is a standard deviation: half the distance to the neighbours.
"""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn.functional import pad

SPREAD = 0.5  # radius, of the distance to the neighbours
NEIGHBOUR = 3  # the distance to this one counts: a nearer one may be the same point again
WINDOW = 5  # places on either side along a curve in which neighbours are looked for
BITS = 20  # of a coordinate along the curve
# Steps and masks after which two zeros stand between any two bits of a coordinate.
SPREAD_BITS = (
    (32, 0x1F00000000FFFF), (16, 0x1F0000FF0000FF), (8, 0x100F00F00F00F00F),
    (4, 0x10C30C30C30C30C3), (2, 0x1249249249249249),
)  # fmt: skip
CHUNK = 1 << 18  # points at once: bounds memory
SHIFT = 0.31  # of the box, between the two curves
STRAYS = 1e-3  # of the points on either side of an axis do not stretch the box
SAMPLES = 100_000  # points by which box and median are judged
SMALLEST, LARGEST = 0.02, 4.0  # of the median radius
NEARBY = 8  # places on either side along a curve whose radii are compared
ABOVE = 1.5  # a point may be this much larger than the median of those: strays stay small
ALONE = 0.01  # radius, of the box or of one world unit, where there is no neighbour


def of_cloud(means: Tensor) -> Tensor:
    """Radii [N] of points [N, 3].

    Neighbours are looked for along two Morton curves: where one jumps, the other one does not.
    """
    low, size = _box(means)
    radii = means.new_full((len(means),), torch.inf)
    order = torch.arange(len(means))
    for shift in (0.0, SHIFT):
        order = torch.argsort(_along_curve(means, low, size, shift))
        for here, around, inside in _windows(order, WINDOW):
            found = _third_nearest(means[around])[inside].mul_(SPREAD)
            radii[here] = torch.minimum(radii[here], found)
    usual = radii.clone()
    for here, around, inside in _windows(order, NEARBY):
        usual[here] = _median_nearby(radii[around])[inside]
    return _bounded(torch.minimum(radii, ABOVE * usual), size)


def of_map(means: Tensor, valid: Tensor) -> Tensor:
    """Radii [H, W] of a point map [H, W, 3], by neighbours in the image that are valid [H, W].

    Of a row the nearer one counts, and of a column: at an object's edge the other one is far.
    """
    across = _distances(means[:, 1:], means[:, :-1], valid[:, 1:] & valid[:, :-1])
    down = _distances(means[1:], means[:-1], valid[1:] & valid[:-1])
    far = torch.inf
    row = torch.minimum(pad(across, (1, 0), value=far), pad(across, (0, 1), value=far))
    column = torch.minimum(pad(down, (0, 0, 1, 0), value=far), pad(down, (0, 0, 0, 1), value=far))
    wider = torch.maximum(row, column)
    found = torch.where(wider.isfinite(), wider, torch.minimum(row, column)).mul_(SPREAD)
    radii = torch.full_like(found, ALONE)
    radii[valid] = _bounded(found[valid], _box(means[valid])[1])
    return radii


def _distances(a: Tensor, b: Tensor, valid: Tensor) -> Tensor:
    return torch.where(valid, (a - b).square().sum(-1).sqrt(), torch.inf)


def _windows(order: Tensor, reach: int) -> Iterator[tuple[Tensor, Tensor, slice]]:
    """Parts of an order: their rows, the same with `reach` more on either side, and where the
    former lie in the latter.
    """
    for start in range(0, len(order), CHUNK):
        stop, before = min(start + CHUNK, len(order)), max(0, start - reach)
        inside = slice(start - before, stop - before)
        yield order[start:stop], order[before : stop + reach], inside


def _median_nearby(radii: Tensor) -> Tensor:
    """[N] medians of radii [N] in windows along a curve."""
    ends = radii[:1].expand(NEARBY), radii, radii[-1:].expand(NEARBY)
    return torch.cat(ends).unfold(0, 2 * NEARBY + 1, 1).median(1).values


def _third_nearest(means: Tensor) -> Tensor:
    """[N] distances to the third nearest, or the farthest there is, of points in a window."""
    wanted = min(NEIGHBOUR, len(means) - 1)
    nearest = means.new_full((max(wanted, 1), len(means)), torch.inf)  # ascending
    for step in range(1, min(WINDOW, len(means) - 1) + 1):
        distances = (means[step:] - means[:-step]).square_().sum(1)
        for ahead in (slice(None, -step), slice(step, None)):
            carried = distances
            for kept in nearest[:, ahead]:
                carried, smaller = torch.maximum(kept, carried), torch.minimum(kept, carried)
                kept.copy_(smaller)
    return nearest[-1].sqrt()


def _along_curve(means: Tensor, low: Tensor, size: float, shift: float) -> Tensor:
    """[N] int64 places of points [N, 3] along a Morton curve through a box, moved by `shift` of it.

    Source: Morton 1966; the bits of the three coordinates take turns.
    """
    keys = torch.empty(len(means), dtype=torch.int64)
    for start in range(0, len(means), CHUNK):
        part = ((means[start : start + CHUNK].double() - low) / size).clamp_(0, 1)
        bits = ((part + shift) * ((1 << BITS) / (1 + SHIFT))).long().clamp_(max=(1 << BITS) - 1)
        for step, mask in SPREAD_BITS:
            bits = (bits | bits << step) & mask
        keys[start : start + CHUNK] = bits[:, 0] | bits[:, 1] << 1 | bits[:, 2] << 2
    return keys


def _box(means: Tensor) -> tuple[Tensor, float]:
    """Lower corner [3] and longest side of a box around points [N, 3], without strays; float64."""
    if not len(means):
        return torch.zeros(3, dtype=torch.float64), 1.0
    some = means[:: max(1, len(means) // SAMPLES)].double()
    low, high = torch.quantile(some, some.new_tensor([STRAYS, 1 - STRAYS]), dim=0)
    size = float((high - low).amax())
    return low, size if size > 0 else 1.0


def _bounded(radii: Tensor, size: float) -> Tensor:
    """Radii [N] near their median; the median itself where there is no neighbour."""
    some = radii[:: max(1, len(radii) // SAMPLES)]
    some = some[some.isfinite() & (some > 0)]
    median = float(some.median()) if len(some) else ALONE * size
    known = torch.where(radii.isfinite(), radii, median)
    return known.clamp_(SMALLEST * median, LARGEST * median)
