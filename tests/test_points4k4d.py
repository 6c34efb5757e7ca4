"""4K4D and point_planes: what dresses the points, hash-grid planes, released files, errors."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from tests.samples import points4k4d as sample
from viewer import formats
from viewer.core import sh
from viewer.core.errors import Unusable
from viewer.core.splats import Footprint
from viewer.formats import kplanes

BOX = torch.tensor([[-1.0, -2, -3], [3, 2, 1]])
SIDE = 64  # of the coarsest hash level, dense


def saved(folder: Path, held: dict[str, Tensor], name: str = "latest.npz") -> Path:
    path = folder / name
    if path.suffix == ".npz":
        np.savez_compressed(path, epoch=1599, **{n: t.numpy() for n, t in held.items()})
    else:
        torch.save({"model": held, "epoch": 1599}, path)
    return path


def zeroed(held: dict[str, Tensor], part: str) -> None:
    for name in held:
        if part in name:
            held[name] = torch.zeros_like(held[name])


def released(points: list[Tensor], sampler: str = "sampler.") -> dict[str, Tensor]:
    """A real-time model in half precision; plane j of the six says j of corner's coordinates."""
    held = {f"{sampler}pcds.{i}": cloud.half() for i, cloud in enumerate(points)}
    held[f"{sampler}xyz_embedder.bounds"] = BOX
    first = torch.arange(SIDE).repeat(SIDE).float()  # of an entry: its coordinate along axis 0
    for kind in ("spatial", "temporal"):
        for plane in range(3):
            table = torch.zeros(SIDE * SIDE, 8)
            table[:, 0 if kind == "spatial" else 2] = first if plane == 0 else 0
            second = first.view(SIDE, SIDE).T.flatten()
            table[:, 1 if kind == "spatial" else 3] = second if plane == 2 else 0
            name = f"{sampler}xyz_embedder.{kind}_embedding.{plane}.tcnn_encoding.params"
            held[name] = table.flatten().half()
    held |= sample.network(f"{sampler}geo_regressor.mlp", 8, 2)
    held |= sample.network(f"{sampler}ibr_regressor.sh_mlp.mlp", 8, 5, 48)
    return held


@pytest.mark.parametrize("form", ["latest.pt", "1599.npz", "-1.npz", "latest.npz"])
def test_opens_by_root_by_experiment_and_by_file(tmp_path, form):
    experiment = tmp_path / "data" / "trained_model" / "dance"
    experiment.mkdir(parents=True)
    file = saved(experiment, sample.state(), form)
    want = formats.load(file).model.slice(0.5).means
    for path in (tmp_path, tmp_path / "data", experiment.parent, experiment):
        model, report = formats.load(path)
        assert report.path == str(file)
        assert torch.equal(model.slice(0.5).means, want)


def test_the_latest_checkpoint_is_taken_else_the_largest_number(tmp_path):
    for name in ("99.pt", "1599.pt", "800.pt"):
        saved(tmp_path, sample.state(), name)
    (tmp_path / "9999.pt").write_bytes(b"PK\3\4 cut")
    assert formats.load(tmp_path).report.path.endswith("1599.pt")
    saved(tmp_path, sample.state(), "latest.pt")
    assert formats.load(tmp_path).report.path.endswith("latest.pt")


def test_an_experiment_of_damaged_checkpoints_is_named(tmp_path):
    experiment = tmp_path / "data" / "trained_model" / "dance"
    experiment.mkdir(parents=True)
    (experiment / "latest.pt").write_bytes(b"PK\3\4 cut")
    with pytest.raises(Unusable, match=r"latest\.pt: not a readable checkpoint"):
        formats.load(tmp_path)


def test_frames_differ_in_count_and_time_runs_from_0_to_1(tmp_path):
    model, report = formats.load(saved(tmp_path, sample.state()))
    assert report.frame_times == (0, 0.5, 1)
    assert report.frame_step == 0.5
    assert [len(model.slice(t)) for t in (-1, 0, 0.4999, 0.5, 1, 2)] == [20, 20, 20, 21, 22, 22]
    assert report.count == 22
    assert model.appearance.footprint is Footprint.PARABOLOID
    assert model.appearance.low_pass == 0
    assert model.appearance.sh_output is sh.Output.SIGMOID


