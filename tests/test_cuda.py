"""The CUDA renderer, whole: its kernels' text run on the processor, and on a GPU where one is."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests import scenes
from tests.cuda_host import HostDevice, HostPresenter
from tests.tolerances import TOLERANCES
from viewer import formats
from viewer.core.errors import Unusable
from viewer.core.model import StaticModel
from viewer.core.settings import INTEROP, Mode, RenderSettings
from viewer.core.splats import Appearance
from viewer.core.target import TensorTarget
from viewer.core.timing import Spans
from viewer.cuda.device import CudaDevice
from viewer.frame import FramePath
from viewer.gl.target import TextureTarget
from viewer.render import cuda, reference
from viewer.render.cuda import CudaRenderer
from viewer.render.protocol import Unsliced

SETTINGS = RenderSettings(renderer="cuda")


@pytest.fixture(params=["host", pytest.param("gpu", marks=pytest.mark.gpu)])
def device(request, monkeypatch):
    """The device that FramePath's `cuda` gets."""
    if request.param == "gpu":
        return CudaDevice()
    made = HostDevice()
    monkeypatch.setattr(cuda, "CudaDevice", lambda ordinal: made)
    monkeypatch.setattr(cuda, "presenter", lambda ctx, interop: HostPresenter(interop))
    return made


def layer(splats, camera, settings=SETTINGS, precision="f4"):
    path = FramePath(None, precision)
    try:
        return path.render(scenes.Instant(splats), camera, 0.0, settings).layer.read()
    finally:
        path.release()


@pytest.mark.parametrize("name", scenes.SCENES)
def test_cuda_equals_the_reference(device, name):
    splats, camera = scenes.SCENES[name](), scenes.camera()
    want = reference.image(splats, camera, SETTINGS).numpy()
    TOLERANCES["cuda 32F"].check(layer(splats, camera), want)


@pytest.mark.parametrize("name", scenes.SCENES)
def test_for_display_it_is_nearly_the_same(device, name):
    splats, camera = scenes.SCENES[name](), scenes.camera()
    want = reference.image(splats, camera, SETTINGS).numpy()
    TOLERANCES["display"].check(layer(splats, camera, precision="f2"), want)


@pytest.mark.parametrize("form", scenes.FORMS, ids=str)
def test_models_are_sliced_as_the_literal_slice_does(device, form):
    model, camera = scenes.moving(600, **form), scenes.camera(80, 45)
    settings = replace(SETTINGS, transmittance_stop=False)
    path = FramePath(None, "f4")
    for time in (0.5, 0.1):
        frame = path.render(model, camera, time, settings)
        want = reference.image(model.slice(time), camera, settings).numpy()
        TOLERANCES["cuda 32F"].check(frame.layer.read(), want)
        assert abs(frame.stats.alive - len(model.slice(time))) <= 1
    path.release()


@pytest.mark.parametrize("form", scenes.FORMS, ids=str)
def test_packed_rows_and_records_draw_nearly_the_same(device, form):
    model, camera = scenes.moving(600, **form), scenes.camera(80, 45)
    path = FramePath(None, "f2")
    frame = path.render(model, camera, 0.4, SETTINGS)
    want = reference.image(model.slice(0.4), camera, SETTINGS).numpy()
    TOLERANCES["display"].check(frame.layer.read(), want)
    shown = frame.picture.read()
    assert shown.dtype == np.uint8
    assert path.precision == "packed, RGBA16F layer"
    over = np.clip(want[..., :3], 0, 1)  # over black
    assert np.abs(shown[..., :3] / 255 - over).max() < 2.5 / 255
    path.release()


@pytest.mark.parametrize("name", ["rgb", "large and opaque", "discs", "equal depths", "empty"])
@pytest.mark.parametrize("mode", list(Mode))
def test_every_mode_equals_the_reference(device, name, mode):
    stop = mode is not Mode.CENTERS  # two dots let 1e-4 through: rounding would decide
    splats, camera = scenes.SCENES[name](), scenes.camera()
    settings = replace(SETTINGS, mode=mode, transmittance_stop=stop)
    want = reference.image(splats, camera, settings).numpy()
    rows = {Mode.MEDIAN: "median depth", Mode.OVERDRAW: "overdraw"}
    TOLERANCES[rows.get(mode, "cuda 32F")].check(layer(splats, camera, settings), want)


@pytest.mark.parametrize(
    "change",
    [
        {"scale": 3.0},
        {"sh_degree": 1},
        {"near": 4.0, "far": 4.5},
        {"min_opacity": 0.4},
        {"antialias": True},
    ],
    ids=str,
)
def test_settings_mean_the_same_as_to_the_reference(device, change):
    splats, settings = scenes.cloud(800, 11, degree=2), replace(SETTINGS, **change)
    want = reference.image(splats, scenes.camera(), settings).numpy()
    TOLERANCES["cuda 32F"].check(layer(splats, scenes.camera(), settings), want)


