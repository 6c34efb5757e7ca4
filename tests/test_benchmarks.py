"""The benchmarks run: what they measure is for the machine that they are run on."""

import numpy as np
import pytest

from benchmarks import draw_times
from tests import scenes
from viewer.frame import FramePath

pytestmark = pytest.mark.gl


def test_a_frame_is_measured_beside_its_bare_draw(ctx):
    path = FramePath(ctx)
    model, times = scenes.moving(200), np.linspace(0, 1, 3)
    frames, draws, stages = draw_times._measure(path, model, scenes.camera(), times, ctx.finish)
    assert len(frames) == len(draws) == 3
    assert min(frames) > 0
    assert min(draws) > 0
    assert stages.keys() == {"slice", "sort", "blend", "composite"}
    path.release()


def test_a_bare_draw_is_the_frame_again(ctx):
    path, camera = FramePath(ctx), scenes.camera()
    model = scenes.moving(200)
    frame = path.render(model, camera, 0.5, draw_times.SETTINGS)
    want = frame.layer.read()
    draw_times._draw_again(path, frame.layer, model.appearance, camera, frame.stats.drawn)
    np.testing.assert_array_equal(frame.layer.read(), want)
    path.release()
