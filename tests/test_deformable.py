"""Deformable-3D-Gaussians: encoding, screws, where runs lie, and what real files hold."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tests import files
from tests.samples import deformable as sample
from viewer import formats
from viewer.core.errors import Unusable
from viewer.core.splats import Splats
from viewer.formats import deformable, network

VARIANTS = [(True, False), (False, False), (True, True), (False, True)]


def close(got: Tensor, want: object, tolerance: float = 2e-6) -> None:
    torch.testing.assert_close(
        got, torch.as_tensor(want, dtype=got.dtype), atol=tolerance, rtol=1e-5
    )


def sliced(root: Path, time: float = 0.3) -> Splats:
    return formats.load(root).model.slice(time)


def biases_only(**biases: list[float]) -> dict[str, Tensor]:
    """A network whose heads say the same at every place and time."""
    held = sample.state()
    for name in ("gaussian_warp", "gaussian_rotation", "gaussian_scaling"):
        held[f"{name}.weight"].zero_()
        held[f"{name}.bias"].zero_()
    return held | {f"{name}.bias": torch.tensor(value) for name, value in biases.items()}


def still(root: Path) -> Splats:
    return formats.load(root, {"format": "3dgs-ply"}).model.slice(0)


def test_places_are_encoded_block_by_block():
    place = deformable.encoded(torch.tensor([[0.1, 0.2, 0.3]]), 10)
    assert place.shape == (1, deformable.PLACE)
    want = [0.1, 0.2, 0.3, 0.099833, 0.198669, 0.295520, 0.995004, 0.980067, 0.955336,
            0.198669, 0.389418, 0.564642, 0.980067, 0.921061, 0.825336]  # fmt: skip
    close(place[0, :15], want, 1e-6)
    time = [0.25, 0.247404, 0.968912, 0.479426, 0.877583, 0.841471, 0.540302, 0.909297, -0.416147,
            -0.756802, -0.653644, 0.989358, -0.1455]  # fmt: skip
    close(deformable.encoded(torch.tensor([[0.25]]), 6), [time], 1e-6)


def test_screws_turn_and_shift(monkeypatch):
    w = torch.tensor([[0, 0, math.pi / 2], [0, 0, 0]])
    v = torch.tensor([[math.pi / 2, 0, 0], [1, 0, 0]])
    means = torch.tensor([[1.0, 0, 0], [1, 0, 0]])
    with_epsilon = deformable.screw_motion(w, v, means)
    assert 1e-6 < (with_epsilon[0] - torch.tensor([1.0, 2, 0])).abs().max() < 1e-4
    monkeypatch.setattr(deformable, "SCREW_EPSILON", 0.0)
    close(deformable.screw_motion(w, v, means), [[1.0, 2, 0], [1, 0, 0]])


@pytest.mark.parametrize(("blender", "rigid"), VARIANTS)
def test_every_variant_moves_and_is_told_from_its_layers(tmp_path, blender, rigid):
    cfg = f"Namespace(is_blender={blender}, is_6dof={rigid})"
    root = sample.save(tmp_path, sample.state(blender, rigid), cfg)
    model, report = formats.load(root)
    assert not report.warnings
    assert report.time_range == (0, 1)
    first, last = model.slice(0.0), model.slice(1.0)
    assert (first.means - last.means).norm(dim=1).min() > 1e-4
    assert (first.covars - last.covars).norm(dim=1).min() > 1e-9


@pytest.mark.parametrize("blender", [True, False])
def test_the_network_is_the_formula(tmp_path, blender):
    """The input is seen again in front of the hidden vector."""
    held = sample.state(blender)
    got = sliced(sample.save(tmp_path, held), 0.3)
    means = still(tmp_path).means
    tau = deformable.encoded(torch.full((24, 1), 0.3), 6 if blender else 10)
    if blender:
        tau = layer(held, "timenet.2", torch.relu(layer(held, "timenet.0", tau)))
    seen = torch.cat([deformable.encoded(means, 10), tau], 1)
    h = torch.relu(layer(held, "linear.0", seen))
    h = torch.relu(layer(held, "linear.1", h))
    h = torch.relu(layer(held, "linear.2", torch.cat([seen, h], 1)))
    close(got.means, means + layer(held, "gaussian_warp", h), 1e-5)


def layer(held: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    return x @ held[f"{name}.weight"].T + held[f"{name}.bias"]


def test_offsets_come_after_activation_and_quaternions_stay_as_long_as_they_get(tmp_path):
    """The format page's Gaussian, whose quaternion an offset makes 1.1 long."""
    named = files.gaussians(1)
    unit = np.array([1, 2, 3, 4]) / 30**0.5
    named |= {f"rot_{i}": np.array([7 * q]) for i, q in enumerate(unit)}
    named |= {f"scale_{i}": np.array([-1.0 - i]) for i in range(3)}
    held = biases_only(gaussian_warp=[1, 2, 3], gaussian_rotation=(0.1 * unit).tolist())
    got = sliced(sample.save(tmp_path / "a", held, named=named))
    close(got.means, still(tmp_path / "a").means + torch.tensor([1, 2, 3]))
    close(got.covars, [[0.142312, -0.111028, -0.052265, 0.096567, 0.031248, 0.045382]], 1e-6)
    sizes = [-2 * math.exp(-1), -2 * math.exp(-2), -2 * math.exp(-3)]  # negative, and as large
    held = biases_only(gaussian_scaling=sizes)
    got = sliced(sample.save(tmp_path / "b", held, named=named))
    close(got.covars, [[0.061808, -0.059751, -0.027553, 0.063286, 0.024597, 0.031036]], 1e-6)