def test_networks_that_say_0(tmp_path):
    held = sample.state()
    for part in ("resd_regressor", "geo_regressor", "sh_mlp"):
        zeroed(held, part)
    splats = formats.load(saved(tmp_path, held)).model.slice(0)
    torch.testing.assert_close(splats.means, held["sampler.pcds.0"])
    close(splats.radii, 0.0010937)
    close(splats.opacities, 0.993307)
    close(splats.seen_from(torch.zeros(3)), 0.5)


def test_options_for_radii_and_motion(tmp_path):
    held = sample.state()
    zeroed(held, "geo_regressor")
    path = saved(tmp_path, held)
    options = {"radius_range": "0.1,0.2", "move_points": "0"}
    splats = formats.load(path, options).model.slice(0)
    close(splats.radii, 0.1 + 0.1 * float(torch.sigmoid(torch.tensor(-5.0))))
    torch.testing.assert_close(splats.means, held["sampler.pcds.0"])
    assert not torch.allclose(formats.load(path).model.slice(0).means, held["sampler.pcds.0"])


def test_coefficients_are_stored_channel_by_channel(tmp_path):
    held = sample.state()
    zeroed(held, "sh_mlp")
    last = [n for n in held if "sh_mlp" in n and n.endswith("bias")][-1]
    held[last] = torch.arange(48.0)
    coefficients = formats.load(saved(tmp_path, held)).model.slice(0).colors
    torch.testing.assert_close(coefficients[3], torch.arange(48.0).view(3, 16).T)


def test_planes_may_be_summed(tmp_path):
    """The first layer of the concatenated form, its six parts alike, sums the planes."""
    held = sample.state()
    summed = dict(held)
    for name in [n for n in held if n.endswith("linears.0.weight")]:
        summed[name] = held[name][:, :4].contiguous()
        held[name] = summed[name].repeat(1, 6)
    one, two = (formats.load(saved(tmp_path, h)).model.slice(0.5) for h in (held, summed))
    torch.testing.assert_close(one.means, two.means)
    torch.testing.assert_close(one.colors, two.colors)


def test_the_older_name_of_the_colour_network(tmp_path):
    held = sample.state()
    want = formats.load(saved(tmp_path, held)).model.slice(1).colors
    old = {n.replace("sh_mlp.mlp", "mlp_regressor"): t for n, t in held.items()}
    assert torch.equal(formats.load(saved(tmp_path, old)).model.slice(1).colors, want)


def test_hash_planes_are_read_at_their_own_axes(tmp_path):
    """xy says x, yz says z; tx says t, tz says z: by the table, times 63 plus a half."""
    points = torch.tensor([[0.0, 1, -2], [1, -1, 0.5]])
    held = released([points, points, points])
    weight = torch.zeros(2, 8)
    for i, share in ((0, 1.0), (1, 0.1), (2, 10.0), (3, 100.0)):
        weight[0, i] = share * 1e-3
    held |= {"sampler.geo_regressor.mlp.linears.0.weight": weight,
             "sampler.geo_regressor.mlp.linears.0.bias": torch.zeros(2)}  # fmt: skip
    splats = formats.load(saved(tmp_path, held)).model.slice(0.5)
    x, _, z = ((points - BOX[0]) / (BOX[1] - BOX[0])).T
    said = [63 * value + 0.5 for value in (x, z, torch.full_like(x, 0.5), z)]
    raw = 1e-3 * (said[0] + 0.1 * said[1] + 10 * said[2] + 100 * said[3])
    torch.testing.assert_close(splats.radii, torch.sigmoid(raw - 5) * 0.014 + 0.001)


