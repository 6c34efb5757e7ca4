"""Dynamic3DGaussians: frames as stored and between, what is read when, and odd files."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.samples import dynamic3dg as sample
from viewer import formats
from viewer.core.errors import BadArgument, Unusable
from viewer.formats import npz


def opened(tmp_path: Path, named: dict[str, np.ndarray], **options: str) -> formats.Loaded:
    np.savez(tmp_path / "params.npz", **named)
    return formats.load(tmp_path / "params.npz", options)


@pytest.mark.parametrize(("time", "frame"), [(0, 0), (1.99, 1), (2, 2), (99, 3), (-1, 0)])
def test_frames_are_shown_as_they_are_stored(tmp_path, time, frame):
    named = sample.arrays()
    model, report = opened(tmp_path, named)
    splats = model.slice(time)
    quats = named["unnorm_rotations"][frame]
    np.testing.assert_array_equal(splats.means, named["means3D"][frame])
    np.testing.assert_array_equal(splats.colors, named["rgb_colors"][frame])
    lengths = np.linalg.norm(quats, axis=1, keepdims=True)
    np.testing.assert_allclose(splats.quats, quats / lengths, atol=1e-6)
    np.testing.assert_allclose(splats.scales, np.exp(named["log_scales"]), rtol=1e-6)
    assert splats.opacities.shape == (24,)
    assert report.frame_times == (0, 1, 2, 3)
    assert (report.frame_step, report.fps) == (1, 20)


def test_between_frames_everything_is_linear_and_rotations_take_the_shorter_way(tmp_path):
    named = sample.arrays(2)
    named["unnorm_rotations"][:] = [[[2, 0, 0, 0]], [[-3, -3, 0, 0]]]
    model, report = opened(tmp_path, named, between="linear")
    splats = model.slice(0.25)
    means = 0.75 * named["means3D"][0] + 0.25 * named["means3D"][1]
    colors = 0.75 * named["rgb_colors"][0] + 0.25 * named["rgb_colors"][1]
    np.testing.assert_allclose(splats.means, means, atol=1e-6)
    np.testing.assert_allclose(splats.colors, colors, atol=1e-6)
    want = np.array([0.75 + 0.25 * 0.5**0.5, 0.25 * 0.5**0.5, 0, 0])
    np.testing.assert_allclose(splats.quats[0], want / np.linalg.norm(want), atol=1e-6)
    np.testing.assert_array_equal(model.slice(1).means, named["means3D"][1])
    np.testing.assert_array_equal(model.slice(7).means, named["means3D"][1])
    assert report.frame_times is None


def test_a_run_opens_from_every_folder_and_its_file(tmp_path):
    sample.write(tmp_path)
    file = tmp_path / "output" / "exp1" / "basketball" / "params.npz"
    path = file
    while path != tmp_path.parent:
        assert formats.load(path).report.path == str(file)
        path = path.parent


def test_several_sequences_are_named(tmp_path):
    sample.write(tmp_path)
    other = tmp_path / "output" / "exp1" / "boxes"
    other.mkdir()
    sample.write_compressed(other)
    for path in (tmp_path, tmp_path / "output" / "exp1"):
        with pytest.raises(Unusable, match=r"holds 2 sequences \(.*basketball, .*boxes\)"):
            formats.load(path)


def test_compressed_files_show_the_same(tmp_path):
    sample.write_compressed(tmp_path)
    model = formats.load(tmp_path).model
    stored = opened(tmp_path, sample.arrays()).model
    for time in (2, 0):
        assert torch.equal(model.slice(time).means, stored.slice(time).means)
        assert torch.equal(model.slice(time).quats, stored.slice(time).quats)
    assert model.memory > stored.memory


def test_a_stored_sequence_is_read_frame_by_frame(tmp_path, monkeypatch):
    asked, read = [], npz.Array.rows
    monkeypatch.setattr(
        npz.Array, "rows", lambda a, i, j: asked.append((a.name, i)) or read(a, i, j)
    )
    model = opened(tmp_path, sample.arrays(9)).model
    assert {i for _, i in asked} == {0, 4, 8}
    asked.clear()
    model.slice(6)
    assert asked == [("means3D", 6), ("unnorm_rotations", 6), ("rgb_colors", 6)]
    model.slice(6.5)
    assert len(asked) == 3


@pytest.mark.parametrize("option", ["stored", "linear"])
def test_a_file_written_anew_while_it_is_open_says_so(tmp_path, option):
    model = opened(tmp_path, sample.arrays(9), between=option).model
    np.savez(tmp_path / "params.npz", **sample.arrays(2))
    with pytest.raises(Unusable, match="has changed since it was opened"):
        model.slice(6.5)


def test_fields_without_frames_stand_still(tmp_path):
    named = sample.arrays()
    still = {name: named[name][0] for name in ("rgb_colors", "unnorm_rotations")}
    model = opened(tmp_path, named | still).model
    assert torch.equal(model.slice(0).colors, model.slice(3).colors)
    spheres = {"means3D": named["means3D"][0], "log_scales": named["log_scales"][:, :1]}
    model, report = opened(tmp_path, named | still | spheres)
    assert not report.moves
    assert torch.equal(model.slice(0).scales[:, 0], model.slice(0).scales[:, 2])


def test_rows_that_are_not_finite_are_left_out_where_they_are_not(tmp_path):
    named = sample.arrays()
    named["means3D"][2, 5, 1] = np.nan
    named["unnorm_rotations"][2, 7] = 0
    named["log_scales"][3, 0] = np.inf
    named["logit_opacities"][4] = np.inf
    named["rgb_colors"][3, 6] = np.nan
    model, report = opened(tmp_path, named)
    assert model.slice(1).index.tolist() == [i for i in range(24) if i != 3]
    assert model.slice(2).index.tolist() == [i for i in range(24) if i not in (3, 5)]
    assert report.warnings == (
        "1 of 24 Gaussians left out: not finite are sizes of 1",
        "1 of 23 Gaussians left out: not finite are positions of 1 (frame 2)",
        "1 Gaussians have a zero quaternion, drawn unrotated (frame 2)",
        "1 Gaussians have colours that are not finite, taken as 0 (frame 3)",
    )
    blended = opened(tmp_path, named, between="linear").model
    assert blended.slice(1.5).index.tolist() == model.slice(2).index.tolist()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"rgb_colors": np.zeros((3, 24, 3))},
            r"rgb_colors has shape \[3, 24, 3\], expected \[24, 3",
        ),
        ({"means3D": np.zeros((4, 24, 2))}, r"means3D has shape \[4, 24, 2\], expected \[24, 3\]"),
        ({"means3D": np.zeros((0, 24, 3))}, "expected a frame or more"),
        ({"means3D": np.zeros(3)}, r"means3D has shape \[3\]"),
        ({"log_scales": np.zeros((24, 2))}, r"log_scales has shape \[24, 2\], expected \[24, 3\]"),
        ({"logit_opacities": np.array(["x"])}, "logit_opacities: it holds '<U1'"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, changed, message):
    with pytest.raises(Unusable, match=message):
        opened(tmp_path, sample.arrays() | changed)


def test_missing_fields_and_bad_options_are_named(tmp_path):
    named = sample.arrays()
    with pytest.raises(BadArgument, match="between=cubic: expected stored or linear"):
        opened(tmp_path, named, between="cubic")
    del named["log_scales"]
    with pytest.raises(Unusable, match="has no array log_scales; found cam_c, cam_m"):
        opened(tmp_path, named)


def test_an_empty_scene_opens(tmp_path):
    assert len(opened(tmp_path, sample.arrays(2, 0)).model.slice(1)) == 0
