"""Every renderer against the reference, on every scene."""

from dataclasses import replace

import moderngl
import numpy as np
import pytest

from tests import scenes
from tests.tolerances import TOLERANCES
from viewer.core.camera import Camera
from viewer.core.errors import BadArgument, Unusable
from viewer.core.model import StaticModel
from viewer.core.settings import RenderSettings
from viewer.core.splats import Splats
from viewer.frame import FramePath
from viewer.render import RENDERERS, create, reference
from viewer.render import sorted as sorting

pytestmark = pytest.mark.gl
FREE = RenderSettings(renderer="sorted", transmittance_stop=False)


def layer(
    ctx: moderngl.Context, splats: Splats, camera: Camera, settings: RenderSettings, precision: str
) -> np.ndarray:
    path = FramePath(ctx, precision)
    try:
        return path.render(StaticModel(splats), camera, 0.0, settings).layer.read()
    finally:
        path.release()


@pytest.mark.parametrize("name", scenes.SCENES)
def test_sorted_equals_reference(ctx, name):
    splats, camera = scenes.SCENES[name](), scenes.camera()
    want = reference.image(splats, camera, FREE).numpy()
    TOLERANCES["sorted 32F, no stop"].check(layer(ctx, splats, camera, FREE, "f4"), want)


@pytest.mark.parametrize("name", ["rgb", "large and opaque", "sh degree 3"])
@pytest.mark.parametrize(("precision", "row"), [("f4", "32F"), ("f2", "16F")])
def test_sorted_is_near_the_reference_as_trained(ctx, name, precision, row):
    splats, camera, settings = scenes.SCENES[name](), scenes.camera(), RenderSettings()
    want = reference.image(splats, camera, settings).numpy()
    TOLERANCES[f"sorted {row}, stop"].check(layer(ctx, splats, camera, settings, precision), want)


@pytest.mark.parametrize(
    "change",
    [{"scale": 0.3}, {"scale": 3.0}, {"sh_degree": 0}, {"sh_degree": 1}, {"near": 4.0}],
    ids=str,
)
def test_settings_mean_the_same_to_both(ctx, change):
    splats, camera = scenes.cloud(800, 11, degree=2), scenes.camera()
    settings = replace(FREE, **change)
    want = reference.image(splats, camera, settings).numpy()
    plain = reference.image(splats, camera, FREE).numpy()
    assert np.abs(want - plain).max() > 0.05  # the setting does something
    TOLERANCES["sorted 32F, no stop"].check(layer(ctx, splats, camera, settings, "f4"), want)


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (64, 1), (1, 64), (37, 53)])
def test_any_size_and_an_off_centre_principal_point(ctx, size):
    splats, camera = scenes.cloud(500, 12), scenes.camera(*size)
    camera.K[0, 2] += 0.3 * size[0]
    want = reference.image(splats, camera, FREE).numpy()
    TOLERANCES["sorted 32F, no stop"].check(layer(ctx, splats, camera, FREE, "f4"), want)


def test_coefficients_over_the_storage_limit_are_evaluated_in_torch(ctx, monkeypatch):
    splats, camera = scenes.cloud(1000, 3, degree=3), scenes.camera()
    want = reference.image(splats, camera, FREE).numpy()
    monkeypatch.setattr(sorting, "storage_limit", lambda ctx: 1000 * 48)
    TOLERANCES["sorted 32F, no stop"].check(layer(ctx, splats, camera, FREE, "f4"), want)


def test_more_splats_than_a_buffer_holds_is_refused(ctx, monkeypatch):
    monkeypatch.setattr(sorting, "storage_limit", lambda ctx: 999 * 48)
    with pytest.raises(Unusable, match=r"1000 splats at once, .* hold 999"):
        layer(ctx, scenes.cloud(1000, 0), scenes.camera(), FREE, "f4")


def test_features_are_refused_by_a_renderer_of_rgb(ctx):
    splats = scenes.cloud(10, 0)
    features = replace(splats, colors=splats.colors.repeat(1, 3))
    with pytest.raises(Unusable, match="blends 3 channels here, this model has 9"):
        layer(ctx, features, scenes.camera(), FREE, "f4")


def test_the_same_splats_are_uploaded_once(ctx):
    path = FramePath(ctx)
    model = StaticModel(scenes.cloud(100, 0))
    first = path.render(model, scenes.camera(), 0.0, FREE)
    second = path.render(model, scenes.camera(), 0.0, FREE)
    assert "upload" in dict(first.stats.spans)
    assert "upload" not in dict(second.stats.spans)
    path.release()


def test_two_draws_of_one_scene_are_identical(ctx):
    splats, camera = scenes.cloud(3000, 0), scenes.camera()
    np.testing.assert_array_equal(
        layer(ctx, splats, camera, FREE, "f4"), layer(ctx, splats, camera, FREE, "f4")
    )


def test_auto_says_which_renderer_it_took(ctx):
    name, renderer, refused = create("auto", ctx)
    renderer.release()
    assert (name, refused) == ("sorted", ())


def test_without_opengl_auto_names_the_way_out():
    with pytest.raises(Unusable, match=r"sorted: sorted needs OpenGL.*--renderer reference"):
        create("auto", None)


def test_unknown_renderer_lists_the_known():
    with pytest.raises(BadArgument, match=rf"'vulkan', expected auto, {', '.join(RENDERERS)}"):
        create("vulkan", None)
