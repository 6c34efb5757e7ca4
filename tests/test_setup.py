"""What a newcomer meets first: the README, the wheel, the demo scene."""

import importlib.util
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from tests import families
from viewer import formats, resources
from viewer.cli import SUBCOMMANDS
from viewer.core.bindings import BINDINGS

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
KEYS_START, KEYS_END = "<!-- keys:", "<!-- end of keys -->"


def keys_table() -> str:
    """The README's table of keys, as BINDINGS has it."""
    rows = [f"| {group} | `{keys}` | {does} |" for group, keys, does in BINDINGS]
    return "\n".join(["| | Keys | What they do |", "|---|---|---|", *rows])


def with_keys(readme: str) -> str:
    """The README with its table of keys written anew."""
    start = readme.index("\n", readme.index(KEYS_START)) + 1
    return f"{readme[:start]}{keys_table()}\n{readme[readme.index(KEYS_END) :]}"


@pytest.fixture(scope="module")
def make_demo() -> ModuleType:
    """assets/make_demo.py as a module."""
    spec = importlib.util.spec_from_file_location("make_demo", ROOT / "assets" / "make_demo.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_demo"] = module  # dataclasses look themselves up
    spec.loader.exec_module(module)
    return module


def test_readme_lists_every_key():
    text = README.read_text(encoding="utf-8")
    assert text == with_keys(text), "`make keys` writes the table of keys again"


def test_readme_lists_every_format():
    text = README.read_text(encoding="utf-8")
    for form in formats.formats():
        row = families.row(form)
        assert row in text, f"`make families` writes the table of formats again ({form.name})"


def test_readme_shows_every_subcommand():
    text = README.read_text(encoding="utf-8")
    for name in SUBCOMMANDS:
        assert f"`view4d {name}" in text, f"the README has no example of {name}"


def test_readme_names_only_subcommands_and_files_that_exist():
    text = README.read_text(encoding="utf-8")
    examples = [part.split("`")[0].split() for part in text.split("`view4d ")[1:]]
    named = {words[0] for words in examples if not words[0].startswith("path/")}
    assert named <= set(SUBCOMMANDS)
    links = [part.split(")")[0] for part in text.split("](")[1:]]
    for link in links:
        assert link.startswith("https://") or (ROOT / link).is_file(), link


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built and unpacked."""
    pytest.importorskip("hatchling", reason="hatchling is not here: the wheel cannot be built")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert built.returncode == 0, built.stderr
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as archive:
        archive.extractall(folder / "unpacked")
    return folder / "unpacked"


def test_wheel_holds_shaders_and_assets(wheel: Path):
    for folder in ("shaders", "assets"):
        files = [p for p in (ROOT / folder).rglob("*") if p.is_file() and p.suffix != ".pyc"]
        assert files
        for path in files:
            assert (wheel / "viewer" / path.relative_to(ROOT)).is_file(), path
    assert not list((wheel / "viewer").rglob("*.pyc"))


def test_wheel_opens_the_demo_away_from_the_checkout(wheel: Path, tmp_path: Path):
    program = (
        "import sys; from viewer import resources; from viewer.cli import main\n"
        "sys.exit(main(['info', str(resources.demo()), '--json']))"
    )
    environment = {**os.environ, "PYTHONPATH": str(wheel)}
    command = [sys.executable, "-c", program]
    ran = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
    )
    assert ran.returncode == 0, ran.stderr
    report = json.loads(ran.stdout)
    assert Path(report["path"]).is_relative_to(wheel)
    assert report["format"] == "ftgs-ply"


def test_demo_is_what_its_script_makes(make_demo: ModuleType, tmp_path: Path):
    make_demo.write_ply(tmp_path / "made.ply", make_demo.columns(make_demo.scene()))
    end = b"end_header\n"
    files = (tmp_path / "made.ply", resources.demo())
    (made, made_rows), (kept, kept_rows) = (file.read_bytes().split(end, 1) for file in files)
    assert made == kept
    # The last bit of a sine differs from one processor to the next.
    rows = [np.frombuffer(rows, "<f4") for rows in (made_rows, kept_rows)]
    np.testing.assert_allclose(*rows, rtol=1e-4, atol=1e-4)
    cameras = json.loads((ROOT / "assets" / "cameras.json").read_text(encoding="utf-8"))
    assert cameras == make_demo.cameras()


def test_demo_loops_without_a_seam(make_demo: ModuleType):
    model, report = formats.load(resources.demo())
    assert not report.warnings
    assert report.frame_step == pytest.approx(1 / (make_demo.FRAMES - 1))
    # One frame after the last is the first again: the same positions, whatever rows they are in.
    last, first = model.slice(1 + report.frame_step), model.slice(0.0)
    seen = [s.means[s.opacities > 0.05] for s in (last, first)]
    assert abs(len(seen[0]) - len(seen[1])) < 0.02 * len(seen[1])
    near = [np.sort(m.numpy(), axis=0) for m in seen]
    quantiles = np.linspace(0, 1, 101)[1:-1]
    a, b = (np.quantile(m, quantiles, axis=0) for m in near)
    np.testing.assert_allclose(a, b, atol=0.02)


def test_demo_starts_at_its_first_camera(make_demo: ModuleType):
    report = formats.load(resources.demo()).report
    assert len(report.cameras) == 8
    np.testing.assert_allclose(report.home.position, report.cameras[0].camera.center, atol=1e-6)
    np.testing.assert_allclose(report.up, (0.0, -1.0, 0.0), atol=1e-6)
    assert report.fps == make_demo.FPS


if __name__ == "__main__":
    README.write_text(with_keys(README.read_text(encoding="utf-8")), encoding="utf-8")
