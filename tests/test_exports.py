"""A slice written as `.splat` or `.spz` comes back through our own readers."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests import scenes
from tests.tolerances import psnr
from viewer import cli, formats
from viewer.core.settings import RenderSettings
from viewer.core.splats import Appearance, Compensation, Splats
from viewer.formats import splat_export, spz_export
from viewer.render import reference


def reopened(path, splats: Splats) -> tuple[Splats, str]:
    writer = splat_export if path.suffix == ".splat" else spz_export
    lost = writer.write(path, splats)
    return formats.load(path).model.slice(0), " ".join(lost)


def pictures(got: Splats, want: Splats) -> tuple[np.ndarray, np.ndarray]:
    camera, settings = scenes.camera(), RenderSettings()
    first, second = (reference.image(s, camera, settings).numpy() for s in (got, want))
    return first, second


def turned(a: torch.Tensor, b: torch.Tensor) -> float:
    """Largest angle between quaternions [N, 4], radians."""
    return float(2 * torch.arccos((a * b).sum(1).abs().clamp(max=1)).max())


def test_a_splat_keeps_places_and_sizes_and_rounds_the_rest(tmp_path):
    want = scenes.cloud(400, 0)
    got, lost = reopened(tmp_path / "a.splat", want)
    assert torch.equal(got.means, want.means)
    torch.testing.assert_close(got.scales, want.scales, rtol=1e-5, atol=0)
    torch.testing.assert_close(got.opacities, want.opacities, rtol=0, atol=0.5 / 255 + 1e-6)
    inside = want.colors.clamp(0, 1)
    torch.testing.assert_close(got.colors, inside, rtol=0, atol=0.5 / 255 + 1e-6)
    assert turned(got.quats, want.quats) < 0.02
    assert psnr(*pictures(got, replace(want, colors=inside))) > 40
    assert "direction" not in lost


@pytest.mark.parametrize("degree", [None, 0, 1, 2, 3])
def test_an_spz_keeps_what_its_bits_hold(tmp_path, degree):
    want = scenes.cloud(400, 1, degree=degree)
    got, lost = reopened(tmp_path / "a.spz", want)
    torch.testing.assert_close(got.means, want.means, rtol=0, atol=2**-20)
    torch.testing.assert_close(got.scales, want.scales, rtol=1 / 31, atol=0)
    torch.testing.assert_close(got.opacities, want.opacities, rtol=0, atol=0.5 / 255 + 1e-6)
    assert turned(got.quats, want.quats) < 0.006
    assert got.sh_degree == (degree or 0)
    assert psnr(*pictures(got, want)) > 38
    assert not lost


def test_covariances_and_points_are_split(tmp_path):
    for want in (scenes.as_covars(scenes.cloud(100, 2)), scenes.points(Appearance())):
        for ending in (".splat", ".spz"):
            got, _ = reopened(tmp_path / f"a{ending}", want)
            relative = (got.covariances() - want.covariances()).norm() / want.covariances().norm()
            assert relative < 0.05


def test_what_cannot_be_said_is_named(tmp_path):
    look = Appearance(low_pass=0.1, near=0.5, compensation=Compensation.MIP)
    want = replace(scenes.cloud(50, 3, degree=1), appearance=look)
    _, lost = reopened(tmp_path / "a.splat", want)
    assert all(w in lost for w in ("low-pass", "nearest", "compensation", "the direction"))
    got, lost = reopened(tmp_path / "a.spz", want)
    assert "compensation" not in lost
    assert got.appearance.compensation is Compensation.MIP


def test_what_lies_beyond_an_spz_is_left_out_and_counted(tmp_path):
    want = scenes.cloud(50, 4)
    means = want.means.clone()
    means[7, 1] = -3000.0
    got, lost = reopened(tmp_path / "a.spz", replace(want, means=means))
    assert len(got) == 49
    assert "1 Gaussians lie 2047 units out or more" in lost
    torch.testing.assert_close(got.means[7], want.means[8], rtol=0, atol=2**-12)


def test_the_same_slice_gives_the_same_bytes(tmp_path):
    splats = scenes.cloud(50, 5, degree=1)
    for name in ("a.spz", "b.spz"):
        spz_export.write(tmp_path / name, splats)
    assert (tmp_path / "a.spz").read_bytes() == (tmp_path / "b.spz").read_bytes()


def test_nothing_is_written_and_read_too(tmp_path):
    nothing = scenes.cloud(50, 6).rows(torch.tensor([], dtype=torch.long))
    got, _ = reopened(tmp_path / "a.spz", nothing)
    assert len(got) == 0


def test_slice_writes_both(tmp_path, capsys):
    from viewer import resources

    for ending in ("splat", "spz"):
        output = tmp_path / f"a.{ending}"
        words = ["slice", str(resources.demo()), "--frame", "10", "--output", str(output)]
        assert cli.main(words) == 0
        assert formats.load(output).report.count > 1000
        assert f"a.{ending}" in capsys.readouterr().out
