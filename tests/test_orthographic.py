"""Views without perspective: the camera, every renderer against the reference, and the hand."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests import scenes
from tests.test_reference import BALL, FOCAL, MIDDLE, RED, splats
from tests.test_reference import camera as pinhole
from tests.test_state import press, report, start
from tests.tolerances import TOLERANCES
from viewer import resources
from viewer.cli import main
from viewer.core import compare, frusta, look, moves
from viewer.core import rig as rigs
from viewer.core.camera import camera_from_dict, camera_to_dict
from viewer.core.decoder import Environment
from viewer.core.model import StaticModel
from viewer.core.rig import Rig
from viewer.core.settings import Mode, RenderSettings
from viewer.core.splats import Appearance
from viewer.frame import FramePath
from viewer.render import reference
from viewer.render import sorted as sorting
from viewer.ui import pathlines

SIZE = (160, 90)
RIG = rigs.orbit(Rig(position=(0.0, 0.0, -4.0), distance=4.0, orthographic=True), 0.7, 0.3)
FREE = RenderSettings(transmittance_stop=False)
pixels = st.tuples(st.floats(0, 160), st.floats(0, 90))
depths = st.floats(0.1, 30)


CAMERA = scenes.orthographic(scenes.camera(80, 45))


@given(pixels, depths)
def test_a_point_is_seen_where_it_was_found_whatever_its_depth(pixel, depth):
    camera = RIG.camera(*SIZE)
    point = camera.point_at(pixel, depth)
    seen = camera.viewmat[:3, :3] @ point + camera.viewmat[:3, 3]
    assert seen[2] == pytest.approx(depth)
    np.testing.assert_allclose(camera.pixels_of(seen), pixel, atol=1e-9)
    assert moves.pixel_of(RIG, rigs.vector(point), SIZE) == pytest.approx(pixel, abs=1e-6)


def test_rays_are_parallel_and_begin_on_the_plane_of_the_eye():
    camera = RIG.camera(8, 6)
    directions, origins = camera.directions(), camera.origins()
    assert np.ptp(directions, axis=(0, 1)).max() < 1e-12
    np.testing.assert_allclose(directions[0, 0], RIG.axes[:, 2], atol=1e-12)
    np.testing.assert_allclose(
        origins[2, 5] + 7 * directions[2, 5], camera.point_at((5.5, 2.5), 7.0), atol=1e-9
    )


def test_a_camera_file_says_so():
    assert camera_from_dict(camera_to_dict(CAMERA)).orthographic
    assert "orthographic" not in camera_to_dict(scenes.camera())
    assert CAMERA.resized(40, 30).orthographic


def test_a_splat_has_one_size_at_any_depth():
    camera = scenes.orthographic(pinhole(), 2.0)
    for depth in (1.0, 2.0, 50.0):
        made = splats(((0.0, 0.0, depth), BALL, 0.6, RED))
        got = reference.image(made, camera, FREE).numpy()
        variance = (FOCAL * 0.1 / 2) ** 2 + 0.3
        for dx in (0, 1, 2, 3):
            want = 0.6 * math.exp(-(dx**2) / (2 * variance))
            assert got[MIDDLE, MIDDLE + dx, 3] == pytest.approx(want, abs=1e-6)


def test_a_splat_off_the_axis_is_not_sheared():
    """Of an upright needle towards the eye only the round end is seen, also at the side."""
    camera = scenes.orthographic(pinhole(), 2.0)
    needle = splats(((0.5, 0.0, 2.0), (0.05, 0.05, 1.0), 0.6, RED))
    projected = reference.project(needle, camera, FREE)
    round_end = (FOCAL * 0.05 / 2) ** 2 + 0.3
    np.testing.assert_allclose(projected.covars[0], [round_end, 0, round_end], rtol=1e-6)
    np.testing.assert_allclose(projected.centers[0], [16.5 + FOCAL * 0.25, 16.5], rtol=1e-6)


@pytest.fixture(params=["sliced", "projected", "data textures", "peel"])
def drawn(request, ctx, monkeypatch):
    """A way to draw, as a function of splats and settings to a layer."""
    if request.param == "data textures":
        monkeypatch.setattr(sorting, "COMPUTES", 10**9)
    model = scenes.Instant if request.param == "projected" else StaticModel
    name = "peel" if request.param == "peel" else "sorted"
    path = FramePath(ctx, "f4")
    yield lambda made, settings=FREE: path.render(
        model(made), CAMERA, 0.0, replace(settings, renderer=name)
    ).layer.read()
    path.release()


ROW = "sorted 32F, no stop"


@pytest.mark.gl
@pytest.mark.parametrize("name", ["sh degree 3", "needles", "around the camera", "covariances",
                                  "a trainer's wrong Jacobian", "points", "discs"])  # fmt: skip
def test_every_way_to_draw_equals_the_reference(drawn, name):
    made = scenes.SCENES[name]()
    want = reference.image(made, CAMERA, FREE).numpy()
    assert np.abs(want - reference.image(made, scenes.camera(80, 45), FREE).numpy()).max() > 0.05
    TOLERANCES[ROW].check(drawn(made), want)


@pytest.mark.gl
@pytest.mark.parametrize("mode", [Mode.CENTERS, Mode.DEPTH])
def test_modes_too(drawn, mode):
    made, settings = scenes.cloud(600, 2), replace(FREE, mode=mode)
    want = reference.image(made, CAMERA, settings).numpy()
    scale = max(1.0, want.max())
    TOLERANCES[ROW].check(drawn(made, settings) / scale, want / scale)


@pytest.mark.gl
def test_features_are_decoded_along_parallel_rays(drawn):
    made = scenes.features()
    blended = reference.image(made, CAMERA, FREE)
    rgb = made.appearance.decoder.decode(blended[..., :9], CAMERA)
    want = torch.cat([rgb, torch.ones_like(rgb[..., :1])], -1).numpy()
    TOLERANCES[ROW].check(drawn(made), want)


@pytest.mark.gl
def test_an_environment_is_seen_along_parallel_rays(ctx):
    ball = torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(1))
    made = replace(scenes.cloud(0, 0), appearance=Appearance(environment=Environment(ball, 5.0)))
    path = FramePath(ctx)
    frame = path.render(StaticModel(made), CAMERA, 0.0, replace(FREE, renderer="sorted"))
    want = made.appearance.environment.seen(CAMERA).numpy()
    assert np.ptp(want, axis=(0, 1)).max() > 0.05
    assert np.abs(frame.picture.read()[..., :3] / 255 - want).max() < 2e-2
    path.release()


@pytest.mark.gl
def test_what_is_picked_is_what_is_seen():
    from viewer.apps.desk import surface_at

    one = splats(((0.7, 0.3, 3.0), BALL, 0.9, RED))
    camera = scenes.orthographic(pinhole(), 2.0)
    seen = camera.pixels_of(one.means.double().numpy())[0]
    np.testing.assert_allclose(surface_at(one, camera, FREE, tuple(seen)), (0.7, 0.3, 3), atol=1e-6)


@given(pixels, depths, st.floats(-8, 8))
def test_the_wheel_grows_the_view_about_the_pointer(pixel, depth, notches):
    point = rigs.vector(RIG.camera(*SIZE).point_at(pixel, depth))
    near = moves.dolly_to(RIG, point, notches)
    assert near.distance == pytest.approx(RIG.distance * 0.9**notches)
    assert near.orientation == RIG.orientation
    np.testing.assert_allclose(moves.pixel_of(near, point, SIZE), pixel, atol=1e-5)
    in_front = (np.array(point) - near.position) @ near.axes[:, 2]
    assert in_front >= near.distance - 1e-6


@given(pixels, pixels, depths)
def test_a_pan_keeps_what_it_grabbed(pixel, to, depth):
    point = rigs.vector(RIG.camera(*SIZE).point_at(pixel, depth))
    moved = moves.drag_to(RIG, point, to, SIZE)
    np.testing.assert_allclose(moves.pixel_of(moved, point, SIZE), to, atol=1e-6)
    there = moves.at_pixel(RIG, pixel, SIZE)
    moved = rigs.pan(RIG, 5.0, -3.0, SIZE[1])
    want = (pixel[0] + 5, pixel[1] - 3)
    np.testing.assert_allclose(moves.pixel_of(moved, there, SIZE), want, atol=1e-6)


def test_a_double_click_brings_the_surface_to_the_middle_without_a_turn():
    aimed = rigs.aim(RIG, (0.4, 0.2, 0.1))
    assert (aimed.orientation, aimed.distance) == (RIG.orientation, RIG.distance)
    np.testing.assert_allclose(aimed.pivot, (0.4, 0.2, 0.1), atol=1e-9)


def test_flying_forward_grows_the_view():
    near = moves.fly(RIG, (0.0, 0.0, 1.0))
    assert near.distance == pytest.approx(3.0)
    np.testing.assert_allclose(near.pivot, RIG.pivot, atol=1e-9)
    assert moves.fly(RIG, (0.0, 0.0, 9.0)).distance > 0
    plain = replace(RIG, orthographic=False)
    assert moves.fly(plain, (0.0, 0.0, 1.0)) == rigs.fly(plain, (0.0, 0.0, 1.0))


def test_the_key_keeps_what_is_at_the_pivot_as_large():
    state = press(start(), "keypad5")
    assert state.rig == replace(start().rig, orthographic=True)
    before, after = (s.rig.camera(*SIZE) for s in (start(), state))
    corner = np.array([0.5, -0.3, start().rig.distance])
    np.testing.assert_allclose(before.pixels_of(corner), after.pixels_of(corner))
    assert press(state, "keypad5") == start()


def test_a_camera_of_the_dataset_is_seen_as_it_saw():
    there = press(press(start(), "keypad5"), "1")
    assert not there.rig.orthographic
    own = report().cameras[0].camera
    assert compare.stands_at(there.rig, own)
    assert not compare.stands_at(press(there, "keypad5").rig, own)


def test_a_copied_view_and_a_kept_place_say_so():
    line = look.line("a.ply", {}, RIG, 0.0, RenderSettings())
    assert ",ortho --time" in line
    assert look.parsed(line, RenderSettings()).rig.orthographic
    assert not look.rig_of(look.pose(replace(RIG, orthographic=False))).orthographic
    with pytest.raises(ValueError, match="'flat', expected a number"):
        look.rig_of(look.pose(RIG).replace("50,ortho", "flat"))


def test_a_video_is_not_taken_without_perspective(tmp_path, capsys):
    output = str(tmp_path / "a.mp4")
    words = ["record", str(resources.demo()), f"--look={look.pose(RIG)}", "--output", output]
    assert main(words) == 2
    assert "camera paths are seen in perspective alone" in capsys.readouterr().err
    assert (
        not press(start(), "keypad5", "insert", modifiers=("shift",))
        .tour.path.at(0)
        .on(RIG)
        .orthographic
    )


def test_lines_in_the_scene_are_parallel_too():
    found = frusta.of(report())
    away = replace(RIG, position=rigs.vector(found.centers[0] - 3 * RIG.axes[:, 2]))
    for depth in (0.0, 5.0):
        camera = rigs.fly(away, (0.1, 0.0, -depth)).camera(*SIZE)
        pixel = frusta.pixel_of(found, 0, camera)
        np.testing.assert_allclose(pixel, camera.pixels_of(np.array([-0.1, 0.0, 1.0])))
        assert frusta.under(found, camera, pixel, 1.0) == 0
    camera = RIG.camera(*SIZE)
    starts, ends = np.array([[0.0, 0, 0]]), np.array([[1.0, 0, 0]])
    (segment,) = pathlines.seen(camera, starts, ends, 0.01)
    (same,) = pathlines.seen(camera, starts + RIG.axes[:, 2], ends + RIG.axes[:, 2], 0.01)
    np.testing.assert_allclose(segment, same)


@pytest.mark.gl
def test_cameras_are_drawn_where_they_are_seen(ctx):
    from tests.test_frusta import ring
    from viewer.gl.lines import Lines
    from viewer.gl.target import TextureTarget

    found, lines, target = frusta.of(ring()), Lines(ctx), TextureTarget(ctx, *SIZE, "f1")
    camera = replace(RIG, position=(0.0, 0.0, -9.0), orientation=(1.0, 0, 0, 0)).camera(*SIZE)
    target.framebuffer.clear(0.0, 0.0, 0.0, 1.0)
    lines.draw(target.framebuffer, found, camera, 1.5, ((1.0, 0, 0, 1), (0, 1.0, 0, 1)))
    picture = target.read()[..., 0]
    shares = np.linspace(0, 1, 60)[:, None, None]
    points = (found.ends[:, 0] + shares * (found.ends[:, 1] - found.ends[:, 0])).reshape(-1, 3)
    x, y = camera.pixels_of(points @ camera.viewmat[:3, :3].T + camera.viewmat[:3, 3]).T
    on = (x > 0) & (x < SIZE[0]) & (y > 0) & (y < SIZE[1])
    assert on.sum() > 500
    assert (picture[y[on].astype(int), x[on].astype(int)] > 60).mean() > 0.9
    lines.release()
    target.release()
