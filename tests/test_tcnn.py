"""tiny-cuda-nn in torch: worked numbers, and a literal evaluation, corner by corner."""

import itertools
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from viewer.core.errors import BadArgument
from viewer.formats.source import Source, silent
from viewer.formats.tcnn import (
    PRIMES,
    Activation,
    Grid,
    IndexRule,
    Network,
    as_evaluated,
    as_trained,
)

SWIFT, STREAM = Grid(4, 16, 4, 15), Grid(3, 16, 4, 15)
BIG = Grid(4, 16, 4, 19)


@pytest.mark.parametrize(
    ("grid", "entries"),
    [
        (STREAM, 495_616),
        (SWIFT, 524_288),
        (BIG, 7_929_856),
        (Grid(2, 4, 8, 16, base=64), 151_552),
        (Grid(2, 2, 8, 16, base=64), 20_480),
    ],
)
def test_tables_have_the_published_lengths(grid, entries):
    assert grid.entries == entries


def test_levels_of_the_worked_example():
    plan = Grid(1, 3, 1, 19).plan()
    assert [level.scale for level in plan] == [15, 31, 63]
    assert [level.resolution for level in plan] == [16, 32, 64]
    assert [0.3 * level.scale + 0.5 for level in plan] == pytest.approx([5.0, 9.8, 19.4])


def test_growth_that_is_no_power_of_two_is_rounded_as_in_float32():
    plan = Grid(3, 16, 2, 19, growth=1.447).plan()
    exact = [16 * 1.447**level - 1 for level in range(16)]
    assert [level.scale for level in plan] == pytest.approx(exact, rel=1e-6)
    assert [level.resolution for level in plan] == [math.ceil(scale) + 1 for scale in exact]


@pytest.mark.parametrize(
    ("grid", "level", "corner", "index"),
    [
        (STREAM, 0, (1, 2, 3), 801),
        (STREAM, 2, (10, 20, 30), 17064),
        (SWIFT, 0, (1, 2, 3, 4), 32264),
        (BIG, 0, (1, 2, 3, 4), 17185),
        (BIG, 12, (100, 200, 300, 400), 77408),
        (BIG, 11, (100, 200, 300, 400), 77408),
        (Grid(4, 16, 4, 19, rule=IndexRule.WRAPPING), 12, (100, 200, 300, 400), 100),
        (Grid(4, 16, 4, 19, rule=IndexRule.WRAPPING), 11, (100, 200, 300, 400), 77408),
    ],
)
def test_indices_of_the_worked_example(grid, level, corner, index):
    """One entry of the table is 1: it is what a point on that corner reads, up to float32."""
    one = replace(grid, features=1)
    plan = one.plan()[level]
    table = torch.zeros(one.entries, 1)
    table[plan.start + index] = 1
    point = (torch.tensor([corner], dtype=torch.float64) - 0.5) / plan.scale
    assert float(one.encode(table, point.float())[0, level]) == pytest.approx(1, abs=1e-3)


def test_the_rules_differ_where_a_product_wraps_and_nowhere_else():
    exact, wrapping = BIG.plan(), Grid(4, 16, 4, 19, rule=IndexRule.WRAPPING).plan()
    different = [i for i, (a, b) in enumerate(zip(exact, wrapping, strict=True)) if a != b]
    assert different == [12, 13, 14, 15]
    assert wrapping[13].factors == (1, 131072, 0, 0)
    for grid in (SWIFT, STREAM):
        same = Grid(grid.dims, grid.levels, 4, 15, rule=IndexRule.WRAPPING)
        assert same.plan() == grid.plan()


@pytest.mark.parametrize(
    "grid",
    [
        Grid(4, 16, 4, 9),
        Grid(4, 16, 2, 17, rule=IndexRule.WRAPPING),
        Grid(3, 5, 4, 12, growth=1.447),
        Grid(2, 4, 8, 10, base=8),
        Grid(1, 3, 1, 19),
    ],
)
def test_encoding_equals_the_literal_one(grid):
    rng = np.random.default_rng(0)
    table = rng.normal(size=(grid.entries, grid.features)).astype(np.float32)
    points = rng.random((20, grid.dims)).astype(np.float32)
    points[:2] = [[0.0], [1.0]]  # corners beyond the resolution come round to the first
    got = grid.encode(torch.from_numpy(table), torch.from_numpy(points))
    want = np.array([literal(grid, table, point) for point in points])
    np.testing.assert_allclose(got.numpy(), want, atol=2e-6)


