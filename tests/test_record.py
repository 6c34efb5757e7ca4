"""Frames along a path: what is in them, and that they are the same each time."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests import scenes
from tests.window_program import moving, report
from viewer import cli, resources
from viewer.apps import writers
from viewer.apps.export import Shot, Step, export
from viewer.core import path_presets as presets
from viewer.core.decoder import Environment
from viewer.core.errors import BadArgument, Unusable
from viewer.core.film import Film
from viewer.core.model import StaticModel
from viewer.core.settings import Mode, RenderSettings
from viewer.core.splats import Appearance
from viewer.core.state import State, opened
from viewer.core.target import to_bytes
from viewer.frame import FramePath

REFERENCE = RenderSettings(renderer="reference")


def shot(film: Film, preset: str = "orbit", seconds: float = 0.5, **changes) -> Shot:
    found = report(Path("test"))
    state = opened(State(), found)
    path = presets.PRESETS[preset](state.rig, state.playback, seconds)
    made = Shot(moving(), path, state.playback, REFERENCE, film)
    return replace(made, **changes)


def taken(made: Shot, folder: Path, draw: FramePath | None = None) -> list[np.ndarray]:
    steps = list(export(draw or FramePath(None), made, folder))
    assert [s.fraction for s in steps][-1] == 1.0
    assert steps[-1].written == made.frames
    return [np.asarray(Image.open(p)) for p in sorted(folder.iterdir())]


def layers(made: Shot, seconds: float, grid: tuple[int, int]) -> np.ndarray:
    """A moment, premultiplied, as the reference draws it."""
    from viewer.core import playback as clock
    from viewer.core.rig import Rig

    key = made.path.at(seconds)
    camera = key.on(Rig()).camera(*grid)
    time = clock.wrapped(made.playback, key.time)
    return FramePath(None).render(made.model, camera, time, REFERENCE).layer.read()


def test_moments_lie_within_the_open_shutter():
    assert Film(fps=10).moments(3) == (0.3,)
    got = Film(fps=10, blur=4, shutter=180).moments(2)
    np.testing.assert_allclose(got, [0.20625, 0.21875, 0.23125, 0.24375])
    assert Film(fps=10).frames(0.0) == 1


def test_a_plain_film_is_the_picture_as_drawn(tmp_path):
    made = shot(Film((48, 32), fps=6))
    pictures = taken(made, tmp_path / "a")
    assert len(pictures) == 3
    want = layers(made, 1 / 6, (48, 32))[..., :3]  # over black
    np.testing.assert_array_equal(pictures[1], to_bytes(want))


def test_blur_averages_moments_before_it_rounds(tmp_path):
    made = shot(Film((48, 32), fps=6, blur=5, shutter=270))
    pictures = taken(made, tmp_path / "a")
    each = [layers(made, s, (48, 32)) for s in made.film.moments(1)]
    want = to_bytes(np.mean(each, 0)[..., :3])
    assert np.abs(pictures[1].astype(int) - want).max() <= 1
    assert (pictures[1] == want).mean() > 0.99
    rounded = np.mean([to_bytes(e)[..., :3] for e in each], 0)
    assert np.abs(pictures[1] - rounded).max() > 0.3


def test_supersampling_averages_samples(tmp_path):
    made = shot(Film((48, 32), fps=6, supersample=3))
    pictures = taken(made, tmp_path / "a")
    fine = layers(made, 0.0, (144, 96))
    want = to_bytes(fine.reshape(32, 3, 48, 3, 4).mean((1, 3))[..., :3])
    assert np.abs(pictures[0].astype(int) - want).max() <= 1


def test_transparent_pictures_have_straight_alpha(tmp_path):
    made = shot(Film((48, 32), fps=6, transparent=True, blur=2))
    picture = taken(made, tmp_path / "a")[2]
    assert picture.shape == (32, 48, 4)
    want = np.mean([layers(made, s, (48, 32)) for s in made.film.moments(2)], 0)
    np.testing.assert_allclose(picture[..., 3] / 255, want[..., 3], atol=0.51 / 255)
    alpha = picture[..., 3:] / 255
    np.testing.assert_allclose(
        picture[..., :3] / 255 * alpha, np.minimum(want[..., :3], alpha), atol=1.5 / 255
    )


def test_what_lies_behind_is_in_every_moment(tmp_path):
    sky = Environment(torch.full((3, 4, 8), 0.5), 60.0)
    model = StaticModel(replace(scenes.cloud(3, 0), appearance=Appearance(environment=sky)))
    plain = taken(shot(Film((48, 32), fps=2), model=model), tmp_path / "a")[0]
    fine = taken(shot(Film((48, 32), fps=2, supersample=2), model=model), tmp_path / "b")[0]
    assert np.abs(plain.astype(int) - fine).mean() < 2
    white = replace(REFERENCE, background=(1.0, 1.0, 1.0))
    model = StaticModel(scenes.cloud(0, 0))
    lit = taken(shot(Film((8, 8), fps=2, blur=2), settings=white, model=model), tmp_path / "c")[0]
    assert (lit == 255).all()


@pytest.mark.gl
@pytest.mark.parametrize("film", [Film((64, 36), 8), Film((64, 36), 8, 2, 3)])
def test_the_same_input_gives_the_same_bytes(ctx, tmp_path, film):
    settings = RenderSettings(renderer="sorted")
    for name in ("a", "b", "a.mp4", "b.mp4"):
        draw = FramePath(ctx, "f4")
        list(export(draw, shot(film, settings=settings), tmp_path / name))
        draw.release()
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
    plain = FramePath(ctx, "f4")
    slow = taken(shot(film), tmp_path / "c")
    quick = taken(shot(film, settings=settings), tmp_path / "d", plain)
    plain.release()
    assert np.abs(np.array(slow, int) - np.array(quick, int)).max() <= 3


def test_measures_are_averaged_as_they_are_shown(tmp_path):
    depth = replace(REFERENCE, mode=Mode.DEPTH)
    plain = taken(shot(Film((24, 16), fps=2), settings=depth), tmp_path / "a")[0]
    fine = taken(shot(Film((24, 16), fps=2, supersample=2), settings=depth), tmp_path / "b")[0]
    assert np.abs(plain.astype(int) - fine).mean() < 12
    with pytest.raises(BadArgument, match="no transparency"):
        taken(shot(Film((24, 16), fps=2, transparent=True), settings=depth), tmp_path / "c")


@pytest.mark.parametrize("name", ["a", "a.mp4"])
def test_an_export_closed_before_its_end_leaves_nothing(tmp_path, name):
    steps = export(FramePath(None), shot(Film((48, 32), fps=6)), tmp_path / name)
    assert isinstance(next(steps), Step)
    next(steps)
    assert not (tmp_path / name).exists()
    steps.close()
    assert list(tmp_path.iterdir()) == []


def test_a_video_says_its_colours_and_keeps_them(tmp_path):
    av = pytest.importorskip("av")
    settings = replace(REFERENCE, background=(0.8, 0.3, 0.1))
    made = shot(Film((64, 32), fps=6), settings=settings, model=StaticModel(scenes.cloud(0, 0)))
    list(export(FramePath(None), made, tmp_path / "a.mp4"))
    with av.open(str(tmp_path / "a.mp4")) as container:
        coded = container.streams.video[0].codec_context
        assert (coded.colorspace, coded.color_primaries, coded.color_trc) == (1, 1, 1)
        frame = next(container.decode(video=0)).reformat(format="rgb24", src_colorspace="itu709")
    np.testing.assert_allclose(frame.to_ndarray()[16, 32], [204, 76.5, 25.5], atol=3)


def recorded(tmp_path, *words: str) -> list[Path]:
    scene, output = str(resources.demo()), tmp_path / "frames"
    fixed = ["record", scene, "--output", str(output), "--size", "32x18", "--fps", "4"]
    assert cli.main([*fixed, *words]) == 0
    return sorted(output.iterdir())


@pytest.mark.gl
def test_record_follows_a_path_in_a_file(tmp_path, capsys):
    entry = {"position": [0, -1, -6], "orientation": [1, 0, 0, 0], "fov": 50, "time": 0.5}
    keys = [{**entry, "seconds": s, "fov": 50 - 5 * s} for s in (0, 1, 2)]
    path = tmp_path / "path.json"
    path.write_text(json.dumps({"view4d.camera_path": 1, "keys": keys}))
    assert len(recorded(tmp_path, "--camera-path", str(path))) == 8
    assert len(recorded(tmp_path, "--camera-path", str(path), "--duration", "3")) == 12
    assert "12 frames of 32x18 at 4 frames a second" in capsys.readouterr().out
    path.write_text("{}")
    scene = str(resources.demo())
    words = ["record", scene, "--output", str(tmp_path / "b"), "--camera-path", str(path)]
    assert cli.main(words) == 1
    assert f"{path}: is no camera path: " in capsys.readouterr().err


@pytest.mark.gl
@pytest.mark.parametrize("preset", presets.PRESETS)
def test_record_knows_presets(tmp_path, preset):
    words = ["--preset", preset, "--duration", "1", "--supersample", "2", "--motion-blur", "2"]
    paths = recorded(tmp_path, *words, "--transparent")
    assert len(paths) == 4
    assert Image.open(paths[0]).mode == "RGBA"


def test_videos_are_made_by_the_first_encoder_that_works(monkeypatch):
    pytest.importorskip("av")
    assert writers.encoder() in writers.ENCODERS
    monkeypatch.setattr(writers, "ENCODERS", {"h264_unheard_of": {}, "libx264": {"crf": "18"}})
    assert writers.encoder() == "libx264"
    monkeypatch.setattr(writers, "ENCODERS", {"h264_unheard_of": {}})
    with pytest.raises(Unusable, match="this PyAV encodes no H"):
        writers.encoder()
