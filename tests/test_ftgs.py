"""FreeTimeGS's checkpoints: the same scene as the .ftgs.ply, and what may be wrong in them."""

import numpy as np
import pytest
import torch

from tests.samples import ftgs_checkpoint
from viewer import formats
from viewer.core.errors import Unusable
from viewer.formats import ply


def save(path, splats, **said):
    torch.save({"step": 1, "splats": splats, **said}, path)
    return path


def as_ply(path, splats, comments=("ftgs_version 1",)):
    """The same Gaussians as a .ftgs.ply: harmonics by channel."""
    named = {name: splats["means"][:, i] for i, name in enumerate("xyz")}
    named |= {f"f_dc_{c}": splats["sh0"][:, 0, c] for c in range(3)}
    higher = splats["shN"].shape[1]
    for c in range(3):
        named |= {f"f_rest_{c * higher + k}": splats["shN"][:, k, c] for k in range(higher)}
    named["opacity"] = splats["opacities"]
    for prefix, key in (("scale", "scales"), ("rot", "quats"), ("velocity", "velocities")):
        named |= {f"{prefix}_{i}": col for i, col in enumerate(splats[key].unbind(1))}
    named |= {"time": splats["times"][:, 0], "log_duration": splats["durations"][:, 0]}
    ply.write(path, {name: np.asarray(col) for name, col in named.items()}, comments)
    return path


@pytest.mark.parametrize("degree", [0, 1, 3])
def test_checkpoint_and_ply_of_one_scene_agree(tmp_path, degree):
    splats = ftgs_checkpoint.splats(40, degree)
    splats["means"][3, 1] = torch.nan
    splats["opacities"][4] = torch.inf
    splats["quats"][5] = 0
    one, two = (
        formats.load(path)
        for path in (save(tmp_path / "ckpt_1.pt", splats), as_ply(tmp_path / "a.ply", splats))
    )
    assert one.report.warnings == two.report.warnings
    for t in (0.0, 0.4, 1.0):
        a, b = one.model.slice(t), two.model.slice(t)
        assert torch.equal(a.index, b.index)
        assert 3 not in a.index
        for field in ("means", "quats", "scales", "opacities", "colors"):
            torch.testing.assert_close(getattr(a, field), getattr(b, field))


def test_worked_example(tmp_path):
    splats = {name: tensor * 0 for name, tensor in ftgs_checkpoint.splats(1).items()}
    splats["velocities"][:] = torch.tensor([1.0, 2, -1])
    splats["times"][:], splats["durations"][:], splats["opacities"][:] = 0.4, -2, 1
    path = save(tmp_path / "ckpt_1.pt", splats, n_frames=11, use_velocity=True)
    model, report = formats.load(path)
    torch.testing.assert_close(model.slice(0.5).means, torch.tensor([[0.1, 0.2, -0.1]]))
    torch.testing.assert_close(model.slice(0.5).opacities, torch.tensor([0.55640856]))
    assert report.frame_step == pytest.approx(0.1)
    assert {s.name: s.origin for s in report.settings}["frames"] == "checkpoint"
    still = save(tmp_path / "ckpt_2.pt", splats, use_velocity=False)
    assert formats.load(still).model.slice(0.5).means.abs().max() == 0
    assert formats.load(still, {"use_velocity": "1"}).model.slice(0.5).means.abs().max() > 0


def test_a_run_opens_by_root_by_folder_and_by_file_and_before_its_ply(tmp_path):
    ftgs_checkpoint.write(tmp_path)
    as_ply(tmp_path / "scene.ftgs.ply", ftgs_checkpoint.splats(7))
    inside = tmp_path / "ckpts"
    for path, count in ((tmp_path, 30), (inside, 30), (inside / "ckpt_999.pt", 5)):
        report = formats.load(path).report
        assert (report.format, report.count) == ("ftgs-checkpoint", count)
    assert formats.load(tmp_path, {"format": "ftgs-ply"}).report.count == 7
    for broken in inside.iterdir():
        broken.write_bytes(broken.read_bytes()[:99])
    assert formats.load(tmp_path).report.format == "ftgs-ply"


def test_a_static_checkpoint_is_not_claimed(tmp_path):
    splats = ftgs_checkpoint.splats(5)
    static = {
        name: splats[name] for name in ("means", "scales", "quats", "opacities", "sh0", "shN")
    }
    with pytest.raises(Unusable, match="expected a trained model"):
        formats.load(save(tmp_path / "ckpt_1.pt", static))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"times": torch.zeros(9)}, r"splats.times has shape \[9\], expected \[5, 1\]"),
        ({"quats": None}, r"splats.quats is missing, expected a tensor \[5, 4\]"),
        ({"shN": torch.zeros(5, 4, 3)}, "splats.shN has 4 coefficients, expected 0, 3, 8 or 15"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, change, message):
    with pytest.raises(Unusable, match=message):
        formats.load(save(tmp_path / "ckpt_1.pt", ftgs_checkpoint.splats(5) | change))


def test_degree_four_is_cut_to_three_with_a_warning(tmp_path):
    report = formats.load(save(tmp_path / "ckpt_1.pt", ftgs_checkpoint.splats(5, degree=4))).report
    assert report.sh_degree == 3
    assert "over degree 3 are left out" in report.warnings[0]