def test_parts_do_not_show(monkeypatch):
    grid = Grid(3, 4, 2, 10)
    torch.manual_seed(0)
    table, points = torch.randn(grid.entries, 2), torch.rand(50, 3)
    whole = grid.encode(table, points)
    monkeypatch.setattr("viewer.formats.tcnn.CORNERS", 100)
    assert torch.equal(grid.encode(table, points), whole)
    assert grid.encode(table, points[:0]).shape == (0, 8)


def test_a_point_outside_reads_inside_the_table():
    grid = Grid(3, 4, 2, 10)
    table = torch.ones(grid.entries, 2)
    far = torch.tensor([[-3.0, 7.0, 1e9], [math.nan, math.inf, 0.5]])
    assert grid.encode(table, far).shape == (2, 8)


def test_a_table_of_another_length_is_named():
    with pytest.raises(ValueError, match=r"table has shape \(7, 4\), expected \(495616, 4\)"):
        STREAM.encode(torch.zeros(7, 4), torch.zeros(1, 3))


@pytest.mark.parametrize(
    ("network", "size"),
    [
        (Network(64, 64, 2, 8), 9216),
        (Network(64, 128, 1, 128), 24576),
        (Network(128, 128, 2, 3), 34816),
        (Network(128, 128, 2, 48), 38912),
        (Network(3, 64, 1, 4), 16 * 64 * 2),
    ],
)
def test_networks_have_the_published_lengths(network, size):
    assert network.size == size


@pytest.mark.parametrize("output", Activation)
def test_a_network_equals_the_literal_one(output):
    network = Network(3, 16, 2, 5, output, fill=1.0)
    rng = np.random.default_rng(1)
    stored = rng.normal(size=network.size).astype(np.float32)
    points = rng.random((6, 3)).astype(np.float32)
    first, second, last = stored[:256], stored[256:512], stored[512:]
    for point in points:
        x = np.concatenate([point, np.ones(13)])  # 3 inputs in 16
        x = np.maximum(first.reshape(16, 16) @ x, 0)
        x = np.maximum(second.reshape(16, 16) @ x, 0)
        want = (last.reshape(16, 16) @ x)[:5]
        want = np.maximum(want, 0) if output is Activation.RELU else want
        got = network.trained(torch.from_numpy(stored))(torch.from_numpy(point)[None])[0]
        np.testing.assert_allclose(got.numpy(), want, rtol=1e-5, atol=1e-5)


def test_parameters_are_rounded_to_half_and_finite():
    rounded = as_evaluated(torch.tensor([1.0001, math.nan, 1e6, -math.inf, 0.5]))
    assert rounded.tolist() == [1.0, 0.0, 65504.0, -65504.0, 0.5]


@pytest.mark.parametrize(
    ("grid", "given", "rule"),
    [
        (BIG, {}, IndexRule.WRAPPING),
        (BIG, {"hash_index": "exact"}, IndexRule.EXACT),
        (SWIFT, {}, IndexRule.EXACT),
    ],
)
def test_the_older_rule_is_taken_where_it_matters(grid, given, rule):
    source = Source(Path(), given, silent)
    assert as_trained(grid, source).rule is rule
    assert source.settings[0].value == rule.value


def test_another_rule_is_refused():
    with pytest.raises(BadArgument, match="hash_index=new: expected exact or wrapping"):
        as_trained(BIG, Source(Path(), {"hash_index": "new"}, silent))


def literal_index(grid: Grid, level: int, corner: tuple[int, ...]) -> int:
    """By the rules in words: dense while the table can hold it, else the exclusive or of products.

    Overflow of the older builds: a power of two from 65536 on, within the table, is not hashed.
    """
    plan = grid.plan()[level]
    res, size = plan.resolution, plan.size
    if res**grid.dims <= size:
        total = sum(c * res**d for d, c in enumerate(corner))
    elif grid.rule is IndexRule.WRAPPING and res**2 % 2**32 == 0 and res <= 2**grid.log2_size:
        total = (corner[0] + corner[1] * res) % 2**32
    else:
        total = 0
        for c, prime in zip(corner, PRIMES[: grid.dims], strict=True):
            total ^= c * prime % 2**32
    return total % size


def literal(grid: Grid, table: np.ndarray, point: np.ndarray) -> np.ndarray:
    """Encoding of one point, corner by corner."""
    features = []
    for number, level in enumerate(grid.plan()):
        place = point * np.float32(level.scale) + np.float32(0.5)
        cell = np.floor(place)
        after = (place - cell).astype(np.float64)
        total = np.zeros(grid.features)
        for corner in itertools.product((0, 1), repeat=grid.dims):
            weight = math.prod(after[d] if side else 1 - after[d] for d, side in enumerate(corner))
            coords = tuple(int(cell[d]) + side for d, side in enumerate(corner))
            total += weight * table[level.start + literal_index(grid, number, coords)]
        features.append(total)
    return np.concatenate(features)
