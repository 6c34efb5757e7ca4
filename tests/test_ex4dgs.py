"""Ex4DGS: worked examples, the PLY pair and its halves, the checkpoint, and where time is from."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.samples import ex4dgs as sample
from viewer import formats
from viewer.core.errors import BadArgument, Unusable
from viewer.core.splats import Compensation
from viewer.formats import ply, ply_export
from viewer.formats.keyframes import Interpolation, interpolated, slerp

KEYS = {
    5: (0.5, 0.5984721, 0.0625), 6: (0.6, 0.14112, 0.09),
    7: (0.7, -0.3507832, 0.1225), 8: (0.8, -0.7568025, 0.16),
}  # fmt: skip


def worked() -> dict[str, np.ndarray]:
    """The worked example's one Gaussian, in ten key frames."""
    named = sample.dynamic(1, keys=10)
    for k, key in KEYS.items():
        named |= {f"motion_xyz_{k}_{i}": np.array([v]) for i, v in enumerate(key)}
    quats = {6: (2, 0, 0, 0), 7: (math.cos(0.4) / 2, math.sin(0.4) / 2, 0, 0)}
    for k, quat in quats.items():
        named |= {f"motion_rot_{k}_{i}": np.array([v]) for i, v in enumerate(quat)}
    lives = {"opacity": 0.5, "opacity_c_0": 4, "opacity_c_1": 9, "opacity_v_0": 0.2}
    lives["opacity_v_1"] = -0.3
    return named | {f"motion_{name}": np.array([v]) for name, v in lives.items()}


def pair(folder: Path, s: dict | None, d: dict | None, cfg: str = sample.CFG) -> Path:
    """A folder with one or both PLYs, and cfg_args."""
    for name, named in (("point_cloud.ply", s), ("dynamic_point_cloud.ply", d)):
        if named is not None:
            ply.write(folder / name, named)
    (folder / "cfg_args").write_text(f"Namespace({cfg})")
    return folder


def settings(report) -> dict[str, tuple[str, str]]:
    return {s.name: (s.value, s.origin) for s in report.settings}


def test_worked_example(tmp_path):
    model = formats.load(pair(tmp_path, None, worked())).model
    splats = model.slice(57)
    want = torch.tensor([[0.69, -0.3049157, 0.119025]])
    torch.testing.assert_close(splats.means, want, rtol=0, atol=1e-6)
    turned = slerp(model.keyed.quats[6], model.keyed.quats[7], 0.9)
    want = torch.tensor([[0.9358968, 0.3522742, 0, 0]])
    torch.testing.assert_close(turned, want, rtol=0, atol=1e-6)
    half = torch.tensor([[1, 0, 0], [0, 0.75180564, -0.65938467], [0, 0.65938467, 0.75180564]])
    half *= model.keyed.scales
    torch.testing.assert_close(splats.covariances()[0], half @ half.T, rtol=1e-5, atol=1e-8)
    for time, alpha in ((20, 0.62245933 * 9.2498e-9), (57, 0.62245933), (95, 0.01342742)):
        assert float(model.slice(time).opacities) == pytest.approx(alpha, rel=1e-4)


def test_positions_between_keys_are_of_the_three_kinds():
    keys = [torch.tensor([[v]]) for v in (0.0, 1.0, 3.0, 3.0, 0.0)]

    def at(key: float, kind: str) -> float:
        return float(interpolated(keys, key, Interpolation(kind)))

    assert at(1.5, "linear") == 2
    assert at(1.5, "cube") == pytest.approx(2 + (1.5 - 1) / 8)
    assert at(1.5, "pchip") == pytest.approx(2 + (4 / 3 - 0) / 8)
    assert max(at(2 + i / 20, "pchip") for i in range(21)) <= 3 < at(2.4, "cube")
    for kind in ("linear", "cube", "pchip"):
        assert [at(k, kind) for k in (-3, 0, 1, 2, 4, 99)] == [0, 0, 1, 3, 0, 0]


