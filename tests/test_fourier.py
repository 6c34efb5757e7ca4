"""EfficientDynamic3DGaussian: worked examples, names that mislead, and how many slots are used."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from tests import files
from tests.samples import fourier as sample
from viewer import formats
from viewer.core.errors import BadArgument, Unusable
from viewer.formats import ply


def one(slots: int, positions: dict[int, tuple], quats: dict[int, tuple]) -> dict[str, np.ndarray]:
    """Columns of one Gaussian whose slots are zero but for those given."""
    named = {f"{axis}{i:03}": np.zeros(1) for i in range(slots) for axis in "xyz"}
    for i, position in positions.items():
        named |= {f"{a}{i:03}": np.array([v]) for a, v in zip("xyz", position, strict=True)}
    base = files.gaussians(1, degree=0)
    named |= {k: v for k, v in base.items() if k not in "xyz" and not k.startswith("rot_")}
    named |= {f"scale_{i}": np.array([-1.0 - i]) for i in range(3)}
    rows = np.zeros((slots, 4))
    for i, quat in quats.items():
        rows[i] = quat
    names = [f"rot_{i:03}_{c}" for c in range(4) for i in range(slots)]
    return named | {name: np.array([v]) for name, v in zip(names, rows.flatten(), strict=True)}


def opened(tmp_path: Path, named: dict[str, np.ndarray], **options: str) -> formats.Loaded:
    ply.write(tmp_path / "point_cloud.ply", named)
    return formats.load(tmp_path / "point_cloud.ply", options)


POSITIONS = {0: (1, 2, 3), 1: (0.1, 0, 0), 2: (0, 0.2, 0), 3: (0, 0, 0.3), 4: (0.4, 0, 0)}


@pytest.mark.parametrize("slots", [5, 13, 17, 44])
def test_worked_example(tmp_path, slots):
    named = one(slots, POSITIONS, {0: (1, 0, 0, 0), 1: (0, 0, 0, 2)})
    splats = opened(tmp_path, named).model.slice(0.25)
    want = torch.tensor([[1.070711, 2.141421, 3.3]])
    torch.testing.assert_close(splats.means, want, rtol=0, atol=1e-6)
    s = np.exp([-1.0, -2.0, -3.0])
    rows = np.array([[1 - 2 * 0.25**2, -0.5, 0], [0.5, 1 - 2 * 0.25**2, 0], [0, 0, 1]])
    half = rows * s  # of the quaternion (1, 0, 0, 0.25) as it is
    np.testing.assert_allclose(splats.covariances()[0], half @ half.T, atol=1e-7)


def test_quaternions_keep_the_length_that_they_come_out_with(tmp_path):
    unit = np.array([1, 2, 3, 4]) / math.sqrt(30)
    model = opened(tmp_path, one(5, {}, {0: tuple(unit), 1: tuple(7 * unit)})).model
    plain = torch.tensor([0.061808, -0.059751, -0.027553, 0.063286, 0.024597, 0.031036])
    long = torch.tensor([0.142312, -0.111028, -0.052265, 0.096567, 0.031248, 0.045382])
    torch.testing.assert_close(model.slice(0).covars[0], plain, rtol=0, atol=1e-6)
    torch.testing.assert_close(model.slice(0.1).covars[0], long, rtol=0, atol=1e-6)


def test_rotation_properties_go_by_their_place_and_not_by_their_names(tmp_path):
    named = sample.columns(1, slots=17)
    turns = {k: named.pop(k) for k in list(named) if k.startswith("rot_")}
    assert list(turns)[4] == "rot_004_0"  # and yet it is w of the second quaternion
    turns = dict.fromkeys(turns, np.zeros(1)) | {"rot_000_0": np.ones(1), "rot_004_0": np.ones(1)}
    model = opened(tmp_path, named | turns).model
    torch.testing.assert_close(model.quats + model.turning, torch.tensor([[2.0, 0, 0, 0]]))


def test_a_zero_quaternion_draws_unrotated_at_all_times(tmp_path):
    model = opened(tmp_path, one(5, POSITIONS, {})).model
    variances = torch.tensor([math.exp(-2), 0, 0, math.exp(-4), 0, math.exp(-6)])
    torch.testing.assert_close(model.slice(0.7).covars[0], variances)


@pytest.mark.parametrize(
    ("slots", "stated", "terms", "origin"),
    [
        (5, "", 5, "guessed"),
        (7, "", 7, "guessed"),
        (2, "", 1, "guessed"),
        (13, "", 5, "guessed"),
        (17, "", 5, "guessed"),
        (44, "", 5, "guessed"),
        (17, "approx_l=4", 9, "cfg_args"),
        (5, "approx_l=1", 3, "cfg_args"),
        (5, "approx_l=3", 5, "positions in the file"),
    ],
)
def test_how_many_slots_are_used(tmp_path, slots, stated, terms, origin):
    ply.write(tmp_path / "point_cloud.ply", sample.columns(3, slots))
    (tmp_path / "cfg_args").write_text(f"Namespace({stated})")
    model, report = formats.load(tmp_path)
    setting = next(s for s in report.settings if s.name == "approx_l")
    assert len(model.terms) == terms
    assert setting.origin == origin
    assert bool(report.warnings) == (origin == "positions in the file")


def test_slots_that_are_not_used_may_hold_anything(tmp_path):
    named = sample.columns(3, 17)
    named["x011"] = np.full(3, np.nan)
    assert opened(tmp_path, named).report.warnings == ()


def test_a_run_opens_from_its_root_every_folder_and_its_file(tmp_path):
    sample.write(tmp_path)
    (tmp_path / "point_cloud" / "iteration_20").mkdir()
    inside = tmp_path / "point_cloud" / "iteration_100"
    ply.write(tmp_path / "point_cloud" / "iteration_20" / "point_cloud.ply", sample.columns(3))
    for path in (tmp_path, tmp_path / "point_cloud", inside, inside / "point_cloud.ply"):
        report = formats.load(path).report
        assert report.path == str(inside / "point_cloud.ply")
        assert report.settings[0].origin == "cfg_args"
    assert "newest of 2 iterations" in formats.load(tmp_path).report.evidence


def test_time_is_that_of_frames_a_three_hundredth_apart_unless_given(tmp_path):
    report = opened(tmp_path, sample.columns()).report
    assert report.time_range == pytest.approx((0, 299 / 300))
    assert report.frame_step == pytest.approx(1 / 300)
    report = opened(tmp_path, sample.columns(), frames="51", time_range="0,1").report
    assert report.frame_step == pytest.approx(0.02)
    assert opened(tmp_path, sample.columns(), frames="1").report.time_range == (0, 0)


def test_what_cannot_be_used_is_named(tmp_path):
    named = sample.columns()
    with pytest.raises(
        BadArgument, match=r"approx_l=3: .* has 5 positions a Gaussian, expected at"
    ):
        opened(tmp_path, named, approx_l="3")
    short = {k: v for k, v in named.items() if not k.endswith(("_1", "_2", "_3"))} | {
        k: named[k] for k in ("scale_1", "scale_2", "f_dc_1", "f_dc_2", "rot_000_1")
    }
    short |= {k: v for k, v in named.items() if k.startswith("f_rest_")}
    with pytest.raises(Unusable, match="has 6 properties rot_"):
        opened(tmp_path, short)
    with pytest.raises(Unusable, match="has no property z003"):
        opened(tmp_path, {k: v for k, v in named.items() if k != "z003"})


def test_rows_that_are_not_finite_are_left_out_and_counted(tmp_path):
    named = sample.columns()
    named["y002"][3], named["rot_001_0"][7], named["opacity"][9] = np.nan, np.inf, np.inf
    model, report = opened(tmp_path, named)
    assert model.index.tolist() == [i for i in range(30) if i not in (3, 7)]
    assert report.warnings == (
        "2 of 30 Gaussians left out: not finite are quaternions of 1, terms 2 of 1",
    )
