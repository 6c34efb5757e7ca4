"""3DGStream: against a literal replay of every Gaussian by itself, and what real folders hold."""

import json

import numpy as np
import pytest
import torch

from tests.samples import stream3dg as sample
from tests.test_tcnn import literal
from viewer import formats
from viewer.core import rotation
from viewer.core.errors import Unusable
from viewer.formats import ntc, ply
from viewer.formats.ntc import Cache, State
from viewer.formats.tcnn import Network


@pytest.fixture
def packed(tmp_path):
    return sample.write(tmp_path)


def test_turns_of_the_worked_example():
    quat = torch.tensor([[1.0, 2, 3, 4]]) / 30**0.5
    turn = [np.cos(0.1), 0, 0, np.sin(0.1)]
    (got,) = turned_by(turn, quat)
    np.testing.assert_allclose(got, (0.108754, 0.418005, 0.508532, 0.744875), atol=1e-6)
    (got,) = turned_by([3 * x for x in turn], quat)  # of any length
    np.testing.assert_allclose(got, (0.108754, 0.418005, 0.508532, 0.744875), atol=1e-6)


def turned_by(turn, quats):
    """Quaternions after a cache that says `turn` everywhere: three inputs, padded with ones."""
    network = Network(3, 16, 1, 8, fill=1.0)
    parameters = torch.zeros(network.size)
    parameters[15] = 1  # the first hidden number is the last, padded input
    parameters[256 + 3 * 16 : 256 + 7 * 16 : 16] = torch.tensor(turn).float()
    low, high = torch.zeros(3), torch.ones(3)
    cache = Cache(None, parameters[:0], network.trained(parameters), low, high)
    return cache.step(State(torch.full((len(quats), 3), 0.5), quats)).quats


