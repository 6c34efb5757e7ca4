"""The text of an error report."""

import pytest

from viewer.apps import doctor, trouble
from viewer.apps.doctor import Finding
from viewer.core.session import Problem

FOUND = [Finding("OpenGL", True, "4.5"), Finding("display", False, "none", "start one")]


def test_a_report_says_what_where_and_on_what(tmp_path):
    log = tmp_path / "log.txt"
    log.write_text("x" * 9000 + "last line\n")
    text = trouble.report(Problem("/a.ply: cut", "fetch it again"), "view /a.ply", FOUND, log)
    assert text.startswith("error: /a.ply: cut\nfix: fetch it again\n\nview: view /a.ply\n\n")
    assert "OpenGL: yes, 4.5\ndisplay: no, none (fix: start one)" in text
    assert text.endswith("last line\n")
    assert len(text) < 9000


def test_a_report_without_fix_view_or_log(tmp_path):
    text = trouble.report(Problem("no"), "", [], tmp_path / "none")
    assert text == "error: no\n\n\n"


@pytest.mark.gl
def test_the_findings_of_a_window_leave_its_context_alone(ctx):
    found = doctor.findings(ctx)
    assert any(f.what == "OpenGL" and f.works for f in found)
    assert ctx.error == "GL_NO_ERROR"
