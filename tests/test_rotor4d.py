"""4D-Rotor-Gaussians: the worked example, where runs lie, and what real files hold."""

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.samples import rotor4d as sample
from viewer import formats
from viewer.core.errors import Unusable
from viewer.core.sh import C0
from viewer.formats import rotor4d

ROTOR = (1, 0.1, -0.2, 0.15, 0.05, -0.1, 0.2, 0.02)


def worked(**changed: Tensor) -> dict[str, Tensor]:
    """One Gaussian: the worked example, at time 0."""
    named = {
        "xyz": torch.tensor([[0.1, 0.2, 0.3]]),
        "t": torch.zeros(1, 1),
        "scales_xyz": torch.tensor([[-2, -1.5, -1.8]]),
        "scales_t": torch.tensor([[-0.5]]),
        "quats1": torch.tensor([ROTOR[:4]]),
        "quats2": torch.tensor([ROTOR[4:]]),
        "features_dc": torch.zeros(1, 1, 3),
        "features_rest": torch.zeros(1, 15, 3),
        "opacities": torch.full((1, 1), 2.0),
    }
    return named | changed


def opened(tmp_path: Path, named: dict[str, Tensor], prefix: str = "_model.gauss_params."):
    sample.save(tmp_path / "a.ckpt", named, prefix)
    return formats.load(tmp_path / "a.ckpt")


def test_worked_example_with_the_rotor_as_stored(tmp_path):
    splats = opened(tmp_path, worked()).model.slice(0.35)
    torch.testing.assert_close(
        splats.means[0], torch.tensor([0.10492951, 0.16054767, 0.44122710]), rtol=0, atol=1e-6
    )
    want = (0.02689549, 0.00808789, -0.00640154, 0.06061245, -0.00891606, 0.0409785)
    torch.testing.assert_close(splats.covars[0], torch.tensor(want), rtol=0, atol=1e-7)
    window = float(splats.opacities[0]) * (1 + math.exp(-2))
    assert window == pytest.approx(0.85450819, abs=1e-6)


def test_a_spatial_rotor_is_its_quaternion():
    w, x, y, z = torch.nn.functional.normalize(torch.tensor([0.9, 0.1, -0.3, 0.2]).double(), dim=0)
    got = rotor4d.rotations(torch.tensor([[w, -z, y, -x, 0, 0, 0, 0]]))[0]
    want = torch.tensor(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y), 0],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x), 0],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y), 0],
            [0, 0, 0, 1],
        ]
    ).double()
    torch.testing.assert_close(got, want)


def test_harmonics_point_to_the_moved_mean(tmp_path):
    splats = opened(tmp_path, worked()).model.slice(0.35)
    assert splats.sh_origins is None


def test_a_run_opens_from_its_root_every_folder_and_its_file(tmp_path):
    sample.write(tmp_path)
    file = tmp_path / sample.RUN / "nerfstudio_models" / "step-000000100.ckpt"
    path = file
    while path != tmp_path.parent:
        report = formats.load(path).report
        assert report.path == str(file)
        assert report.background == (1, 1, 1)
        assert report.time_range == (0, 1)
        path = path.parent


def test_the_newest_checkpoint_of_the_newest_run_is_taken(tmp_path):
    for run, step, n in (("01", 9, 3), ("02", 1, 4), ("02", 10, 5), ("02", 2, 6)):
        file = tmp_path / "ball" / run / "nerfstudio_models" / f"step-{step}.ckpt"
        sample.save(file, sample.parameters(n))
    report = formats.load(tmp_path).report
    assert report.count == 5
    assert report.evidence[1:] == ("newest of 3 checkpoints", "newest of 2 runs")


@pytest.mark.parametrize("prefix", ["_model.", "_model.module.gauss_params."])
def test_older_and_distributed_runs_name_parameters_otherwise(tmp_path, prefix):
    assert opened(tmp_path, sample.parameters(), prefix).model.count == 24


def test_time_is_read_from_the_configuration_else_from_the_gaussians(tmp_path):
    named = sample.parameters() | {"t": torch.linspace(0.1, 5.9, 24).unsqueeze(1)}
    report = opened(tmp_path, named).report
    assert report.time_range == pytest.approx((0, 6 - 1 / 30))
    assert report.frame_step == pytest.approx(1 / 30)
    (tmp_path / "config.yml").write_text("x: nerfstudio.data.dataparsers.plenoptic_dataparser.Y")
    report = opened(tmp_path, named).report
    assert report.time_range == pytest.approx((0, 10 - 1 / 30))
    assert "config.yml" in next(s.origin for s in report.settings if s.name == "time_range")


def test_a_configuration_is_never_run(tmp_path):
    sample.save(tmp_path / "a.ckpt", sample.parameters())
    evil = f"!!python/object/apply:os.system ['touch {tmp_path}/ran']\n"
    (tmp_path / "config.yml").write_text(evil + "background_color: white\n")
    assert formats.load(tmp_path).report.background == (1, 1, 1)
    assert not (tmp_path / "ran").exists()


def test_rows_that_make_no_sense_are_mended_or_left_out(tmp_path):
    named = sample.parameters()
    named["xyz"][0, 1] = math.nan
    named["opacities"][1:] = math.inf
    named["t"][:] = 0.5
    named["scales_xyz"][2] = 50
    named["quats1"][3], named["quats2"][3] = 0, 0
    named["quats1"][4] = 1e8
    named["features_dc"][5] = math.nan
    model, report = opened(tmp_path, named)
    splats = model.slice(0.5)
    assert sorted(splats.index.tolist()) == list(range(1, 24))
    assert splats.covars.isfinite().all()
    assert splats.colors.isfinite().all()
    for said in (
        "positions of 1",
        "1 Gaussians have absurd sizes",
        "2 Gaussians have a rotor of absurd length",
        "1 Gaussians have colours",
    ):
        assert any(said in warning for warning in report.warnings), said  # fmt: skip
    unturned = splats.covars[splats.index == 3][0]
    assert unturned[[1, 2, 4]].abs().max() == 0


def test_no_gaussians_are_an_empty_scene(tmp_path):
    named = {name: tensor[:0] for name, tensor in sample.parameters().items()}
    assert len(opened(tmp_path, named).model.slice(0.5)) == 0


def test_lower_degrees_open(tmp_path):
    named = worked(features_rest=torch.zeros(1, 3, 3), features_dc=torch.full((1, 1, 3), 1 / C0))
    model, report = opened(tmp_path, named)
    assert report.sh_degree == 1
    torch.testing.assert_close(model.slice(0).seen_from(torch.zeros(3)), torch.full((1, 3), 1.5))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"quats2": torch.zeros(1, 3)}, r"quats2 has shape \[1, 3\], expected \[1, 4\]"),
        ({"t": torch.zeros(2, 1)}, r"t has shape \[2, 1\], expected \[1, 1\]"),
        ({"features_rest": torch.zeros(1, 7, 3)}, "8 spherical-harmonic coefficients, expected"),
        ({"opacities": None}, "opacities is missing, expected a tensor"),
    ],
)
def test_wrong_parameters_are_named(tmp_path, changed, message):
    named = {k: v for k, v in (worked() | changed).items() if v is not None}
    with pytest.raises(Unusable, match=message):
        opened(tmp_path, named)


def test_a_cut_file_is_named(tmp_path):
    sample.save(tmp_path / "a.ckpt", sample.parameters())
    whole = (tmp_path / "a.ckpt").read_bytes()
    (tmp_path / "a.ckpt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(Unusable, match=r"a\.ckpt: not a readable checkpoint"):
        formats.load(tmp_path / "a.ckpt")