def test_released_models_show_a_residual_over_mid_grey(tmp_path):
    points = torch.tensor([[0.0, 1, -2], [1, -1, 0.5]])
    held = released([points])
    model, report = formats.load(saved(tmp_path, held))
    assert any("photographs" in warning for warning in report.warnings)
    assert model.appearance.sh_output is sh.Output.RESIDUAL
    splats = model.slice(0)
    torch.testing.assert_close(splats.means, points)
    unit = (points - BOX[0]) / (BOX[1] - BOX[0])
    features = torch.zeros(2, 8)
    features[:, 0], features[:, 1] = 63 * unit[:, 0] + 0.5, 63 * unit[:, 2] + 0.5
    features[:, 2], features[:, 3] = 0.5, 63 * unit[:, 2] + 0.5
    name = "sampler.ibr_regressor.sh_mlp.mlp.linears"
    hidden = functional.softplus(features @ held[f"{name}.0.weight"].T + held[f"{name}.0.bias"])
    wanted = (hidden @ held[f"{name}.1.weight"].T + held[f"{name}.1.bias"]).view(2, 3, 16)
    torch.testing.assert_close(splats.colors, wanted.transpose(1, 2))
    zeroed(held, "ibr_regressor")
    close(formats.load(saved(tmp_path, held)).model.slice(0).seen_from(torch.ones(3)), 0.5)


def test_a_background_of_one_frame_stands_behind_every_frame(tmp_path):
    front = [torch.rand(3 + i, 3) for i in range(3)]
    held = released(front, "sampler.fg_sampler.")
    held |= released([torch.rand(5, 3)], "sampler.bg_sampler.")
    held["sampler.fg_sampler.pcds.1"][2] = torch.nan
    model, report = formats.load(saved(tmp_path, held))
    assert [len(model.slice(t)) for t in (0, 0.5, 1)] == [8, 8, 10]
    assert model.slice(0.5).index.tolist() == [0, 1, 3, 4, 5, 6, 7, 8]
    assert model.slice(0).index is None
    assert torch.equal(model.slice(0).means[-5:], model.slice(1).means[-5:])
    assert "1 of 17 points of all frames left out" in report.warnings[0]


def test_an_empty_frame_opens(tmp_path):
    held = sample.state()
    held["sampler.pcds.1"] = torch.zeros(0, 3)
    model, _ = formats.load(saved(tmp_path, held))
    assert [len(model.slice(t)) for t in (0, 0.5, 1)] == [20, 0, 22]


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("xyz_embedder.bounds", None, "xyz_embedder.bounds is missing"),
        ("geo_regressor.mlp.linears.1.bias", torch.zeros(3), "has shape [3], expected [2]"),
        ("geo_regressor.mlp.linears.0.weight", torch.zeros(4, 7), "take 7 and 24 features"),
        ("xyz_embedder.spatial_embedding.1", torch.zeros(3, 5, 9, 9), "expected [3, C, height"),
        ("rgb_regressor.sh_mlp.mlp.linears.0.weight", None, "has no network for the colours"),
        ("pcds.1", torch.zeros(4, 2), "sampler.pcds.1 has shape [4, 2], expected [any, 3]"),
        ("pcd_embedder.temporal_embedding.0", torch.full((3, 2, 3, 3), torch.inf), "not finite"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, name, change, message):
    held = sample.state()
    del held[f"sampler.{name}"]
    held |= {} if change is None else {f"sampler.{name}": change}
    path = saved(tmp_path, held, "latest.pt")
    with pytest.raises(Unusable) as caught:
        formats.load(path)
    assert str(path) in caught.value.cause
    assert message in caught.value.cause


def test_tables_of_no_whole_levels_are_named(tmp_path):
    held = released([torch.rand(3, 3)])
    name = "sampler.xyz_embedder.spatial_embedding.0.tcnn_encoding.params"
    held[name] = held[name][:-8]
    with pytest.raises(Unusable, match="has 32760 parameters, expected those of 1 to 8 levels"):
        formats.load(saved(tmp_path, held))


def test_sizes_of_published_tables():
    """Two and four levels of planes, as in the released models."""
    assert [kplanes._grid(n).entries * 8 for n in (2, 4)] == [163840, 1212416]


def close(got: Tensor, want: float) -> None:
    torch.testing.assert_close(got, torch.full_like(got, want), atol=1e-6, rtol=1e-4)
