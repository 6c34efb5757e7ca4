"""4DGaussians: the worked example, the switches, where runs lie, and what real files hold."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tests import files
from tests.samples import hexplane as sample
from viewer import formats
from viewer.core import rotation
from viewer.core.errors import Unusable
from viewer.core.splats import Splats
from viewer.formats import network, planes
from viewer.formats.source import silent

NET = sample.NET
FEATURES = [3.908164, 29.549648, 10.138656, 59.056543]
FIELDS = {  # of Splats, by the switch that keeps each as it is stored
    "no_dx": "means", "no_ds": "scales", "no_dr": "quats", "no_do": "opacities",
    "no_dshs": "colors",
}  # fmt: skip


def worked() -> dict[str, Tensor]:
    """The format page's network on its planes."""
    held = sample.state(width=2) | sample.planes(2, (4, 4, 4, 3))
    held[f"{NET}.feature_out.0.weight"] = torch.tensor([[0.01, 0, 0.01, 0], [0, 0.001, 0, -0.001]])
    held[f"{NET}.feature_out.0.bias"] = torch.tensor([0, 0.02])
    last = {
        "pos": [[1, 0], [0, 1], [1, 1]], "scales": [[1, 0], [0, 1], [0, 0]],
        "rotations": [[0, 0], [1, 0], [0, 1], [0, 0]], "opacity": [[1, 0]], "shs": [[0, 0]] * 48,
    }  # fmt: skip
    for key, weight in last.items():
        held[f"{NET}.{key}_deform.1.weight"] = torch.eye(2)
        held[f"{NET}.{key}_deform.1.bias"] = torch.tensor([0, 0.05])
        held[f"{NET}.{key}_deform.3.weight"] = torch.tensor(weight).float()
        held[f"{NET}.{key}_deform.3.bias"] = torch.zeros(len(weight))
    held[f"{NET}.pos_deform.3.bias"][2] = 0.5
    return held


def one() -> dict[str, np.ndarray]:
    """The worked example's Gaussian."""
    named = files.gaussians(1, degree=3)
    values = {"x": 0.5, "y": -1, "z": 0, "rot_0": 1, "rot_1": 0, "rot_2": 0, "rot_3": 0,
              "scale_0": -3, "scale_1": -3, "scale_2": -4, "opacity": 0.3}  # fmt: skip
    return named | {name: np.array([value]) for name, value in values.items()}


def sliced(root: Path, time: float = 0.3, options: dict[str, str] | None = None) -> Splats:
    return formats.load(root, options).model.slice(time)


def close(got: Tensor, want: object, tolerance: float = 2e-6) -> None:
    torch.testing.assert_close(
        got, torch.as_tensor(want, dtype=got.dtype), atol=tolerance, rtol=1e-5
    )


def test_worked_features():
    held = sample.planes(2, (4, 4, 4, 3))
    means = torch.tensor([[0.5, -1.0, 0.0]])
    found = planes.read(held, f"{NET}.grid", Path("a.pth"), means, silent)
    close(found.features(found.at(torch.tensor(0.25)), slice(None)), [FEATURES], 1e-5)
    assert found.times == 3


def test_worked_deformation(tmp_path):
    splats = sliced(sample.save(tmp_path, worked(), None, one()), 0.25)
    close(splats.means, [[0.640468, -0.95, 0.690468]])
    close(splats.quats, [[0.989066, 0.138932, 0.049453, 0]])
    close(splats.scales, [[0.057296, 0.052340, 0.018316]])
    close(splats.opacities, torch.sigmoid(torch.tensor([0.3])))
    given = {"deform_opacity": "1"}
    close(sliced(tmp_path, 0.25, given).opacities, torch.sigmoid(torch.tensor([0.440468])))