def test_rotations_never_take_the_shorter_way_and_stay_of_unit_length():
    a = torch.tensor([[1.0, 0, 0, 0]]).expand(3, 4)
    b = torch.tensor([[-math.cos(0.5), math.sin(0.5), 0, 0], [1, 0, 0, 0], [-1, 0, 0, 0]])
    got = slerp(a, b, 0.5)
    angle = (math.pi - 0.5) / 2
    torch.testing.assert_close(got[0], torch.tensor([math.cos(angle), math.sin(angle), 0, 0]))
    torch.testing.assert_close(got.norm(dim=1), torch.ones(3))


def test_static_gaussians_drift_and_keep_the_length_of_their_quaternions(tmp_path):
    named = sample.static(2)
    named |= {f"rot_{i}": np.full(2, v) for i, v in enumerate((0.5, 0.5, 0, 0))}
    model = formats.load(pair(tmp_path, named, None), {"duration": "40"}).model
    splats, s = model.slice(10), np.exp([named[f"scale_{i}"][0] for i in range(3)])
    drift = [named[axis][0] + named[f"xyz_disp_{i}"][0] / 4 for i, axis in enumerate("xyz")]
    np.testing.assert_allclose(splats.means[0], drift, atol=1e-6)
    half = np.array([[1, 0, 0], [0, 0.5, -0.5], [0, 0.5, 0.5]]) * s
    np.testing.assert_allclose(splats.covariances()[0], half @ half.T, rtol=1e-5, atol=1e-9)


def test_a_run_opens_from_its_root_every_folder_and_either_ply(tmp_path):
    sample.write(tmp_path)
    old = tmp_path / "point_cloud" / "iteration_20"
    old.mkdir()
    pair(old, sample.static(3), sample.dynamic(3))
    inside = tmp_path / "point_cloud" / "iteration_100"
    files = [inside / name for name in ("point_cloud.ply", "dynamic_point_cloud.ply")]
    for path in (tmp_path, inside.parent, inside, *files):
        model, report = formats.load(path)
        assert report.path == str(files[0])
        assert model.count == 24
        assert report.time_range == (0, 19)
        assert report.warnings == ()
        assert settings(report)["duration"] == ("20", "chkpnt100.pth")


def test_either_half_opens_alone_and_says_so(tmp_path):
    sample.write(tmp_path)
    inside = tmp_path / "point_cloud" / "iteration_100"
    whole = formats.load(tmp_path).model.slice(7.5)
    moving = inside / "dynamic_point_cloud.ply"
    moving.rename(inside / "elsewhere.ply")
    model, report = formats.load(tmp_path)
    assert torch.equal(model.slice(7.5).means, whole.means[:12])
    assert report.warnings == (
        "dynamic_point_cloud.ply is not beside point_cloud.ply: what moves is missing",
    )
    model, report = formats.load(inside / "elsewhere.ply")
    assert torch.equal(model.slice(7.5).means, whole.means[12:])
    assert report.warnings == (
        "the static PLY is not beside the dynamic one: what stands still is missing",
    )
    (inside / "point_cloud.ply").unlink()
    (inside / "elsewhere.ply").rename(moving)
    assert formats.load(tmp_path).report.path == str(moving)


def test_the_checkpoint_alone_shows_the_same(tmp_path):
    sample.write(tmp_path)
    pairs = formats.load(tmp_path).model
    model, report = formats.load(tmp_path / "chkpnt100.pth")
    for time in (0, 3.7, 19):
        one, two = model.slice(time), pairs.slice(time)
        for name in ("means", "covars", "opacities", "colors"):
            torch.testing.assert_close(getattr(one, name), getattr(two, name))
    assert report.evidence == ("chkpnt100.pth: a training tuple of 40 entries, iteration 100",)


def test_another_ply_beside_the_checkpoint_is_what_it_is(tmp_path):
    sample.write_checkpoint(tmp_path)
    splats = formats.load(tmp_path).model.slice(7)
    ply_export.write(tmp_path / "slice.ply", splats)
    model, report = formats.load(tmp_path / "slice.ply")
    assert report.format == "3dgs-ply"
    assert model.appearance == splats.appearance
    assert formats.load(tmp_path).report.format == "ex4dgs"


