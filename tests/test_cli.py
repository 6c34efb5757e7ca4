"""Every subcommand runs, every refusal is one line, and the exit codes are what scripts rely on."""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests import files, tolerances
from viewer import __version__, cli, resources
from viewer.formats import ply

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> dict[str, Path]:
    return files.write_everything(tmp_path_factory.mktemp("models"))


@pytest.fixture
def scene(written) -> str:
    return str(written["ftgs-ply"])


@pytest.fixture
def camera(tmp_path) -> str:
    entry = {"viewmat": np.eye(4).tolist(), "K": [[50, 0, 20], [0, 50, 10], [0, 0, 1]],
             "width": 40, "height": 20}  # fmt: skip
    entry["viewmat"][2][3] = 4.0
    path = tmp_path / "camera.json"
    path.write_text(json.dumps(entry))
    return str(path)


def run(*words: str) -> int:
    try:
        return cli.main(words)
    except SystemExit as stop:
        return int(stop.code or 0)


def test_program_starts_as_a_script():
    asked = [sys.executable, "main.py", "--version"]
    got = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert got.stdout == f"view4d {__version__}\n"


@pytest.mark.parametrize("name", ["", *cli.SUBCOMMANDS])
def test_help_says_what_there_is(name, capsys):
    assert run(*name.split(), "--help") == 0
    shown = capsys.readouterr().out
    assert (set(cli.SUBCOMMANDS) <= set(shown.split())) if not name else "--debug" in shown


def test_info_in_words_and_as_json(scene, capsys):
    assert run("info", scene) == 0
    shown = capsys.readouterr().out
    assert "ftgs-ply" in shown
    assert "20 frames at 25 frames a second" in shown
    assert run("info", scene, "--json", "--option", "fps=12") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["count"] == 50
    assert report["frames"] == 20
    assert {"name": "fps", "value": "12", "origin": "given"}.items() <= report["options"][1].items()


@pytest.mark.gl
def test_render_to_png_and_npy(scene, camera, tmp_path, capsys):
    for name in ("a.png", "a.npy", "b.npy"):
        size = ("--size", "30x20") if name == "b.npy" else ()
        output = str(tmp_path / name)
        assert (
            run("render", scene, "--time", "0.4", "--camera", camera, *size, "--output", output)
            == 0
        )
    assert "40x20 at time 0.4" in capsys.readouterr().out
    picture = np.asarray(Image.open(tmp_path / "a.png"))
    layer, small = np.load(tmp_path / "a.npy"), np.load(tmp_path / "b.npy")
    assert layer.shape == (20, 40, 4)
    assert small.shape == (20, 30, 4)
    assert layer.dtype == np.float32
    assert layer[..., 3].max() > 0.5
    assert np.abs(picture / 255 - np.clip(layer[..., :3], 0, 1)).max() < 1 / 255


@pytest.mark.gl
def test_background_fills_what_is_empty(scene, camera, tmp_path):
    output = str(tmp_path / "a.png")
    words = ["render", scene, "--camera", camera, "--near", "1000", "--background", "1,0.5,0"]
    assert run(*words, "--output", output) == 0
    assert (np.asarray(Image.open(output)) == [255, 128, 0]).all()


def test_reference_needs_no_opengl(scene, camera, tmp_path, monkeypatch):
    monkeypatch.setattr("viewer.gl.context.headless", lambda: pytest.fail("made a context"))
    output = str(tmp_path / "a.png")
    words = ["render", scene, "--camera", camera, "--renderer", "reference"]
    assert run(*words, "--output", output) == 0


def test_headless_subcommands_import_neither_imgui_nor_glfw(scene, tmp_path):
    code = (
        "import sys; from viewer.cli import main; main(sys.argv[1:]);"
        "print(sorted({'imgui_bundle', 'glfw'} & set(sys.modules)))"
    )
    words = ["render", scene, "--renderer", "reference", "--size", "8x8"]
    asked = [sys.executable, "-c", code, *words, "--output", str(tmp_path / "a.png")]
    got = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
    assert got.stdout.splitlines()[-1] == "[]"


