"""What pictures show besides colours: closed forms, and every renderer against the reference."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests import scenes
from tests.test_reference import BALL, GREEN, MIDDLE, RED, draw, splats
from tests.tolerances import TOLERANCES
from viewer.core import measure
from viewer.core.errors import Unusable
from viewer.core.model import Model, StaticModel
from viewer.core.settings import Mode, RenderSettings, next_mode
from viewer.core.splats import Appearance, Compensation
from viewer.frame import FramePath
from viewer.render import reference
from viewer.render import sorted as sorting
from viewer.render.sorted import SortedRenderer

FREE = RenderSettings(renderer="sorted", transmittance_stop=False)
ROWS = {Mode.MEDIAN: "median depth", Mode.OVERDRAW: "overdraw"}  # others as colours
TWO = [((0.0, 0.0, 2.0), BALL, 0.4, RED), ((0.0, 0.0, 6.0), BALL, 0.9, GREEN)]


def test_depth_is_the_mean_of_what_covers():
    near, far = 0.4, 0.6 * 0.9
    got = draw(splats(*TWO), mode=Mode.DEPTH)[MIDDLE, MIDDLE]
    np.testing.assert_allclose(got, [*[near * 2 + far * 6] * 3, near + far], rtol=1e-6)


@pytest.mark.parametrize(("opacity", "depth"), [(0.4, 6.0), (0.6, 2.0)])
def test_median_lies_where_half_of_what_is_shown_is_reached(opacity, depth):
    near, far = (*TWO[0][:2], opacity, RED), TWO[1]
    alpha = 1 - (1 - opacity) * 0.1
    got = draw(splats(near, far), mode=Mode.MEDIAN)[MIDDLE, MIDDLE]
    np.testing.assert_allclose(got, [*[depth * alpha] * 3, alpha], rtol=1e-6)


def test_median_does_not_depend_on_how_many_splats_are_blended_at_once(monkeypatch):
    made, camera = scenes.cloud(400, 1), scenes.camera(40, 30)
    settings = RenderSettings(mode=Mode.MEDIAN)
    want = reference.image(made, camera, settings)
    monkeypatch.setattr(reference, "CHUNK", 3)
    torch.testing.assert_close(reference.image(made, camera, settings), want)


def test_alpha_and_overdraw():
    got = draw(splats(*TWO), mode=Mode.ALPHA)
    np.testing.assert_allclose(got[MIDDLE, MIDDLE], [0.94] * 4, rtol=1e-6)
    got = draw(splats(*TWO), mode=Mode.OVERDRAW)
    assert (got[MIDDLE, MIDDLE] == 2).all()
    assert (got[0, 0] == 0).all()


def test_a_centre_is_a_dot_of_its_colour_whatever_size_and_opacity():
    made = splats(((0.0, 0.0, 2.0), (3.0, 3.0, 3.0), 0.02, RED))
    got = draw(made, mode=Mode.CENTERS)
    np.testing.assert_allclose(got[MIDDLE, MIDDLE], [0.99, 0, 0, 0.99], atol=1e-6)
    np.testing.assert_allclose(got[MIDDLE, MIDDLE + 1], [0.99, 0, 0, 0.99], atol=1e-6)
    assert (got[MIDDLE, MIDDLE + 2] == 0).all()


def test_least_opacity_leaves_out_what_is_fainter():
    got = draw(splats(*TWO), min_opacity=0.5)[MIDDLE, MIDDLE]
    np.testing.assert_allclose(got, [0, 0.9, 0, 0.9], atol=1e-6)


def test_antialiasing_is_the_models_own_unless_told():
    own = splats(((0.0, 0.0, 2.0), (0.01,) * 3, 0.9, RED))
    trained = replace(own, appearance=replace(own.appearance, compensation=Compensation.MIP))
    plain, compensated = draw(own), draw(trained)
    assert plain.max() > 2 * compensated.max()
    np.testing.assert_array_equal(draw(own, antialias=True), compensated)
    np.testing.assert_array_equal(draw(trained, antialias=False), plain)
    np.testing.assert_array_equal(draw(trained, antialias=True), compensated)
    np.testing.assert_array_equal(draw(own, antialias=False), plain)


def test_modes_follow_each_other_and_come_round():
    settings, seen = RenderSettings(), []
    for _ in Mode:
        seen.append(settings.mode)
        settings = next_mode(settings, 1)
    assert seen == list(Mode)
    assert settings == RenderSettings()
    assert next_mode(settings, -1).mode is list(Mode)[-1]


FORMS = {
    "rgb": lambda: StaticModel(scenes.cloud(2000, 0)),
    "large and opaque": lambda: StaticModel(scenes.SCENES["large and opaque"]()),
    "discs": lambda: StaticModel(scenes.SCENES["discs"]()),
    "equal depths": lambda: StaticModel(scenes.ties()),
    "around the camera": lambda: StaticModel(scenes.around()),
    "decoded": lambda: StaticModel(scenes.features()),
    "empty": lambda: StaticModel(scenes.cloud(0, 9)),
    "moving": lambda: scenes.moving(3000, degree=1),
    "moving, decoded": lambda: scenes.moving(
        2000, appearance=Appearance(decoder=scenes.features().appearance.decoder)
    ),
}


@pytest.mark.gl
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("mode", [mode for mode in Mode if mode is not Mode.COLOR])
def test_every_mode_equals_the_reference(ctx, form, mode):
    model, camera = FORMS[form](), scenes.camera(96, 54)
    got, want = (drawn(ctx if name == "sorted" else None, model, camera, mode, name)
                 for name in ("sorted", "reference"))  # fmt: skip
    assert form == "empty" or np.abs(want[0]).max() > 0.3
    TOLERANCES[ROWS.get(mode, "sorted 32F, no stop")].check(got[0], want[0])
    error = np.abs(got[1].astype(np.float32) / 255 - want[1])
    assert np.quantile(error, 0.99) < 0.02  # of 1: 8 bits, and mipmaps of odd sizes


def drawn(ctx, model: Model, camera, mode: Mode, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Layer and picture."""
    path = FramePath(ctx, "f4")
    frame = path.render(model, camera, 0.4, replace(FREE, mode=mode, renderer=name))
    made = frame.layer.read(), frame.picture.read()
    path.release()
    return made


