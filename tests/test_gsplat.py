"""The renderer gsplat: what it hands over, with a stand-in; what it draws, on a GPU."""

import ctypes
import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests import scenes
from tests.tolerances import TOLERANCES
from viewer import frame
from viewer import render as rendering
from viewer.core.camera import Camera
from viewer.core.errors import Unusable
from viewer.core.model import StaticModel
from viewer.core.settings import Mode, RenderSettings
from viewer.core.splats import Appearance, Compensation, FixedJacobian, Footprint, Splats
from viewer.cuda.plane import Plane
from viewer.frame import FramePath
from viewer.gl import context
from viewer.render import create, reference
from viewer.render import gsplat as backend
from viewer.render.visibility import FARTHEST

SETTINGS = RenderSettings(renderer="gsplat")
CANNOT = {"epsilons of Ex4DGS", "a trainer's wrong Jacobian", "discs"}
ABLE = [name for name in scenes.SCENES if name not in CANNOT]


class Package(ModuleType):
    """Draws what it is given by the reference, and remembers it."""

    def __init__(self) -> None:
        super().__init__("gsplat")
        self.calls: list[dict[str, Any]] = []

    def rasterization(self, **given: Any) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        self.calls.append(given)
        covars = given["covars"]
        look = Appearance(low_pass=given["eps2d"], near=given["near_plane"])
        if given["rasterize_mode"] == "antialiased":
            look = replace(look, compensation=Compensation.MIP)
        splats = Splats(
            means=given["means"],
            quats=given["quats"],
            scales=given["scales"],
            covars=None if covars is None else covars.reshape(-1, 9)[:, [0, 1, 2, 4, 5, 8]],
            opacities=given["opacities"],
            colors=given["colors"],
            appearance=look,
        )
        viewmat, K = given["viewmats"][0].double().numpy(), given["Ks"][0].double().numpy()
        flat = given["camera_model"] == "ortho"
        camera = Camera(viewmat, K, given["width"], given["height"], flat)
        settings = RenderSettings(far=given["far_plane"])
        image = reference.image(splats, camera, settings).unsqueeze(0)
        radii = (given["opacities"] >= 1 / 255).int().reshape(1, -1, 1).expand(1, -1, 2)
        return image[..., :-1], image[..., -1:], {"radii": radii}


@pytest.fixture
def package(monkeypatch):
    """gsplat, compiled, on a device that is the processor."""
    found = Package()
    monkeypatch.setattr(rendering, "AUTO", ("gsplat", "sorted", "peel"))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: SimpleNamespace(
        submodule_search_locations=[]))  # fmt: skip
    monkeypatch.setattr(backend, "DEVICE", "cpu")
    monkeypatch.setattr(frame, "cuda_device", lambda: torch.device("cpu"))
    monkeypatch.setattr(backend, "is_built", lambda: True)
    monkeypatch.setitem(sys.modules, "gsplat", found)
    monkeypatch.setitem(sys.modules, "gsplat.cuda._backend", SimpleNamespace(_C=object()))
    return found


def layer(splats: Splats, settings: RenderSettings) -> np.ndarray:
    path = FramePath(None)
    return path.render(StaticModel(splats), scenes.camera(), 0.0, settings).layer.read()


@pytest.mark.parametrize("name", ABLE)
def test_what_is_handed_over_is_the_scene(package, name):
    splats = scenes.SCENES[name]()
    want = reference.image(splats, scenes.camera(), SETTINGS).numpy()
    np.testing.assert_allclose(layer(splats, SETTINGS), want, atol=5e-3)
    assert np.abs(layer(splats, SETTINGS) - want).mean() < 1e-6


def test_views_without_perspective_too(package):
    splats, camera = scenes.cloud(500, 3, degree=1), scenes.orthographic(scenes.camera())
    want = reference.image(splats, camera, SETTINGS).numpy()
    got = FramePath(None).render(StaticModel(splats), camera, 0.0, SETTINGS).layer.read()
    np.testing.assert_allclose(got, want, atol=5e-3)


@pytest.mark.parametrize("mode", [Mode.DEPTH, Mode.ALPHA])
def test_what_it_measures_is_what_the_reference_does(package, mode):
    splats, settings = scenes.as_covars(scenes.cloud(500, 1)), replace(SETTINGS, mode=mode)
    want = reference.image(splats, scenes.camera(), settings).numpy()
    np.testing.assert_allclose(layer(splats, settings), want, atol=5e-3)


def test_settings_are_obeyed(package):
    splats = scenes.cloud(500, 2, degree=3)
    for settings in (
        replace(SETTINGS, scale=1.7),
        replace(SETTINGS, near=4.0, far=4.5),
        replace(SETTINGS, min_opacity=0.5),
        replace(SETTINGS, sh_degree=1),
        replace(SETTINGS, antialias=True),
    ):
        want = reference.image(splats, scenes.camera(), settings).numpy()
        np.testing.assert_allclose(layer(splats, settings), want, atol=5e-3)
        covars = scenes.as_covars(splats)
        np.testing.assert_allclose(layer(covars, settings), want, atol=5e-3)