def test_time_is_not_spread_over_the_planes_and_ends_at_their_borders(tmp_path):
    root = sample.save(tmp_path, sample.state())
    first, last = sliced(root, 0.0), sliced(root, 1.0)
    assert not torch.equal(first.means, last.means)
    assert torch.equal(sliced(root, 9.0).means, last.means)
    assert torch.equal(sliced(root, -9.0).means, sliced(root, -1.0).means)
    assert not torch.equal(sliced(root, -1.0).means, first.means)


@pytest.mark.parametrize("switch", FIELDS)
def test_each_switch_keeps_its_own_field_as_it_is_stored(tmp_path, switch):
    still = formats.load(sample.save(tmp_path / "a", sample.state()), {"format": "3dgs-ply"})
    cfg = sample.CFG.replace(f", {switch}=False", "")[:-1] + f", {switch}=True)"
    got, stored = sliced(sample.save(tmp_path / "b", sample.state(), cfg)), still.model.slice(0)
    for name in FIELDS.values():
        same = torch.allclose(getattr(got, name), getattr(stored, name))
        assert same == (name == FIELDS[switch])


def test_apply_rotation_multiplies(tmp_path):
    added, turned = (
        sliced(sample.save(tmp_path / name, sample.state(), cfg)).quats
        for name, cfg in (("a", sample.CFG), ("b", sample.CFG[:-1] + ", apply_rotation=True)"))
    )
    columns = files.gaussians(24, degree=3)
    stored = torch.tensor(np.stack([columns[f"rot_{i}"] for i in range(4)], 1)).float()
    held = sample.state()
    for key in ("weight", "bias"):
        held[f"{NET}.rotations_deform.3.{key}"] *= 1e4
    offset = sliced(sample.save(tmp_path / "c", held)).quats  # the stored one no longer counts
    same = (rotation.normalized(rotation.product(stored, offset)) * turned).sum(1).abs()
    close(same, torch.ones(24), 1e-3)
    assert ((added * turned).sum(1).abs() < 0.999).any()


def test_static_mlp_multiplies_what_is_stored(tmp_path):
    held = {
        key: torch.zeros_like(value) if "_deform.3" in key else value
        for key, value in sample.state().items()
    }
    held |= sample.head("static_mlp", 1, 8, torch.Generator().manual_seed(1))
    held[f"{NET}.static_mlp.3.weight"].zero_()
    held[f"{NET}.static_mlp.3.bias"].fill_(0.5)
    still = formats.load(sample.save(tmp_path, held), {"format": "3dgs-ply"}).model.slice(0)
    got = sliced(tmp_path)
    close(got.means, still.means / 2)
    close(got.scales, still.scales.sqrt())
    close(got.quats, still.quats)
    close(torch.logit(got.opacities), torch.logit(still.opacities) / 2, 1e-5)
    close(got.colors, still.colors / 2)


def test_empty_voxel_is_a_grid_over_a_box(tmp_path):
    """Its value is x along the first axis of the grid; nothing lies outside."""
    held = worked()
    ramp = torch.linspace(0, 1, 5)[:, None, None].expand(5, 3, 2)
    held[f"{NET}.empty_voxel.grid"] = ramp[None, None].contiguous()
    held[f"{NET}.empty_voxel.xyz_min"] = torch.tensor([0.0, -2, -1])
    held[f"{NET}.empty_voxel.xyz_max"] = torch.tensor([2.0, 2, 1])
    offset = torch.tensor([[0.140468, 0.05, 0.690468]])
    close(sliced(sample.save(tmp_path / "a", held, None, one()), 0.25).means - offset,
          [[0.125, -0.25, 0]])  # fmt: skip
    outside = one() | {"x": np.array([5.0])}
    got = sliced(sample.save(tmp_path / "b", held, None, outside), 0.25)
    assert abs(float(got.means[0, 0])) < 1


