"""Splats on CUDA's device, drawn by OpenGL: with a stand-in everywhere, on a GPU where one is.

The stand-in's device memory is the host's, and what it maps holds garbage until it is written.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace

import moderngl
import numpy as np
import pytest
import torch
from torch._functorch import config
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.symbolic_shapes import ShapeEnv
from torch.utils._python_dispatch import TorchDispatchMode

from tests import cuda_runtime, scenes
from tests.tolerances import TOLERANCES
from viewer.core.camera import Camera
from viewer.core.errors import Unusable
from viewer.core.settings import Mode, RenderSettings
from viewer.core.splats import Splats
from viewer.core.timing import Spans
from viewer.cuda import upload
from viewer.cuda.ferry import Ferry
from viewer.cuda.runtime import Runtime
from viewer.gl.buffers import Storage
from viewer.gl.data_texture import DataTexture
from viewer.gl.target import TextureTarget
from viewer.render import host
from viewer.render import sorted as sorting
from viewer.render.peel import PeelRenderer
from viewer.render.projection import Precision
from viewer.render.protocol import Counts, Renderer, Unsliced
from viewer.render.sorted import SortedRenderer
from viewer.render.sorted_host import HostSortedRenderer
from viewer.render.visibility import front_to_back, largest_scale, sorted_rows

MAP = "cudaGraphicsMapResources"
REGISTERS = ("cudaGraphicsGLRegisterImage", "cudaGraphicsGLRegisterBuffer")
SETTINGS = RenderSettings(transmittance_stop=False)
FORMS: dict[str, Callable[[moderngl.Context, Ferry], Renderer]] = {
    "sorted": lambda ctx, ferry: SortedRenderer(ctx, Precision(True), ferry),
    "sorted without compute shaders": HostSortedRenderer,
    "peel": lambda ctx, ferry: PeelRenderer(ctx, True, ferry),
}
SCENES = {name: scenes.SCENES[name] for name in (
    "rgb", "covariances", "sh degree 3", "harmonics of another place", "points", "discs", "one",
    "equal depths", "empty",
)} | {"features": scenes.features}  # fmt: skip


@pytest.fixture
def ferry(ctx, standin) -> Ferry:
    """All tensors lie on the device."""
    return Ferry(ctx, lambda values: 0, Runtime(standin))


@pytest.fixture(params=FORMS)
def both(request, ctx, ferry) -> Iterator[tuple[Renderer, Renderer]]:
    """A renderer of splats on the device, and its like for the host's."""
    made = FORMS[request.param](ctx, ferry), FORMS[request.param](ctx, Ferry(ctx))
    yield made
    for renderer in made:
        renderer.release()


def drawn(
    ctx: moderngl.Context,
    renderer: Renderer,
    splats: Splats | Unsliced,
    camera: Camera | None = None,
    settings: RenderSettings = SETTINGS,
) -> tuple[np.ndarray, Counts]:
    camera = camera or scenes.camera(96, 64)
    channels = 3 if splats.appearance.decoder is None else 9
    target = TextureTarget(ctx, camera.width, camera.height, "f4", channels)
    ctx.viewport = (0, 0, camera.width, camera.height)
    counts = renderer.render(splats, camera, settings, target, Spans())
    image = target.read()
    target.release()
    return image, counts


def check(ctx, both, splats, camera=None, settings=SETTINGS) -> tuple[str, str]:
    """That both draw the same; gives what each tells."""
    (got, ours), (want, theirs) = (drawn(ctx, one, splats, camera, settings) for one in both)
    np.testing.assert_array_equal(got, want)
    assert ours[:2] == theirs[:2]
    assert len(splats) < 2 or np.abs(want).max() > 0.01
    return ours.told, theirs.told


@pytest.mark.gl
@pytest.mark.parametrize("way", ["interop", "upload"])
@pytest.mark.parametrize("name", SCENES)
def test_splats_on_the_device_are_drawn_as_the_hosts(ctx, both, name, way):
    splats, settings = SCENES[name](), replace(SETTINGS, interop=way, peel_layers=4)
    told = {"interop": "CUDA-OpenGL interop", "upload": "pinned upload"}[way]
    for camera in (scenes.camera(96, 64), scenes.camera(40, 30)):
        ours, theirs = check(ctx, both, splats, camera, settings)
        assert told in ours
        assert told not in theirs
        assert "processor" not in ours


@pytest.mark.gl
@pytest.mark.parametrize("way", ["interop", "upload"])
def test_any_number_follows_any_other(ctx, both, way):
    settings = replace(SETTINGS, interop=way, peel_layers=2)
    for seed, n in enumerate((300, 3000, 40, 0, 1, 2999, 9000)):
        check(ctx, both, scenes.cloud(n, seed, degree=seed % 4), settings=settings)


