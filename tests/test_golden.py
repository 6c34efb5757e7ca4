"""Genuine upstream checkpoints and real trained models, through the command line."""

from pathlib import Path

import numpy as np
import pytest

from tests import tolerances
from viewer.cli import main

LITE = "spacetime-lite-a"
INSIDE = 1e-3  # of 1/255: Gaussians this close to the cut may be on either side in float32


@pytest.fixture(scope="module")
def lite(golden: Path) -> Path:
    return golden / LITE


def test_slice_equals_upstreams_at_all_its_times(lite, tmp_path):
    expected = np.load(lite / "expected.npz")
    for i, time in enumerate(expected["t"]):
        output = tmp_path / f"{i}.npz"
        words = ["slice", str(lite / "model"), "--time", repr(float(time)), "--output", str(output)]
        assert main(words) == 0
        got = np.load(output)
        rows = got["index"]
        seen = expected["opacities"][i] >= 1 / 255
        unsure = np.abs(expected["opacities"][i] * 255 - 1) < INSIDE
        wanted, kept = set(np.flatnonzero(seen & ~unsure)), set(rows.tolist())
        assert wanted <= kept
        assert kept <= set(np.flatnonzero(seen | unsure))
        near(got["means"], expected["means"][i][rows])
        near(got["opacities"], expected["opacities"][i][rows])
        near(got["scales"], expected["scales"][rows] if expected["scales"].ndim == 2
             else expected["scales"][i][rows])  # fmt: skip
        near(got["colors"], expected["colors_or_sh"][i][rows])
        quats = expected["quats_wxyz"][i][rows]
        sign = np.sign((got["quats"] * quats).sum(1, keepdims=True))
        near(got["quats"] * sign, quats)


@pytest.mark.gl
@pytest.mark.parametrize("renderer", ["reference", "sorted"])
@pytest.mark.parametrize("time", ["0.130", "0.500"])
def test_render_equals_the_golden_images(lite, tmp_path, time, renderer):
    output = tmp_path / "a.npy"
    words = ["render", str(lite / "model"), "--time", time, "--renderer", renderer]
    assert main([*words, "--camera", str(lite / "camera.json"), "--output", str(output)]) == 0
    want = np.clip(np.load(lite / "images" / f"t_{time}.npy"), 0, 1)
    got = np.clip(np.load(output)[..., :3], 0, 1)
    tolerances.TOLERANCES["golden images"].check(got, want)
    assert np.abs(got - want).mean() < tolerances.GOLDEN_MEAN


@pytest.mark.gl
def test_a_trained_scene_is_drawn_as_the_reference_draws_it(models, tmp_path):
    """Three times of a real capture; the person moves between them."""
    path, pictures = str(models / "stg_cook_spinach_splatv"), []
    for time in ("0.1", "0.5", "0.9"):
        shown = {}
        for renderer in ("sorted", "reference"):
            output = tmp_path / f"{renderer}.npy"
            words = ["render", path, "--time", time, "--size", "640x360", "--renderer", renderer]
            assert main([*words, "--output", str(output)]) == 0
            shown[renderer] = np.load(output)
        tolerances.TOLERANCES["sorted 32F, stop"].check(shown["sorted"], shown["reference"])
        pictures.append(shown["sorted"][..., :3])
    height, width = pictures[0].shape[:2]
    arm = (slice(height // 2, height), slice(width // 4, width // 2))
    for one, two in ((0, 1), (1, 2), (0, 2)):
        assert np.abs(pictures[one][arm] - pictures[two][arm]).mean() > 0.01
    shelf = (slice(None), slice(int(width * 0.8), None))
    assert np.abs(pictures[0][shelf] - pictures[2][shelf]).mean() < 0.01


def near(got: np.ndarray, want: np.ndarray) -> None:
    np.testing.assert_allclose(
        got, want, atol=tolerances.SLICE_ABSOLUTE, rtol=tolerances.SLICE_RELATIVE
    )