@pytest.mark.parametrize(
    "name", ["sh degree 3", "covariances", "a trainer's wrong Jacobian", "discs"]
)
def test_views_without_perspective_too(device, name):
    splats, camera = scenes.SCENES[name](), scenes.orthographic(scenes.camera())
    want = reference.image(splats, camera, SETTINGS).numpy()
    TOLERANCES["cuda 32F"].check(layer(splats, camera), want)


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (64, 1), (37, 53), (300, 260)])
def test_any_size(device, size):
    splats, camera = scenes.cloud(500, 12, size=0.2), scenes.camera(*size)
    want = reference.image(splats, camera, SETTINGS).numpy()
    TOLERANCES["cuda 32F"].check(layer(splats, camera), want)


def test_features_are_blended_for_the_decoder(device):
    decoder = scenes.features().appearance.decoder
    moving = scenes.moving(800, changing="rate", appearance=Appearance(decoder=decoder))
    for model in (moving, scenes.Instant(scenes.features())):
        path, plain = FramePath(None, "f4"), FramePath(None)
        settings = replace(SETTINGS, renderer="reference")
        got = path.render(model, scenes.camera(), 0.4, SETTINGS).layer.read()
        want = plain.render(model, scenes.camera(), 0.4, settings).layer.read()
        TOLERANCES["cuda 32F"].check(got, want)
        path.release()


@pytest.mark.gl
@pytest.mark.parametrize("model", [scenes.moving(1500), scenes.Instant(scenes.features())])
def test_into_textures_it_draws_what_it_draws_into_tensors(ctx, device, model):
    paths = FramePath(ctx, "f4"), FramePath(None, "f4")
    texture, tensor = (path.render(model, scenes.camera(), 0.4, SETTINGS) for path in paths)
    assert isinstance(texture.layer, TextureTarget)
    np.testing.assert_allclose(texture.layer.read(), tensor.layer.read(), atol=2e-6)
    for path in paths:
        path.release()


def test_splats_at_one_depth_are_drawn_in_their_order_and_frames_repeat_to_the_bit(device):
    model, camera, path = StaticModel(scenes.ties()), scenes.camera(), FramePath(None, "f4")
    first = path.render(model, camera, 0.0, SETTINGS).layer.read()
    path.render(model, scenes.camera(64, 64), 0.0, SETTINGS)
    np.testing.assert_array_equal(path.render(model, camera, 0.0, SETTINGS).layer.read(), first)
    path.release()


@pytest.mark.parametrize("precision", ["f4", "f2"])
def test_pairs_without_room_are_drawn_once_there_is_some(device, precision):
    """The first frame of a scene waits for its count; a later one is found stale."""
    camera, many = scenes.camera(64, 48), scenes.with_opacity(scenes.cloud(1100, 3, size=3.0), 0.02)
    want = reference.image(many, camera, SETTINGS).numpy()
    row = TOLERANCES["cuda 32F" if precision == "f4" else "display"]
    path = FramePath(None, precision)
    row.check(path.render(StaticModel(many), camera, 0.0, SETTINGS).layer.read(), want)
    path.release()

    grows = StaticModel(scenes.cloud(1100, 3, size=3.0))  # few and then all: the same rows
    faint = replace(SETTINGS, min_opacity=0.95)
    path = FramePath(None, precision)
    path.render(grows, camera, 0.0, faint)
    frame = path.render(grows, camera, 0.0, SETTINGS)
    path.finish()
    assert path.stale == (precision == "f2")
    if path.stale:
        frame = path.render(grows, camera, 0.0, SETTINGS)
        path.finish()
        assert not path.stale
    row.check(frame.layer.read(), reference.image(grows.splats, camera, SETTINGS).numpy())
    path.release()


@pytest.mark.parametrize("precision", ["f4", "f2"])
def test_what_is_going_to_be_read_is_whole(device, precision):
    """An export beside the window's path, and `whole`: no pair is missing, though room was."""
    camera, model = scenes.camera(64, 48), StaticModel(scenes.cloud(1100, 3, size=3.0))
    want = reference.image(model.splats, camera, SETTINGS).numpy()
    row = TOLERANCES["cuda 32F" if precision == "f4" else "display"]
    for beside in (True, False):
        path = FramePath(None, precision)
        path.render(model, camera, 0.0, replace(SETTINGS, min_opacity=0.95))
        drawing = path.beside(precision) if beside else path
        row.check(drawing.render(model, camera, 0.0, SETTINGS, whole=True).layer.read(), want)
        assert not path.stale
        path.release()


def test_instants_of_one_form_share_a_graph_and_other_forms_have_their_own(device):
    camera, path = scenes.camera(80, 45), FramePath(None, "f4")
    clouds = [scenes.cloud(200, seed) for seed in range(3)]
    for splats in (*clouds, *map(scenes.as_covars, clouds)):
        got = path.render(scenes.Instant(splats), camera, 0.0, SETTINGS).layer.read()
        want = reference.image(splats, camera, SETTINGS).numpy()
        TOLERANCES["cuda 32F"].check(got, want)
    assert isinstance(path._renderer, CudaRenderer)
    assert len(path._renderer._graphs) == 2
    path.release()