@pytest.mark.gl
@pytest.mark.parametrize("form", ["rgb", "discs", "moving, decoded"])
@pytest.mark.parametrize("mode", [mode for mode in Mode if mode is not Mode.COLOR])
def test_every_mode_equals_the_reference_without_compute_shaders(ctx, monkeypatch, form, mode):
    monkeypatch.setattr(sorting, "COMPUTES", 999)
    test_every_mode_equals_the_reference(ctx, form, mode)


@pytest.mark.gl
@pytest.mark.parametrize("change", [{"min_opacity": 0.4}, {"antialias": True}], ids=str)
@pytest.mark.parametrize("form", ["rgb", "moving"])
def test_settings_mean_the_same_to_both(ctx, form, change):
    model, camera = FORMS[form](), scenes.camera(96, 54)
    settings, small = replace(FREE, scale=0.2, **change), replace(FREE, scale=0.2)
    path = FramePath(ctx, "f4")
    want, plain = (reference.image(model.slice(0.4), camera, s).numpy() for s in (settings, small))
    assert np.abs(want - plain).max() > 0.05  # the setting does something
    got = path.render(model, camera, 0.4, settings).layer.read()
    path.release()
    TOLERANCES["sorted 32F, no stop"].check(got, want)


@pytest.mark.gl
def test_a_mode_that_a_renderer_cannot_draw_is_refused(ctx, monkeypatch):
    monkeypatch.setattr(SortedRenderer, "modes", frozenset({Mode.COLOR, Mode.ALPHA}))
    path = FramePath(ctx)
    with pytest.raises(Unusable, match="sorted draws color, alpha, not median"):
        path.render(FORMS["rgb"](), scenes.camera(), 0.0,
                    replace(FREE, mode=Mode.MEDIAN))  # fmt: skip
    path.release()


def test_a_scale_of_colours_spans_what_is_there():
    depth = torch.linspace(1, 2, 100).reshape(10, 10)
    layer = torch.stack([*[depth] * 3, torch.ones_like(depth)], -1)
    picture = measure.picture(layer, Mode.DEPTH, (0.0, 0.0, 0.0)).reshape(100, 4)
    assert picture[0, 0] > picture[0, 2]  # near: red
    assert picture[-1, 2] > picture[-1, 0]  # far: blue
    assert (picture[:, 3] == 1).all()
    empty = measure.picture(torch.zeros(2, 2, 4), Mode.DEPTH, (0.2, 0.4, 0.6))
    np.testing.assert_allclose(empty[0, 0], [0.2, 0.4, 0.6, 1], rtol=1e-6)
