"""The reference renderer against closed forms."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests import scenes
from viewer.core import sh
from viewer.core.camera import Camera, intrinsics
from viewer.core.settings import RenderSettings
from viewer.core.splats import Appearance, Compensation, Splats
from viewer.render import reference

SIZE = 33
FOCAL = 40.0


def camera() -> Camera:
    """At the origin along +z; the middle of the picture is the middle of a pixel."""
    fov = 2 * math.atan(SIZE / 2 / FOCAL)
    return Camera(np.eye(4), intrinsics(fov, (SIZE, SIZE)), SIZE, SIZE)


def splats(*rows: tuple, low_pass: float = 0.3, **fields) -> Splats:
    """Rows of (mean, scales, opacity, rgb), not rotated."""
    means, scales, opacities, colors = zip(*rows, strict=True)
    quats = torch.tensor([[1.0, 0, 0, 0]]).repeat(len(rows), 1)
    made = Splats(
        torch.tensor(means), quats, torch.tensor(scales), torch.tensor(opacities),
        torch.tensor(colors), Appearance(low_pass=low_pass),
    )  # fmt: skip
    return replace(made, **fields)


def draw(made: Splats, **settings) -> np.ndarray:
    return reference.image(made, camera(), RenderSettings(**settings)).numpy()


MIDDLE = SIZE // 2
RED, GREEN = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)
BALL = (0.1, 0.1, 0.1)


def test_centre_alpha_of_one_splat_is_its_opacity():
    got = draw(splats(((0.0, 0.0, 2.0), BALL, 0.6, RED)))
    np.testing.assert_allclose(got[MIDDLE, MIDDLE], [0.6, 0, 0, 0.6], atol=1e-6)


def test_falloff_is_the_projected_gaussian_with_its_low_pass():
    got = draw(splats(((0.0, 0.0, 2.0), BALL, 0.6, RED)))
    variance = (FOCAL * 0.1 / 2) ** 2 + 0.3
    for dx in (1, 2, 3):
        want = 0.6 * math.exp(-(dx**2) / (2 * variance))
        assert got[MIDDLE, MIDDLE + dx, 3] == pytest.approx(want, abs=1e-6)


def test_alpha_is_capped():
    got = draw(splats(((0.0, 0.0, 2.0), BALL, 1.0, RED)))
    assert got[MIDDLE, MIDDLE, 3] == pytest.approx(0.99, abs=1e-6)


def test_nearer_splat_covers_the_farther_whatever_their_order():
    near, far = ((0.0, 0.0, 2.0), BALL, 0.6, RED), ((0.0, 0.0, 3.0), BALL, 0.5, GREEN)
    for pair in ((near, far), (far, near)):
        got = draw(splats(*pair))
        np.testing.assert_allclose(got[MIDDLE, MIDDLE], [0.6, 0.2, 0, 0.8], atol=1e-6)


def test_rotated_ellipse_lies_along_its_axis():
    turn = math.pi / 6
    quat = torch.tensor([[math.cos(turn / 2), 0, 0, math.sin(turn / 2)]])
    made = splats(((0.0, 0.0, 2.0), (0.3, 0.05, 0.05), 0.9, RED), quats=quat)
    alpha = draw(made)[..., 3].astype(np.float64)
    ys, xs = np.mgrid[:SIZE, :SIZE] - MIDDLE
    xx, xy, yy = ((alpha * a * b).sum() for a, b in ((xs, xs), (xs, ys), (ys, ys)))
    assert 0.5 * math.atan2(2 * xy, xx - yy) == pytest.approx(turn, abs=0.02)


def test_nothing_behind_the_camera_or_nearer_than_the_near_plane():
    for z in (-2.0, 0.0, 0.19):
        assert not draw(splats(((0.0, 0.0, z), BALL, 0.6, RED))).any()
    assert draw(splats(((0.0, 0.0, 0.21), BALL, 0.6, RED))).any()
    assert not draw(splats(((0.0, 0.0, 2.0), BALL, 0.6, RED)), near=2.5).any()


def test_opacity_under_the_cut_draws_nothing():
    assert not draw(splats(((0.0, 0.0, 2.0), BALL, 0.9 / 255, RED))).any()
    assert draw(splats(((0.0, 0.0, 2.0), BALL, 1.1 / 255, RED))).any()


def test_pixel_stops_before_the_splat_that_would_go_below_the_least_transmittance():
    rows = [((0.0, 0.0, 2.0 + i), BALL, 0.99, RED if i < 1 else GREEN) for i in range(3)]
    stopped = draw(splats(*rows))[MIDDLE, MIDDLE]
    # 0.01, then 1e-4 (kept: not below, up to rounding), never 1e-6
    assert 1 - stopped[3] >= 0.9e-4
    free = draw(splats(*rows), transmittance_stop=False)[MIDDLE, MIDDLE]
    assert 1 - free[3] == pytest.approx(1e-6, rel=0.1)


def test_degree_one_colour_from_six_directions():
    coefficients = torch.zeros(1, 4, 3)
    coefficients[0, 1, 0], coefficients[0, 2, 1], coefficients[0, 3, 2] = 0.4, 0.5, 0.6
    cases = {
        (1, 0, 0): (0.5, 0.5, 0.5 - 0.6 * sh.C1),
        (-1, 0, 0): (0.5, 0.5, 0.5 + 0.6 * sh.C1),
        (0, 1, 0): (0.5 - 0.4 * sh.C1, 0.5, 0.5),
        (0, -1, 0): (0.5 + 0.4 * sh.C1, 0.5, 0.5),
        (0, 0, 1): (0.5, 0.5 + 0.5 * sh.C1, 0.5),
        (0, 0, -1): (0.5, 0.5 - 0.5 * sh.C1, 0.5),
    }
    for direction, want in cases.items():
        got = sh.colors(coefficients, torch.tensor([direction], dtype=torch.float32))
        np.testing.assert_allclose(got[0], want, atol=1e-6)


def test_degree_three_worked_example():
    f_rest = 0.01 * torch.arange(45.0)
    coefficients = torch.cat([torch.tensor([[0.5, 0.25, -0.25]]), f_rest.reshape(3, 15).T])
    direction = torch.tensor([[1.0, 2.0, 2.0]]) / 3
    got = sh.colors(coefficients.unsqueeze(0), direction)
    np.testing.assert_allclose(got[0], [0.55992, 0.326442, 0.02244], atol=1e-5)


def test_mip_compensation_keeps_a_small_splats_total():
    small = ((0.0, 0.0, 2.0), (0.004, 0.004, 0.004), 0.9, RED)
    mip = Appearance(low_pass=0.3, compensation=Compensation.MIP)
    got = draw(replace(splats(small), appearance=mip))
    sharp = (FOCAL * 0.004 / 2) ** 2
    assert got[MIDDLE, MIDDLE, 3] == pytest.approx(0.9 * sharp / (sharp + 0.3), rel=1e-4)


def test_scale_setting_multiplies_standard_deviations():
    doubled = draw(splats(((0.0, 0.0, 2.0), (0.2, 0.2, 0.2), 0.6, RED)))
    np.testing.assert_allclose(
        draw(splats(((0.0, 0.0, 2.0), BALL, 0.6, RED)), scale=2.0), doubled, atol=1e-6
    )


def test_picture_does_not_depend_on_how_many_splats_are_blended_at_once(monkeypatch):
    scene = scenes.cloud(3000, 0)
    want = reference.image(scene, scenes.camera(), RenderSettings())
    monkeypatch.setattr(reference, "CHUNK", 37)
    got = reference.image(scene, scenes.camera(), RenderSettings())
    torch.testing.assert_close(got, want, atol=1e-6, rtol=0)


def test_surface_depth_is_the_median_along_the_pixel():
    near, far = ((0.0, 0.0, 2.0), BALL, 0.3, RED), ((0.0, 0.0, 3.0), BALL, 0.9, GREEN)
    x = y = MIDDLE + 0.5
    assert reference.surface_depth(
        splats(near, far), camera(), RenderSettings(), x, y
    ) == pytest.approx(3.0)
    assert reference.surface_depth(splats(near), camera(), RenderSettings(), x, y) == pytest.approx(
        2.0
    )
    assert reference.surface_depth(splats(near), camera(), RenderSettings(), 0.5, 0.5) is None
    beyond = RenderSettings(near=2.5)
    assert reference.surface_depth(splats(near, far), camera(), beyond, x, y) == pytest.approx(3.0)
    assert reference.surface_depth(splats(near), camera(), beyond, x, y) is None


def test_infinite_and_broken_means_leave_the_picture_alone():
    good = ((0.0, 0.0, 2.0), BALL, 0.6, RED)
    bad = ((float("nan"), 0.0, 2.0), BALL, 0.6, GREEN)
    np.testing.assert_array_equal(draw(splats(good, bad)), draw(splats(good)))


def test_what_matters_at_a_pixel_is_all_that_shows_there():
    """The part of the splats that is looked at for a pixel blends to the pixel of the picture."""
    cloud, view, settings = (
        scenes.cloud(3000, 1, size=0.15),
        scenes.camera(64, 48),
        RenderSettings(),
    )
    whole = reference.project(cloud, view, settings)
    for x, y in ((0.5, 0.5), (31.5, 20.5), (60.5, 47.5)):
        part = reference.project(cloud, view, settings, (x, y, x, y))
        assert len(part.depths) < len(whole.depths)
        own = reference.blend(part, view, settings)[int(y), int(x)]
        np.testing.assert_allclose(
            own, reference.blend(whole, view, settings)[int(y), int(x)], atol=1e-6
        )
