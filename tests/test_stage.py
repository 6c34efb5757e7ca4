"""The picture in the window is drawn only when something in it changed."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests import scenes
from tests.test_state import report, start
from viewer.apps.desk import Order, Scene
from viewer.apps.stage import Stage, given_way
from viewer.core.model import StaticModel
from viewer.prefetch import Prefetch
from viewer.render.sorted import SortedRenderer

pytestmark = pytest.mark.gl


@pytest.fixture
def stage(ctx):
    """A stage that counts what it draws, and a scene."""
    stage, scene = Stage(ctx), Scene(Order(Path("x")), Prefetch(StaticModel(scenes.cloud(9, 0))),
                                     report())  # fmt: skip
    drawn, render = [], stage.path.render

    def counted(*given, **named):
        drawn.append(given)
        return render(*given, **named)

    stage.path.render = counted
    yield stage, scene, drawn
    stage.release()
    scene.model.release()


def test_the_same_view_is_drawn_once(stage):
    stage, scene, drawn = stage
    state = start()
    first = stage.draw(scene, state, (40, 30), ())
    assert stage.draw(scene, state, (40, 30), ()) is first
    assert (len(drawn), stage.drawn, stage.pending) == (1, True, False)
    stage.draw(scene, replace(state, rig=replace(state.rig, distance=3.0)), (40, 30), ())
    stage.forget()
    stage.draw(scene, state, (40, 30), ())
    assert len(drawn) == 3
    assert stage.stats.total == 9


def test_an_image_that_is_kept_is_whole(stage, monkeypatch):
    stage, scene, drawn = stage
    assert stage.image() is None
    stage.draw(scene, start(), (40, 30), ())
    assert stage.image().shape == (30, 40, 3)
    assert len(drawn) == 1
    lacks = iter([True, False])  # as told when asked, and after it was drawn again
    monkeypatch.setattr(SortedRenderer, "stale", property(lambda self: next(lacks)))
    assert stage.image().shape == (30, 40, 3)
    assert len(drawn) == 2


def test_an_error_is_raised_once_and_leaves_no_picture(stage):
    stage, scene, _ = stage
    broken = given_way(replace(start(), playback=replace(start().playback, playing=True)), "none")
    assert (broken.settings.renderer, broken.playback.playing) == ("none", False)
    with pytest.raises(Exception, match="none"):
        stage.draw(scene, broken, (40, 30), ())
    assert stage.draw(scene, broken, (40, 30), ()) is None
    assert stage.draw(scene, start(), (40, 30), ()) is not None
    stage.clear()
    assert stage.frame is None
