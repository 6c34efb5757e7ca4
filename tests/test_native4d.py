"""Native 4DGS and its hybrid kin: worked examples, and what the files do not say."""

import json
import math

import numpy as np
import pytest
import torch

from tests import files, scenes
from tests.samples import hybrid3d4d, static_checkpoint
from tests.samples import native4d as sample
from viewer import formats
from viewer.core.camera import Camera
from viewer.core.errors import Unusable
from viewer.core.settings import RenderSettings
from viewer.core.splats import Appearance, FixedJacobian, Splats
from viewer.formats import ply, wrong_fov
from viewer.render import reference

DURATION = {"time_duration": "0,10"}
STILL_IN_PLAIN = (1, -1, -1, 1)  # signs that turn a left quaternion into such a right one


def worked(path, **changes):
    """The one Gaussian of the worked example, as a checkpoint."""
    held = sample.entries(1)
    values = {
        1: [[0.1, 0.2, 0.3]], 4: [[-2, -1.5, -1.8]], 5: [[1, 0.2, -0.1, 0.3]], 6: [[50.0]],
        13: [[4.0]], 14: [[-0.5]], 15: [[0.9, -0.2, 0.15, 0.1]],
    }  # fmt: skip
    for i, value in (values | changes.get("entries", {})).items():
        held[i] = torch.tensor(value)
    return sample.save(path / "chkpnt1.pth", held)


@pytest.mark.parametrize(
    ("order", "mean", "window", "cov"),
    [
        ("reversed", (0.15955154, 0.15037031, 0.45358110), 0.80871204,
         (0.01895542, -0.0018908, 0.00173757, 0.04804726, -0.01201441, 0.03811245)),
        ("plain", (0.0404327, 0.2040915, 0.31734531), 0.84183337,
         (0.02349011, -0.01005084, -0.00214498, 0.04165914, 0.00871375, 0.03118348)),
    ],
)  # fmt: skip
def test_worked_example_in_both_orders(tmp_path, order, mean, window, cov):
    options = DURATION | {"rot4d_order": order}
    splats = formats.load(worked(tmp_path), options).model.slice(4.35)
    close(splats.means, [mean])
    close(splats.opacities, [window])
    close(splats.covars, [cov])


def test_worked_colour_has_cosines_of_time(tmp_path):
    held = sample.entries(1)
    coefficients = torch.zeros(1, 48, 3)
    for k, rgb in {
        0: (1, 0.5, -0.2), 1: (0.1, 0.2, 0.3), 2: (-0.1, 0, 0.1), 3: (0.5, 0.5, 0.5),
        16: (0.2, -0.1, 0.3), 18: (0.1, 0.1, 0.1), 32: (-0.3, 0.2, 0),
    }.items():  # fmt: skip
        coefficients[0, k] = torch.tensor(rgb)
    held[1], held[2], held[3] = torch.zeros(1, 3), coefficients[:, :1], coefficients[:, 1:]
    held[6], held[13], held[14] = (torch.tensor([[v]]) for v in (9.0, 4.0, 3.0))
    path = sample.save(tmp_path / "chkpnt1.pth", held)
    splats = formats.load(path, DURATION).model.slice(4.35)
    # Seen from where the STORED position lies ahead, not the moved one.
    close(splats.seen_from(torch.tensor([0.0, -0.6, -0.8])), [[0.730323, 0.644081, 0.515458]])


@pytest.mark.parametrize(
    ("stored", "active", "active_t", "degree", "waves"),
    [
        (48, 3, 2, 3, 2), (48, 3, 1, 3, 1), (48, 3, 0, 3, 0), (48, 2, 2, 2, 0), (48, 0, 0, 0, 0),
        (16, 3, 2, 3, 0), (33, 3, 0, 3, 0), (6, 3, 0, 1, 0), (32, 3, 2, 3, 1), (1, 3, 0, 0, 0),
    ],
)  # fmt: skip
def test_the_active_coefficients_count(tmp_path, stored, active, active_t, degree, waves):
    held = sample.entries(5, stored)
    held[0], held[18] = active, active_t
    model, report = formats.load(sample.save(tmp_path / "chkpnt1.pth", held), DURATION)
    assert report.sh_degree == degree
    held_waves = model.gaussians.waves
    assert (0 if held_waves is None else held_waves.shape[1]) == waves


