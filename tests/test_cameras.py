"""Cameras beside a model: every kind of file that lists them, and what may be wrong in them."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests import files
from viewer import formats
from viewer.apps.info import as_json
from viewer.core.errors import Unusable
from viewer.core.playback import Playback
from viewer.core.report import DatasetCamera
from viewer.core.state import State, go_to_camera
from viewer.formats import colmap, ply, training, wrong_fov
from viewer.formats.source import Source, silent

TURN = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])  # a quarter about z; w = z = sqrt(1/2)
HALF = 0.5**0.5


def found(folder: Path) -> tuple[tuple[DatasetCamera, ...], list[str]]:
    warnings: list[str] = []
    return training.cameras(folder, warnings), warnings


def frame(center: tuple[float, float, float] = (1, 2, 3), **said: object) -> dict:
    """A frame whose camera looks along -z of the world with y upwards, as OpenGL's does."""
    matrix = np.eye(4)
    matrix[:3, 3] = center
    return {"file_path": "./train/r_000", "transform_matrix": matrix.tolist(), **said}


def write_transforms(path: Path, *frames: object, **said: object) -> None:
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text(json.dumps({**said, "frames": frames}))


SIZED = {"w": 160, "h": 90, "fl_x": 100.0}


def test_transforms_are_opengl_axes_and_keep_lens_and_time(tmp_path):
    turned = np.eye(4)
    turned[:3, :3], turned[:3, 3] = TURN, (4, 5, 6)
    own = {"transform_matrix": turned.tolist(), "fl_x": 120.0, "fl_y": 110.0, "cx": 70.0}
    write_transforms(
        tmp_path / "transforms.json", frame(time=0.25), {**frame(), **own}, **SIZED, cy=40
    )
    (one, two), warnings = found(tmp_path)
    assert warnings == []
    assert (one.name, one.time, one.origin) == ("train/r_000", 0.25, "transforms.json")
    np.testing.assert_allclose(one.camera.center, (1, 2, 3))
    np.testing.assert_allclose(one.camera.viewmat[:3, :3], np.diag([1, -1, -1]))
    assert one.camera.K.tolist() == [[100, 0, 80], [0, 100, 40], [0, 0, 1]]
    np.testing.assert_allclose(two.camera.viewmat[:3, :3], (TURN @ np.diag([1, -1, -1])).T)
    assert two.camera.K.tolist() == [[120, 0, 70], [0, 110, 40], [0, 0, 1]]
    assert two.time is None


def test_transforms_of_blender_take_the_size_of_the_image(tmp_path):
    (tmp_path / "train").mkdir()
    Image.new("RGBA", (200, 100)).save(tmp_path / "train" / "r_000.png")
    write_transforms(tmp_path / "transforms_train.json", frame(), camera_angle_x=np.pi / 2)
    (camera,), warnings = found(tmp_path)
    assert warnings == []
    np.testing.assert_allclose(camera.camera.K, [[100, 0, 100], [0, 100, 50], [0, 0, 1]])


@pytest.mark.parametrize(
    ("said", "size"), [({}, (800, 800)), ({"cx": 320.0, "cy": 240}, (640, 480))]
)
def test_a_size_that_is_nowhere_is_guessed_with_a_warning(tmp_path, said, size):
    outside = {"file_path": "../secret"}
    Image.new("RGB", (9, 9)).save(tmp_path / "secret.png")
    path = tmp_path / "inner" / "transforms.json"
    write_transforms(path, frame(**outside), camera_angle_x=1.0, **said)
    (camera,), warnings = found(path.parent)
    assert (camera.camera.width, camera.camera.height) == size
    assert len(warnings) == 1
    assert f"{size[0]}x{size[1]} taken" in warnings[0]


def test_training_frames_come_first_and_each_pose_once(tmp_path):
    """A pose that was used at several times belongs to none of them."""
    for name, x, time in (("test", 7, 0.5), ("train", 0, 0.0), ("val", 0, 0.75)):
        write_transforms(
            tmp_path / f"transforms_{name}.json",
            frame((x, 0, 0), file_path=name, time=time),
            frame((x, 0, 0), file_path="again", time=0.5),
            **SIZED,
        )
    cameras, warnings = found(tmp_path)
    assert [(c.name, c.time) for c in cameras] == [("train", None), ("test", 0.5)]
    assert warnings == []


def test_nonsense_is_counted_and_a_thousand_are_kept(tmp_path):
    mirrored = {"transform_matrix": np.diag([-1.0, 1, 1, 1]).tolist()}
    bad = ["text", {}, frame(fl_x="wide"), frame(w=0), frame(time=float("nan")), mirrored,
           frame(fl_x=-5), frame(w=10**9), frame((np.inf, 0, 0)), frame((1e305, 0, 0))]  # fmt: skip
    good = [frame((i, 0, 0)) for i in range(1003)]
    write_transforms(tmp_path / "transforms.json", *bad, *good, **SIZED)
    cameras, warnings = found(tmp_path)
    assert [c.camera.center[0] for c in cameras] == list(range(1000))
    assert warnings == [
        "10 of 1013 cameras in transforms.json make no sense, left out",
        "1003 cameras in transforms.json, the first 1000 are kept",
    ]


