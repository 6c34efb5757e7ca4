"""SpacetimeGaussians FULL: nine features, and the decoder that makes them a picture."""

import numpy as np
import pytest
import torch

from tests import files, scenes
from tests.samples import spacetime as sample
from viewer import formats
from viewer.core.camera import load_camera
from viewer.core.decoder import Activation, Decoder
from viewer.core.errors import BadArgument, Unusable
from viewer.formats import ply


def setting(report: object, name: str) -> tuple[str, str]:
    return next((s.value, s.origin) for s in report.settings if s.name == name)


def test_worked_example_of_the_decoder():
    sign = torch.tensor([(-1.0) ** j for j in range(12)])
    first = 0.01 * torch.arange(1, 7).unsqueeze(1) * sign
    second = 0.1 * torch.arange(1, 4).unsqueeze(1) - 0.05 * torch.arange(6)
    features = torch.tensor([[[0.2, 0.3, 0.4, 0.5, 0.1, -0.2, 0.05, -0.05, 0.1]]])

    class OneRay:
        @staticmethod
        def origins() -> np.ndarray:
            return np.array([1.0, 2.0, 3.0])

        @staticmethod
        def directions() -> np.ndarray:
            return np.array([[[0.0, 0.6, 0.8]]])

    for activation, want in (
        (Activation.NONE, (0.1748, 0.3126, 0.4504)),
        (Activation.CLAMP, (0.1748, 0.3126, 0.4504)),
        (Activation.SIGMOID, (0.54358907, 0.57751976, 0.61073433)),
    ):
        got = Decoder(first, second, activation).decode(features, OneRay())
        torch.testing.assert_close(got[0, 0], torch.tensor(want), atol=1e-6, rtol=0)


def test_rays_are_those_the_trainer_feeds(golden):
    """Origin and directions at six pixels, as the trainer's own cameras give them."""
    expected = np.load(golden / "spacetime-full-a" / "expected.npz")
    camera = load_camera(golden / "spacetime-full-a" / "camera.json")
    np.testing.assert_allclose(camera.center, expected["ray_origin"], atol=1e-5)
    x, y = expected["ray_pixels_xy"].T
    np.testing.assert_allclose(camera.directions()[y, x], expected["ray_directions"], atol=1e-5)


def test_features_change_linearly_with_time(tmp_path):
    model = formats.load(sample.write(tmp_path)).model
    g = model.gaussians
    splats = model.slice(0.4)
    row = int((model.source_index == splats.index[0]).nonzero())
    dt = 0.4 - g.center[row]
    want = g.colors[row] + dt * g.color_rate[row]
    torch.testing.assert_close(splats.colors[0], want)
    assert (g.color_rate[row, :6] == 0).all()


def test_the_activation_is_of_cfg_args_else_guessed_else_given(tmp_path):
    sample.write(tmp_path)
    _, report = formats.load(tmp_path)
    assert setting(report, "rgbfunction") == ("sandwich", "cfg_args")
    (tmp_path / "cfg_args").unlink()
    _, report = formats.load(tmp_path)
    assert setting(report, "rgbfunction")[1] == "guessed"
    assert any("rgbfunction is not in cfg_args" in line for line in report.warnings)
    model, _ = formats.load(tmp_path, {"rgbfunction": "sandwichnoactss"})
    assert model.appearance.decoder.activation is Activation.NONE


@pytest.mark.parametrize(
    ("base", "guess"), [(0.5, "sandwichnoact"), (1.7, "sandwich"), (-0.4, "sandwich")]
)
def test_colours_outside_of_0_to_1_mean_a_sigmoid(tmp_path, base, guess):
    sample.write(tmp_path)
    (tmp_path / "cfg_args").unlink()
    path = tmp_path / "point_cloud" / "iteration_100" / "point_cloud.ply"
    named = files.spacetime(30) | {f"f_t_{i}": np.zeros(30) for i in range(3)}
    named |= {f"f_dc_{i}": np.full(30, base) for i in range(6)}
    ply.write(path, named)
    assert setting(formats.load(tmp_path).report, "rgbfunction") == (guess, "guessed")


def test_without_its_decoder_the_base_colours_are_shown(tmp_path):
    sample.write(tmp_path)
    (tmp_path / "point_cloud" / "iteration_100" / "point_cloud.pt").unlink()
    model, report = formats.load(tmp_path)
    assert "point_cloud.pt is missing" in " ".join(report.warnings)
    decoder = model.appearance.decoder
    features = torch.rand(4, 6, 9)
    camera = scenes.camera(6, 4)
    torch.testing.assert_close(decoder.decode(features, camera), decoder.base(features))


@pytest.mark.parametrize(
    ("held", "line"),
    [
        ({"mlp1.weight": torch.zeros(6, 12, 1, 1), "mlp3.weight": torch.zeros(1)},
         "a decoder of mlp1.weight, mlp3.weight, expected mlp1.weight and mlp2.weight"),
        ({"mlp1.weight": torch.zeros(6, 15, 1, 1), "mlp2.weight": torch.zeros(3, 6, 1, 1)},
         "mlp1.weight has shape [6, 15, 1, 1], expected [6, 12, 1, 1]"),
        ({"mlp1\nweight": 1}, "a decoder of mlp1 weight, expected"),
    ],
)  # fmt: skip
def test_other_decoders_are_refused_in_one_line(tmp_path, held, line):
    sample.write(tmp_path)
    path = tmp_path / "point_cloud" / "iteration_100" / "point_cloud.pt"
    torch.save(held, path)
    with pytest.raises(Unusable) as caught:
        formats.load(tmp_path)
    assert f"{path}: {line}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_lite_model_has_no_activation_to_choose(tmp_path):
    ply.write(tmp_path / "a.ply", files.spacetime())
    with pytest.raises(BadArgument, match="rgbfunction: this is a LITE model"):
        formats.load(tmp_path / "a.ply", {"rgbfunction": "sandwich"})
