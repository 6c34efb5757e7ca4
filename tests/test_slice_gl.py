"""The slice that OpenGL makes against the literal one, record by record and as a picture."""

from dataclasses import replace

import moderngl
import numpy as np
import pytest
import torch

from tests import scenes
from tests.tolerances import TOLERANCES
from viewer import formats
from viewer.core.errors import Unusable
from viewer.core.model import StaticModel
from viewer.core.settings import Mode, RenderSettings
from viewer.core.splats import MIN_ALPHA, Appearance
from viewer.core.temporal import TemporalGaussians
from viewer.frame import FramePath
from viewer.gl import context
from viewer.gl.target import TextureTarget
from viewer.prefetch import Prefetch
from viewer.render import packing, projection, reference, slice_gl
from viewer.render.depth_order import HIDDEN, DepthOrder
from viewer.render.packing import Units
from viewer.render.projection import Precision
from viewer.render.slice_gl import GaussianSlicer

pytestmark = pytest.mark.gl
FREE = RenderSettings(renderer="sorted", transmittance_stop=False)
TIMES = (0.5, 0.0, 1.0, 0.31, -0.4, 2.0)


@pytest.fixture(autouse=True)
def by_processor(monkeypatch):
    """As if the processor sorted quicker than compute shaders, whatever this machine's do."""
    monkeypatch.setattr(DepthOrder, "_probe", lambda self, keys, radix: float(radix is not None))


@pytest.fixture
def by_shaders(by_processor, monkeypatch):
    """The other way round."""
    monkeypatch.setattr(DepthOrder, "_probe", lambda self, keys, radix: float(radix is None))


@pytest.fixture
def slicer(ctx):
    made = GaussianSlicer(ctx, Precision(exact=True))
    yield made
    made.release()


def records(slicer: GaussianSlicer, model: TemporalGaussians, time: float) -> np.ndarray:
    """[n, 13] of what is drawn: the row in the source, then the numbers of record.glsl."""
    got = slicer.run(model, time, scenes.camera(), FREE)
    keys = got.keys.read(got.rows, np.uint32)
    table = got.records.read(got.rows * 12, np.float32).reshape(-1, 12)
    rows = [np.arange(a, b) for a, b in model.index.ranges(time)]
    seen = keys != HIDDEN
    np.testing.assert_array_equal(keys[seen].view(np.float32), table[seen, 11])
    index = model.source_index.numpy()[np.concatenate([*rows, np.empty(0, int)])[seen]]
    return np.column_stack([index, table[seen]])


def literal(model: TemporalGaussians, time: float) -> np.ndarray:
    """[n, 8] by the reference: row in the source, center, opacity, RGB, depth; what is drawn."""
    splats, camera = model.slice(time), scenes.camera()
    rgb = splats.seen_from(torch.from_numpy(camera.center).float())
    marked = torch.cat([rgb, splats.index[:, None].float()], 1)  # the row, as one more channel
    p = reference.project(replace(splats, colors=marked), camera, FREE)
    size = torch.tensor([camera.width, camera.height])
    touches = ((p.centers + p.extents > 0) & (p.centers - p.extents < size)).all(1)
    table = torch.cat(
        [p.colors[:, 3:], p.centers, p.opacities[:, None], p.colors[:, :3], p.depths[:, None]], 1
    )
    return table[touches & (p.opacities >= MIN_ALPHA)].numpy()


@pytest.mark.parametrize("form", scenes.FORMS, ids=str)
def test_records_are_those_of_the_literal_slice(slicer, form):
    model = scenes.moving(1200, **form)
    for time in TIMES:
        got, want = records(slicer, model, time), literal(model, time)
        both, ours, theirs = np.intersect1d(got[:, 0], want[:, 0], return_indices=True)
        # At the very edge of the picture, of the cut or of its life one may be on either side.
        assert len(got) + len(want) - 2 * len(both) <= 2
        table, want = got[ours][:, [1, 2, 7, 9, 10, 11, 12]], want[theirs, 1:]
        assert np.abs((table - want) / (1 + np.abs(want))).max(initial=0) < 2e-4
        assert abs(int(slicer._alive.read(1, np.uint32)[0]) - len(model.slice(time))) <= 1


def test_groups_that_do_not_fit_into_a_row_stand_in_several(ctx, slicer, monkeypatch):
    model = scenes.moving(1200)
    whole = records(slicer, model, 0.5)
    monkeypatch.setattr(projection, "MOST_GROUPS", 2)
    another = GaussianSlicer(ctx, Precision(exact=True))  # whose buffers do not hold the answer yet
    np.testing.assert_array_equal(records(another, model, 0.5), whole)
    another.release()


def test_one_scene_at_a_time_lies_on_the_device(ctx):
    path = FramePath(ctx, "f4")
    held = []
    for model in (scenes.moving(5000), StaticModel(scenes.cloud(5000, 0)), scenes.moving(50)):
        held.append(path.render(model, scenes.camera(), 0.5, FREE).stats.device_memory)
    assert 5000 * 116 < held[0] < 5000 * (116 + 3 * 52)  # what ARCHITECTURE.md says, and slack
    assert held[1] < 5000 * 200
    assert held[2] < 5000 * 100  # neither model is there any more: room for its frames is
    path.release()