def test_nine_features_are_decoded(package):
    splats = scenes.features()
    path = FramePath(None)
    model, camera = StaticModel(splats), scenes.camera()
    want = path.render(model, camera, 0.0, replace(SETTINGS, renderer="reference")).picture.read()
    np.testing.assert_allclose(
        path.render(model, camera, 0.0, SETTINGS).picture.read(), want, atol=5e-3
    )
    assert package.calls[0]["colors"].shape == (800, 9)


def test_arguments_are_gsplats(package):
    splats = scenes.cloud(40, 0)
    layer(splats, SETTINGS)
    layer(scenes.points(Appearance()), SETTINGS)
    given, points = package.calls
    assert points["quats"] is points["scales"] is None
    assert points["covars"].shape == (1500, 3, 3)
    tensors = {k: (tuple(v.shape), v.dtype) for k, v in given.items() if isinstance(v, Tensor)}
    assert tensors == {
        "means": ((40, 3), torch.float32),
        "quats": ((40, 4), torch.float32),
        "scales": ((40, 3), torch.float32),
        "opacities": ((40,), torch.float32),
        "colors": ((40, 3), torch.float32),
        "viewmats": ((1, 4, 4), torch.float32),
        "Ks": ((1, 3, 3), torch.float32),
    }
    assert {k: v for k, v in given.items() if k not in tensors} == {
        "covars": None, "width": 160, "height": 90, "camera_model": "pinhole", "near_plane": 0.2,
        "far_plane": FARTHEST, "radius_clip": 0.0, "eps2d": 0.3, "sh_degree": None,
        "packed": False, "tile_size": 16, "render_mode": "RGB", "rasterize_mode": "classic",
    }  # fmt: skip


def test_the_same_splats_are_brought_to_the_device_once(package):
    path, model = FramePath(None), StaticModel(scenes.cloud(100, 0))
    first, second = (path.render(model, scenes.camera(), 0.0, SETTINGS).stats for _ in range(2))
    assert "upload" in dict(first.spans)
    assert "upload" not in dict(second.spans)
    assert (second.alive, second.drawn) == (100, 100)
    assert second.device_memory == model.memory
    path.release()


@pytest.mark.gl
def test_a_texture_gets_the_picture_too(package, ctx):
    path, splats = FramePath(ctx, "f4"), scenes.cloud(300, 0)
    got = path.render(StaticModel(splats), scenes.camera(), 0.0, SETTINGS).layer.read()
    want = reference.image(splats, scenes.camera(), SETTINGS).numpy()
    np.testing.assert_allclose(got, want, atol=5e-3)
    path.release()


class Copying:
    """A presenter whose device memory is the processor's."""

    told = "as told"

    def __init__(self) -> None:
        self.streams: list[int] = []

    def present(self, planes: list[Plane], stream: int) -> None:
        self.streams.append(stream)
        for plane in planes:
            size = plane.pitch * plane.texture.height
            plane.texture.write(ctypes.string_at(plane.pointer, size))

    def release(self) -> None:
        self.streams.append(-1)


@pytest.mark.gl
@pytest.mark.parametrize(("precision", "slack"), [("f4", 5e-3), ("f2", 6e-3)])
@pytest.mark.parametrize("name", ["rgb", "features"])
def test_layers_go_into_textures_from_the_device(package, ctx, monkeypatch, precision, slack, name):
    copying = Copying()
    monkeypatch.setattr(backend, "presenter", lambda ctx, interop: copying)
    monkeypatch.setattr(context, "is_software", lambda adapter: False)  # a layer of halves
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: SimpleNamespace(cuda_stream=7))
    splats = scenes.features() if name == "features" else scenes.SCENES[name]()
    model, camera = StaticModel(splats), scenes.camera()
    wanted = FramePath(None).render(model, camera, 0.0, replace(SETTINGS, renderer="reference"))
    path = FramePath(ctx, precision)
    frame = path.render(model, camera, 0.0, SETTINGS)
    np.testing.assert_allclose(frame.layer.read(), wanted.layer.read(), atol=slack)
    assert frame.stats.told == "as told"
    path.release()
    assert copying.streams == [7, -1]


@pytest.mark.parametrize(
    ("look", "settings", "told"),
    [
        (Appearance(footprint=Footprint.PARABOLOID), SETTINGS, "discs"),
        (Appearance(jacobian=FixedJacobian((1.0, 1.0), 0.5)), SETTINGS, "wrong Jacobian"),
        (Appearance(compensation=Compensation.EX4DGS), SETTINGS, "epsilons of Ex4DGS"),
        (Appearance(), replace(SETTINGS, mode=Mode.MEDIAN), "color, depth, alpha, not median"),
    ],
)
def test_what_it_cannot_draw_it_says(package, look, settings, told):
    splats = replace(scenes.cloud(10, 0), appearance=look)
    with pytest.raises(Unusable, match=told):
        layer(splats, settings)
    assert not package.calls


