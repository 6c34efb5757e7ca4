"""Genuine upstream checkpoints and real trained models, through the command line."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests import tolerances
from viewer import formats
from viewer.cli import main

INSIDE = 1e-3  # of 1/255: Gaussians this close to the cut may be on either side in float32
EDGE = 1e-4  # of a family's own cut on the window; likewise
OPTIONS = {  # what upstream was told and its files do not say
    "native4d-a": ("time_duration=0,10",),
    "native4d-norot-a": ("time_duration=0,1",),
    "hybrid3d4d-a": ("time_duration=0,10",),
    "omg4-a": ("time_duration=0,10", "projection=true"),
}
IMAGES = [
    (case, time)
    for case, times in {
        "spacetime-lite-a": ("0.130", "0.500"),
        "spacetime-full-a": ("0.130", "0.500"),
        "native4d-a": ("1.300", "5.000"),
        "native4d-norot-a": ("0.130", "0.500"),
        "hexplane-dnerf-a": ("0.130", "0.500"),
        "hexplane-dynerf-a": ("0.130", "0.500"),
    }.items()
    for time in times
]


class Expected:
    """expected.npz of a case at its i-th time, by the row of the source file."""

    def __init__(self, folder: Path) -> None:
        self._arrays = dict(np.load(folder / "expected.npz"))
        self.times = self._arrays["t"]

    def get(self, name: str, i: int) -> np.ndarray | None:
        """[N, ...] of a quantity at time i; the hybrid family's static rows follow the others."""
        array = self._arrays.get(name)
        if array is None:
            return None
        timed = array.ndim > 1 and len(array) == len(self.times)
        rows = array[i] if timed else array
        alias = {"colors_or_sh": "static_colors"}.get(name, f"static_{name}")
        still = self._arrays.get(alias)
        return rows if still is None else np.concatenate([rows, still])

    def covariances(self, i: int) -> np.ndarray | None:
        """[N, 3, 3]; of quaternions and scales where upstream hands those over."""
        given, quats = self.get("covariances", i), self.get("quats_wxyz", i)
        if given is not None or quats is None:
            return given
        w, x, y, z = (quats / np.linalg.norm(quats, axis=1, keepdims=True)).T
        R = np.array(
            [
                [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
                [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
                [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
            ]
        ).transpose(2, 0, 1)
        half = R * self.get("scales", i)[:, None, :]
        return half @ half.transpose(0, 2, 1)

    def harmonics(self, i: int) -> np.ndarray | None:
        """[N, K, 3] coefficients at time i, the cosines of 4D ones added up."""
        given = self.get("colors_or_sh", i)
        if given is None or given.ndim != 3:
            return None
        if given.shape[1] != 48:
            return given
        start, end = self._arrays["time_duration"]
        phase = 2 * np.pi * (self.times[i] - self._arrays["decoded_t"]) / (end - start)  # [N, 1]
        waves = np.cos(np.arange(3) * phase)[:, :, None, None]
        return (given.reshape(-1, 3, 16, 3) * waves).sum(1)

    def kept(self, i: int) -> tuple[set[int], set[int]]:
        """Rows that must be there at time i, and rows that may be."""
        opacities, visible = self.get("opacities", i), self.get("visible", i)
        marginal = self._arrays.get("marginal_t")
        rows = np.ones(len(opacities), bool)
        sure = rows.copy()
        if visible is not None:
            rows[: len(visible)] = visible
            if marginal is not None:
                sure[: len(visible)] = np.abs(marginal[i] - 0.05) > EDGE
        unsure = np.abs(opacities * 255 - 1) < INSIDE
        must = rows & sure & (opacities >= 1 / 255) & ~unsure
        return set(np.flatnonzero(must)), set(np.flatnonzero(rows | ~sure))


@pytest.mark.parametrize("case", tolerances.GOLDEN)
def test_slice_equals_upstreams_at_all_its_times(golden, tmp_path, case, record_property):
    folder, slack = golden / case, tolerances.GOLDEN[case]
    expected = Expected(folder)
    name_the_case(record_property, folder, case)
    worst = 0.0
    for i, time in enumerate(expected.times):
        got = sliced(folder, case, float(time), tmp_path, seen=True)
        rows = got["index"]
        must, may = expected.kept(i)
        assert must <= set(rows.tolist()) <= may
        means = expected.get("means", i)[rows]
        close(got["means"], means, slack.means)
        worst = max(worst, float(np.abs(got["means"] - means).max()))
        close(got["opacities"], expected.get("opacities", i)[rows], slack.opacities)
        covariances = expected.covariances(i)
        if covariances is None:
            close(got["radii"], expected.get("radii", i)[rows], slack.means)
        else:
            want = covariances[rows]
            traces = np.trace(want, axis1=1, axis2=2)[:, None, None]
            bound = slack.covariances[0] + slack.covariances[1] * traces
            assert (np.abs(got["covars"] - want) <= bound).all(), slack.reason
        colors = expected.get("colors", i)
        if colors is None:
            colors = expected.get("colors_or_sh", i)
        close(got["colors"], colors[rows], slack.colors)
        harmonics = expected.harmonics(i)
        if harmonics is not None:
            sh = sliced(folder, case, float(time), tmp_path, seen=False)["sh"]
            close(sh, harmonics[rows][:, : sh.shape[1]], slack.coefficients or slack.colors)
    record_property("instants", len(expected.times))
    record_property("position", worst)


@pytest.mark.gl
@pytest.mark.parametrize("renderer", ["reference", "sorted", "peel"])
@pytest.mark.parametrize(("case", "time"), IMAGES)
def test_render_equals_the_golden_images(golden, tmp_path, case, time, renderer, record_property):
    folder, output = golden / case, tmp_path / "a.npy"
    words = [
        "render",
        str(folder / "model"),
        "--time",
        time,
        "--renderer",
        renderer,
        *options(case),
    ]
    assert main([*words, "--camera", str(folder / "camera.json"), "--output", str(output)]) == 0
    want = np.clip(np.load(folder / "images" / f"t_{time}.npy"), 0, 1)
    got = np.clip(np.load(output)[..., :3], 0, 1)
    name_the_case(record_property, folder, case)
    record_property("pixel", float(np.abs(got - want).max()) * 255)
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


def name_the_case(record_property: Callable[[str, object], None], folder: Path, case: str) -> None:
    """For the README's table."""
    given = dict(option.split("=", 1) for option in OPTIONS.get(case, ()))
    record_property("case", case)
    record_property("format", formats.load(folder / "model", given).report.format)


def options(case: str) -> list[str]:
    return [word for option in OPTIONS.get(case, ()) for word in ("--option", option)]


def sliced(
    folder: Path, case: str, time: float, tmp_path: Path, seen: bool
) -> dict[str, np.ndarray]:
    """What the program's slice writes, seen from the case's camera or as coefficients."""
    output = tmp_path / "slice.npz"
    words = ["slice", str(folder / "model"), "--time", repr(time), "--output", str(output)]
    camera = ["--camera", str(folder / "camera.json")] if seen else []
    assert main([*words, *camera, *options(case)]) == 0
    return dict(np.load(output))


def close(got: np.ndarray, want: np.ndarray, slack: tuple[float, float]) -> None:
    np.testing.assert_allclose(got, want, atol=slack[0], rtol=slack[1])
