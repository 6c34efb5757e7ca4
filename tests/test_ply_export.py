"""What a 3DGS PLY cannot say is approximated, near enough, and named."""

from dataclasses import replace

import pytest
import torch

from tests import scenes
from tests.tolerances import TOLERANCES, psnr
from viewer import formats
from viewer.core import sh
from viewer.core.decoder import Environment
from viewer.core.settings import RenderSettings
from viewer.core.splats import Appearance, Compensation, FixedJacobian, Footprint, Splats
from viewer.formats import ply_export
from viewer.render import reference


def pictures(tmp_path, splats: Splats):
    lost = ply_export.write(tmp_path / "a.ply", splats)
    got = formats.load(tmp_path / "a.ply").model.slice(0)
    camera, settings = scenes.camera(), RenderSettings()
    drawn = [reference.image(s, camera, settings).numpy() for s in (got, splats)]
    return drawn[0], drawn[1], " ".join(lost)


def test_what_comments_say_gives_the_same_picture(tmp_path):
    looks = (
        Appearance(low_pass=0.1, compensation=Compensation.EX4DGS, near=0.5),
        Appearance(jacobian=FixedJacobian((1.7, 1.3), -0.71)),
    )
    for look in looks:
        got, want, lost = pictures(tmp_path, replace(scenes.cloud(500, 0), appearance=look))
        TOLERANCES["slice reopened"].check(got, want)
        assert ("field of view" in lost) == (look.jacobian is not None)


def test_colours_that_are_no_harmonics_are_fitted(tmp_path):
    for output in (sh.Output.SIGMOID, sh.Output.RESIDUAL):
        splats = scenes.cloud(500, 1, degree=3)
        splats = replace(splats, appearance=Appearance(sh_output=output))
        got, want, lost = pictures(tmp_path, splats)
        assert psnr(got, want) > 40
        assert "a fit of them" in lost


def test_discs_become_gaussians_of_the_same_weight(tmp_path):
    look = Appearance(low_pass=0.0, footprint=Footprint.PARABOLOID)
    got, want, lost = pictures(tmp_path, scenes.points(look))
    assert psnr(got, want) > 25
    assert got[..., 3].sum() == pytest.approx(want[..., 3].sum(), rel=0.05)
    assert "discs" in lost


def test_features_become_their_base_colours(tmp_path):
    splats = scenes.features()
    lost = ply_export.write(tmp_path / "a.ply", splats)
    got = formats.load(tmp_path / "a.ply").model.slice(0)
    torch.testing.assert_close(got.colors, torch.sigmoid(splats.colors[:, :3]), atol=1e-5, rtol=0)
    assert "base colours" in lost[0]


def test_origins_and_environment_are_named_as_lost(tmp_path):
    look = Appearance(environment=Environment(torch.zeros(3, 2, 2), 60.0))
    splats = replace(scenes.elsewhere(), appearance=look)
    text = " ".join(ply_export.write(tmp_path / "a.ply", splats))
    assert "turn about stored positions" in text
    assert "environment map is left out" in text