@pytest.mark.parametrize("text", ["", "[]", "{", '{"frames": 7}', "[" * 9999, "\xff"])
def test_transforms_that_are_none_are_one_warning(tmp_path, text):
    (tmp_path / "transforms.json").write_text(text, encoding="latin-1")
    cameras, warnings = found(tmp_path)
    assert cameras == ()
    assert len(warnings) == 1
    assert warnings[0].startswith("transforms.json was not understood (")


def sparse(folder: Path, kind: int = 1, *extra: float) -> Path:
    """A binary sparse model: cam2 then cam10 turned about z, one camera of LENSES[kind]."""
    folder.mkdir(parents=True)
    lens = colmap.LENSES[kind]
    values = [*(100.0, 90.0)[: lens.focals], 70.0, 40.0, *extra]
    values += [0.0] * (lens.values - len(values))
    (folder / "cameras.bin").write_bytes(
        struct.pack(f"<QiiQQ{lens.values}d", 1, 5, kind, 160, 120, *values)
    )
    images = struct.pack("<Q", 2)
    for number, name in ((1, b"cam10.png"), (2, b"cam2.png")):
        images += struct.pack("<i7di", number, HALF, 0, 0, HALF, 1, 2, number, 5)
        images += name + b"\0" + struct.pack("<Q", 3) + bytes(3 * 24)
    (folder / "images.bin").write_bytes(images)
    return folder


def sparse_text(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "cameras.txt").write_text("# Cameras\n5 PINHOLE 160 120 100 90 70 40\n")
    lines = ["# IMAGE_ID, QW, ...", f"1 {HALF} 0 0 {HALF} 1 2 1 5 cam10.png", ""]
    lines += [f"2 {HALF} 0 0 {HALF} 1 2 2 5 cam2.png", "1.5 2.5 -1 " * 9000]
    (folder / "images.txt").write_text("\n".join(lines) + "\n")
    return folder


@pytest.mark.parametrize("write", [sparse, sparse_text])
@pytest.mark.parametrize("inner", ["sparse/0", "sparse", "."])
def test_colmap_is_world_to_camera_by_name_with_its_principal_point(tmp_path, write, inner):
    write(tmp_path / "set" / inner)
    cameras, warnings = found(tmp_path / "set")
    ending = ".bin" if write is sparse else ".txt"
    assert warnings == []
    assert [c.name for c in cameras] == ["cam2.png", "cam10.png"]
    assert {c.origin for c in cameras} == {(Path(inner) / f"images{ending}").as_posix()}
    camera = cameras[0].camera
    np.testing.assert_allclose(camera.viewmat[:3, :3], TURN, atol=1e-12)
    np.testing.assert_allclose(camera.viewmat[:3, 3], (1, 2, 2))
    assert camera.K.tolist() == [[100, 0, 70], [0, 90, 40], [0, 0, 1]]
    assert (camera.width, camera.height) == (160, 120)


@pytest.mark.parametrize("kind", range(len(colmap.LENSES)), ids=[x.name for x in colmap.LENSES])
def test_every_lens_of_colmap_gives_its_pinhole_part(tmp_path, kind):
    lens = colmap.LENSES[kind]
    free = lens.values > lens.focals + 2
    sparse(tmp_path / "sparse", kind, *([0.1] if free else []))
    cameras, warnings = found(tmp_path)
    fy = 90 if lens.focals == 2 else 100
    assert cameras[0].camera.K.tolist() == [[100, 0, 70], [0, fy, 40], [0, 0, 1]]
    bent = free or "FISHEYE" in lens.name
    said = ["2 cameras in sparse/images.bin have lens distortion, which is left out"]
    assert warnings == (said if bent else [])


def test_colmap_cut_anywhere_is_one_warning(tmp_path):
    folder = sparse(tmp_path / "sparse" / "0")
    for name in ("cameras.bin", "images.bin"):
        whole = (folder / name).read_bytes()
        for size in range(len(whole)):
            (folder / name).write_bytes(whole[:size])
            cameras, warnings = found(tmp_path)
            assert cameras == ()
            assert len(warnings) == 1
            assert warnings[0].startswith(f"sparse/0/{name} was not understood (")
        (folder / name).write_bytes(whole)
    assert len(found(tmp_path)[0]) == 2