@pytest.mark.parametrize("form", scenes.FORMS, ids=str)
def test_picture_is_that_of_the_literal_slice(ctx, form):
    model, camera, path = scenes.moving(1500, **form), scenes.camera(), FramePath(ctx, "f4")
    for time in (0.5, 0.1):
        frame = path.render(model, camera, time, FREE)
        want = reference.image(model.slice(time), camera, FREE).numpy()
        TOLERANCES["sorted 32F, no stop"].check(frame.layer.read(), want)
        assert dict(frame.stats.spans).keys() == {"slice", "sort", "blend", "composite"}
        assert abs(frame.stats.alive - len(model.slice(time))) <= 1
    path.release()


@pytest.mark.parametrize("form", scenes.FORMS, ids=str)
def test_packed_for_display_it_is_nearly_the_same_picture(ctx, form):
    model, camera = scenes.moving(1500, **form), scenes.camera()
    exact, display = FramePath(ctx, "f4"), FramePath(ctx, "f2")
    for time in (0.5, 0.1):
        want, got = (path.render(model, camera, time, FREE) for path in (exact, display))
        TOLERANCES["display"].check(got.layer.read(), want.layer.read())
    assert got.stats.device_memory < 0.9 * want.stats.device_memory
    exact.release()
    display.release()


def test_packed_units_use_the_range_of_halves():
    model = scenes.moving(500)
    g = replace(
        model.gaussians, scales=model.gaussians.scales * 1e-6, width=model.gaussians.width * 1e7
    )
    unit = packing.units(g)
    lives, geometry, _ = packing.packed(g, slice(0, 500), unit)
    width = lives[:, 1:].contiguous().view(torch.float16)[:, 0].float() * unit.width
    scales = geometry[:, 14:16].contiguous().view(torch.float16)[:, :3].float() * unit.scale
    torch.testing.assert_close(width, g.width, rtol=5e-4, atol=0)
    torch.testing.assert_close(scales, g.scales, rtol=5e-4, atol=0)


def test_a_packed_model_takes_the_bytes_that_are_told():
    model = scenes.moving(10)
    words = [part.shape[1] for part in packing.packed(model.gaussians, slice(0, 10), Units())]
    assert 4 * sum(words) == 88  # as ARCHITECTURE.md says of SpacetimeGaussians LITE


@pytest.mark.parametrize("form", scenes.FORMS[:3] + scenes.FORMS[-4:-2], ids=str)
def test_sorting_on_the_device_draws_the_same_to_the_bit(ctx, form, monkeypatch, request):
    model, times = scenes.moving(4000, **form), (0.5, 0.1, 0.9, 0.5)
    pictures, told = [], set()
    for route in ("processor", "shaders"):
        if route == "shaders":
            request.getfixturevalue("by_shaders")
        path = FramePath(ctx, "f4")
        frames = []
        for time in times:
            frame = path.render(model, scenes.camera(), time, FREE)
            frames.append(frame.layer.read())
        told.add(frame.stats.told.split("(")[0])
        pictures.append(frames)
        path.release()
    np.testing.assert_array_equal(pictures[0], pictures[1])
    assert len(told) == 2


def test_counts_that_stay_on_the_device_are_those_of_the_frame_before(ctx, by_shaders):
    models, path = (scenes.moving(500), scenes.moving(700, seed=1)), FramePath(ctx)
    seen = []
    for model, time in ((models[0], 0.5), (models[0], 0.1), (models[0], 0.9), (models[1], 0.9)):
        seen.append(path.render(model, scenes.camera(), time, FREE).stats.alive)
    path.release()
    want = [len(models[0].slice(t)) for t in (0.5, 0.5, 0.1)] + [len(models[1].slice(0.9))]
    assert max(abs(a - b) for a, b in zip(seen, want, strict=True)) <= 1


def test_features_of_a_decoder(ctx):
    decoder = scenes.features().appearance.decoder
    model = scenes.moving(800, changing="rate", appearance=Appearance(decoder=decoder))
    camera, path = scenes.camera(), FramePath(ctx, "f4")
    got = path.render(model, camera, 0.4, FREE).layer.read()
    plain = FramePath(None)
    want = plain.render(model, camera, 0.4, replace(FREE, renderer="reference")).layer.read()
    TOLERANCES["sorted 32F, no stop"].check(got, want)
    path.release()


