"""The sorts on the device and on the processor against a stable argsort."""

import re

import numpy as np
import pytest

from viewer.gl.buffers import Storage
from viewer.gl.radix import TILE, RadixSort
from viewer.render.depth_order import DepthOrder
from viewer.render.visibility import ascending

pytestmark = pytest.mark.gl
HIDDEN = 0xFFFFFFFF
SIZES = (0, 1, 2, 255, 256, 257, TILE - 1, TILE, TILE + 1, 9 * TILE + 5, 100_000)
rng = np.random.default_rng(0)
KEYS = {
    "random": lambda n: rng.integers(0, 2**32 - 1, n, dtype=np.uint32),
    "depths": lambda n: rng.uniform(0.2, 50, n).astype(np.float32).view(np.uint32),
    "sorted": lambda n: np.arange(n, dtype=np.uint32) * 40_001,
    "reversed": lambda n: np.arange(n, dtype=np.uint32)[::-1] * 40_001,
    "equal": lambda n: np.full(n, 0x3F800000, np.uint32),
    "few": lambda n: rng.choice(np.array([0, 1, 2**31, HIDDEN - 1], np.uint32), n),
    "one digit": lambda n: rng.integers(0, 256, n, dtype=np.uint32) << 16,
    "all but one hidden": lambda n: np.where(np.arange(n) == n // 2, 7, HIDDEN).astype(np.uint32),
    "all hidden": lambda n: np.full(n, HIDDEN, np.uint32),
}


@pytest.mark.parametrize("kind", KEYS)
def test_the_processor_sorts_the_same_way(kind):
    for n in SIZES:
        keys = KEYS[kind](n)
        np.testing.assert_array_equal(ascending(keys), np.argsort(keys, kind="stable"))


@pytest.fixture
def sorter(ctx):
    made = RadixSort(ctx)
    yield made
    made.release()


def check(sorter: RadixSort, keys: np.ndarray) -> None:
    held = Storage(sorter._ctx)
    held.write(keys)
    sorter.sort(held, len(keys))
    shown = np.flatnonzero(keys != HIDDEN)
    want = shown[np.argsort(keys[shown], kind="stable")]
    assert sorter.kept.read(1, np.uint32)[0] == len(want)
    np.testing.assert_array_equal(sorter.order.read(len(want), np.uint32), want)
    held.release()


@pytest.mark.parametrize("kind", KEYS)
def test_order_is_that_of_a_stable_argsort(sorter, kind):
    for n in (*SIZES, 300, 0, TILE):  # sizes that grow and shrink, on one sorter
        keys = KEYS[kind](n)
        check(sorter, keys)
        check(sorter, np.where(rng.random(n) < 0.4, np.uint32(HIDDEN), keys))


@pytest.mark.parametrize("seed", range(20))
def test_random_sizes_and_bits(sorter, seed):
    draw = np.random.default_rng(seed)
    for n in draw.integers(0, 5 * TILE, 3):
        mask = draw.integers(0, 2**32, dtype=np.uint32) | draw.integers(0, 2**32, dtype=np.uint32)
        keys = draw.integers(0, 2**32, n, dtype=np.uint32) & mask
        check(sorter, np.where(draw.random(n) < draw.random(), np.uint32(HIDDEN), keys))


def test_the_keys_are_not_moved(ctx, sorter):
    keys, held = KEYS["few"](10_000), Storage(ctx)
    held.write(keys)
    sorter.sort(held, len(keys))
    np.testing.assert_array_equal(held.read(len(keys), np.uint32), keys)
    held.release()


def test_millions(sorter):
    check(sorter, KEYS["depths"](3_000_000))


def test_a_second_sort_allocates_nothing(ctx, sorter, monkeypatch):
    held = Storage(ctx)
    held.write(KEYS["random"](50_000))
    sorter.sort(held, 50_000)
    monkeypatch.setattr(type(ctx), "buffer", None)
    sorter.sort(held, 50_000)
    held.release()


def test_the_quicker_way_is_taken_and_told(ctx):
    order = DepthOrder(ctx)
    told = re.fullmatch(
        r"sorts (.+) \((\d+\.\d) ms there, (\d+\.\d) ms by shaders, at 65,536\)", order.told
    )
    assert told is not None
    assert order.waits == (told[1] == "on the processor")
    host, device = float(told[2]), float(told[3])
    assert (host <= device) if order.waits else (device <= host)
    order.release()
