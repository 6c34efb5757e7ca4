"""peel against the reference: exact once nothing is left, and also where a pixel ends early."""

from dataclasses import replace

import pytest
import torch

from tests import scenes
from tests.tolerances import TOLERANCES
from viewer import formats
from viewer.core.errors import Unusable
from viewer.core.model import StaticModel
from viewer.core.settings import Mode, RenderSettings
from viewer.frame import Frame, FramePath
from viewer.render import host, peel, reference

pytestmark = pytest.mark.gl
TRAINED = RenderSettings(renderer="peel")
CAMERA = scenes.camera(80, 45)


@pytest.fixture
def path(ctx):
    path = FramePath(ctx, "f4")
    yield path
    path.release()


def drawn(path: FramePath, splats, settings: RenderSettings = TRAINED, camera=CAMERA) -> Frame:
    return path.render(StaticModel(splats), camera, 0.0, settings)


@pytest.mark.parametrize("stop", [False, True], ids=["to the end", "as trained"])
@pytest.mark.parametrize("name", scenes.SCENES)
def test_peel_equals_reference(path, name, stop):
    splats, settings = scenes.SCENES[name](), replace(TRAINED, transmittance_stop=stop)
    want = reference.image(splats, CAMERA, settings).numpy()
    TOLERANCES["peel 32F"].check(drawn(path, splats, settings).layer.read(), want)


def test_features_are_peeled_as_colours_are(path):
    splats = scenes.features()
    blended = reference.image(splats, CAMERA, TRAINED)
    rgb = splats.appearance.decoder.decode(blended[..., :9], CAMERA)
    want = torch.cat([rgb, torch.ones_like(rgb[..., :1])], -1).numpy()
    TOLERANCES["peel 32F"].check(drawn(path, splats).layer.read(), want)


@pytest.mark.parametrize(
    "change",
    [
        {"scale": 3.0},
        {"sh_degree": 1},
        {"near": 4.0, "far": 4.5},
        {"min_opacity": 0.4},
        {"antialias": True},
        {"peel_layers": 400},
    ],
    ids=str,
)
def test_settings_mean_the_same_as_to_the_reference(path, change):
    splats, settings = scenes.cloud(800, 11, degree=2), replace(TRAINED, **change)
    want = reference.image(splats, CAMERA, settings).numpy()
    TOLERANCES["peel 32F"].check(drawn(path, splats, settings).layer.read(), want)


@pytest.mark.parametrize("name", ["rgb", "large and opaque", "discs", "equal depths", "empty"])
@pytest.mark.parametrize("mode", [mode for mode in Mode if mode is not Mode.COLOR])
def test_every_mode_of_peel_equals_the_reference(path, name, mode):
    # Rounding would decide where two dots let 1e-4 through, at which a pixel stops, and of one
    # splat of "rgb" in its own size: its alpha at a pixel is 1/255 but for 9e-8 of that.
    stop = mode is not Mode.CENTERS
    splats = scenes.SCENES[name]()
    settings = replace(TRAINED, mode=mode, transmittance_stop=stop, scale=1.01)
    want = reference.image(splats, CAMERA, settings).numpy()
    row = "median depth" if mode is Mode.MEDIAN else "peel 32F"
    TOLERANCES[row].check(drawn(path, splats, settings).layer.read(), want)


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (64, 1), (37, 53)])
def test_any_size(path, size):
    splats, camera = scenes.cloud(500, 12), scenes.camera(*size)
    want = reference.image(splats, camera, TRAINED).numpy()
    TOLERANCES["peel 32F"].check(drawn(path, splats, camera=camera).layer.read(), want)


def test_layers_are_the_nearest_ones_and_are_counted(path):
    splats = scenes.with_opacity(scenes.cloud(5, 1, size=3.0), 0.5)
    at = torch.arange(5.0)  # one behind the other, all over the picture
    splats = replace(splats, means=torch.stack([0 * at, 0 * at, at * 0.1], 1))
    for layers in range(1, 5):
        near = splats.rows(torch.arange(layers))
        want = reference.image(near, CAMERA, TRAINED).numpy()
        frame = drawn(path, splats, replace(TRAINED, peel_layers=layers))
        TOLERANCES["peel 32F"].check(frame.layer.read(), want)
        assert frame.stats.passes == layers
    assert drawn(path, splats).stats.passes == 6  # the last one finds nothing
    assert drawn(path, scenes.cloud(0, 0)).stats.passes == 0


def test_pixels_that_are_covered_are_not_peeled_further(path):
    splats = scenes.with_opacity(scenes.cloud(100, 1, size=3.0), 0.97)
    deep = drawn(path, splats, replace(TRAINED, transmittance_stop=False)).stats.passes
    assert drawn(path, splats).stats.passes < deep / 3


def test_more_splats_than_depths_is_refused(path, monkeypatch):
    monkeypatch.setattr(peel, "MOST", 99)
    with pytest.raises(Unusable, match="100 splats at once, peel tells 99 apart"):
        drawn(path, replace(scenes.cloud(100, 0), means=torch.zeros(100, 3)))


def test_the_last_two_places_of_the_most_splats_are_told_apart(path, monkeypatch):
    """A depth of 24 bits: all but two records are hidden."""
    splats = scenes.with_opacity(scenes.cloud(2, 1, size=3.0), 0.5)
    splats = replace(splats, means=torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.0, 0.1]]))
    want = reference.image(splats, CAMERA, TRAINED).numpy()

    def write(self, splats, camera, settings, spans):
        hidden = torch.zeros(peel.MOST - 2, 12)
        self._records.write(torch.cat([hidden, host.records(splats, camera, settings)]))
        return peel.MOST, ""

    monkeypatch.setattr(host.RecordTextures, "write", write)
    frame = drawn(path, splats)
    assert frame.stats.passes == 3
    TOLERANCES["peel 32F"].check(frame.layer.read(), want)


def test_a_frame_of_a_trained_scene(path, models):
    model, report = formats.load(models / "stg_cook_spinach_splatv")
    camera = report.home.camera(160, 90)
    got = path.render(model, camera, 0.5, TRAINED)
    want = reference.image(model.slice(0.5), camera, TRAINED).numpy()
    TOLERANCES["peel 32F"].check(got.layer.read(), want)
    assert got.stats.passes > 50