@pytest.mark.gl
def test_a_frame_maps_once_and_steady_play_registers_nothing(ctx, both, standin):
    settings = replace(SETTINGS, peel_layers=1)
    splats = scenes.cloud(3000, 0)
    drawn(ctx, both[0], splats, settings=settings)
    held = dict(standin.registered)
    for count in (2900, 100, 2950):
        standin.calls.clear()
        drawn(ctx, both[0], splats.rows(torch.arange(count)), settings=settings)
        assert standin.count(MAP) == standin.count("cudaGraphicsUnmapResources") == 1
        assert not any(standin.count(call) for call in REGISTERS)
        assert standin.registered == held
    assert not standin.mapped
    drawn(ctx, both[0], scenes.cloud(9000, 9), settings=settings)
    assert len(standin.registered) == len(held)  # of what grew the old are let go
    assert not set(standin.registered.values()) <= set(held.values())
    both[0].release()
    assert not standin.registered


@pytest.mark.gl
def test_the_same_splats_are_brought_once(ctx, ferry, standin):
    renderer, splats = FORMS["sorted"](ctx, ferry), scenes.cloud(500, 1)
    drawn(ctx, renderer, splats)
    standin.calls.clear()
    drawn(ctx, renderer, splats)
    assert standin.count("cudaMemcpyAsync") == 1  # the order
    renderer.release()


@pytest.mark.gl
def test_coefficients_over_the_drivers_limit_are_evaluated_where_they_lie(
    ctx, ferry, monkeypatch, standin
):
    splats = scenes.cloud(200, 3, degree=3)
    want, _ = drawn(ctx, FORMS["sorted"](ctx, Ferry(ctx)), splats)
    monkeypatch.setattr(sorting, "storage_limit", lambda ctx: 200 * 48)
    renderer = FORMS["sorted"](ctx, ferry)
    for _ in range(2):
        got, counts = drawn(ctx, renderer, splats)
        TOLERANCES["sorted 32F, no stop"].check(got, want)
        assert counts.told == "CUDA-OpenGL interop"
    assert standin.count(MAP) == 3  # of the probe, and once a frame
    renderer.release()


@pytest.mark.gl
def test_interop_that_stops_working_gives_way(ctx, both, standin):
    check(ctx, both, scenes.cloud(500, 1))
    standin.fails[MAP] = cuda_runtime.UNKNOWN
    told, _ = check(ctx, both, scenes.cloud(400, 2))
    assert "pinned upload" in told
    assert f"{MAP}: error 999 (999)" in told


@pytest.mark.gl
def test_what_failed_is_brought_again(ctx, both, standin):
    settings = replace(SETTINGS, interop="upload")
    check(ctx, both, scenes.cloud(300, 1), settings=settings)
    later = scenes.cloud(300, 2)
    standin.fails["cudaMemcpyAsync"] = 700
    with pytest.raises(Unusable, match="error 700"):
        drawn(ctx, both[0], later, settings=settings)
    standin.fails.clear()
    check(ctx, both, later, settings=settings)


@pytest.mark.gl
def test_another_way_is_taken_when_it_is_asked_for(ctx, both, standin):
    splats = scenes.cloud(300, 1)
    for way in ("upload", "interop", "upload"):
        told, _ = check(ctx, both, splats, settings=replace(SETTINGS, interop=way))
        assert (way == "upload") == ("pinned upload" in told)
        assert (way == "interop") == bool(standin.registered)
    assert len(standin.memory) == upload.SLOTS  # of the last


@pytest.mark.gl
def test_without_a_way_splats_go_through_the_processor_and_why_is_told(ctx, both, monkeypatch):
    monkeypatch.setitem(sys.modules, "cuda.bindings.runtime", None)
    ferry = Ferry(ctx, lambda values: 0)
    form = next(form for form in FORMS.values() if type(form(ctx, ferry)) is type(both[0]))
    renderer = form(ctx, ferry)
    told, _ = check(ctx, (renderer, both[1]), scenes.cloud(300, 1))
    assert "copied by way of the processor: cuda-bindings cannot be imported" in told
    with pytest.raises(Unusable, match="cuda-bindings cannot be imported"):
        drawn(ctx, renderer, scenes.cloud(300, 2), settings=replace(SETTINGS, interop="interop"))
    renderer.release()


@pytest.mark.gl
def test_a_model_that_is_sliced_here_takes_the_place_of_splats(ctx, ferry, standin):
    renderer, splats = FORMS["sorted"](ctx, ferry), scenes.cloud(500, 1)
    want, _ = drawn(ctx, renderer, splats)
    assert standin.registered
    drawn(ctx, renderer, Unsliced(scenes.moving(200), 0.5))
    assert not standin.registered
    np.testing.assert_array_equal(drawn(ctx, renderer, splats)[0], want)
    renderer.release()


