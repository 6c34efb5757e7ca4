"""The dataset's cameras in the scene: their lines, which one is meant, and how they are drawn."""

from dataclasses import replace

import numpy as np
import pytest

from tests import scenes
from tests.test_state import press, report, start
from viewer.core import frusta
from viewer.core.camera import look_at
from viewer.core.controls import update
from viewer.core.report import DatasetCamera
from viewer.core.session import NO_SCENE
from viewer.core.state import Inputs

EYE = scenes.camera(320, 200)


def ring(count: int = 8):
    """A report with cameras round the origin."""
    cameras = []
    for i in range(count):
        angle = 2 * np.pi * i / count
        eye = 3 * np.array([np.cos(angle), 0.2, np.sin(angle)])
        camera = look_at(eye, np.zeros(3), np.array([0.0, -1, 0]), 0.8, (80, 60))
        cameras.append(DatasetCamera(f"c{i}", camera, i / 10))
    return replace(report(), cameras=tuple(cameras))


def test_a_dataset_without_cameras_has_none():
    assert frusta.of(NO_SCENE) is None


def test_lines_are_those_of_each_cameras_picture():
    found = frusta.of(ring())
    assert found.ends.shape == (80, 2, 3)
    assert found.owner.tolist() == [i for i in range(8) for _ in range(10)]
    camera = ring().cameras[3].camera
    own = found.ends[found.owner == 3]
    np.testing.assert_allclose(own[0, 0], camera.center, atol=1e-6)
    inside = camera.viewmat[:3, :3] @ own[0, 1] + camera.viewmat[:3, 3]
    assert inside[2] == pytest.approx(found.depth)
    seen = camera.K @ inside
    np.testing.assert_allclose(seen[:2] / seen[2], (0, 0), atol=1e-4)


def test_the_camera_under_a_pixel_is_the_nearest_there():
    found = frusta.of(ring())
    view = look_at(np.array([0, 0.6, -9.0]), np.array([0, 0.6, 0]), np.array([0.0, -1, 0]), 0.8,
                   (320, 200))  # fmt: skip
    assert frusta.under(found, view, (160.0, 100.0), 5.0) == 6  # 2 lies behind it
    assert frusta.pixel_of(found, 6, view) == pytest.approx((160.0, 100.0))
    assert frusta.under(found, view, (160.0, 10.0), 5.0) is None
    away = look_at(np.array([0, 0, -9.0]), np.array([0, 0, -20.0]), np.array([0.0, -1, 0]), 0.8,
                   (320, 200))  # fmt: skip
    assert frusta.under(found, away, (160.0, 100.0), 500.0) is None


def test_one_stands_in_the_frustum_of_a_camera_or_in_none():
    found = frusta.of(ring())
    assert frusta.around(found, ring().cameras[5].camera) == 5
    assert frusta.around(found, EYE) is None


def test_keys_show_cameras_and_go_to_the_nearest():
    assert press(start(), "c").interface.cameras
    state, _ = update(start(), Inputs(pressed=("n",)), ring(), 0.0)
    home = np.array(start().rig.position)
    best = max(ring().cameras, key=lambda c: c.camera.center @ home)
    np.testing.assert_allclose(state.rig.position, best.camera.center, atol=1e-9)
    assert update(start(), Inputs(pressed=("n",)), NO_SCENE, 0.0)[0] == start()


@pytest.mark.gl
def test_lines_are_drawn_where_they_lie_and_cut_at_the_near_plane(ctx):
    from viewer.gl.lines import Lines
    from viewer.gl.target import TextureTarget

    found, lines = frusta.of(ring()), Lines(ctx)
    target = TextureTarget(ctx, 320, 200, "f1")
    red, green = (1.0, 0.0, 0.0, 1.0), (0.0, 1.0, 0.0, 1.0)
    view = look_at(np.array([0, 0.6, -9.0]), np.array([0, 0.6, 0]), np.array([0.0, -1, 0]), 0.8,
                   (320, 200))  # fmt: skip

    def drawn(camera, **which):
        target.framebuffer.clear(0.0, 0.0, 0.0, 1.0)
        lines.draw(target.framebuffer, found, camera, 1.5, (red, green), **which)
        return target.read()

    picture = drawn(view)
    expected = np.zeros((200, 320), bool)
    for a, b in found.ends:
        for share in np.linspace(0, 1, 60):
            p = view.K @ (view.viewmat[:3, :3] @ (a + share * (b - a)) + view.viewmat[:3, 3])
            x, y = (p[:2] / p[2]).astype(int)
            if 0 <= x < 320 and 0 <= y < 200:
                expected[y, x] = True
    assert (picture[..., 0] > 60)[expected].mean() > 0.94
    assert (picture[..., 0] > 20).mean() < 4 * expected.mean()
    assert picture[..., 1].max() == 0
    assert drawn(view, lit=2)[..., 1].max() > 200
    everything = (drawn(view)[..., 0] > 60).sum()
    assert (drawn(view, hidden=6)[..., 0] > 60).sum() < everything
    inside = drawn(ring().cameras[0].camera.resized(320, 200))
    assert 0 < (inside[..., 0] > 60).mean() < 0.3  # its own lines begin in the eye itself
    lines.release()
    target.release()


@pytest.mark.gl
def test_a_click_on_a_camera_goes_there_and_a_drag_does_not(ctx):
    pytest.importorskip("imgui_bundle")
    from tests.headless_ui import Headless
    from tests.test_ui import SESSION, SIZE, STATS

    found, seen = frusta.of(ring()), ring()
    state = replace(start(), rig=replace(start().rig, position=(0.0, 0.6, -9.0), distance=9.0))
    one = Headless(ctx, size=SIZE, state=state, report=seen, stats=STATS,
                   session=replace(SESSION, frusta=found)).frame(3)  # fmt: skip
    place = frusta.pixel_of(found, 6, state.rig.camera(*SIZE))
    try:
        one.drag(place, (place[0] + 40, place[1] + 9))
        assert one.state.camera_index is None
        one.state = state
        one.frame().click(*place)
        assert one.state.camera_index == 6
        np.testing.assert_allclose(one.state.rig.position, seen.cameras[6].camera.center, atol=1e-6)
    finally:
        one.release()
