"""What the window loop is made of, without the window: pace, jobs, the surface under a pixel."""

import threading
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests import scenes
from viewer.apps.desk import Desk, Order, problem, surface_at
from viewer.apps.job import Job
from viewer.apps.pace import IDLE_WAIT, KEPT, SETTLE, Pace, smoothed
from viewer.core.errors import BadArgument, Cancelled, Unusable
from viewer.core.model import StaticModel
from viewer.core.rig import Rig
from viewer.core.session import NO_SCENE
from viewer.core.settings import RenderSettings
from viewer.formats import Loaded
from viewer.render import usable


def test_frame_times_are_those_between_frames_and_the_newest_are_kept():
    pace = Pace()
    for i in range(KEPT + 10):
        pace = pace.began(i * 0.010, active=True)
    assert len(pace.times) == KEPT
    assert pace.times == pytest.approx((10.0,) * KEPT)


def test_a_window_where_nothing_happens_comes_to_rest_and_its_waits_are_no_frame_times():
    pace = Pace()
    for i in range(SETTLE + 2):
        pace = pace.began(i * 0.010, active=False)
    assert pace.idle
    assert pace.wait(working=False) == IDLE_WAIT
    assert 0 < pace.wait(working=True) < IDLE_WAIT
    after = pace.began(100.0, active=True)
    assert not after.idle
    assert after.wait(working=False) == 0.0
    assert max(after.times) < 11


def test_a_frame_limit_is_slept_off():
    pace = Pace().began(1.0, active=True)
    assert pace.rest(1.004, 100) == pytest.approx(0.006)
    assert pace.rest(1.5, 100) == 0.0
    assert pace.rest(1.004, 0) == 0.0


def test_a_job_gives_its_result_and_its_progress():
    job = Job(lambda progress: progress(0.5, "half") or 7, "count")
    assert job.result() == 7
    assert job.done
    assert job.progress == (0.5, "half")


def test_a_job_raises_what_its_work_raised():
    def work(progress):
        raise ZeroDivisionError("a bug")

    with pytest.raises(ZeroDivisionError, match="a bug"):
        Job(work, "fail").result()


def test_a_job_told_to_stop_stops_at_its_next_progress():
    begun = threading.Event()

    def work(progress):
        while True:
            progress(0.1, "on and on")
            begun.set()
            time.sleep(0.001)

    job = Job(work, "endless")
    assert begun.wait(5)
    job.close()
    with pytest.raises(Cancelled):
        job.result()


def loaded(path, options, progress):
    """A scene of one splat; a path named bad is refused."""
    if path.name == "bad":
        raise Unusable("bad: cannot be", "try another")
    return Loaded(StaticModel(scenes.cloud(1, 0)), replace(NO_SCENE, path=str(path)))


def arrive(desk):
    """Wait for what is loading."""
    end = time.monotonic() + 5
    while desk.loading is not None and time.monotonic() < end:
        scene = desk.arrived()
        if scene is not None:
            return scene
        time.sleep(0.001)
    return None


def test_the_old_scene_stays_until_the_new_one_is_there(tmp_path):
    desk = Desk(loaded)
    desk.open(Order(tmp_path / "a"))
    first = arrive(desk)
    desk.open(Order(tmp_path / "bad"))
    with pytest.raises(Unusable):
        arrive(desk)
    assert desk.scene is first
    assert desk.loading is None
    desk.open(Order(tmp_path / "b"))
    assert arrive(desk).report.path.endswith("b")
    desk.release()
    assert desk.scene is None


def test_problems_say_cause_and_fix():
    assert problem(Unusable("cause", "fix"), "x").fix == "fix"
    assert problem(BadArgument("no such option"), "x").cause == "no such option"
    found = problem(ValueError("two\n lines"), "Loading failed")
    assert found.cause == "Loading failed: ValueError: two lines"
    assert "view4d.log" in found.fix


def test_the_surface_under_a_pixel_is_where_the_splat_is():
    splats = scenes.with_opacity(scenes.cloud(1, 1, size=0.2), 0.9)
    splats = replace(splats, means=torch.tensor([[0.5, -0.25, 1.0]]))
    rig = Rig(position=(0.0, 0.0, -3.0), distance=3.0)
    camera = rig.camera(160, 90)
    seen = camera.K @ (camera.viewmat @ np.array([0.5, -0.25, 1.0, 1.0]))[:3]
    at = (seen[0] / seen[2], seen[1] / seen[2])
    np.testing.assert_allclose(
        surface_at(splats, rig.camera(160, 90), RenderSettings(), at), (0.5, -0.25, 1.0), atol=1e-4
    )
    assert surface_at(splats, rig.camera(160, 90), RenderSettings(), (1.0, 1.0)) is None


def test_renderers_that_cannot_be_used_say_why():
    found = dict(usable(None))
    assert "OpenGL" in found["sorted"]
    assert found["reference"] == ""


@pytest.mark.gl
def test_renderers_that_can_be_used_say_nothing(ctx):
    assert dict(usable(ctx))["sorted"] == ""


def test_stage_times_are_smoothed_and_keep_their_rows():
    first = smoothed((), (("slice", 1.0), ("upload", 2.0), ("blend", 3.0)))
    assert first == (("slice", 1.0), ("upload", 2.0), ("blend", 3.0))
    second = smoothed(first, (("slice", 1.0), ("blend", 4.0)))
    assert [name for name, _ in second] == ["slice", "upload", "blend"]
    assert dict(second)["slice"] == 1.0
    assert dict(second)["upload"] < 2.0
    assert 3.0 < dict(second)["blend"] < 4.0
    third = smoothed(second, (("slice", 1.0), ("sort", 1.0), ("blend", 4.0)))
    assert [name for name, _ in third] == ["slice", "sort", "blend", "upload"]