@pytest.mark.gl
def test_each_tensor_goes_its_own_way(ctx, standin):
    here, there = torch.arange(100.0), torch.arange(100.0, 300.0)
    held, texture = (Storage(ctx), Storage(ctx)), DataTexture(ctx)
    ferry = Ferry(ctx, lambda values: None if values is here else 0, Runtime(standin))
    assert ferry.bring([(here, held[0])], "auto") == ""
    assert not standin.calls  # CUDA is not asked where nothing lies on its device
    cargo = [(here, held[0]), (there.view(10, 20).T, held[1]), (there.view(-1, 4), texture)]
    assert ferry.bring(cargo, "auto") == "CUDA-OpenGL interop"
    np.testing.assert_array_equal(held[0].read(100, np.float32), here)
    np.testing.assert_array_equal(held[1].read(200, np.float32), there.view(10, 20).T.reshape(-1))
    raw = np.frombuffer(texture.texture.read(), np.float32)
    np.testing.assert_array_equal(raw[:200], there)
    ferry.release()
    for into in (*held, texture):
        into.release()


# No CUDA here: tensors without values, on a device that is not the host's, tell where they lie.


class Asked(TorchDispatchMode):
    """Names of the operations that were run."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.names.append(func._overloadpacket.__name__)
        return func(*args, **(kwargs or {}))


@pytest.fixture
def elsewhere() -> Iterator[Callable[[Splats], Splats]]:
    """Splats without values on another device; to mix it with the host's raises."""
    with config.patch(fake_tensor_allow_meta=True):
        mode = FakeTensorMode(shape_env=ShapeEnv())
    with mode:
        device = torch.device("meta")
        yield lambda splats: splats._mapped(lambda t: torch.empty_like(t, device=device))


def test_devices_that_are_mixed_are_noticed(elsewhere):
    splats = elsewhere(scenes.cloud(10, 0))
    with pytest.raises(RuntimeError, match="same device"):
        splats.means + torch.zeros(3)
    with pytest.raises(RuntimeError, match="same device"):
        splats.rows(torch.zeros(3, dtype=torch.int64))


@pytest.mark.parametrize(
    ("name", "mode", "orthographic"),
    [(name, Mode.COLOR, False) for name in (*scenes.SCENES, "features")]
    + [("sh degree 3", Mode.CENTERS, False), ("covariances", Mode.COLOR, True)],
)
def test_culling_sorting_and_projecting_stay_on_the_device(elsewhere, name, mode, orthographic):
    make, camera = scenes.SCENES.get(name, scenes.features), scenes.camera()
    camera = scenes.orthographic(camera) if orthographic else camera
    splats, settings = elsewhere(make()), replace(SETTINGS, mode=mode)
    with Asked() as asked:
        rows, depths = front_to_back(splats, largest_scale(splats), camera, settings)
        made = [host.records(splats.rows(sorted_rows(rows, depths)), camera, settings)]
        if splats.appearance.decoder is not None:
            made.append(host.features(splats))
    assert {tensor.device.type for tensor in (rows, depths, *made)} == {"meta"}
    assert asked.names.count("nonzero") == 1  # the host asks how many there are
    assert "_local_scalar_dense" not in asked.names  # and nothing else


@pytest.mark.gpu
def test_the_device_sorts_as_the_host():
    depths = torch.cat([torch.rand(50_000) * 10, torch.full((1000,), 3.0), torch.rand(9) * 1e-30])
    rows = torch.randperm(len(depths))
    want = sorted_rows(rows, depths)
    assert torch.equal(sorted_rows(rows.cuda(), depths.cuda()).cpu(), want)


@pytest.mark.gl
@pytest.mark.gpu
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("way", ["interop", "upload"])
def test_splats_of_cuda_are_drawn_as_the_hosts(ctx, form, way):
    ours, theirs = (FORMS[form](ctx, Ferry(ctx)) for _ in range(2))
    settings = replace(SETTINGS, interop=way)
    for name, make in SCENES.items():
        splats = make()
        on_device = splats.to(torch.device("cuda"))
        for camera in (scenes.camera(96, 64), scenes.camera(40, 30)):
            got, counts = drawn(ctx, ours, on_device, camera, settings)
            want, _ = drawn(ctx, theirs, splats, camera, settings)
            TOLERANCES["peel 32F" if form == "peel" else "sorted 32F, no stop"].check(got, want)
            assert ("pinned upload" in counts.told) == (way == "upload"), name
    ours.release()
    theirs.release()