def test_without_rot4d_the_time_scale_is_a_variance_and_nothing_moves(tmp_path):
    path = worked(tmp_path, entries={15: []})
    held, iteration = torch.load(path, weights_only=True)
    held = (*held[:16], False, *held[17:])
    torch.save((held, iteration), path)
    splats = formats.load(path, DURATION).model.slice(5.0)
    close(splats.means, [[0.1, 0.2, 0.3]])
    close(splats.opacities, [math.exp(-0.5 / math.exp(-0.5))])


def test_windows_under_the_threshold_are_dropped(tmp_path):
    width = math.sqrt(0.28849002)
    model = formats.load(worked(tmp_path), DURATION | {"rot4d_order": "reversed"}).model
    edge = width * math.sqrt(2 * math.log(20))
    assert len(model.slice(4 + 0.999 * edge)) == 1
    assert len(model.slice(4 + 1.001 * edge)) == 0


def test_the_order_under_which_a_scene_stands_still_is_guessed(tmp_path):
    """Equal quaternions are a rotation of space alone, in the reversed order."""
    held = sample.entries(200)
    held[15] = held[5]
    sample.save(tmp_path / "chkpnt1.pth", held)
    assert option(tmp_path, "rot4d_order") == ("reversed", "guessed")
    held[15] = torch.nn.Parameter(held[5].data * torch.tensor(STILL_IN_PLAIN))
    sample.save(tmp_path / "chkpnt1.pth", held)
    assert option(tmp_path, "rot4d_order") == ("plain", "guessed")


@pytest.mark.parametrize(
    ("name", "text", "value", "origin"),
    [
        ("cfg_args", "Namespace(time_duration=[0.0, 4.0])", "0,4", "cfg_args"),
        ("a.yaml", "gaussian_dim: 4\ntime_duration: [0.0, 10.0]\n", "0,10", "a.yaml"),
        ("a.yml", "x:\n  time_duration:\n    - -0.5\n    - 0.5\n", "-0.5,0.5", "a.yml"),
        ("a.yaml", "time_duration: [3, 1]\n", "0,10", "guessed"),
        ("a.yaml", "time_duration: !!python/object:os.system [0, 1]\n", "0,10", "guessed"),
    ],
)  # fmt: skip
def test_time_duration_is_read_where_it_stands(tmp_path, name, text, value, origin):
    sample.save(tmp_path / "chkpnt1.pth", sample.entries(500))
    (tmp_path / name).write_text(text)
    assert option(tmp_path, "time_duration") == (value, origin)
    warned = any("time_duration" in line for line in formats.load(tmp_path).report.warnings)
    assert warned == (origin == "guessed")


def test_frames_are_those_of_the_footage(tmp_path):
    sample.save(tmp_path / "chkpnt1.pth", sample.entries())
    report = formats.load(tmp_path, DURATION).report
    assert report.time_range == pytest.approx((0, 10 - 1 / 30))
    assert report.frame_step == pytest.approx(1 / 30)
    report = formats.load(tmp_path, {"time_duration": "0,1", "frames": "50"}).report
    assert report.time_range == (0, 1)
    assert report.frame_step == pytest.approx(1 / 49)


def test_the_newest_checkpoint_is_taken_and_the_best_named(tmp_path):
    for name in ("chkpnt7000.pth", "chkpnt30000.pth", "chkpnt_best.pth"):
        sample.save(tmp_path / name, sample.entries(5 if "30000" in name else 9))
    report = formats.load(tmp_path).report
    assert report.count == 5
    assert "chkpnt_best.pth is there too" in " ".join(report.evidence)
    assert formats.load(tmp_path / "chkpnt_best.pth").report.count == 9