def test_frames_of_a_trained_scene(ctx, models):
    """The same Gaussians by both slices, on what training leaves: lives, sizes and depths."""
    model, report = formats.load(models / "stg_cook_spinach_splatv")
    camera, path = report.home.camera(160, 90), FramePath(ctx, "f4")
    for share in (0.0, 0.5, 1.0):
        start, end = report.time_range
        time = start + share * (end - start)
        splats = model.slice(time)
        got = path.render(model, camera, time, FREE)
        want = reference.image(splats, camera, FREE).numpy()
        TOLERANCES["sorted 32F, no stop"].check(got.layer.read(), want)
        # Its opacities have 8 bits: many are 1/255 to the last bit, where exp(0) decides.
        assert abs(got.stats.alive - len(splats)) < 1e-3 * len(splats)
    path.release()


def test_packed_frames_of_a_trained_scene(ctx, models):
    model, report = formats.load(models / "stg_cook_spinach_splatv")
    camera, paths = report.home.camera(160, 90), (FramePath(ctx, "f4"), FramePath(ctx, "f2"))
    for time in (0.1, 0.5, 0.9):
        want, got = (path.render(model, camera, time, FREE).layer.read() for path in paths)
        TOLERANCES["display"].check(got, want)
    for path in paths:
        path.release()


def test_a_model_beyond_the_storage_limit_is_split(ctx, slicer, monkeypatch):
    model = scenes.moving(1000, degree=3)
    whole = records(slicer, model, 0.5)
    monkeypatch.setattr(slice_gl, "storage_limit", lambda ctx: 48 * 1000)
    parted = GaussianSlicer(ctx, Precision(exact=True))
    np.testing.assert_array_equal(records(parted, model, 0.5), whole)
    assert len(parted._parts) == 4
    parted.release()


def test_an_instant_beyond_the_storage_limit_is_refused(slicer, monkeypatch):
    monkeypatch.setattr(slice_gl, "storage_limit", lambda ctx: 48 * 10)
    with pytest.raises(Unusable, match=r"Gaussians at once, .* hold 10"):
        slicer.run(scenes.moving(1000), 0.5, scenes.camera(), FREE)


def test_nothing_alive_and_nothing_at_all(ctx):
    path = FramePath(ctx, "f4")
    for model in (scenes.moving(0), scenes.moving(50, seed=3)):
        time = 0.5 if not len(model.index.order) else 1e6
        frame = path.render(model, scenes.camera(), time, FREE)
        seen = len(model.slice(time))
        assert (frame.stats.alive, frame.layer.read().any()) == (seen, bool(frame.stats.drawn))
    path.release()


def test_pictures_repeat_to_the_bit_and_a_wrapped_model_is_sliced_by_the_device(ctx):
    model, path = scenes.moving(3000), FramePath(ctx, "f4")
    first = path.render(model, scenes.camera(), 0.5, FREE)
    picture = first.layer.read()
    again = path.render(Prefetch(model), scenes.camera(), 0.5, FREE)
    np.testing.assert_array_equal(again.layer.read(), picture)
    assert isinstance(again.layer, TextureTarget)
    assert "upload" not in dict(again.stats.spans)
    path.release()


def test_steady_play_allocates_nothing(ctx, monkeypatch):
    model, path = scenes.moving(2000), FramePath(ctx)
    times = np.linspace(0, 1, 30)
    for time in times:
        path.render(model, scenes.camera(), float(time), FREE)

    def refuse(*args, **kwargs):
        raise AssertionError("a buffer or texture was made in steady play")

    for name in ("buffer", "texture", "framebuffer", "program", "compute_shader"):
        monkeypatch.setattr(type(ctx), name, refuse)
    for time in times:
        path.render(model, scenes.camera(), float(time), FREE)
    monkeypatch.undo()
    path.release()


MAKERS = (
    "buffer", "texture", "framebuffer", "program", "compute_shader", "vertex_array", "query",
    "depth_renderbuffer",
)  # fmt: skip


def test_models_sizes_and_renderers_that_take_turns_leave_nothing_behind(ctx, monkeypatch):
    context.sample_query(ctx)  # is the context's own
    made: list[object] = []
    for name in MAKERS:
        make = getattr(type(ctx), name)

        def noted(*args, _make=make, **kwargs):
            made.append(_make(*args, **kwargs))
            return made[-1]

        monkeypatch.setattr(type(ctx), name, noted)

    def held() -> int:
        made[:] = [thing for thing in made if not isinstance(thing.mglo, moderngl.InvalidObject)]
        return len(made)

    models = [*(scenes.moving(60, motion=degree) for degree in range(2)),
              StaticModel(scenes.features()), scenes.Instant(scenes.cloud(60, 0))]  # fmt: skip
    modes = [Mode.COLOR, Mode.DEPTH, Mode.MEDIAN, Mode.COLOR, Mode.CENTERS]
    path = FramePath(ctx)
    counts = []
    for turn in range(1000):
        others = {0: "reference", 25: "peel"}
        name, mode = others.get(turn % 50, "sorted"), modes[turn % len(modes)]
        settings = replace(FREE, renderer=name, mode=mode)
        path.render(models[turn % 4], scenes.camera(16 + turn % 3, 12), 0.5, settings)
        counts.append(held())
    assert max(counts[500:]) <= max(counts[:500])  # all combinations come round in 300
    path.release()
    assert held() == 0
