"""Camera paths as files: ours there and back, Nerfstudio's, INRIA's, and broken ones."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from tests.files import camera_entry
from viewer.core import path_presets as presets
from viewer.core import rig as rigs
from viewer.core.errors import Unusable
from viewer.core.path import CameraPath
from viewer.core.playback import Playback
from viewer.core.rig import Rig
from viewer.formats import camera_path

PLAYBACK = Playback(time=2.0, start=0.0, end=9.0, step=1.0, fps=5.0)
MARK = camera_path.MARK


def read(path, held=None, p=PLAYBACK) -> CameraPath:
    if held is not None:
        path.write_text(held if isinstance(held, str) else json.dumps(held))
    return camera_path.load(path, p, [])


@pytest.mark.parametrize("name", presets.PRESETS)
def test_ours_comes_back_as_it_was(tmp_path, name):
    rig = Rig(position=(0.1, -1.0, -5.0), distance=5.0)
    want = presets.PRESETS[name](rig, PLAYBACK, 3.0)
    camera_path.save(tmp_path / "a.json", want)
    got = read(tmp_path / "a.json")
    assert got.closed == want.closed
    for a, b in zip(got.keys, want.keys, strict=True):
        assert (a.seconds, a.position, a.time) == (b.seconds, b.position, b.time)
        assert a.orientation == pytest.approx(b.orientation, abs=1e-15)
        assert a.fov_y == pytest.approx(b.fov_y, abs=1e-15)


def test_a_key_without_a_time_follows_the_footage(tmp_path):
    entry = {"seconds": 1, "position": [0, 0, 0], "orientation": [2, 0, 0, 0], "fov": 50}
    got = read(tmp_path / "a.json", {MARK: 1, "keys": [entry]})
    assert got.keys[0].time == 2 + 5
    assert got.keys[0].orientation == (1, 0, 0, 0)


def nerfstudio(count=3, **more):
    """Cameras that look along +x of the world, their up being -y, in OpenGL's axes."""
    cameras = []
    for i in range(count):
        # right is world -z, down world +y, forward world +x
        matrix = np.eye(4)
        matrix[:3, 0], matrix[:3, 1], matrix[:3, 2] = (0, 0, -1), (0, -1, 0), (-1, 0, 0)
        matrix[:3, 3] = (i, 0, 0)
        cameras.append({"camera_to_world": matrix.flatten().tolist(), "fov": 40, "aspect": 1.5})
    return {"camera_type": "perspective", "camera_path": cameras, "fps": 2, "seconds": 1, **more}


def test_nerfstudio(tmp_path):
    got = read(tmp_path / "a.json", nerfstudio())
    assert [k.seconds for k in got.keys] == [0, 0.5, 1, 1.5]  # the last frame lasts as long
    assert got.keys[3].position == got.keys[2].position
    key = got.keys[1]
    assert key.position == pytest.approx((1, 0, 0))
    np.testing.assert_allclose(
        rigs.matrix(key.orientation), [[0, 0, 1], [0, 1, 0], [-1, 0, 0]], atol=1e-12
    )
    assert key.fov_y == pytest.approx(math.radians(40))
    assert key.time == 2 + 2.5
    held = nerfstudio()
    for i, entry in enumerate(held["camera_path"]):
        entry["render_time"] = i / 2
    assert [k.time for k in read(tmp_path / "a.json", held).keys] == [0, 4.5, 9, 9]


def test_inria_cameras_in_their_order(tmp_path):
    entries = [camera_entry((float(i), 0, -3)) for i in (2, 0, 1)]
    got = read(tmp_path / "cameras.json", entries)
    assert [k.position[0] for k in got.keys] == [2, 0, 1]
    assert [k.seconds for k in got.keys] == [0, 1, 2]
    assert read(tmp_path / "cameras.json", entries, replace(PLAYBACK, end=0.0)).keys[2].time == 2.0


OURS = {"seconds": 0, "position": [0, 0, 0], "orientation": [1, 0, 0, 0], "fov": 50, "time": 0}
BROKEN = {
    "text": ("{", "it is not JSON"),
    "number": ("3", "it holds a int"),
    "other": ({"frames": []}, "has neither view4d.camera_path nor camera_path"),
    "version": ({MARK: 2, "keys": []}, "its version is 2, this program reads 1"),
    "no keys": ({MARK: 1, "keys": []}, "it has no list of keys"),
    "missing": ({MARK: 1, "keys": [{}]}, "key 0 makes no sense (has no seconds)"),
    "order": ({MARK: 1, "keys": [OURS, OURS]}, "the seconds of its keys do not ascend"),
    "before": ({MARK: 1, "keys": [{**OURS, "seconds": -1}]}, "seconds is -1, expected 0 to 86400"),
    "fov": ({MARK: 1, "keys": [{**OURS, "fov": 190}]}, "expected degrees under 180"),
    "nan": ({MARK: 1, "keys": [{**OURS, "time": math.nan}]}, "nan is no number"),
    "quaternion": ({MARK: 1, "keys": [{**OURS, "orientation": [0, 0, 0, 0]}]}, "no quaternion"),
    "two places": ({MARK: 1, "keys": [{**OURS, "position": [0, 0]}]}, "key 0 makes no sense"),
    "empty": ({"camera_path": []}, "it has no cameras"),
    "matrix": ({"camera_path": [{"camera_to_world": [1], "fov": 3}]}, "camera 0 makes no sense"),
    "mirror": ({"camera_path": [{"camera_to_world": [-1, 0, 0, 0] + [0] * 12, "fov": 3}]},
               "rotation is not a rotation"),
    "round": (nerfstudio(camera_type="equirectangular"), "expected perspective"),
    "list": ([], "it lists no cameras"),
    "nonsense list": ([1, {}], "it lists no cameras"),
    "deep": ("[" * 100000, "it is no camera path"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_broken_files_are_one_line(tmp_path, case):
    held, message = BROKEN[case]
    with pytest.raises(Unusable) as caught:
        read(tmp_path / "a.json", held)
    text = str(caught.value)
    assert text.startswith(f"{tmp_path / 'a.json'}: ")
    assert len(text.splitlines()) == 1
    if case != "deep":
        assert message in text


def test_a_missing_file_is_one_line(tmp_path):
    with pytest.raises(Unusable, match="No such file"):
        read(tmp_path / "nowhere.json")
