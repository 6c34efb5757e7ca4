"""A view as a line of text: what is copied is what is pasted, and what the command line takes."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from viewer import resources
from viewer.cli import main
from viewer.core import look
from viewer.core import rig as rigs
from viewer.core.rig import Rig
from viewer.core.settings import Mode, RenderSettings

HOME = Rig(position=(-0.5, 1.25, -4.0), distance=4.5, up=(0.0, 0.0, 1.0), fov_y=math.radians(40))
FULL = RenderSettings(
    renderer="reference", background=(0.25, 0.5, 1.0), sh_degree=1, scale=2.5, near=0.01, far=40.0,
    mode=Mode.MEDIAN, min_opacity=0.25, antialias=False, peel_layers=7,
)  # fmt: skip
numbers = st.floats(-1e3, 1e3)


@given(numbers, numbers, st.floats(-3, 3), st.floats(-1.4, 1.4), st.floats(0.01, 100))
def test_a_copied_view_is_the_view(x, y, yaw, pitch, distance):
    rig = rigs.look(replace(HOME, position=(x, y, 0.0), distance=distance), yaw, pitch)
    seen = look.parsed(look.line("a b.ply", {}, rig, -0.25, FULL), RenderSettings())
    assert (seen.path, seen.time) == ("a b.ply", -0.25)
    assert seen.settings == replace(FULL, renderer="auto")  # the renderer here stays
    np.testing.assert_allclose(seen.rig.camera(8, 6).viewmat, rig.camera(8, 6).viewmat, atol=1e-4)
    assert seen.rig.fov_y == pytest.approx(rig.fov_y, rel=1e-6)
    assert seen.rig.distance == pytest.approx(distance, rel=1e-6)


def test_a_line_says_only_what_differs():
    line = look.line("/m/run", {"time_duration": "0,10"}, HOME, 0.5, RenderSettings())
    assert line == (
        "/m/run --look=-0.5,1.25,-4,1,0,0,0,4.5,0,0,1,40 --time=0.5 --option=time_duration=0,10"
    )
    seen = look.parsed(line, FULL)
    assert seen.settings == replace(RenderSettings(), renderer="reference")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a line with --look="),
        ("https://example.org", "expected a line with --look="),
        ("a 'b", "expected a line with --look="),
        ("a --look=1,2,3", "found 3 numbers"),
        ("a --look=0,0,0,0,0,0,0,1,0,1,0,50", "not zero"),
        ("a --look=0,0,0,1,0,0,0,1,0,1,0,wide", "'wide', expected a number"),
        ("a --look=0,0,0,1,0,0,0,1,0,1,0,50 --time=nan", "'nan', expected a number"),
        ("a --look=0,0,0,1,0,0,0,1,0,1,0,50 --scale=0", "'0', expected a number above 0"),
        ("a --look=0,0,0,1,0,0,0,1,0,1,0,50 --mode=nice", "'nice', expected color, depth"),
        ("a --look=0,0,0,1,0,0,0,1,0,1,0,50 --antialias=1", "'1', expected model, on, off"),
        ("a --look=0,0,0,1,0,0,0,1,0,1,0,50 --background=1,2", "not enough values"),
    ],
)
def test_other_texts_are_refused(text, message):
    with pytest.raises(ValueError, match=message):
        look.parsed(text, RenderSettings())


@pytest.mark.gl
def test_the_command_line_takes_a_copied_view(tmp_path):
    rig = replace(HOME, up=(0.0, -1.0, 0.0))
    pose = look.pose(rig)
    pictures = []
    for words in ([f"--look={pose}"], []):
        output = tmp_path / f"{len(words)}.npy"
        assert main(["render", str(resources.demo()), *words, "--size", "64x36",
                     "--output", str(output)]) == 0  # fmt: skip
        pictures.append(np.load(output))
    assert (pictures[0] != pictures[1]).any()


@pytest.mark.parametrize("words", [["--look=1,2"], ["--look=0,0,0,1,0,0,0,1,0,1,0,50", "--view=0"]])
def test_a_bad_or_second_view_is_refused(tmp_path, capsys, words):
    line = ["render", str(resources.demo()), *words, "--output", str(tmp_path / "a.npy")]
    try:
        code = main(line)
    except SystemExit as stopped:
        code = stopped.code
    assert code == 2
    said = capsys.readouterr().err
    assert "expected X,Y,Z" in said or "--view and --look say the same thing" in said