def test_frames_equal_a_literal_replay(packed):
    model, report = formats.load(packed)
    assert report.frame_times == (0, 1, 2, 3, 4)
    named = sample.first()
    means = np.stack([named[n].astype(np.float32) for n in "xyz"], 1)
    quats = np.stack([named[f"rot_{i}"].astype(np.float32) for i in range(4)], 1)
    quats /= np.linalg.norm(quats, axis=1, keepdims=True)
    for frame in range(sample.STEPS + 1):
        if frame:
            pairs = [stepped(frame, m, q) for m, q in zip(means, quats, strict=True)]
            means, quats = (np.array(part, np.float32) for part in zip(*pairs, strict=True))
        splats = model.slice(frame)
        np.testing.assert_allclose(splats.means[: sample.COUNT], means, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(splats.quats[: sample.COUNT], quats, rtol=1e-3, atol=1e-4)
    assert (means[0] == [50, *means[0, 1:]]).all()  # outside of the box


def stepped(frame, mean, quat):
    """One Gaussian's mean and quaternion in the next frame."""
    held = {name: tensor.numpy() for name, tensor in sample.cache(frame).items()}
    low, high = held["xyz_bound_min"], held["xyz_bound_max"]
    place = (mean - low) / (high - low)
    if (place < 0).any() or (place > 1).any():
        return mean, quat
    weights, table = np.split(held["model.params"], [sample.NETWORK.size])
    x = np.pad(literal(sample.GRID, table.reshape(-1, 2), place), (0, 10))
    inner, last = weights.reshape(2, 16, 16)
    y = last @ np.maximum(inner @ x, 0)
    turn = torch.from_numpy(y[3:7] / np.linalg.norm(y[3:7]))
    return mean + y[:3], rotation.product(torch.from_numpy(quat).double(), turn).numpy()


def test_additions_are_shown_with_their_frame_alone(packed):
    model, report = formats.load(packed)
    assert [len(model.slice(t)) for t in range(5)] == [24, 27, 24, 29, 24]
    assert model.count == report.count == 29
    splats, first = model.slice(3), model.slice(0)
    added = sample.additions(3)
    np.testing.assert_allclose(splats.means[24:, 0], added["x"].astype(np.float32))
    for name in ("scales", "opacities", "colors"):
        assert torch.equal(getattr(splats, name)[:24], getattr(first, name))


def test_any_order_gives_the_same(packed):
    forward, _ = formats.load(packed)
    backward, _ = formats.load(packed)
    frames = [forward.slice(t) for t in range(5)]
    for t in (4, 1, 3, 0, 2):
        splats = backward.slice(t)
        assert torch.equal(splats.means, frames[t].means)
        assert torch.equal(splats.quats, frames[t].quats)


def test_loading_reads_no_cache(packed, monkeypatch):
    monkeypatch.setattr(ntc, "read", None)
    model, _ = formats.load(packed)
    assert len(model.slice(0)) == 24


def test_a_cache_that_is_gone_by_then_is_named(packed):
    model, _ = formats.load(packed)
    (packed / "NTCs/NTC_000002.pth").unlink()
    assert len(model.slice(2)) == 24
    with pytest.raises(Unusable, match=r"NTC_000002\.pth: cannot be read"):
        model.slice(3)


@pytest.mark.parametrize(
    "opened", ["", "init_3dgs.ply", "NTCs", "NTCs/NTC_000001.pth", "../stream/NTCs"]
)
def test_the_packed_folder_is_found_by_any_of_its_paths(tmp_path, opened):
    root = tmp_path / "stream"
    root.mkdir()
    sample.write(root)
    report = formats.load(root / opened).report
    assert report.format == "3dgstream"
    assert report.evidence == (
        "init_3dgs.ply and NTCs/ beside it",
        "begins with init_3dgs.ply, 4 frames by NTC, 2 with additions",
    )


@pytest.mark.parametrize("opened", ["", "frame000002", "frame000002/NTC.pth"])
def test_a_run_is_the_same_stream(packed, tmp_path, opened):
    run = sample.write_trained(tmp_path / "raw")
    model, report = formats.load(run / opened)
    want, _ = formats.load(packed)
    assert report.evidence[0] == "folders frame<number> with NTC.pth"
    assert "4 frames by NTC, 2 with additions" in report.evidence[1]
    for t in range(5):
        assert torch.equal(model.slice(t).means, want.slice(t).means)


def whole(run, frame, x=None):
    """The PLY of a whole frame, moved by so much along x, as training leaves it."""
    named = sample.first()
    named["x"] = named["x"] + (frame if x is None else x)
    folder = run / f"frame{frame:06d}" / "point_cloud" / "iteration_150"
    folder.mkdir(parents=True)
    ply.write(folder / "point_cloud.ply", named)
    return named


def test_a_run_without_the_model_it_began_with_begins_later(tmp_path):
    run = sample.write_trained(tmp_path)
    (run / "cfg_args.json").unlink()
    named = whole(run, 1)
    model, report = formats.load(run)
    assert report.time_range == (1, 4)
    assert report.warnings == ("the model before frame 1 is not there: it begins with that one",)
    np.testing.assert_allclose(model.slice(1).means[:24, 0], named["x"].astype(np.float32))
    assert len(model.slice(1)) == 27
    assert len(model.slice(2)) == 24


def test_every_tenth_frame_of_a_run_is_read_from_its_ply(tmp_path):
    run = sample.write_trained(tmp_path, steps=12)
    named = [whole(run, frame) for frame in (9, 10, 11)]
    model, report = formats.load(run)
    assert "11 frames by NTC, 1 from their own PLY, 2 with additions" in report.evidence[1]
    np.testing.assert_allclose(model.slice(10).means[:, 0], named[1]["x"].astype(np.float32))
    assert not np.allclose(model.slice(11).means[:, 0], named[2]["x"])


def test_frames_without_caches_are_read_from_their_plys(tmp_path):
    run = sample.write_trained(tmp_path)
    for frame in range(1, 5):
        whole(run, frame)
        (run / f"frame{frame:06d}" / "NTC.pth").unlink()
    model, report = formats.load(run)
    assert report.evidence[0] == "folders frame<number> with additions, and no NTC.pth"
    assert [len(model.slice(t)) for t in range(5)] == [24, 27, 24, 29, 24]
    want = sample.first()["x"] + 3
    np.testing.assert_allclose(model.slice(3).means[:24, 0], want.astype(np.float32))


def test_a_frame_of_other_gaussians_is_refused(tmp_path):
    run = sample.write_trained(tmp_path)
    whole(run, 3)
    (run / "frame000003/NTC.pth").unlink()
    short = {name: column[:5] for name, column in sample.first().items()}
    ply.write(run / "frame000003/point_cloud/iteration_150/point_cloud.ply", short)
    with pytest.raises(Unusable, match="has 5 Gaussians, expected the 24 of the first frame"):
        formats.load(run)


def test_a_run_with_nothing_to_begin_with_is_refused(tmp_path):
    run = sample.write_trained(tmp_path)
    (run / "cfg_args.json").unlink()
    with pytest.raises(Unusable, match=r"no Gaussians to begin with.*as init_3dgs\.ply"):
        formats.load(run)


def test_a_stream_ends_where_a_cache_is_missing(packed):
    (packed / "NTCs/NTC_000001.pth").unlink()
    report = formats.load(packed).report
    assert report.time_range == (0, 1)
    assert report.warnings == ("frame 2 is not there: 2 after it cannot be reached",)


def test_missing_additions_are_none(packed):
    (packed / "additional_3dgs/additions_000002.ply").unlink()
    assert len(formats.load(packed).model.slice(3)) == 24


def test_additions_of_another_degree_are_shown_with_the_rest(packed):
    flat = {n: c for n, c in sample.additions(3).items() if not n.startswith("f_rest_")}
    ply.write(packed / "additional_3dgs/additions_000002.ply", flat)
    splats = formats.load(packed).model.slice(3)
    assert splats.colors.shape == (29, 4, 3)
    assert (splats.colors[24:, 1:] == 0).all()


def test_additions_of_plain_colours_are_shown_with_the_rest(packed):
    flat = {n: c for n, c in sample.additions(3).items() if not n.startswith("f_rest_")}
    ply.write(packed / "additional_3dgs/additions_000002.ply", flat, ["view4d.colors rgb"])
    splats = formats.load(packed).model.slice(3)
    np.testing.assert_allclose(splats.colors[24:, 0, 0], flat["f_dc_0"], rtol=1e-4, atol=1e-5)


def test_row_numbers_survive_rows_that_are_left_out(packed):
    named = sample.first()
    named["x"][2] = np.nan
    ply.write(packed / "init_3dgs.ply", named)
    splats = formats.load(packed).model.slice(1)
    assert splats.index.tolist() == [0, 1, *range(3, 27)]


def test_configurations_without_a_grid_pad_with_ones(packed):
    config = json.loads('{"network": {"n_neurons": 32, "n_hidden_layers": 1}}')
    (packed / "NTCs/config.json").write_text(json.dumps(config))
    layout = ntc.configured(packed / "NTCs/config.json")
    assert layout == ntc.Layout(Network(3, 32, 1, 8, fill=1.0), None)
    for frame in range(1, 5):
        held = sample.cache(frame) | {"model.params": torch.ones(layout.size) * 0.01}
        torch.save(held, packed / f"NTCs/NTC_{frame - 1:06d}.pth")
    model, _ = formats.load(packed)
    place = (model.slice(0).means[1] - torch.tensor([-4.1, -4.1, -4.1])) / torch.tensor(
        [8.1, 9.1, 8.1]
    )
    shift = 32 * 0.01 * 0.01 * (float(place.sum()) + 13)
    moved = model.slice(1).means[1] - model.slice(0).means[1]
    torch.testing.assert_close(moved, torch.full((3,), shift), rtol=1e-2, atol=1e-4)


@pytest.mark.parametrize(
    ("count", "features"), [(1_991_680, 4), (495_616 * 8 + 13_312, 8), (6_144, None)]
)
def test_published_configurations_are_told_by_their_length(count, features):
    layout = ntc.published(count)
    assert layout is not None
    assert (layout.grid and layout.grid.features) == features
    assert ntc.published(count + 1) is None


def test_without_a_configuration_an_unknown_length_is_named(packed):
    (packed / "NTCs/config.json").unlink()
    with pytest.raises(Unusable, match=r"NTC_000000\.pth: has \d+ parameters.*config\.json"):
        formats.load(packed)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("{", "is not readable as JSON"),
        ("[]", "holds a list"),
        ('{"encoding": {"otype": "Frequency"}}', "otype is 'Frequency', expected HashGrid"),
        ('{"encoding": {"n_levels": 99}}', "n_levels is 99, expected a whole number from 1 to 32"),
        ('{"encoding": {"per_level_scale": NaN}}', "per_level_scale is nan, expected a number"),
        ('{"network": {"activation": "Sine"}}', "activation is 'Sine', expected ReLU"),
        ('{"network": 3}', "network is a int, expected an object"),
        ('{"encoding": {}}', r"model.params has shape \[\d+\], expected \[1991680\]"),
    ],
)
def test_configurations_that_do_not_fit_are_named(packed, config, said):
    (packed / "NTCs/config.json").write_text(config)
    with pytest.raises(Unusable, match=said):
        formats.load(packed)


def test_a_damaged_run_configuration_is_a_warning(packed):
    (packed / "cfg_args.json").write_text("{")
    (warning,) = formats.load(packed).report.warnings
    assert "cfg_args.json: is not readable as JSON" in warning