def test_the_training_projection_is_used_where_cameras_carry_its_mark(tmp_path):
    sample.save(tmp_path / "chkpnt1.pth", sample.entries())
    wrong = files.camera_entry() | {"width": 1352, "height": 1014}
    wrong |= {"fx": -0.5 / math.tan(0.5) * 1352, "fy": -0.5 / math.tan(0.5) * 1014}
    (tmp_path / "cameras.json").write_text(json.dumps([wrong]))
    model, report = formats.load(tmp_path, DURATION)
    assert option(tmp_path, "projection") == ("training", "cameras.json")
    assert model.appearance.jacobian is not None
    assert report.cameras[0].camera.K[0, 0] == pytest.approx(731)
    assert any("wrong field of view" in line for line in report.warnings)
    true = formats.load(tmp_path, DURATION | {"projection": "true", "training_focal": "0.6"})
    assert true.model.appearance.jacobian is None
    assert true.report.cameras[0].camera.K[0, 0] == pytest.approx(0.6 * 1352)


def test_the_training_projection_gives_the_worked_covariances():
    """What the trainer's rasteriser made of one Gaussian, and what is right."""
    cov = torch.tensor([[0.01, 0.002, 0.001, 0.02, -0.003, 0.03]])
    K = np.array([[731.0, 0, 676], [0, 731, 507], [0, 0, 1]])
    camera = Camera(np.eye(4), K, 1352, 1014)
    focal = (wrong_fov.WRONG_FOCAL * 1352 / 731, wrong_fov.WRONG_FOCAL * 1014 / 731)
    for jacobian, want in (
        (None, (341.5813, 83.9114, 680.7753)),
        (FixedJacobian(focal, wrong_fov.WRONG_SLOPE), (2541.2614, 1127.6333, 1662.0559)),
    ):
        splats = Splats(
            means=torch.tensor([[0.5, 0.2, 4.0]]),
            quats=None,
            scales=None,
            opacities=torch.ones(1),
            colors=torch.ones(1, 3),
            appearance=Appearance(jacobian=jacobian),
            covars=cov,
        )
        got = reference.project(splats, camera, RenderSettings()).covars[0]
        np.testing.assert_allclose(got, want, rtol=1e-6)


def test_an_environment_map_lies_behind(tmp_path):
    held = sample.entries()
    held[17] = torch.nn.Parameter(torch.rand(3, 8, 8))
    model = formats.load(sample.save(tmp_path / "chkpnt1.pth", held), DURATION).model
    environment = model.appearance.environment
    assert environment.radius == 60
    seen = environment.seen(scenes.camera(8, 6))
    assert seen.shape == (6, 8, 3)
    # The worked ray: from the origin along (0, .6, .8).
    where = torch.linspace(0, 1, 1000)
    environment = type(environment)(torch.stack([where.expand(1000, -1)] * 3), 60.0)
    ahead = np.eye(4)
    ahead[:3, :3] = np.array([[1, 0, 0], [0, 0.8, -0.6], [0, 0.6, 0.8]])
    K = np.array([[100.0, 0, 0.5], [0, 100, 0.5], [0, 0, 1]])
    assert environment.seen(Camera(ahead, K, 1, 1))[0, 0, 0] == pytest.approx(0.75, abs=1e-3)
    environment = type(environment)(torch.stack([where[:, None].expand(-1, 1000)] * 3), 60.0)
    assert environment.seen(Camera(ahead, K, 1, 1))[0, 0, 0] == pytest.approx(0.204833, abs=1e-3)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({1: torch.zeros(30, 2)}, "entry 1 (xyz) has shape [30, 2], expected [any, 3]"),
        ({13: torch.zeros(29, 1)}, "entry 13 (t) has shape [29, 1], expected [30, 1]"),
        ({15: None}, "entry 15 (rotation_r) is missing, expected a tensor [30, 4]"),
        ({3: torch.zeros(30, 6, 3)}, "7 coefficients a Gaussian, expected 1, 4, 9 or 16 times"),
    ],
)
def test_bad_entries_are_named(tmp_path, change, line):
    held = sample.entries()
    for i, value in change.items():
        held[i] = value
    path = sample.save(tmp_path / "chkpnt1.pth", held)
    with pytest.raises(Unusable) as caught:
        formats.load(tmp_path)
    assert f"{path}: {line}" in str(caught.value)


