"""Swift4D: against a literal evaluation of every Gaussian by itself, and what real runs leave."""

import math

import numpy as np
import pytest
import torch

from tests.samples import swift4d as sample
from tests.test_tcnn import literal
from viewer import formats
from viewer.core.errors import Unusable
from viewer.formats import ply
from viewer.formats.swift4d import HEADS
from viewer.formats.tcnn import Activation

ITERATION = "point_cloud/iteration_14000"


@pytest.fixture
def run(tmp_path):
    return sample.write(tmp_path)


@pytest.mark.parametrize("activation", Activation)
@pytest.mark.parametrize("time", [0.0, 0.3, 0.95])
def test_slice_equals_the_literal_one(run, time, activation):
    splats = formats.load(run, {"activation": activation.value}).model.slice(time)
    named, held = sample.gaussians(), sample.state()
    for row in range(len(splats)):
        raw = {name: np.float32(column[row]) for name, column in named.items()}
        mean, log, quat, logit, harmonics = moved(raw, held, time, activation)
        unit = quat / np.linalg.norm(quat)
        np.testing.assert_allclose(splats.means[row], mean, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(splats.scales[row], np.exp(log), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(splats.quats[row], unit, rtol=1e-4, atol=1e-5)
        opacity = 1 / (1 + math.exp(-logit))
        assert float(splats.opacities[row]) == pytest.approx(opacity, rel=1e-4, abs=1e-5)
        np.testing.assert_allclose(splats.colors[row], harmonics, rtol=1e-4, atol=1e-5)


def test_only_dynamic_gaussians_in_the_box_move(run):
    model, report = formats.load(run)
    first, later = model.slice(0.0), model.slice(0.5)
    moves = (first.means != later.means).any(1)
    assert moves.nonzero()[:, 0].tolist() == [3, 6, 9, 12, 15, 18, 21]
    assert "7 of 24 Gaussians move" in report.evidence
    lower, report = formats.load(run, {"dynamic_thro": "5"})
    assert (lower.slice(0.0).means != lower.slice(0.5).means).any(1).sum() == 23


def test_it_stands_still_outside_of_the_footage(run):
    model, _ = formats.load(run)
    assert torch.equal(model.slice(-3).means, model.slice(0.0).means)
    assert torch.equal(model.slice(7).means, model.slice(1.0).means)


@pytest.mark.parametrize(
    "opened",
    ["", "point_cloud", ITERATION, f"{ITERATION}/point_cloud.ply", f"{ITERATION}/FDHash.pth"],
)
def test_it_is_found_by_any_of_its_paths(run, opened):
    report = formats.load(run / opened).report
    assert report.format == "swift4d"
    assert report.time_range == (0.0, 0.95)
    assert report.frame_step == 0.05
    assert report.evidence[0] == "PLY with property dynamic and FDHash.pth beside it"
    settings = {s.name: (s.value, s.origin) for s in report.settings}
    assert settings["frames"] == ("20", "cfg_args")
    assert settings["activation"] == ("None", "cfg_args")
    assert settings["dynamic_thro"] == ("7", "cfg_args")


def test_defaults_are_those_of_the_trainer(run):
    (run / "cfg_args").write_text(f"Namespace({sample.CFG.partition(', hashmap_size')[0]})")
    settings = {s.name: (s.value, s.origin) for s in formats.load(run).report.settings}
    for name, value in (
        ("activation", "ReLU"), ("dynamic_thro", "7"), ("frames", "300"), ("hash_index", "exact"),
    ):  # fmt: skip
        assert settings[name] == (value, "guessed")


def test_row_numbers_survive_a_row_that_is_left_out(run):
    named = sample.gaussians()
    named["x"][2] = np.nan
    ply.write(run / ITERATION / "point_cloud.ply", named)
    splats = formats.load(run).model.slice(0.4)
    ply.write(run / ITERATION / "point_cloud.ply", sample.gaussians())
    whole = formats.load(run).model.slice(0.4)
    assert splats.index.tolist() == [0, 1, *range(3, 24)]
    torch.testing.assert_close(splats.means, whole.means[splats.index])


def test_fewer_harmonics_take_what_they_have_of_the_network(run):
    named = {n: c for n, c in sample.gaussians().items() if not n.startswith("f_rest_")}
    whole = formats.load(run).model.slice(0.4)
    ply.write(run / ITERATION / "point_cloud.ply", named)
    splats = formats.load(run).model.slice(0.4)
    torch.testing.assert_close(splats.colors, whole.colors[:, :1])


def test_an_empty_scene_opens(run):
    empty = {name: column[:0] for name, column in sample.gaussians().items()}
    ply.write(run / ITERATION / "point_cloud.ply", empty)
    assert len(formats.load(run).model.slice(0.5)) == 0


def test_a_table_in_which_older_builds_wrapped_is_read_as_they_did(run):
    """Level 4 of a base of 4096 is the first at which products of resolutions come round to 0."""
    (run / "cfg_args").write_text(
        "Namespace(n_levels=5, n_features_per_level=1, base_resolution=4096, n_neurons=16)"
    )
    held = sample.state()
    table = torch.randn(5 * 65536, generator=torch.Generator().manual_seed(1))
    encoder = held["enc_model.params"][: sample.ENCODER.size]
    held["enc_model.params"] = torch.cat([encoder, table])
    torch.save(held, run / ITERATION / "FDHash.pth")
    guessed, report = formats.load(run)
    exact, _ = formats.load(run, {"hash_index": "exact"})
    assert ("wrapping", "guessed") in {(s.value, s.origin) for s in report.settings}
    assert not torch.equal(guessed.slice(0.5).means, exact.slice(0.5).means)


def gone(run):
    (run / ITERATION / "FDHash.pth").unlink()


def cut(run):
    path = run / ITERATION / "FDHash.pth"
    path.write_bytes(path.read_bytes()[:500])


def other_sizes(run):
    (run / "cfg_args").write_text("Namespace(n_levels=5)")


def no_head(run):
    held = sample.state()
    del held["shs_deform.params"]
    torch.save(held, run / ITERATION / "FDHash.pth")


def not_finite(run):
    held = sample.state()
    held["xyz_deform.params"][3] = math.nan
    torch.save(held, run / ITERATION / "FDHash.pth")


def not_marked(run):
    named = sample.gaussians()
    del named["dynamic"]
    ply.write(run / ITERATION / "point_cloud.ply", named)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (gone, "FDHash.pth: is missing"),
        (cut, "FDHash.pth: not a readable checkpoint"),
        (other_sizes, "FDHash.pth: enc_model.params has"),
        (no_head, "FDHash.pth: shs_deform.params is missing, expected a tensor [1280]"),
        (not_finite, "FDHash.pth: xyz_deform.params holds numbers that are not finite"),
        (not_marked, "point_cloud.ply: has no property dynamic"),
    ],
)
def test_without_its_networks_it_stands_still_and_says_why(run, damage, said):
    damage(run)
    model, report = formats.load(run)
    (warning,) = report.warnings
    assert said in warning
    assert warning.endswith(": the scene stands still")
    assert not report.moves
    assert len(model.slice(0.0)) == 24