@pytest.mark.parametrize("depth", [2, 3])
def test_deeper_trunks(tmp_path, depth):
    held = sample.state(depth=depth)
    got = sliced(sample.save(tmp_path, held))
    grid = planes.read(held, f"{NET}.grid", tmp_path, stored_means(), silent)
    h = grid.features(grid.at(torch.tensor(0.3)), slice(None))
    for i in range(depth):
        weight, bias = (held[f"{NET}.feature_out.{2 * i}.{k}"] for k in ("weight", "bias"))
        h = (torch.relu(h) if i else h) @ weight.T + bias
    for i in (1, 3):
        weight, bias = (held[f"{NET}.pos_deform.{i}.{k}"] for k in ("weight", "bias"))
        h = torch.relu(h) @ weight.T + bias
    close(got.means, stored_means() + h, 1e-5)


def stored_means() -> Tensor:
    columns = files.gaussians(24, degree=3)
    return torch.tensor(np.stack([columns[axis] for axis in "xyz"], 1)).float()


def test_without_cfg_args_trained_heads_are_used(tmp_path):
    held = sample.state()
    for layer in (1, 3):
        weight = held[f"{NET}.opacity_deform.{layer}.weight"]
        held[f"{NET}.opacity_deform.{layer}.weight"] = weight / weight.abs().max() * 0.5
    report = formats.load(sample.save(tmp_path, held, cfg=None)).report
    said = {s.name: (s.value, s.origin) for s in report.settings}
    assert said["deform_opacity"] == ("False", "guessed from its weights")
    assert said["deform_sh"] == ("True", "guessed from its weights")
    assert report.background == (1, 1, 1)


def test_colours_of_a_lower_degree_do_not_change(tmp_path):
    named = files.gaussians(24, degree=1)
    model, report = formats.load(sample.save(tmp_path, sample.state(), named=named))
    assert torch.equal(model.slice(0.1).colors, model.slice(0.9).colors)
    assert "shs_deform gives 48 numbers a Gaussian and 12 are stored" in report.warnings[0]


@pytest.mark.parametrize(
    ("words", "end", "step"),
    [
        ("configs='arguments/dnerf/lego.py'", 1.0, 1 / 5),
        ("configs='arguments/hypernerf/banana.py'", 1.0, 1 / 5),
        ("configs='arguments/dynerf/cook_spinach.py'", 5 / 6, 1 / 6),
        ("source_path='data/multipleview/room'", 5 / 6, 1 / 6),
    ],
)
def test_frames_are_where_the_trainers_readers_put_them(tmp_path, words, end, step):
    cfg = sample.CFG[:-1] + f", {words})"
    report = formats.load(sample.save(tmp_path, sample.state(), cfg)).report
    assert report.time_range == (0, end)
    assert report.frame_step == pytest.approx(step)


def test_a_run_opens_from_its_root_every_folder_and_its_files(tmp_path):
    root = sample.save(tmp_path / "run", sample.state())
    sample.save(root, sample.state(seed=1), iteration="iteration_3")
    sample.save(root, sample.state(seed=2), iteration="coarse_iteration_3000")
    newest = root / "point_cloud" / "iteration_20"
    want = sliced(newest).means
    for path in (root, root.parent, newest.parent, newest / "point_cloud.ply",
                 newest / "deformation.pth"):  # fmt: skip
        model, report = formats.load(path)
        assert report.format == sample.NAME
        assert torch.equal(model.slice(0.3).means, want)
    assert "newest of 2 iterations" in formats.load(root).report.evidence


def test_the_warm_up_stands_still(tmp_path):
    for n in (1000, 3000):
        sample.save(tmp_path, sample.state(), iteration=f"coarse_iteration_{n}")
    coarse = tmp_path / "point_cloud" / "coarse_iteration_3000"
    for path in (tmp_path, coarse.parent, coarse):
        model, report = formats.load(path)
        assert report.path == str(coarse / "point_cloud.ply")
        assert not report.moves
        close(model.slice(0.5).means, stored_means())
        assert "warm-up" in report.warnings[0]
        assert report.background == (1, 1, 1)