def test_a_run_opens_from_its_root_every_folder_and_its_files(tmp_path):
    root = sample.save(tmp_path / "run", sample.state(seed=1), iteration="iteration_7000")
    sample.save(root, sample.state())
    newest = "iteration_40000"
    cloud, net = root / "point_cloud" / newest, root / "deform" / newest
    want = sliced(root).means
    for path in (root.parent, cloud.parent, cloud, cloud / "point_cloud.ply", net.parent, net,
                 net / "deform.pth"):  # fmt: skip
        model, report = formats.load(path)
        assert report.format == sample.NAME
        assert torch.equal(model.slice(0.3).means, want)
        assert len(report.cameras) == 1
    older = sliced(root / "point_cloud" / "iteration_7000")
    assert not torch.equal(older.means, want)


def test_a_network_of_another_iteration_is_not_used(tmp_path):
    root = sample.save(tmp_path, sample.state(), iteration="iteration_7000")
    sample.save(root, sample.state())
    (root / "deform" / "iteration_40000" / "deform.pth").unlink()
    with pytest.raises(Unusable, match=r"deform/iteration_40000/deform.pth is missing, found"):
        formats.load(root)
    assert len(still(root)) == 24


def test_the_warm_up_stands_still(tmp_path):
    root = sample.save(tmp_path, sample.state(), iteration="iteration_3000")
    model, report = formats.load(root)
    assert not report.moves
    assert "warm-up" in report.warnings[0]
    assert torch.equal(model.slice(0.5).means, still(root).means)


def test_the_network_is_believed_before_cfg_args(tmp_path):
    root = sample.save(tmp_path, sample.state(blender=False), "Namespace(is_blender=True)")
    assert "is_blender of cfg_args contradicts" in formats.load(root).report.warnings[0]


def test_batches_make_no_difference(tmp_path, monkeypatch):
    root = sample.save(tmp_path, sample.state())
    whole = sliced(root)
    monkeypatch.setattr(network, "ROWS", 7)
    close(sliced(root).means, whole.means)
    close(sliced(root).covars, whole.covars)


@pytest.mark.parametrize(("blender", "rigid"), VARIANTS)
def test_absurd_numbers_stay_finite(tmp_path, blender, rigid):
    held = sample.state(blender, rigid)
    held["linear.1.weight"] *= 1e36
    named = files.gaussians(24)
    named["x"][3] = 3e38
    splats = sliced(sample.save(tmp_path, held, named=named))
    assert splats.means.isfinite().all()
    assert splats.covars.isfinite().all()
    assert (splats.covars[:, [0, 3, 5]] >= 0).all()


def test_a_scene_of_nothing_opens(tmp_path):
    model, report = formats.load(sample.save(tmp_path, sample.state(), named=files.gaussians(0)))
    assert len(model.slice(0.5)) == report.count == 0


def broken(**changes: Tensor | None) -> dict[str, Tensor]:
    held = sample.state() | {key.replace("__", "."): value for key, value in changes.items()}
    return {key: value for key, value in held.items() if value is not None}


@pytest.mark.parametrize(
    ("held", "message"),
    [
        (broken(nodes=torch.ones(9, 5)), "a SC-GS model .control nodes., expected Deformable-3D"),
        (broken(linear__0__weight=None), r"linear.0.weight is missing, expected a tensor \[any"),
        (broken(linear__2__weight=torch.ones(8, 8)), r"expected \[W, I\], one \[W, I \+ W\]"),
        (broken(timenet__0__weight=torch.ones(8, 12)), "linear.0 takes 67 numbers, expected 63"),
        (broken(timenet__0__weight=torch.ones(8, 99)), "linear.0 takes 67 numbers, expected 63"),
        (broken(timenet__0__weight=None), "linear.0 takes 67 numbers, expected 63"),
        (broken(gaussian_warp__weight=None), "gaussian_warp.weight is missing"),
        (broken(gaussian_scaling__bias=torch.ones(4)), r"shape \[4\], expected \[3\]"),
        (broken(linear__1__bias=torch.full((8,), torch.inf)), "holds 8 numbers that are not"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, held, message):
    with pytest.raises(Unusable, match=message):
        formats.load(sample.save(tmp_path, held))