def test_the_golden_checkpoint_shows_the_same_as_its_plys(golden, tmp_path):
    case = golden / "keyframes-a" / "model"
    one, two = (formats.load(p).model.slice(31.4) for p in (case, case / "chkpnt40000.pth"))
    for name in ("means", "covars", "opacities", "colors"):
        torch.testing.assert_close(getattr(one, name), getattr(two, name))


def test_statics_only_checkpoints_open(tmp_path):
    held = sample.entries(sample.static(), sample.dynamic())
    for i in range(23, 31):
        held[i] = torch.zeros(0)
    assert formats.load(sample.save(tmp_path / "a.pth", held)).model.count == 12


def test_time_is_of_cfg_args_then_of_the_checkpoint_then_as_published(tmp_path):
    pair(tmp_path, sample.static(), sample.dynamic(), "sh_degree=3")
    _, report = formats.load(tmp_path)
    found = settings(report)
    assert found["duration"] == ("300", "guessed")
    assert found["time_interval"] == ("10", "guessed")
    assert found["time_pad"] == ("2", "guessed")
    held = sample.entries(sample.static(), sample.dynamic())
    held[19:22] = [60, 5, 8]
    sample.save(tmp_path / "chkpnt9.pth", held)
    model, report = formats.load(tmp_path)
    found = settings(report)
    assert found["duration"] == ("60", "chkpnt9.pth")
    assert found["time_pad"] == ("3", "chkpnt9.pth")
    assert found["interp_type"] == ("cube", "guessed")
    assert (model.clock.interval, model.clock.shift) == (5, 8)
    held[21] = 3
    sample.save(tmp_path / "chkpnt9.pth", held)
    model, report = formats.load(tmp_path)
    assert settings(report)["interp_type"] == ("linear", "chkpnt9.pth")
    assert model.clock.shift == 3
    (tmp_path / "cfg_args").write_text(
        "Namespace(duration=90, interp_type='pchip', time_interval=4, time_pad=0, var_pad=0)"
    )
    model, report = formats.load(tmp_path)
    assert set(settings(report).items()) >= {
        ("duration", ("90", "cfg_args")),
        ("interp_type", ("pchip", "cfg_args")),
        ("time_interval", ("4", "cfg_args")),
        ("time_pad", ("0", "cfg_args")),
        ("var_pad", ("0", "cfg_args")),
    }
    assert model.clock.shift == 4


def test_linear_keys_begin_no_interval_earlier(tmp_path):
    folder = pair(tmp_path, None, worked())
    model = formats.load(folder, {"interp_type": "linear"}).model
    want = 0.5 * torch.tensor(KEYS[5]) + 0.5 * torch.tensor(KEYS[6])
    torch.testing.assert_close(model.slice(53).means[0], want)


def test_a_damaged_checkpoint_beside_the_plys_is_a_warning(tmp_path):
    sample.write(tmp_path)
    (tmp_path / "chkpnt100.pth").write_bytes(b"PK\3\4 and no more")
    report = formats.load(tmp_path).report
    assert settings(report)["duration"] == ("300", "guessed")
    assert "the number of frames is guessed: " in report.warnings[0]
    assert "chkpnt100.pth: not a readable checkpoint" in report.warnings[0]


def test_appearance_is_that_of_the_trainers_rasteriser(tmp_path):
    folder = pair(tmp_path, sample.static(), None, "kernel_size=0.2, near=4.0, far=300.0")
    appearance = formats.load(folder).model.appearance
    assert appearance.low_pass == 0.2
    assert appearance.near == 4
    assert appearance.compensation is Compensation.EX4DGS
    appearance = formats.load(pair(tmp_path, sample.static(), None, "")).model.appearance
    assert (appearance.low_pass, appearance.near) == (0.1, 0.2)