def test_batches_make_no_difference(tmp_path, monkeypatch):
    root = sample.save(tmp_path, sample.state())
    whole = sliced(root)
    monkeypatch.setattr(network, "ROWS", 7)
    for name in FIELDS.values():
        close(getattr(sliced(root), name), getattr(whole, name))


def test_absurd_numbers_stay_finite(tmp_path):
    held = sample.state()
    held[f"{NET}.feature_out.0.weight"] *= 1e30
    held[f"{NET}.grid.aabb"][0, 0] = -1.0  # no extent
    named = files.gaussians(24, degree=3)
    named["x"][3] = 3e38
    splats = sliced(sample.save(tmp_path, held, named=named))
    for name in FIELDS.values():
        assert getattr(splats, name).isfinite().all()
    close(splats.quats.norm(dim=1), torch.ones(len(splats)))


def test_rows_that_are_not_finite_are_left_out(tmp_path):
    named = files.gaussians(24, degree=3)
    named["rot_1"][5] = np.nan
    model, report = formats.load(sample.save(tmp_path, sample.state(), named=named))
    assert model.slice(0.5).index.tolist() == [i for i in range(24) if i != 5]
    assert "1 of 24 Gaussians left out" in report.warnings[0]


def test_a_scene_of_nothing_opens(tmp_path):
    named = files.gaussians(0, degree=3)
    model, report = formats.load(sample.save(tmp_path, sample.state(), named=named))
    assert len(model.slice(0.5)) == report.count == 0


def test_a_scene_with_every_head_off_opens(tmp_path):
    cfg = "Namespace(" + ", ".join(f"{switch}=True" for switch in FIELDS) + ")"
    close(sliced(sample.save(tmp_path, sample.state(), cfg)).means, stored_means())


def broken(**changes: Tensor | None) -> dict[str, Tensor]:
    held = sample.state() | {f"{NET}.{key.replace('__', '.')}": v for key, v in changes.items()}
    return {key: value for key, value in held.items() if value is not None}


@pytest.mark.parametrize(
    ("held", "message"),
    [
        (broken(grid__aabb=None), r"aabb is missing, expected a tensor \[2, 3\]"),
        (broken(grid__grids__1__4=None), "grids.1.4 is missing"),
        (broken(grid__grids__0__0=torch.ones(1, 2, 0, 3)), r"shape \[1, 2, 0, 3\], expected no 0"),
        (broken(empty_voxel__grid=torch.ones(1, 1, 2, 0, 2)), "expected no 0"),
        (broken(grid__grids__0__0=torch.ones(1, 999, 1, 1)), "1998 features, expected 1 to 1024"),
        (broken(feature_out__0__weight=torch.ones(8, 5)), r"\[8, 5\], expected \[any, 4\]"),
        (broken(pos_deform__3__bias=torch.ones(4)), r"shape \[4\], expected \[3\]"),
        (broken(rotations_deform__3__weight=torch.ones(3, 8), rotations_deform__3__bias=torch.ones(
            3)), "rotations_deform gives 3 numbers a Gaussian and 4 are stored"),
        (broken(pos_deform__1__bias=torch.full((8,), torch.nan)), "holds 8 numbers that are not"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(tmp_path, held, message):
    with pytest.raises(Unusable, match=message):
        formats.load(sample.save(tmp_path, held))


def test_a_value_of_cfg_args_that_cannot_be_is_left_out(tmp_path):
    cfg = sample.CFG[:-1] + ", custom_sampler={[1]: 2})"
    report = formats.load(sample.save(tmp_path, sample.state(), cfg)).report
    assert ("deform_opacity", "cfg_args") in {(s.name, s.origin) for s in report.settings}


@pytest.mark.parametrize("words", ["no_grid=True", "grid_pe=2"])
def test_what_the_trainer_cannot_run_is_refused(tmp_path, words):
    root = sample.save(tmp_path, sample.state(), f"Namespace({words})")
    with pytest.raises(Unusable, match="no_grid or grid_pe is set, expected a plain HexPlane"):
        formats.load(root)