def test_rows_that_are_not_finite_are_left_out_and_counted(tmp_path):
    held = sample.entries()
    held[1].data[3, 0] = math.nan
    held[15].data[4, 0] = math.inf
    held[14].data[5, 0] = 1e30
    model, report = formats.load(sample.save(tmp_path / "chkpnt1.pth", held), DURATION)
    assert model.count == 27
    assert {3, 4, 5}.isdisjoint(model.source_index.tolist())
    assert "3 of 30 Gaussians left out" in " ".join(report.warnings)
    assert model.slice(5.0).means.isfinite().all()


def test_a_hybrid_run_opens_by_root_by_checkpoint_and_by_its_incomplete_ply(tmp_path):
    root = hybrid3d4d.write(tmp_path)
    inside = root / "point_cloud" / "iteration_300"
    for path in (root, root / "chkpnt300.pth", inside.parent, inside, inside / "point_cloud.ply"):
        report = formats.load(path, DURATION).report
        assert (report.format, report.count) == ("hybrid-3d-4dgs", 35)
    assert formats.load(root, {"format": "3dgs-ply"}).report.count == 20


def test_hybrid_statics_may_be_none_or_badly_turned(tmp_path):
    moving, still = sample.entries(20, 16), sample.entries(15, 16, seed=1)
    statics = [*still[1:7], *still[7:9], still[10]]
    statics[4].data[:3] = math.nan
    path = sample.save(tmp_path / "chkpnt1.pth", moving + statics)
    model, report = formats.load(path, DURATION)
    assert model.count == 35
    assert "3 static Gaussians are drawn unrotated" in " ".join(report.warnings)
    far = model.slice(1e6).index
    assert sorted(far.tolist()) == [i for i in range(20, 35) if i in far.tolist()]
    assert len(far) > 10
    empty = [torch.empty(0)] * 9
    path = sample.save(tmp_path / "chkpnt1.pth", moving + empty)
    assert formats.load(path, DURATION).report.count == 20


def test_a_hybrid_with_4d_harmonics_keeps_its_statics_still(tmp_path):
    moving, still = sample.entries(20, 48), sample.entries(15, 16, seed=1)
    statics = [*still[1:7], *still[7:9], still[10]]
    path = sample.save(tmp_path / "chkpnt1.pth", moving + statics)
    model = formats.load(path, DURATION).model
    early, late = model.slice(1.0), model.slice(8.0)
    for splats in (early, late):
        rows = splats.index >= 20
        expected = torch.cat([still[2], still[3]], 1)[splats.index[rows] - 20]
        torch.testing.assert_close(splats.colors[rows], expected.data)


def test_a_ply_that_was_saved_beside_a_checkpoint_opens_as_itself(tmp_path):
    hybrid3d4d.write(tmp_path)
    ply.write(tmp_path / "slice.ply", files.gaussians(5))
    assert formats.load(tmp_path / "slice.ply").report.format == "3dgs-ply"
    assert formats.load(tmp_path).report.format == "hybrid-3d-4dgs"


def test_a_static_checkpoint_opens_where_there_is_no_ply(tmp_path):
    static_checkpoint.write(tmp_path)
    model, report = formats.load(tmp_path)
    held = torch.load(tmp_path / "chkpnt7000.pth", weights_only=False)[0]
    assert report.format == "3dgs-checkpoint"
    torch.testing.assert_close(model.slice(0).means, held[1].data)
    torch.testing.assert_close(model.slice(0).opacities, torch.sigmoid(held[6].data[:, 0]))
    ply.write(tmp_path / "a.ply", files.gaussians(5))
    assert formats.load(tmp_path).report.format == "3dgs-ply"
    assert formats.load(tmp_path / "chkpnt7000.pth").report.format == "3dgs-checkpoint"


def option(path, name: str) -> tuple[str, str]:
    settings = {s.name: s for s in formats.load(path).report.settings}
    return settings[name].value, settings[name].origin


def close(got: torch.Tensor, want: object) -> None:
    torch.testing.assert_close(got, torch.tensor(want), atol=2e-6, rtol=1e-5)