def test_the_warm_up_stands_still(run):
    (run / ITERATION).rename(run / "point_cloud/coarse_iteration_3000")
    report = formats.load(run / "point_cloud/coarse_iteration_3000").report
    assert "saved in the warm-up" in report.warnings[0]


def test_a_plain_ply_is_not_claimed(run):
    gone(run)
    not_marked(run)
    assert formats.load(run).report.format == "3dgs-ply"
    with pytest.raises(Unusable, match="cannot be opened as swift4d"):
        formats.load(run, {"format": "swift4d"})


def moved(raw, held, time, activation):
    """One Gaussian's raw mean, log scale, quaternion, logit and harmonics [16, 3] at a time."""
    fields = {
        "means": np.array([raw[n] for n in "xyz"]),
        "scales": np.array([raw[f"scale_{i}"] for i in range(3)]),
        "quats": np.array([raw[f"rot_{i}"] for i in range(4)]),
        "opacities": np.array([raw["opacity"]]),
        "colors": np.array(
            [[raw[f"f_dc_{c}"] for c in range(3)]]
            + [[raw[f"f_rest_{c * 15 + k}"] for c in range(3)] for k in range(15)]
        ),
    }
    low, high = held["xyz_bound_min"].numpy(), held["xyz_bound_max"].numpy()
    place = (fields["means"] - low) / (high - low)
    if raw["dynamic"] > 7 and (place >= 0).all() and (place <= 1).all():
        params = held["enc_model.params"].numpy()
        table = params[sample.ENCODER.size :].reshape(-1, sample.FEATURES)
        x = literal(sample.GRID, table, np.append(place, np.float32(time)).astype(np.float32))
        weights = params[: sample.ENCODER.size].reshape(2, 16, 16)
        x = np.pad(x, (0, 16 - len(x)))
        x = weights[1] @ np.maximum(weights[0] @ x, 0)
        x = np.maximum(x, 0) if activation is Activation.RELU else x
        for name, (key, outputs) in HEADS.items():
            head = held[f"{key}.params"].numpy()
            inner, last = head[:512].reshape(2, 16, 16), head[512:].reshape(-1, 16)
            y = last @ np.maximum(inner[1] @ np.maximum(inner[0] @ x, 0), 0)
            fields[name] = fields[name] + y[:outputs].reshape(fields[name].shape)
    fields["opacities"] = fields["opacities"][0]
    return fields.values()