def test_colmap_counts_are_checked_against_the_file(tmp_path):
    folder = sparse(tmp_path / "sparse")
    whole = (folder / "images.bin").read_bytes()
    (folder / "images.bin").write_bytes(struct.pack("<Q", 2**60) + whole[8:])
    assert "too few for the 1152921504606846976 entries" in found(tmp_path)[1][0]
    points = whole[:8] + whole[8:].replace(struct.pack("<Q", 3), struct.pack("<Q", 2**62))
    (folder / "images.bin").write_bytes(points)
    assert "ends before the 4611686018427387904 points" in found(tmp_path)[1][0]


def test_an_image_without_its_camera_makes_no_sense(tmp_path):
    folder = sparse_text(tmp_path / "sparse")
    text = (folder / "images.txt").read_text()
    (folder / "images.txt").write_text(text.replace("5 cam10.png", "6 cam 10.png"))
    cameras, warnings = found(tmp_path)
    assert [c.name for c in cameras] == ["cam2.png"]
    assert warnings == ["1 of 2 cameras in sparse/images.txt make no sense, left out"]


RIGHT, DOWN, FORWARD = np.array([[0, 0, -1], [0, 1, 0], [1, 0, 0]])
LLFF = [*np.stack([DOWN, RIGHT, -FORWARD, (7, 8, 9), (120, 160, 90)], 1).ravel(), 0.1, 9]


def test_llff_has_down_right_back(tmp_path):
    np.save(tmp_path / "poses_bounds.npy", np.array([LLFF, LLFF, [np.nan] * 17]))
    (camera,), warnings = found(tmp_path)
    np.testing.assert_allclose(camera.camera.center, (7, 8, 9))
    np.testing.assert_allclose(camera.camera.viewmat[:3, :3], [RIGHT, DOWN, FORWARD])
    assert camera.camera.K.tolist() == [[90, 0, 80], [0, 90, 60], [0, 0, 1]]
    assert warnings == ["1 of 3 cameras in poses_bounds.npy make no sense, left out"]


def test_llff_that_is_none_is_one_warning(tmp_path):
    path = tmp_path / "poses_bounds.npy"
    np.save(path, np.zeros((4, 17)))
    whole = path.read_bytes()
    np.save(path, np.array([{"a": 1}], dtype=object))
    pickled = path.read_bytes()
    np.save(path, np.zeros((4, 15)))
    for content in (b"", whole[:90], whole[:-1], pickled, path.read_bytes(),
                    whole.replace(b"(4, 17)", b"(9, 17)"), b"PK\3\4zip"):  # fmt: skip
        path.write_bytes(content)
        cameras, warnings = found(tmp_path)
        assert cameras == ()
        assert len(warnings) == 1


def test_the_order_in_which_files_are_asked(tmp_path):
    np.save(tmp_path / "poses_bounds.npy", np.zeros((0, 17)))
    sparse(tmp_path / "sparse")
    assert found(tmp_path)[0][0].origin == "sparse/images.bin"
    write_transforms(tmp_path / "transforms.json", frame(), **SIZED)
    assert found(tmp_path)[0][0].origin == "transforms.json"
    (tmp_path / "cameras.json").write_text(json.dumps([files.camera_entry()]))
    assert found(tmp_path)[0][0].origin == "cameras.json"


def test_the_data_set_of_cfg_args_is_read_where_it_exists(tmp_path):
    run, data = tmp_path / "run", tmp_path / "data"
    run.mkdir()
    write_transforms(data / "transforms_train.json", frame(time=0.5), **SIZED)
    ply.write(run / "a.ply", files.gaussians(20))
    for named, count in ((data, 1), (tmp_path / "gone", 0), ("//host/share", 0), (7, 0), (run, 0)):
        value = str(named) if isinstance(named, Path) else named
        (run / "cfg_args").write_text(f"Namespace(source_path={value!r})")
        report = formats.load(run / "a.ply").report
        assert len(report.cameras) == count
    (run / "cfg_args").write_text(f"Namespace(source_path={str(data)!r})")
    report = formats.load(run).report
    assert {s.name: s.origin for s in report.settings}["up"] == "transforms_train.json"
    assert report.up == (0, 1, 0)
    assert report.home.position == (1, 2, 3)


def test_time_of_a_camera_reaches_info_and_the_clock(tmp_path):
    ply.write(tmp_path / "a.ftgs.ply", files.ftgs(), ["ftgs_version 1", "n_frames 20"])
    write_transforms(tmp_path / "transforms.json", frame(), frame((0, 0, 1), time=0.5), **SIZED)
    report = formats.load(tmp_path).report
    assert [c["time"] for c in as_json(report)["cameras"]] == [None, 0.5]
    assert as_json(report)["cameras"][1]["origin"] == "transforms.json"
    state = State(playback=Playback(0.25, end=1.0))
    assert go_to_camera(state, report, 1).playback.time == 0.5
    assert go_to_camera(state, report, 0).playback.time == 0.25