def test_places_in_the_dynamic_file_come_after_all_of_the_static_one(tmp_path):
    s, d = sample.static(), sample.dynamic()
    s["xyz_disp_1"][2] = np.nan
    d["motion_xyz_3_1"][4] = np.inf
    d["motion_rot_0_2"][5] = np.nan
    d |= {f"motion_rot_1_{i}": d[f"motion_rot_1_{i}"] * (np.arange(12) != 7) for i in range(4)}
    model, report = formats.load(pair(tmp_path, s, d))
    assert model.index.tolist() == [i for i in range(24) if i not in (2, 16, 17)]
    assert report.warnings == (
        "1 of 12 Gaussians left out: not finite are drifts of 1",
        "2 of 12 Gaussians left out: not finite are positions of 1, quaternions of 1",
        "1 Gaussians have a zero quaternion, drawn unrotated",
    )


def test_halves_may_differ_in_degree(tmp_path):
    s = {k: v for k, v in sample.static().items() if not k.startswith("f_rest_")}
    model, report = formats.load(pair(tmp_path, s, sample.dynamic()))
    assert report.sh_degree == 1
    assert (model.colors[:12, 1:] == 0).all()
    assert (model.colors[12:, 1:] != 0).all()


@pytest.mark.parametrize(
    ("entry", "value", "message"),
    [
        (18, torch.zeros(12, 2), r"entry 18 \(xyz_disp\) has shape \[12, 2\], expected \[12, 3\]"),
        (23, torch.zeros(12, 0, 3), r"entry 23 \(xyz_motion\) has no key frame"),
        (30, torch.zeros(12, 4, 4), r"entry 30 \(rotation_motion\) has shape \[12, 4, 4\]"),
        (
            3,
            torch.zeros(12, 4, 3),
            r"entry 3 \(f_rest\) has 4 coefficients, expected 0, 3, 8 or 15",
        ),
        (29, "x", r"entry 29 \(opacity_duration_var\) is a str"),
    ],
)
def test_entries_that_do_not_fit_are_named(tmp_path, entry, value, message):
    held = sample.entries(sample.static(), sample.dynamic())
    held[entry] = value
    with pytest.raises(Unusable, match=message):
        formats.load(sample.save(tmp_path / "chkpnt1.pth", held))


def test_missing_keys_and_bad_options_are_named(tmp_path):
    named = sample.dynamic()
    del named["motion_rot_4_3"]
    with pytest.raises(Unusable, match="has no property motion_rot_4_3"):
        formats.load(pair(tmp_path, None, named))
    folder = pair(tmp_path, sample.static(), sample.dynamic())
    with pytest.raises(BadArgument, match="interp_type=spline: expected cube or linear or pchip"):
        formats.load(folder, {"interp_type": "spline"})
    with pytest.raises(BadArgument, match="time_pad=-1: is -1, expected 0 or more"):
        formats.load(folder, {"time_pad": "-1"})


@pytest.mark.parametrize("interpolation", ["cube", "linear", "pchip"])
def test_slices_are_finite_whatever_the_time_and_the_keys(tmp_path, interpolation):
    named = sample.dynamic()
    for k in range(5):
        named[f"motion_xyz_{k}_0"] = np.full(12, 3e38 * (-1) ** k)
    named["motion_opacity_v_1"] = np.full(12, 80.0)
    named["motion_opacity_c_0"] = np.full(12, -3e38)
    folder = pair(tmp_path, sample.static() | {"rot_0": np.full(12, 1e30)}, named)
    model = formats.load(folder, {"interp_type": interpolation, "var_pad": "0"}).model
    for time in (-1e30, -3, 0, 7.5, 299, 1e30):
        splats = model.slice(time)
        for field in (splats.means, splats.covars, splats.opacities):
            assert field.isfinite().all()


def test_numbers_beyond_all_reason_in_cfg_args_are_not_used(tmp_path):
    huge = "9" * 400
    cfg = f"kernel_size={huge}, duration={huge}, time_interval=1e-300, time_pad=True, var_pad=-1"
    model, report = formats.load(pair(tmp_path, sample.static(), sample.dynamic(), cfg))
    assert model.appearance.low_pass == 0.1
    assert {origin for _, origin in settings(report).values()} == {"guessed"}
