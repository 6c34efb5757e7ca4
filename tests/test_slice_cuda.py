"""Models sliced on another device: the same scenes there, in halves where wanted, fit for a graph.

What a CUDA graph cannot repeat fails on the meta device as well: it mixes no devices, its values
cannot be read, and no shape can depend on them.
"""

import importlib
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from tests import scenes, tolerances
from tests.cuda_host import HostDevice
from viewer import formats, frame
from viewer.core.camera import Camera, look_at
from viewer.core.model import Model, Movable, Recordable, StaticModel
from viewer.core.settings import RenderSettings
from viewer.core.splats import Splats
from viewer.frame import FramePath
from viewer.prefetch import Prefetch
from viewer.render import cuda, slice_cuda
from viewer.render.slice_cuda import DeviceSlicer, slicing

CPU, META = torch.device("cpu"), torch.device("meta")
RECORDABLE = ("deformable", "hexplane", "swift4d")
MOVABLE = (*RECORDABLE, "ex4dgs", "fourier", "native4d", "omg4")
TRAINED = ("deformable-blender-a", "deformable-real-a", "deformable-6dof-a",
           "hexplane-dnerf-a", "hexplane-dynerf-a")  # fmt: skip
SETTINGS = RenderSettings(renderer="cuda")


@pytest.fixture
def opened(tmp_path) -> Callable[[str], Model]:
    """Opens a small run of a family."""

    def open_(name: str) -> Model:
        write = importlib.import_module(f"tests.samples.{name}").write
        return formats.load(write(tmp_path)).model

    return open_


def facing(splats: Splats) -> Camera:
    """Sees the middle of the scene."""
    target = splats.means.median(0).values.double().numpy()
    away = np.array([0.0, 0.0, -float(splats.means.std())])
    return look_at(target + away, target, np.array([0.0, -1.0, 0.0]), 0.9, (64, 48))


def times(model: Model) -> list[float]:
    return np.linspace(*model.time_range, 3).tolist()


def same(a: Splats, b: Splats, atol: float = 0.0) -> None:
    for one, other in zip(a.tensors(), b.tensors(), strict=True):
        torch.testing.assert_close(one.cpu(), other.cpu(), atol=atol, rtol=0)


@pytest.mark.parametrize("name", MOVABLE)
def test_a_model_that_moved_is_the_same_scene(opened, name):
    model = opened(name)
    assert isinstance(model, Movable)
    there = model.on(CPU, exact=True)
    for time in times(model):
        same(there.slice(time), model.slice(time))
    assert there.count == model.count


@pytest.mark.parametrize("name", RECORDABLE)
def test_a_graph_can_repeat_a_slice(opened, name):
    model = opened(name)
    for exact in (True, False):
        there = model.on(META, exact)
        assert isinstance(there, Recordable)
        splats = there.at(torch.zeros((), device=META))
        assert len(splats) == model.count
        assert {t.device for t in splats.tensors()} == {META}


@pytest.mark.parametrize(
    "unfit",
    [
        lambda splats, time: splats.rows((splats.opacities > time).nonzero().squeeze(1)),
        lambda splats, time: replace(splats, means=splats.means * float(time)),
        lambda splats, time: replace(splats, means=splats.means + torch.ones(3).expand(24, 3)),
    ],
    ids=["shape", "read", "device"],
)
def test_what_a_graph_cannot_repeat_is_noticed(opened, unfit):
    there = opened("deformable").on(META, exact=True)
    time = torch.zeros((), device=META)
    with pytest.raises((RuntimeError, NotImplementedError)):
        unfit(there.at(time), time)


@pytest.mark.parametrize("case", TRAINED)
def test_networks_in_halves_stay_close(golden, tmp_path, case, record_property):
    model = formats.load(golden / case).model
    there, slack = model.on(CPU, exact=False), tolerances.HALVES
    size = float((model.slice(0.0).means.amax(0) - model.slice(0.0).means.amin(0)).norm())
    for time in times(model):
        literal, halves = model.slice(time), there.at(torch.tensor(time))
        error = (halves.means - literal.means).norm(dim=1) / size
        record_property(f"means at {time:.2f}, of the scene's size", float(error.max()))
        assert error.max() < slack.means[0]
        assert error.mean() < slack.means[0] / 3
        close(halves.covariances(), literal.covariances(), slack.covariances[0], traces(literal))
        close(halves.opacities, literal.opacities, slack.opacities[0])
        close(halves.colors, literal.colors, slack.colors[0])
        assert not torch.equal(halves.means, literal.means)  # they are halves


def close(a: Tensor, b: Tensor, most: float, unit: Tensor | float = 1.0) -> None:
    assert ((a - b).abs() / unit).max() < most


def traces(splats: Splats) -> Tensor:
    return splats.covariances().diagonal(dim1=1, dim2=2).sum(1).view(-1, 1, 1)