def test_the_wrong_field_of_view_is_mended_by_the_data_set(tmp_path):
    """Runs of native 4DGS write their trainer's focal length; the data set has the true one."""
    entry = files.camera_entry(fx=-wrong_fov.WRONG_FOCAL * 160)
    (tmp_path / "cameras.json").write_text(json.dumps([entry]))
    source = Source(tmp_path / "chkpnt9.pth", {}, silent)
    cameras = training.cameras(tmp_path, source.warnings)
    _, (guessed,) = wrong_fov.projection_of(source, (0, 10), cameras)
    assert guessed.camera.K[0, 0] == pytest.approx(wrong_fov.N3V_FOCAL * 160)
    assert any("--option training_focal" in line for line in source.warnings)
    write_transforms(tmp_path / "transforms_train.json", frame(), **SIZED)
    source = Source(tmp_path / "chkpnt9.pth", {}, silent)
    jacobian, (mended,) = wrong_fov.projection_of(source, (0, 10), cameras)
    assert jacobian is not None
    assert mended.camera.K[0, 0] == pytest.approx(100)
    assert {s.name: s.origin for s in source.settings}["training_focal"] == "transforms_train.json"
    assert source.warnings == []
    (tmp_path / "cameras.json").unlink()
    cameras = training.cameras(tmp_path, source.warnings)
    assert wrong_fov.projection_of(source, (0, 10), cameras)[0] is not None
    assert wrong_fov.projection_of(source, (0, 1), cameras)[0] is None


@pytest.mark.parametrize("kind", ["colmap", "transforms", "llff"])
def test_a_data_set_is_no_model_and_is_told_so(tmp_path, kind):
    (tmp_path / "images").mkdir()
    ply.write(tmp_path / "fused.ply", dict.fromkeys("xyz", np.zeros(3)))  # points it begins with
    if kind == "colmap":
        sparse(tmp_path / "sparse" / "0")
    elif kind == "llff":
        (tmp_path / "poses_bounds.npy").touch()
    else:
        write_transforms(tmp_path / "transforms_train.json", frame())
    with pytest.raises(
        Unusable, match=r"training images and their cameras \(.*not a trained model"
    ):
        formats.load(tmp_path)


def test_real_data_sets(models):
    for name in ("capture_flame_steak_frame0", "dnerf_texture_ball"):
        with pytest.raises(Unusable, match="training images and their cameras"):
            formats.load(models / name)
    cameras, warnings = found(models / "capture_flame_steak_frame0")
    assert (len(cameras), warnings) == (21, [])
    assert cameras[0].name == "cam00.png"
    assert cameras[0].camera.K[[0, 1, 0, 1], [0, 1, 2, 2]] == pytest.approx(
        (1460.64, 1455.03, 1345, 1008), abs=0.01
    )
    axes = np.array([c.camera.viewmat[2, :3] for c in cameras])
    assert (axes @ axes.mean(0) > 0.6).all()  # a bow of cameras that look the same way
    cameras, warnings = found(models / "dnerf_texture_ball")
    assert (len(cameras), warnings) == (12, [])
    assert {c.time for c in cameras} == {None}  # each of them sees every time
    for c in cameras:  # all of them look at the ball, near the origin
        eye = c.camera.viewmat @ (0, 0, 0.5, 1)
        assert np.hypot(eye[0], eye[1]) < 0.25 * eye[2]


WRITERS = {
    "transforms.json": lambda folder: write_transforms(
        folder / "transforms.json", frame(time=0.5, k1=0.1), frame((0, 1, 0)), **SIZED
    ),
    "sparse/0/cameras.bin": lambda folder: sparse(folder / "sparse/0", 4, 0.1),
    "sparse/0/images.bin": lambda folder: sparse(folder / "sparse/0", 4, 0.1),
    "sparse/cameras.txt": lambda folder: sparse_text(folder / "sparse"),
    "sparse/images.txt": lambda folder: sparse_text(folder / "sparse"),
    "poses_bounds.npy": lambda folder: np.save(folder / "poses_bounds.npy", np.array([LLFF] * 2)),
}


@pytest.mark.parametrize("name", WRITERS)
@settings(
    max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_damaged_camera_files_are_warnings_at_most(tmp_path, name, data):
    if not (tmp_path / name).exists():
        WRITERS[name](tmp_path)
        (tmp_path / "whole").write_bytes((tmp_path / name).read_bytes())
    content = bytearray((tmp_path / "whole").read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, min(len(content) - 1, 1500)))
        content[place] = data.draw(st.integers(0, 255))
    (tmp_path / name).write_bytes(content[: data.draw(st.integers(0, len(content)))])
    cameras, warnings = found(tmp_path)
    assert all("\n" not in line for line in warnings)
    assert all(np.isfinite(c.camera.viewmat).all() for c in cameras)
