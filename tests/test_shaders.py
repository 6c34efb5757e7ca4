"""Every shader compiles, and an error names its file and line."""

import pytest

from tests import scenes
from viewer import resources
from viewer.gl import program
from viewer.render.host import FETCH
from viewer.render.packing import form
from viewer.render.projection import CONSTANTS

pytestmark = pytest.mark.gl
VERTEX = {"median_count": "splat"}  # of fragment shaders that have none of their own


def stems(suffix: str) -> list[str]:
    return sorted(path.stem for path in resources.shaders().glob(f"*.{suffix}"))


@pytest.mark.parametrize("stem", stems("comp"))
def test_compute_shader_compiles(ctx, stem):
    constants = CONSTANTS | form(scenes.moving(1)) if stem == "slice" else CONSTANTS
    program.compute_program(ctx, stem, constants).release()


@pytest.mark.parametrize("stem", stems("frag"))
def test_draw_program_compiles(ctx, stem):
    own = stem if (resources.shaders() / f"{stem}.vert").exists() else "fullscreen"
    constants, vertex = CONSTANTS | FETCH, VERTEX.get(stem, own)
    program.draw_program(ctx, vertex, constants, fragment=stem).release()


def test_every_vertex_shader_is_used():
    unused = set(stems("vert")) - set(stems("frag")) - {"fullscreen"}
    assert not unused


def test_error_names_the_file_and_the_line_of_an_include(ctx, tmp_path, monkeypatch):
    (tmp_path / "include").mkdir()
    (tmp_path / "include" / "broken.glsl").write_text("// one\nfloat f() { return nothing; }\n")
    (tmp_path / "bad.comp").write_text(
        '#version 430\nlayout(local_size_x = 1) in;\n#include "broken.glsl"\nvoid main() { f(); }\n'
    )
    monkeypatch.setattr(resources, "shaders", lambda: tmp_path)
    with pytest.raises(program.ShaderError, match=r"include/broken\.glsl[:(]2"):
        program.compute_program(ctx, "bad", {})


def test_error_after_an_include_counts_lines_of_its_own_file(ctx, tmp_path, monkeypatch):
    (tmp_path / "include").mkdir()
    (tmp_path / "include" / "fine.glsl").write_text("float f() {\n return 1.0;\n}\n")
    (tmp_path / "bad.comp").write_text(
        '#version 430\nlayout(local_size_x = 1) in;\n#include "fine.glsl"\n'
        "void main() { f(); nothing = 1; }\n"
    )
    monkeypatch.setattr(resources, "shaders", lambda: tmp_path)
    with pytest.raises(program.ShaderError, match=r"bad\.comp[:(]4"):
        program.compute_program(ctx, "bad", {})


def test_constants_are_written_so_that_glsl_reads_them_back_exactly():
    text, _ = program.source("splat.frag", {"A": 1 / 255, "B": 2.0, "C": 3, "D": 1e-8})
    assert "#define A 0.00392156863\n" in text
    assert "#define B 2.0\n" in text
    assert "#define C 3\n" in text
    assert "#define D 1e-08\n" in text
