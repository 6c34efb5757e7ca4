"""TemporalGaussians and its time index against the plain formulas over all rows."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import scenes
from viewer.core import rotation
from viewer.core.settings import RenderSettings
from viewer.core.splats import MIN_ALPHA, Appearance, Splats
from viewer.core.temporal import CLASSES, Gaussians4D, TemporalGaussians, TimeIndex, half_lives
from viewer.render import reference


def gaussians(n: int, seed: int, spread: float = 1.5, degree: int = 3) -> Gaussians4D:
    """Random Gaussians with log-normal lives; a tenth are always there."""
    g = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=g)

    width = torch.exp(normal(n) * spread - 2.5)
    width[torch.rand(n, generator=g) < 0.1] = math.inf
    return Gaussians4D(
        means=normal(n, 3), motion=normal(n, degree, 3) * 0.3,
        opacities=torch.rand(n, generator=g), center=torch.rand(n, generator=g) * 1.4 - 0.2,
        width=width, colors=torch.rand(n, 3, generator=g), quats=normal(n, 4),
        scales=torch.exp(normal(n, 3) * 0.5 - 3), omega=normal(n, 4),
    )  # fmt: skip


def copied(g: Gaussians4D) -> Gaussians4D:
    """The same, for a model to take over."""
    return g.rows(torch.arange(len(g.means)))


def literal(g: Gaussians4D, time: float, cull: float) -> tuple[Splats, torch.Tensor]:
    """Every row at `time` by the formulas, and which of them the family keeps and can be seen."""
    dt = (time - g.center).unsqueeze(1)
    means = g.means.clone()
    for k in range(g.motion.shape[1]):
        means += g.motion[:, k] * dt ** (k + 1)
    window = torch.exp(-0.5 * (dt[:, 0] / g.width) ** 2)
    quats = g.quats if g.omega is None else g.quats + g.omega * dt
    opacities = g.opacities * window
    splats = Splats(means, rotation.normalized(quats), g.scales, opacities, g.colors, Appearance())
    return splats, (opacities >= MIN_ALPHA) & (window >= cull)


TIMES = [0.5, 0.0, 1.0, 0.25, 0.75, 0.1, -0.3, 1.6, 0.5]  # forwards, backwards, ends, beyond


@pytest.mark.parametrize("cull", [0.0, 0.05])
@pytest.mark.parametrize("degree", [0, 1, 3])
@pytest.mark.parametrize("seed", [0, 1])
def test_slice_is_the_formula_on_every_gaussian_that_can_be_seen(seed, degree, cull):
    g = gaussians(3000, seed, degree=degree)
    model = TemporalGaussians(copied(g), (0.0, 1.0), Appearance(), cull=cull)
    for time in TIMES:
        want, seen = literal(g, time, cull)
        got = model.slice(time)
        assert got.index is not None
        assert sorted(got.index.tolist()) == seen.nonzero().squeeze(1).tolist()
        rows = got.index
        torch.testing.assert_close(got.means, want.means[rows], atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(got.quats, want.quats[rows], atol=1e-6, rtol=1e-5)
        assert torch.equal(got.opacities, want.opacities[rows])
        assert torch.equal(got.scales, want.scales[rows])
        assert torch.equal(got.colors, want.colors[rows])


def test_picture_is_that_of_all_rows():
    g = gaussians(2000, 3)
    model = TemporalGaussians(copied(g), (0.0, 1.0), Appearance())
    for time in (0.1, 0.6, 1.0):
        every, _ = literal(g, time, 0.0)
        want = reference.image(every, scenes.camera(), RenderSettings())
        got = reference.image(model.slice(time), scenes.camera(), RenderSettings())
        torch.testing.assert_close(got, want, atol=2e-5, rtol=0)


def test_ranges_hold_every_gaussian_alive_and_are_few_and_ascending():
    g = gaussians(20_000, 4)
    model = TemporalGaussians(copied(g), (0.0, 1.0), Appearance())
    for time in np.linspace(-0.2, 1.2, 29):
        ranges = model.index.ranges(float(time))
        assert len(ranges) <= CLASSES
        assert all(a < b for a, b in ranges)
        assert all(b <= c for (_, b), (c, _) in pairwise(ranges))
        stored = torch.zeros(len(model.index.order), dtype=torch.bool)
        for a, b in ranges:
            stored[a:b] = True
        in_ranges = set(model.index.order[stored].tolist())
        _, seen = literal(g, float(time), 0.0)
        assert set(seen.nonzero().squeeze(1).tolist()) <= in_ranges


def test_rows_read_stay_under_one_and_a_half_times_the_alive():
    """Lives as in the simulation the index was designed on: log-normal, no static part."""
    n = 100_000
    g = torch.Generator().manual_seed(5)
    half_life = torch.exp(torch.randn(n, generator=g).double() * 1.0 - 3.0)
    center = torch.rand(n, generator=g)
    index = TimeIndex(center, half_life, 1.0)
    read = alive = 0
    for time in np.linspace(0.0, 1.0, 101):
        read += sum(b - a for a, b in index.ranges(float(time)))
        alive += int(((center.double() - time).abs() <= half_life).sum())
    assert alive < read < 1.5 * alive


def test_half_life_is_exact():
    opacities = torch.tensor([0.5, 1.0, 0.003, 0.5, 0.5, 1 / 255], dtype=torch.float64)
    width = torch.tensor([0.1, 0.2, 0.1, math.inf, 0.1, 0.1], dtype=torch.float64)
    h = half_lives(opacities, width)
    assert h[0] == pytest.approx(0.1 * math.sqrt(2 * math.log(0.5 * 255)))
    assert h[1] == pytest.approx(0.2 * math.sqrt(2 * math.log(255)))
    assert h[2] == -1  # never reaches 1/255
    assert h[3] == math.inf
    assert h[5] == pytest.approx(0.0)
    culled = half_lives(opacities, width, cull=0.05)
    assert culled[1] == pytest.approx(0.2 * math.sqrt(2 * math.log(20)))
    assert culled[4] == pytest.approx(0.1 * math.sqrt(2 * math.log(20)))


@settings(max_examples=60, deadline=None)
@given(
    lives=st.lists(
        st.tuples(
            st.floats(-2, 2, width=32),
            st.floats(2.0**-40, 1e6, width=32),
            st.floats(0, 1, width=32),
        ),
        max_size=40,
    ),
    time=st.floats(-3, 3),
    span=st.sampled_from([0.0, 1e-6, 1.0, 300.0]),
)
def test_index_never_loses_a_life(lives, time, span):
    values = torch.tensor(lives, dtype=torch.float32).reshape(-1, 3)
    center, width, opacities = values.unbind(1)
    index = TimeIndex(center, half_lives(opacities, width), span)
    found = {int(i) for a, b in index.ranges(time) for i in index.order[a:b]}
    opacity = opacities * torch.exp(-0.5 * ((time - center) / width) ** 2)
    assert set((opacity >= MIN_ALPHA).nonzero().squeeze(1).tolist()) <= found


def test_source_index_survives_sorting_and_covariances_pass_through():
    n = 50
    g = gaussians(n, 6)
    covars = torch.rand(n, 6)
    shaped = Gaussians4D(
        g.means, g.motion, torch.full((n,), 0.9), g.center, torch.full((n,), math.inf),
        g.colors, covars=covars,
    )  # fmt: skip
    source = torch.arange(n) * 10
    got = TemporalGaussians(copied(shaped), (0, 1), Appearance(), source_index=source).slice(0.5)
    assert got.index is not None
    assert got.covars is not None
    assert sorted(got.index.tolist()) == source.tolist()
    assert torch.equal(got.covars, covars[got.index // 10])


def test_a_model_of_nothing_is_a_scene_of_nothing():
    model = TemporalGaussians(gaussians(0, 0), (0.0, 1.0), Appearance())
    assert len(model.slice(0.5)) == 0