@pytest.mark.gl
def test_auto_takes_what_can_draw_the_model(package, ctx):
    model = StaticModel(scenes.cloud(10, 0))
    path, settings = FramePath(ctx, "f4"), RenderSettings()
    assert path.render(model, scenes.camera(), 0.0, settings).stats.renderer == "gsplat"
    dots = replace(settings, mode=Mode.CENTERS)
    stats = path.render(model, scenes.camera(), 0.0, dots).stats
    assert stats.renderer == "sorted"
    assert stats.notes == ("gsplat: gsplat draws color, depth, alpha, not centers",)
    path.release()


@pytest.mark.gl
def test_auto_and_the_window_start_no_compiler(package, ctx, monkeypatch):
    monkeypatch.setattr(backend, "is_built", lambda: False)
    name, renderer, refused = create("auto", ctx)
    renderer.release()
    assert name == "sorted"
    assert refused == ("gsplat: gsplat is not compiled yet, which takes minutes",)
    with pytest.raises(Unusable, match=r"view4d bench PATH --renderer gsplat"):
        create("gsplat", ctx, may_compile=False)


def test_without_cuda_it_says_so(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", None)
    with pytest.raises(Unusable, match=r"PyTorch .* is built without CUDA \(an NVIDIA GPU"):
        create("gsplat", None)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    with pytest.raises(Unusable, match="sees no CUDA device"):
        create("gsplat", None)


def test_without_the_package_it_says_so(package, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(Unusable, match=r"not installed \(pip install 'view4d\[gsplat\]'"):
        create("gsplat", None)


def test_a_broken_package_is_one_line(package, monkeypatch):
    monkeypatch.setitem(sys.modules, "gsplat", None)
    with pytest.raises(Unusable, match="gsplat cannot be imported"):
        create("gsplat", None)


@pytest.mark.parametrize("missing", ["nvcc", "c++", "ninja"])
def test_a_missing_compiler_is_named(package, monkeypatch, tmp_path, missing):
    from torch.utils import cpp_extension

    monkeypatch.setattr(backend, "is_built", lambda: False)
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setattr(cpp_extension, "CUDA_HOME", str(tmp_path))
    monkeypatch.setattr(
        backend.shutil, "which", lambda name, path="": name if name != missing else None
    )
    with pytest.raises(Unusable, match=f"there is no {missing.replace('+', '.')} here"):
        create("gsplat", None)


def test_kernels_that_do_not_compile_are_one_line(package, monkeypatch):
    path, model = FramePath(None), StaticModel(scenes.cloud(10, 0))
    monkeypatch.setitem(sys.modules, "gsplat.cuda._backend", SimpleNamespace(_C=None))
    with pytest.raises(Unusable, match="gsplat finds no CUDA toolkit"):
        path.render(model, scenes.camera(), 0.0, SETTINGS)
    monkeypatch.setitem(sys.modules, "gsplat.cuda._backend", None)
    with pytest.raises(Unusable, match="kernels do not load"):
        path.render(model, scenes.camera(), 0.0, SETTINGS)


def test_what_was_compiled_earlier_is_found(monkeypatch, tmp_path):
    home = tmp_path / "gsplat"
    home.mkdir()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: SimpleNamespace(
        submodule_search_locations=[str(home)]))  # fmt: skip
    monkeypatch.setenv("TORCH_EXTENSIONS_DIR", str(tmp_path / "built"))
    assert not backend.is_built()
    written(tmp_path / "built" / "gsplat_cuda" / "gsplat_cuda.so")
    assert backend.is_built()
    monkeypatch.setenv("TORCH_EXTENSIONS_DIR", str(tmp_path / "elsewhere"))
    assert not backend.is_built()
    written(home / "csrc.cpython-312-x86_64-linux-gnu.so")
    assert backend.is_built()


def written(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


@pytest.mark.gpu
@pytest.mark.parametrize("name", ABLE)
def test_gsplat_is_near_the_reference(name):
    splats, camera = scenes.SCENES[name](), scenes.camera()
    want = reference.image(splats, camera, SETTINGS).numpy()
    TOLERANCES["gsplat"].check(gpu_layer(splats, SETTINGS), want)


@pytest.mark.gpu
@pytest.mark.parametrize("mode", [Mode.DEPTH, Mode.ALPHA])
def test_gsplat_measures_as_the_reference(mode):
    splats, settings = scenes.cloud(1000, 1), replace(SETTINGS, mode=mode)
    want = reference.image(splats, scenes.camera(), settings).numpy()
    TOLERANCES["gsplat"].check(gpu_layer(splats, settings), want)


@pytest.mark.gpu
def test_gsplat_blends_features():
    splats = scenes.features()
    path = FramePath(None)
    model, camera = StaticModel(splats), scenes.camera()
    skip_where_missing()
    want = path.render(model, camera, 0.0, replace(SETTINGS, renderer="reference")).layer.read()
    got = path.render(model, camera, 0.0, SETTINGS).layer.read()
    TOLERANCES["gsplat"].check(got, want)


def gpu_layer(splats: Splats, settings: RenderSettings) -> np.ndarray:
    skip_where_missing()
    return layer(splats, settings)


def skip_where_missing() -> None:
    if importlib.util.find_spec("gsplat") is None:
        pytest.skip("gsplat is not installed")
