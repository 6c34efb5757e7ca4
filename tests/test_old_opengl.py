"""OpenGL 3.3, as Mesa can pretend to have: what macOS and old drivers get."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from tests import files, scenes
from tests.tolerances import TOLERANCES
from viewer.core.errors import Unusable
from viewer.core.settings import RenderSettings
from viewer.gl import data_texture
from viewer.gl.data_texture import DataTexture
from viewer.render import host, reference
from viewer.render.visibility import front_to_back, largest_scale, sorted_rows

pytestmark = pytest.mark.gl
ROOT = Path(__file__).parents[1]


def run(version: str, *words: str) -> str:
    old = {
        "MESA_GL_VERSION_OVERRIDE": version,
        "MESA_GLSL_VERSION_OVERRIDE": version.replace(".", "") + "0",
    }
    done = subprocess.run(
        [sys.executable, "main.py", *words],
        cwd=ROOT, env=os.environ | old, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("version", ["3.3", "4.1"])
def test_render_and_bench_work_on_an_older_opengl(tmp_path, version):
    scene = str(files.write_everything(tmp_path)["ftgs-ply"])
    pictures = []
    for name in ("auto", "peel", "reference"):
        output = tmp_path / f"{name}.npy"
        size = ("--size", "80x60", "--time", "0.4", "--output", str(output))
        shown = run(version, "render", scene, "--renderer", name, *size)
        assert f", {'sorted' if name == 'auto' else name} " in shown
        pictures.append(np.load(output))
    TOLERANCES["sorted 32F, stop"].check(pictures[0], pictures[2])
    TOLERANCES["peel 32F"].check(pictures[1], pictures[2])
    told = tmp_path / "told.json"
    once = ("--frames", "2", "--warmup", "1", "--repeats", "1", "--quality-frames", "1")
    run(version, "bench", scene, "--size", "80x60", *once, "--json", str(told))
    result = json.loads(told.read_text())["results"][0]
    assert result["config"]["backend"] == "sorted"
    assert {"cull", "sort", "slice_project", "blend"} <= result["result"]["stages_ms"].keys()


def test_doctor_says_what_an_older_opengl_lacks():
    shown = run("3.3", "doctor")
    assert "renderer sorted" in shown
    assert "OpenGL 4.3" in shown


@pytest.mark.parametrize("name", scenes.SCENES)
def test_records_hold_what_the_reference_projects(name):
    splats, camera, settings = scenes.SCENES[name](), scenes.camera(), RenderSettings()
    rows = sorted_rows(*front_to_back(splats, largest_scale(splats), camera, settings))
    got = host.records(splats.rows(rows), camera, settings)
    want = reference.project(splats, camera, settings)
    assert got.shape == (len(want.depths), 12)
    assert got.dtype == torch.float32
    seen = got[:, 6] > 0
    assert seen.any() or not len(seen)
    got = got[seen].double()
    major, minor = got[:, 2:4], got[:, 4:6]
    covars = [
        major[:, i] * major[:, j] + minor[:, i] * minor[:, j] for i, j in ((0, 0), (0, 1), (1, 1))
    ]
    close = {"rtol": 2e-4, "atol": 1e-3}
    torch.testing.assert_close(got[:, :2], want.centers[seen], **close)
    size = want.covars[seen].amax(1, keepdim=True)
    torch.testing.assert_close(torch.stack(covars, 1) / size, want.covars[seen] / size, **close)
    torch.testing.assert_close(got[:, 6], want.opacities[seen], rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(got[:, 8:11], want.colors[seen], **close)
    torch.testing.assert_close(got[:, 11], want.depths[seen], rtol=1e-6, atol=1e-6)


def test_a_data_texture_grows_and_writes_the_part_of_a_line_that_is_used(ctx, monkeypatch):
    monkeypatch.setattr(data_texture, "WIDTH", 8)
    texture = DataTexture(ctx)
    for n in (0, 1, 3, 17, 5, 40):
        values = torch.rand(n, 12)
        texture.write(values)
        held = np.frombuffer(texture._texture.read(), np.float32)
        np.testing.assert_array_equal(held[: 12 * n], values.flatten().numpy())
    assert texture.nbytes >= 40 * 48
    texture.release()


def test_more_splats_than_a_texture_holds_is_refused(ctx, monkeypatch):
    texture = DataTexture(ctx)
    monkeypatch.setattr(texture, "_limit", 2)
    most = 2 * data_texture.WIDTH // 3
    with pytest.raises(Unusable, match=f"{most + 1} splats at once, this driver's .* hold {most}$"):
        texture.write(torch.zeros(most + 1, 12))
    texture.release()