def test_a_smaller_picture_or_slice_takes_no_new_memory(device, monkeypatch):
    model, path = scenes.moving(2000), FramePath(None)
    path.render(model, scenes.camera(160, 90), 0.5, SETTINGS)
    monkeypatch.setattr(cuda, "Buffers", None)
    for size in ((80, 45), (3, 2), (160, 90)):
        for time in (0.0, 0.5):
            path.render(model, scenes.camera(*size), time, SETTINGS)
    path.release()


@pytest.mark.gl
def test_the_way_into_textures_can_be_chosen(ctx, device):
    path, model = FramePath(ctx), scenes.moving(300)
    for way in (*INTEROP, INTEROP[0]):
        settings = replace(SETTINGS, interop=way)
        told = path.render(model, scenes.camera(), 0.5, settings).stats.told
        assert (way in told) or torch.cuda.is_available()
        assert ("pinned" in told) == (way == "upload") or not torch.cuda.is_available()
    path.release()


def test_steady_play_allocates_nothing_and_records_one_graph(device, monkeypatch):
    model, path = scenes.moving(2000), FramePath(None)
    times = np.linspace(0, 1, 12)
    for time in times:
        path.render(model, scenes.camera(), float(time), SETTINGS)
    monkeypatch.setattr(torch, "empty", None)
    monkeypatch.setattr(type(device), "recorded", None)
    monkeypatch.setattr(type(device), "wait", None)
    for time in times:
        path.render(model, scenes.camera(), float(time), SETTINGS)
    monkeypatch.undo()
    path.release()


def test_a_frame_is_a_dozen_launches():
    device = HostDevice()
    renderer = CudaRenderer(device, exact=True)
    target, camera = TensorTarget(160, 90), scenes.camera()
    source = Unsliced(scenes.moving(3000), 0.5)
    for _ in range(2):
        device.launches.clear()
        renderer.render(source, camera, SETTINGS, target, Spans())
    assert device.launches == [
        "begin", "gaussians", "digits", *["sort"] * 4, "tiles", "spread", "digits", "sort", "blend",
    ]  # fmt: skip


def test_stages_are_timed_one_by_one(device):
    path = FramePath(None, "f4")
    frame = path.render(scenes.moving(500), scenes.camera(), 0.5, SETTINGS, finish=path.finish)
    names = [name for name, _ in frame.stats.spans]
    assert names == ["upload", "slice", "sort", "bin", "blend", "composite"]
    path.release()


def test_nothing_alive_and_nothing_at_all(device):
    path = FramePath(None, "f4")
    for model, time in ((scenes.moving(0), 0.5), (scenes.moving(50, seed=3), 1e6)):
        frame = path.render(model, scenes.camera(), time, SETTINGS)
        seen = len(model.slice(time))
        assert (frame.stats.alive, frame.layer.read().any()) == (seen, bool(frame.stats.drawn))
    path.release()


def test_frames_of_a_trained_scene(device, models):
    model, report = formats.load(models / "stg_cook_spinach_splatv")
    camera, exact, display = report.home.camera(96, 54), FramePath(None, "f4"), FramePath(None)
    start, end = report.time_range
    for time in (start, (start + end) / 2):
        want = reference.image(model.slice(time), camera, SETTINGS).numpy()
        got = exact.render(model, camera, time, SETTINGS).layer.read()
        TOLERANCES["cuda 32F"].check(got, want)
        got = display.render(model, camera, time, SETTINGS).layer.read()
        TOLERANCES["display"].check(got, want)
    exact.release()
    display.release()


def test_without_a_gpu_it_says_so():
    with pytest.raises(Unusable, match=r"PyTorch .* CUDA"):
        cuda.create(None, exact=True)


@pytest.mark.gpu
def test_a_frame_is_one_kernel_and_one_graph_and_never_waits():
    """By the profiler: what the driver is asked for in steady play."""
    model, path = scenes.moving(20_000), FramePath(None)
    times = [k / 50 for k in range(50)]
    for time in times:
        path.render(model, scenes.camera(), time, SETTINGS)
    path.finish()
    activities = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=activities) as profiler:
        with torch.profiler.record_function("steady play"):
            for time in times:
                path.render(model, scenes.camera(), time, SETTINGS)
        path.finish()
    events = list(profiler.events())
    whole = next(event.time_range for event in events if event.name == "steady play")
    asked = [
        event.name
        for event in events
        if event.name.startswith("cu") and whole.start <= event.time_range.start < whole.end
    ]
    counted = {name: asked.count(name) for name in set(asked)}
    assert counted == {"cuLaunchKernel": len(times)}  # cuGraphLaunch is not traced; nothing waits
    assert isinstance(path._renderer, CudaRenderer)
    assert len(path._renderer._graphs) == 1
    path.release()
