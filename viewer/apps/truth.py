"""The dataset's image over the picture: read on a thread, drawn, and measured against."""

import math
from dataclasses import replace
from pathlib import Path

import moderngl
import numpy as np

from viewer.apps.desk import Scene, problem
from viewer.apps.job import Job
from viewer.core import compare
from viewer.core.compare import Compared
from viewer.core.report import DatasetCamera, Report, Shot
from viewer.core.settings import Mode
from viewer.core.state import State
from viewer.formats import images
from viewer.frame import FramePath
from viewer.gl.stamp import Stamp
from viewer.gl.target import TextureTarget

Vec3 = tuple[float, float, float]
Key = tuple[Shot, Vec3]  # and the background it lies over


class Truth:
    """One image at a time; `compared` says what it is of and how far the picture is from it."""

    def __init__(self, ctx: moderngl.Context) -> None:
        self.compared: Compared | None = None  # None where it is not wanted
        self._stamp = Stamp(ctx)
        self._job: tuple[Key, Job[np.ndarray]] | None = None
        self._held: tuple[Key, np.ndarray | str] | None = None  # the image, or what was wrong
        self._camera: DatasetCamera | None = None  # whose image is drawn
        self._measured: tuple[tuple[object, ...], float] | None = None

    def follow(self, scene: Scene | None, state: State, path: FramePath, still: bool) -> bool:
        """Look for the image of this place and time; whether `path` drew for the measurement.

        still: the picture is the one asked for, and it does not play.
        """
        self._camera = None
        if scene is None or not state.compare.shown:
            self.compared = None
            return False
        found = _place(state, scene.report)
        if found is None:
            self.compared = Compared(note=_advice(scene.report))
            return False
        camera, shot = found
        image = self._image((shot, state.settings.background or scene.report.background))
        self.compared = Compared(camera.name, shot.time)
        if not isinstance(image, np.ndarray):
            self.compared = replace(self.compared, note=image or "Reading the image")
            return False
        self._camera = camera
        if not still or not _same_time(shot, state, scene.report):
            note = "The image is of another time" if still else "Pause to measure"
            self.compared = replace(self.compared, note=note)
            return False
        return self._measure(scene, state, path, camera, image)

    def draw(self, framebuffer: moderngl.Framebuffer, state: State, size: tuple[int, int]) -> None:
        """The image over the picture."""
        if self._camera is not None:
            asked = state.compare
            box = compare.placed(self._camera.camera, state.rig, size)
            self._stamp.draw(framebuffer, box, size, asked.opacity, asked.wipe)

    def release(self) -> None:
        """Free everything on the device."""
        self._stamp.release()

    def _image(self, key: Key) -> np.ndarray | str:
        """The image, what is wrong with it, or nothing yet."""
        if self._job is not None and self._job[1].done:
            read, job = self._job
            self._job = None
            try:
                image = job.result()
                self._stamp.hold(image)
                self._held = read, image
            except Exception as error:
                self._held = read, problem(error, "Reading the image failed").cause
        if self._held is not None and self._held[0] == key:
            return self._held[1]
        if self._job is None:
            shot, background = key
            work = Job(lambda _: images.read(Path(shot.image), background), "image")
            self._job = key, work
        return ""

    def _measure(
        self, scene: Scene, state: State, path: FramePath, camera: DatasetCamera, image: np.ndarray
    ) -> bool:
        assert self.compared is not None
        settings = replace(state.settings, mode=Mode.COLOR)
        key = (scene, camera, self.compared.time, state.playback.shown, settings)
        known = self._measured if self._measured and self._measured[0] == key else None
        if known is not None:
            self.compared = replace(self.compared, psnr=known[1])
            return False
        view = compare.scaled(camera.camera, (image.shape[1], image.shape[0]))
        try:
            frame = path.render(scene.model, view, state.playback.shown, settings, whole=True)
        except Exception as error:
            self._measured = key, math.nan
            self.compared = replace(self.compared, note=problem(error, "Measuring failed").cause)
            return True
        assert isinstance(frame.picture, TextureTarget)
        if not scene.model.pending:
            self._measured = key, compare.psnr(frame.picture.read()[..., :3], image)
            self.compared = replace(self.compared, psnr=self._measured[1])
        return True


def _place(state: State, report: Report) -> tuple[DatasetCamera, Shot] | None:
    """The camera we stand at, with its image nearest in time."""
    if state.camera_index is None:
        return None
    camera = report.cameras[state.camera_index]
    shot = compare.shot_at(camera, state.playback.shown)
    stands = compare.stands_at(state.rig, camera.camera)
    return (camera, shot) if stands and shot is not None else None


def _same_time(shot: Shot, state: State, report: Report) -> bool:
    if shot.time is None or not report.moves:
        return True
    return abs(shot.time - state.playback.shown) <= 0.5 * report.frame_step


def _advice(report: Report) -> str:
    if not report.cameras:
        return "No dataset is beside this model"
    if not any(camera.shots for camera in report.cameras):
        return "The dataset's images are not known here"
    return "Go to a camera of the dataset (N: the nearest)"
