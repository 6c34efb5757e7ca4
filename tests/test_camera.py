"""Camera, its file, and the conventions that everything else relies on."""

import json

import numpy as np
import pytest

from viewer.core.camera import (
    Camera,
    camera_from_dict,
    camera_to_dict,
    intrinsics,
    load_camera,
    look_at,
)
from viewer.core.errors import Unusable

UP = np.array([0.0, -1.0, 0.0])


def seen() -> Camera:
    return look_at(np.array([1.0, -2.0, -5.0]), np.array([0.5, 0.0, 1.0]), UP, 0.8, (320, 180))


def project(camera: Camera, point: np.ndarray) -> np.ndarray:
    p = camera.viewmat[:3, :3] @ point + camera.viewmat[:3, 3]
    return (camera.K @ p)[:2] / p[2]


def test_axes_are_right_down_forward():
    camera = look_at(np.zeros(3), np.array([0.0, 0.0, 1.0]), UP, 1.0, (100, 100))
    np.testing.assert_allclose(camera.viewmat, np.eye(4), atol=1e-12)


def test_looks_at_its_target_from_its_center():
    camera = seen()
    np.testing.assert_allclose(camera.center, [1, -2, -5], atol=1e-12)
    np.testing.assert_allclose(project(camera, np.array([0.5, 0.0, 1.0])), [160, 90], atol=1e-9)
    above = project(camera, np.array([0.5, -0.1, 1.0]))
    assert above[1] < 90  # row 0 is on top, and y points down in the world


def test_fov_is_that_of_the_height():
    assert seen().fov_y == pytest.approx(0.8)
    assert intrinsics(np.pi / 2, (10, 20))[1, 1] == pytest.approx(10)


def test_resized_keeps_the_view():
    camera = seen()
    for size in ((640, 360), (160, 90), (33, 77)):
        other = camera.resized(*size)
        assert (other.width, other.height) == size
        assert other.fov_y == pytest.approx(camera.fov_y)
        point = np.array([0.5, 0.3, 1.0])
        offset = (project(camera, point) - [160, 90]) / camera.height
        got = (project(other, point) - np.array(size) / 2) / size[1]
        np.testing.assert_allclose(got, offset, atol=1e-12)


def test_file_holds_all_of_it(tmp_path):
    path = tmp_path / "camera.json"
    path.write_text(json.dumps(camera_to_dict(seen())))
    again = load_camera(path)
    assert np.array_equal(again.viewmat, seen().viewmat)
    assert np.array_equal(again.K, seen().K)
    assert (again.width, again.height) == (320, 180)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("viewmat", np.eye(3).tolist(), r"viewmat has shape \(3, 3\)"),
        ("viewmat", [[float("nan")] * 4] * 4, "not finite"),
        ("K", np.zeros((3, 3)).tolist(), "focal lengths are 0 and 0, expected > 0"),
        ("width", 0, "size is 0x180, expected at least 1x1"),
        ("height", "tall", "not made of numbers"),
    ],
)
def test_what_is_wrong_is_said(key, value, message):
    with pytest.raises(ValueError, match=message):
        camera_from_dict(camera_to_dict(seen()) | {key: value})


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(Unusable, match=r"nothing\.json"):
        load_camera(tmp_path / "nothing.json")