@pytest.mark.gl
def test_record_pictures_and_video(scene, tmp_path, capsys):
    folder, video = tmp_path / "frames", tmp_path / "a.mp4"
    words = ["record", scene, "--orbit", "--size", "32x18", "--fps", "5", "--duration", "1"]
    assert run(*words, "--output", str(folder)) == 0
    shown = capsys.readouterr().out
    assert "5 frames of 32x18 at 5 frames a second" in shown
    assert "a frame took" in shown
    pictures = [np.asarray(Image.open(p)) for p in sorted(folder.iterdir())]
    assert len(pictures) == 5
    assert any((pictures[0] != p).any() for p in pictures[1:])
    pytest.importorskip("av")
    assert run(*words, "--output", str(video)) == 0
    import av

    with av.open(str(video)) as container:
        decoded = list(container.decode(video=0))
    assert len(decoded) == 5
    assert (decoded[0].width, decoded[0].height) == (32, 18)


@pytest.mark.gl
def test_a_stopped_recording_leaves_nothing(scene, tmp_path, capsys, monkeypatch):
    calls = []

    def stop(*_: object) -> np.ndarray:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return np.zeros((18, 32, 4), np.uint8)

    monkeypatch.setattr("viewer.gl.target.TextureTarget.read", stop)
    for name in ("frames", "a.mp4"):
        calls.clear()
        output = str(tmp_path / name)
        assert run("record", scene, "--size", "32x18", "--output", output) == 130
    assert list(tmp_path.iterdir()) == []
    assert "stopped; nothing was written" in capsys.readouterr().err


@pytest.mark.gl
@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a process without a signal")
def test_a_recording_that_is_told_to_end_leaves_nothing(scene, tmp_path):
    """As a batch system does it."""
    output = tmp_path / "frames"
    asked = [sys.executable, "main.py", "record", scene, "--size", "320x180", "--duration", "3600"]
    told = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([*asked, "--output", str(output)], cwd=ROOT, **told) as child:
        try:
            end = time.monotonic() + 60
            while not list(tmp_path.glob(".*.part/frame_*.png")):
                assert child.poll() is None, child.communicate()
                assert time.monotonic() < end
                time.sleep(0.02)
            child.terminate()
            assert "stopped; nothing was written" in child.communicate(timeout=60)[1]
        finally:
            child.kill()
    assert child.returncode == 130
    assert list(tmp_path.iterdir()) == []


@pytest.mark.gl
def test_bench_prints_and_writes_its_figures(scene, tmp_path, capsys):
    output = tmp_path / "bench.json"
    words = ["bench", scene, "--size", "32x18", "--frames", "4", "--warmup", "1", "--repeats", "2"]
    words += ["--quality-frames", "1", "--time-path", "seek", "--renderer", "sorted,peel,reference"]
    words += ["--layers", "40", "--ui"]
    assert run(*words, "--json", str(output)) == 0
    shown = capsys.readouterr().out
    assert "milliseconds a frame" in shown
    assert "peel: " in shown
    assert "passes a frame" in shown
    document = json.loads(output.read_text())
    assert document["schema"] == "view4d-bench-1"
    assert document["scene"]["n_total"] == 50
    names = [r["config"]["backend"] for r in document["results"]]
    assert names == ["sorted", "peel", "reference"]
    for result in document["results"]:
        figures = result["result"]
        assert 0 < figures["frame_ms"]["p50"] <= figures["frame_ms"]["max"]
        assert set(figures["stages_ms"]) >= {"slice_project", "sort", "blend", "present", "own"} - (
            {"sort"} if result["config"]["backend"] == "reference" else set()
        )
        assert figures["quality"]["max_abs"] < 0.02
        drawn_by_gl = result["config"]["backend"] != "reference"
        assert (figures["ui_ms"] is not None and figures["ui_ms"]["build"] > 0) == drawn_by_gl
        assert (1 < figures["passes"]["max"] < 40) == (result["config"]["backend"] == "peel")