def test_a_time_is_told_apart_from_the_next_in_halves(opened):
    there = opened("deformable").on(CPU, exact=False)
    a, b = (there.at(torch.tensor(time)) for time in (0.9000, 0.9001))
    assert not torch.equal(a.means, b.means)


def test_the_same_time_is_sliced_once_and_another_model_replaces_the_first(opened):
    slicer = DeviceSlicer(exact=True)
    first, second = opened("deformable"), opened("hexplane")
    a = slicer.slice(first, 0.25, CPU)
    assert a is not None
    assert slicer.slice(first, 0.25, CPU) is a
    assert slicer.slice(Prefetch(first), 0.25, CPU) is a  # a wrapper is not another model
    b = slicer.slice(first, 0.5, CPU)
    assert b is not None
    assert b is not a
    assert slicer.nbytes == first.memory
    c = slicer.slice(second, 0.5, CPU)
    assert c is not None
    same(c, second.slice(0.5))
    slicer.release()
    assert slicer.nbytes == 0


class Unmoved:
    """A model that stays where it is."""

    def __init__(self, model: Model) -> None:
        self.slice, self.appearance, self.count = model.slice, model.appearance, model.count
        self.time_range, self.frame_times, self.memory = model.time_range, None, model.memory


def test_a_model_that_cannot_be_moved_is_left_to_the_processor():
    slicer = DeviceSlicer(exact=True)
    assert slicer.slice(Unmoved(StaticModel(scenes.cloud(5, 0))), 0.0, CPU) is None


def test_without_room_the_processor_slices(opened, monkeypatch, caplog):
    model = opened("deformable")

    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("of 1 GiB nothing is free")

    monkeypatch.setattr(type(model), "on", full)
    slicer = DeviceSlicer(exact=True)
    assert slicer.slice(model, 0.0, CPU) is None
    assert slicer.slice(model, 0.5, CPU) is None
    assert caplog.text.count("sliced on the processor") == 1  # said once, tried once


def test_a_slice_that_cannot_be_recorded_is_made_all_the_same(opened, monkeypatch, caplog):
    model = opened("deformable")

    def refuse(*_: object) -> None:
        raise RuntimeError("operation not permitted when stream is capturing")

    monkeypatch.setattr(slice_cuda, "recorded", refuse)
    same(slicing(model, torch.device("cuda"))(0.5), model.slice(0.5))
    assert "not permitted" in caplog.text


@pytest.mark.parametrize("name", RECORDABLE)
def test_the_frame_path_slices_on_the_device(opened, name, monkeypatch):
    monkeypatch.setattr(cuda, "CudaDevice", lambda ordinal=None: HostDevice())
    monkeypatch.setattr(frame, "cuda_device", lambda: CPU)
    model = opened(name)
    camera = facing(model.slice(0.4))
    path = FramePath(None, "f4")
    sliced = path.render(model, camera, 0.4, SETTINGS)
    assert sliced.stats.device_memory > model.memory
    literal = FramePath(None, "f4").render(
        StaticModel(model.slice(0.4)), camera, 0.4, replace(SETTINGS, renderer="reference")
    )
    assert literal.layer.read()[..., 3].max() > 0.1
    tolerances.TOLERANCES["cuda 32F"].check(sliced.layer.read(), literal.layer.read())
    path.release()


def test_the_reference_stays_on_the_processor(opened, monkeypatch):
    def none() -> torch.device:
        raise AssertionError("asked for a device")

    monkeypatch.setattr(frame, "cuda_device", none)
    path = FramePath(None)
    path.render(
        opened("hexplane"), scenes.camera(16, 16), 0.4, RenderSettings(renderer="reference")
    )


@pytest.mark.gpu
@pytest.mark.parametrize("name", RECORDABLE)
@pytest.mark.parametrize("exact", [True, False])
def test_a_graph_repeats_what_was_recorded(opened, name, exact):
    model, device = opened(name), torch.device("cuda", torch.cuda.current_device())
    slicer, there = DeviceSlicer(exact), model.on(device, exact)
    slicer.slice(model, 0.0, device)
    torch.cuda.synchronize()
    mode = torch.cuda.get_sync_debug_mode()
    torch.cuda.set_sync_debug_mode("error")
    try:
        replayed = [slicer.slice(model, time, device) for time in (0.3, 0.7)]
    finally:
        torch.cuda.set_sync_debug_mode(mode)
    assert replayed[0] is not replayed[1]
    assert replayed[1] is not None
    same(replayed[1], there.slice(0.7), atol=1e-6)
    same(replayed[1], model.slice(0.7), atol=1e-4 if exact else 0.1)


@pytest.mark.gpu
@pytest.mark.parametrize("name", sorted(set(MOVABLE) - set(RECORDABLE)))
def test_other_models_are_sliced_on_the_gpu(opened, name):
    model, device = opened(name), torch.device("cuda", torch.cuda.current_device())
    found = DeviceSlicer(exact=True).slice(model, times(model)[1], device)
    assert found is not None
    same(found, model.slice(times(model)[1]), atol=1e-4)
    assert found.means.is_cuda
