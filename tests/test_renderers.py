"""Every renderer against the reference, on every scene."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import moderngl
import numpy as np
import pytest
import torch

from tests import scenes
from tests.tolerances import TOLERANCES
from viewer.core.camera import Camera
from viewer.core.decoder import Activation, Environment
from viewer.core.errors import BadArgument, Unusable
from viewer.core.model import StaticModel
from viewer.core.settings import RenderSettings
from viewer.core.splats import Appearance, Splats
from viewer.frame import FramePath
from viewer.gl import context
from viewer.render import RENDERERS, create, reference
from viewer.render import sorted as sorting

pytestmark = pytest.mark.gl
FREE = RenderSettings(renderer="sorted", transmittance_stop=False)


@pytest.fixture(params=["compute shaders", "data textures"])
def form(request, monkeypatch) -> None:
    """Both forms of `sorted`: as of OpenGL 4.3, and what an older one gets."""
    if request.param == "data textures":
        monkeypatch.setattr(sorting, "COMPUTES", 10**9)


def layer(
    ctx: moderngl.Context,
    splats: Splats,
    camera: Camera,
    settings: RenderSettings,
    precision: str,
    model: Callable[[Splats], Any] = StaticModel,
) -> np.ndarray:
    path = FramePath(ctx, precision)
    try:
        return path.render(model(splats), camera, 0.0, settings).layer.read()
    finally:
        path.release()


@pytest.mark.parametrize("model", [StaticModel, scenes.Instant])
@pytest.mark.parametrize("name", scenes.SCENES)
def test_sorted_equals_reference(ctx, name, model):
    splats, camera = scenes.SCENES[name](), scenes.camera()
    want = reference.image(splats, camera, FREE).numpy()
    got = layer(ctx, splats, camera, FREE, "f4", model)
    TOLERANCES["sorted 32F, no stop"].check(got, want)


@pytest.mark.parametrize("name", scenes.SCENES)
def test_sorted_without_compute_shaders_equals_reference(ctx, monkeypatch, name):
    monkeypatch.setattr(sorting, "COMPUTES", 10**9)
    splats, camera = scenes.SCENES[name](), scenes.camera()
    want = reference.image(splats, camera, FREE).numpy()
    got = layer(ctx, splats, camera, FREE, "f4")
    TOLERANCES["sorted 32F, no stop"].check(got, want)


@pytest.mark.parametrize("activation", Activation)
@pytest.mark.parametrize("background", [None, (0.2, 0.4, 0.6)])
@pytest.mark.usefixtures("form")
def test_decoded_features_equal_the_reference(ctx, activation, background):
    splats, camera = scenes.features(activation), scenes.camera()
    settings = replace(FREE, background=background)
    blended = reference.image(splats, camera, settings)
    alpha = blended[..., 9:] if background else torch.ones_like(blended[..., 9:])
    rgb = splats.appearance.decoder.decode(blended[..., :9], camera) * alpha
    want = torch.cat([rgb, alpha], -1).numpy()
    assert (np.abs(want[0, 0, :3]).max() > 0.01) == (background is None)  # of an empty pixel
    got = layer(ctx, splats, camera, settings, "f4")
    TOLERANCES["sorted 32F, no stop"].check(got, want)
    plain = FramePath(None)
    model = StaticModel(splats)
    settings = replace(settings, renderer="reference")
    np.testing.assert_allclose(
        plain.render(model, camera, 0.0, settings).layer.read(), want, atol=1e-5
    )


def test_what_lies_behind_everything_is_seen_through(ctx):
    """An environment map: the same in OpenGL and in torch; a chosen background hides it."""
    pixels = torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(1))
    look = Appearance(environment=Environment(pixels, 60.0))
    splats, camera = replace(scenes.cloud(300, 0), appearance=look), scenes.camera()
    pictures = []
    for device, name in ((ctx, "sorted"), (None, "reference")):
        path = FramePath(device)
        frame = path.render(StaticModel(splats), camera, 0.0, replace(FREE, renderer=name))
        picture = frame.picture.read()
        pictures.append(picture[..., :3] / (255 if picture.dtype == np.uint8 else 1))
        path.release()
    assert pictures[1][0, 0].max() > 0.05
    assert np.abs(pictures[0] - pictures[1]).max() < 2e-2  # 8 bits, and bilinear in 8 bits
    path = FramePath(ctx)
    black = replace(FREE, background=(0.0, 0.0, 0.0))
    assert path.render(StaticModel(splats), camera, 0.0, black).picture.read()[0, 0].max() == 255
    assert path.render(StaticModel(splats), camera, 0.0, black).picture.read()[0, 0, :3].max() == 0
    path.release()


@pytest.mark.parametrize("name", ["rgb", "large and opaque", "sh degree 3"])
@pytest.mark.parametrize(("precision", "row"), [("f4", "32F"), ("f2", "16F")])
@pytest.mark.usefixtures("form")
def test_sorted_is_near_the_reference_as_trained(ctx, monkeypatch, name, precision, row):
    monkeypatch.setattr(context, "is_software", lambda adapter: False)  # halves blend as on a GPU
    splats, camera, settings = scenes.SCENES[name](), scenes.camera(), RenderSettings()
    want = reference.image(splats, camera, settings).numpy()
    TOLERANCES[f"sorted {row}, stop"].check(layer(ctx, splats, camera, settings, precision), want)


@pytest.mark.parametrize(
    "change",
    [
        {"scale": 0.3},
        {"scale": 3.0},
        {"sh_degree": 0},
        {"sh_degree": 1},
        {"near": 4.0},
        {"far": 4.0},
    ],
    ids=str,
)
@pytest.mark.usefixtures("form")
def test_settings_mean_the_same_to_both(ctx, change):
    splats, camera = scenes.cloud(800, 11, degree=2), scenes.camera()
    settings = replace(FREE, **change)
    want = reference.image(splats, camera, settings).numpy()
    plain = reference.image(splats, camera, FREE).numpy()
    assert np.abs(want - plain).max() > 0.05  # the setting does something
    TOLERANCES["sorted 32F, no stop"].check(layer(ctx, splats, camera, settings, "f4"), want)


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (64, 1), (1, 64), (37, 53)])
@pytest.mark.usefixtures("form")
def test_any_size_and_an_off_centre_principal_point(ctx, size):
    splats, camera = scenes.cloud(500, 12), scenes.camera(*size)
    camera.K[0, 2] += 0.3 * size[0]
    want = reference.image(splats, camera, FREE).numpy()
    TOLERANCES["sorted 32F, no stop"].check(layer(ctx, splats, camera, FREE, "f4"), want)


def test_coefficients_over_the_storage_limit_are_evaluated_in_torch(ctx, monkeypatch):
    splats, camera = scenes.cloud(1000, 3, degree=3), scenes.camera()
    want = reference.image(splats, camera, FREE).numpy()
    monkeypatch.setattr(sorting, "storage_limit", lambda ctx: 1000 * 48)
    TOLERANCES["sorted 32F, no stop"].check(
        layer(ctx, splats, camera, FREE, "f4", scenes.Instant), want
    )


def test_more_splats_than_a_buffer_holds_is_refused(ctx, monkeypatch):
    monkeypatch.setattr(sorting, "storage_limit", lambda ctx: 999 * 48)
    with pytest.raises(Unusable, match=r"1000 splats at once, .* hold 999"):
        layer(ctx, scenes.cloud(1000, 0), scenes.camera(), FREE, "f4", scenes.Instant)


@pytest.mark.usefixtures("form")
def test_features_are_refused_by_a_renderer_of_rgb(ctx):
    splats = scenes.cloud(10, 0)
    features = replace(splats, colors=splats.colors.repeat(1, 3))
    with pytest.raises(Unusable, match="blends 3 channels here, this model has 9"):
        layer(ctx, features, scenes.camera(), FREE, "f4", scenes.Instant)


def test_the_same_splats_are_uploaded_once(ctx):
    path = FramePath(ctx)
    model = scenes.Instant(scenes.cloud(100, 0))
    first = path.render(model, scenes.camera(), 0.0, FREE)
    second = path.render(model, scenes.camera(), 0.0, FREE)
    assert "upload" in dict(first.stats.spans)
    assert "upload" not in dict(second.stats.spans)
    path.release()


def test_two_draws_of_one_scene_are_identical(ctx):
    splats, camera = scenes.cloud(3000, 0), scenes.camera()
    np.testing.assert_array_equal(
        layer(ctx, splats, camera, FREE, "f4", scenes.Instant),
        layer(ctx, splats, camera, FREE, "f4", scenes.Instant),
    )


def test_auto_says_which_renderer_it_took(ctx):
    name, renderer, refused = create("auto", ctx)
    renderer.release()
    assert name == "sorted"
    assert [reason.partition(":")[0] for reason in refused] == ["cuda", "gsplat"]


def test_without_opengl_auto_names_the_way_out():
    with pytest.raises(Unusable, match=r"sorted: sorted needs OpenGL.*--renderer reference"):
        create("auto", None)


def test_unknown_renderer_lists_the_known():
    with pytest.raises(BadArgument, match=rf"'vulkan', expected auto, {', '.join(RENDERERS)}"):
        create("vulkan", None)