@pytest.mark.parametrize("name", ["3dgs-ply", "spacetime", "splatv", "ftgs-ply", "sequence"])
def test_slice_to_npz(written, name, camera, tmp_path):
    output = tmp_path / "a.npz"
    assert run("slice", str(written[name]), "--frame", "0", "--output", str(output)) == 0
    held = np.load(output)
    n = len(held["index"])
    assert held["means"].shape == (n, 3)
    assert held["covars"].shape == (n, 3, 3)
    assert held["opacities"].shape == (n,)
    assert held["quats"].shape == (n, 4)
    assert held["scales"].shape == (n, 3)
    dependent = name in ("3dgs-ply", "ftgs-ply", "sequence")
    assert ("sh" in held) == dependent
    assert ("colors" in held) != dependent
    assert run("slice", str(written[name]), "--camera", camera, "--output", str(output)) == 0
    assert np.load(output)["colors"].shape[1] == 3


@pytest.mark.gl
@pytest.mark.parametrize("name", ["spacetime", "ftgs-ply"])
def test_slice_to_ply_opens_again_with_the_same_picture(written, name, camera, tmp_path):
    first, again, output = tmp_path / "a.npy", tmp_path / "b.npy", tmp_path / "slice.ply"
    words = ["--camera", camera, "--size", "160x80", "--output"]
    assert run("slice", str(written[name]), "--time", "0.4", "--output", str(output)) == 0
    assert run("render", str(written[name]), "--time", "0.4", *words, str(first)) == 0
    assert run("render", str(output), *words, str(again)) == 0
    tolerances.TOLERANCES["slice reopened"].check(np.load(again), np.load(first))


def test_doctor_tells_what_is_here(capsys):
    assert run("doctor") in (0, 1)
    shown = capsys.readouterr().out
    for line in ("OpenGL", "renderer reference", "log file", "video (mp4)", "CUDA", "display"):
        assert line in shown


@pytest.mark.gl
def test_view_without_a_screen_records_one_turn(scene, tmp_path, monkeypatch, capsys):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("viewer.apps.record.SHORTEST", 0.2)
    assert run(scene, "--size", "32x18") == 0
    shown = capsys.readouterr().out
    assert "There is no screen here" in shown
    assert "a frame took" in shown
    assert any((tmp_path / "out").iterdir())


def test_the_demo_is_there():
    assert resources.demo().is_file()
    assert resources.demo().stat().st_size < 4 << 20


BAD_WORDS = {
    "no path": (["info"], "info: the following arguments are required: PATH"),
    "unknown flag": (["info", "SCENE", "--nonsense"], "unrecognized arguments: --nonsense"),
    "size": (["render", "SCENE", "--output", "a.png", "--size", "12"], "--size: "),
    "zero size": (["render", "SCENE", "--output", "a.png", "--size", "0x5"], "--size: "),
    "background": (["render", "SCENE", "--output", "a.png", "--background", "red"],
                   "--background: "),
    "suffix": (["render", "SCENE", "--output", "a.gif"], "expected a name ending in .png or .npy"),
    "slice suffix": (["slice", "SCENE", "--output", "a.txt"],
                     "expected a name ending in .npz or .ply or .splat or .spz"),
    "renderer": (["render", "SCENE", "--output", "a.png", "--renderer", "best"],
                 "renderer is 'best', expected auto, cuda, gsplat, sorted, peel, reference"),
    "bench renderer": (["bench", "SCENE", "--renderer", "sorted,best"], "--renderer is 'best'"),
    "time and frame": (["slice", "SCENE", "--output", "a.npz", "--time", "0", "--frame", "0"],
                       "--time and --frame say the same thing"),
    "frame": (["slice", "SCENE", "--output", "a.npz", "--frame", "99"],
              "--frame is 99, this model has frames 0 to 19"),
    "view": (["render", "SCENE", "--output", "a.png", "--view", "3"],
             "--view is 3, this model has cameras none"),
    "option": (["info", "SCENE", "--option", "colour=red"], "ftgs-ply has no such option"),
    "option form": (["info", "SCENE", "--option", "fps"], "--option: "),
    "frames": (["bench", "SCENE", "--frames", "0"], "--frames: "),
    "layers": (["render", "SCENE", "--output", "a.png", "--layers", "0"], "--layers: "),
    "two ways": (["record", "SCENE", "--output", "a", "--orbit", "--preset", "dolly"],
                 "--preset and --orbit say the same thing"),
    "preset": (["record", "SCENE", "--output", "a", "--preset", "loop"], "invalid choice: 'loop'"),
    "samples": (["record", "SCENE", "--output", "a", "--size", "9999x10", "--supersample", "9"],
                "give a smaller --size or --supersample"),
    "clear video": (["record", "SCENE", "--output", "a.mp4", "--size", "32x18", "--transparent"],
                    "mp4 holds no transparency"),
    "odd video": (["record", "SCENE", "--output", "a.mp4", "--size", "31x18"], "mp4 needs even"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_WORDS)
def test_bad_arguments_are_one_line_and_exit_code_2(case, scene, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words, message = BAD_WORDS[case]
    assert run(*[scene if word == "SCENE" else word for word in words]) == 2
    check_one_line(capsys, message)
    assert list(tmp_path.iterdir()) == []


def test_missing_file_is_one_line_and_exit_code_1(capsys):
    assert run("info", "nowhere/model.ply") == 1
    check_one_line(capsys, "view4d: nowhere/model.ply: no such file or folder")


def test_broken_file_is_one_line_and_exit_code_1_and_writes_nothing(tmp_path, capsys):
    path, output = tmp_path / "a.ply", tmp_path / "a.npz"
    ply.write(path, files.gaussians(20))
    path.write_bytes(path.read_bytes()[:-10])
    assert run("slice", str(path), "--output", str(output)) == 1
    check_one_line(capsys, f"{path}: ends after 19 of the 20 vertices")
    assert not output.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{}", "has no viewmat, K, width, height"),
        ("[]", "holds a list, expected an object"),
        ("{", "not JSON"),
        ('{"viewmat": 1, "K": 2, "width": 3, "height": 4}', "expected (4, 4) and (3, 3)"),
    ],
)
def test_bad_cameras_are_one_line(scene, tmp_path, content, message, capsys):
    path = tmp_path / "camera.json"
    path.write_text(content)
    words = ["render", scene, "--camera", str(path), "--output", str(tmp_path / "a.png")]
    assert run(*words) == 1
    check_one_line(capsys, message)


def test_output_that_cannot_be_written_is_one_line(scene, tmp_path, capsys):
    output = tmp_path / "nowhere" / "a.npz"
    assert run("slice", scene, "--output", str(output)) == 1
    check_one_line(capsys, f"{output}: there is no folder")


def test_record_never_replaces_a_folder_of_other_files(scene, tmp_path, capsys):
    (tmp_path / "notes.txt").touch()
    assert run("record", scene, "--output", str(tmp_path)) == 1
    check_one_line(capsys, "holds other files, expected a new or an empty folder")
    assert (tmp_path / "notes.txt").exists()


def test_no_opengl_is_one_line_with_the_fix(scene, tmp_path, monkeypatch, capsys):
    def refuse(**_: object) -> None:
        raise Exception("(detect) libGL.so not loaded")  # what glcontext raises

    monkeypatch.setattr("moderngl.create_context", refuse)
    assert run("render", scene, "--output", str(tmp_path / "a.png")) == 1
    check_one_line(capsys, "no OpenGL context without a window", "install libegl1")


def test_debug_shows_the_traceback():
    with pytest.raises(cli.Unusable):
        cli.main(["info", "nowhere.ply", "--debug"])


def check_one_line(capsys, *messages: str) -> None:
    shown = capsys.readouterr()
    assert len(shown.err.strip().splitlines()) == 1
    for message in messages:
        assert message in shown.err
