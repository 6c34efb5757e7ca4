"""The benchmarks run: what they measure is for the machine that they are run on."""

import json
import sys
from dataclasses import replace
from time import perf_counter
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmarks import adapters, cuda_times, draw_times, peers
from tests import scenes
from tests.cuda_host import HostDevice
from viewer.core.camera import Camera
from viewer.core.settings import RenderSettings
from viewer.core.splats import Appearance, Splats
from viewer.frame import FramePath
from viewer.render import cuda, reference

SMALL = peers.Plan(
    sizes=(50,),
    pictures=((24, 16),),
    renderers=("reference", "gsplat"),
    frames=3,
    warmup=1,
    seconds=0.0,
    checked=(40, (24, 16)),
)


@pytest.mark.gl
def test_a_frame_is_measured_beside_its_bare_draw(ctx):
    path = FramePath(ctx)
    model, times = scenes.moving(200), np.linspace(0, 1, 3)
    frames, draws, stages = draw_times._measure(path, model, scenes.camera(), times, ctx.finish)
    assert len(frames) == len(draws) == 3
    assert min(frames) > 0
    assert min(draws) > 0
    assert stages.keys() == {"slice", "sort", "blend", "composite"}
    path.release()


@pytest.mark.gl
def test_a_bare_draw_is_the_frame_again(ctx):
    path, camera = FramePath(ctx), scenes.camera()
    model = scenes.moving(200)
    frame = path.render(model, camera, 0.5, draw_times.SETTINGS)
    want = frame.layer.read()
    draw_times._draw_again(path, frame.layer, model.appearance, camera, frame.stats.drawn)
    np.testing.assert_array_equal(frame.layer.read(), want)
    path.release()


def test_peers_are_measured_beside_ours(tmp_path, capsys):
    output = tmp_path / "results" / "peers.json"
    peers.run(SMALL, output)
    document = json.loads(output.read_text())
    told = {row["name"]: row for row in document["quality"]}
    assert told["view4d reference"]["max_abs"] == told["view4d reference, layer"]["max_abs"] == 0
    assert "Unusable" in told["view4d gsplat"]["error"]
    names = [row["name"] for row in document["results"]]
    assert names == ["view4d reference", "view4d reference, layer"]
    for row in document["results"]:
        assert (row["n"], row["size"]) == (50, [24, 16])
        assert row["fps"] > 0
        assert row["frames"] >= peers.LEAST
    assert "| 50 | 24x16 | view4d reference |" in capsys.readouterr().out


def test_the_scenes_of_peers_are_the_same_each_time():
    first, second = peers.scene(100, 3), peers.scene(100, 3)
    assert torch.equal(first.colors, second.colors)
    assert first.colors.shape == (100, 16, 3)
    path = peers.views((24, 16), 4, "cpu")
    assert len({view.camera.viewmat.tobytes() for view in path}) == 4


def drawn(splats: Splats, viewmat: Tensor, K: list[list[float]], size: tuple[int, int]) -> Tensor:
    """What a stand-in of a peer draws: [H, W, 3]."""
    camera = Camera(viewmat.double().numpy(), np.array(K), *size)
    return reference.image(splats, camera, RenderSettings())[..., :3]


class Gsplat(ModuleType):
    """Of gsplat, and of its experimental part."""

    class GaussianInferenceScene:
        @staticmethod
        def from_gaussian_tensors(means, quats, scales, opacities, colors, degree, mode, *, id):
            assert (mode, id) == ("none", "scene")
            assert degree == (None if colors.dim() == 2 else 3)
            return Splats(means, quats, scales, opacities, colors, Appearance())

    class GaussianInferenceRenderer:
        def __init__(self, scene: Splats) -> None:
            self.scene = scene

        def render(self, *, viewmat, K, width, height, near_plane, eps2d) -> Any:
            assert (near_plane, eps2d) == (0.2, 0.3)
            image = drawn(self.scene, viewmat, K.tolist(), (width, height))
            image = torch.cat([image, image[..., :1]], -1)
            return SimpleNamespace(frame=image.half().unsqueeze(0))

    @staticmethod
    def rasterization(means, quats, scales, opacities, colors, viewmats, Ks, width, height, **more):
        degree = None if colors.dim() == 2 else 3
        assert more == {"near_plane": 0.2, "eps2d": 0.3, "sh_degree": degree, "packed": False}
        splats = Splats(means, quats, scales, opacities, colors, Appearance())
        return drawn(splats, viewmats[0], Ks[0].tolist(), (width, height)).unsqueeze(0), None, {}


class FasterGS(ModuleType):
    """Of its bindings; parameters are raw."""

    RasterizerSettings = SimpleNamespace

    @staticmethod
    def rasterize(means, scales, rotations, opacities, first, rest, to: Any, to_chw: bool):
        assert to_chw
        assert (to.near_plane, to.proper_antialiasing) == (0.2, False)
        colors = torch.cat([first, rest], 1)
        assert to.active_sh_bases == colors.shape[1]
        splats = Splats(
            means, rotations, scales.exp(), opacities.sigmoid().squeeze(1), colors, Appearance()
        )
        K = [[to.focal_x, 0, to.center_x], [0, to.focal_y, to.center_y], [0, 0, 1]]
        return drawn(splats, to.w2c, K, (to.width, to.height)).permute(2, 0, 1)


class Inria(ModuleType):
    """Of diff-gaussian-rasterization."""

    GaussianRasterizationSettings = SimpleNamespace

    @staticmethod
    def GaussianRasterizer(to: Any):  # noqa: N802
        def draw(means3D, means2D, opacities, scales, rotations, shs=None, colors_precomp=None):
            colors = shs if colors_precomp is None else colors_precomp
            splats = Splats(means3D, rotations, scales, opacities.squeeze(1), colors, Appearance())
            width, height = to.image_width, to.image_height
            fx, fy = width / 2 / to.tanfovx, height / 2 / to.tanfovy
            p = torch.cat([means3D, torch.ones(len(means3D), 1)], 1)
            seen, clip = p @ to.viewmatrix, p @ to.projmatrix
            tangents = torch.tensor([to.tanfovx, to.tanfovy])
            torch.testing.assert_close(
                clip[:, :2] / clip[:, 3:] * tangents, seen[:, :2] / seen[:, 2:3]
            )
            K = [[fx, 0, width / 2], [0, fy, height / 2], [0, 0, 1]]
            return drawn(splats, to.viewmatrix.T, K, (width, height)).permute(2, 0, 1), None

        return draw


@pytest.mark.parametrize("degree", [None, 3])
@pytest.mark.parametrize("name", adapters.PEERS)
def test_a_peer_gets_the_scene_in_its_own_words(monkeypatch, name, degree):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for module, standin in (
        ("gsplat", Gsplat),
        ("gsplat.experimental", Gsplat),
        ("FasterGSCudaBackend.torch_bindings.rasterization", FasterGS),
        ("diff_gaussian_rasterization", Inria),
    ):
        monkeypatch.setitem(sys.modules, module, standin(module))
    splats = peers.scene(300, degree)
    splats = replace(splats, scales=splats.scales * 5)
    view = peers.views((64, 36), 1, "cpu")[0]
    want = reference.image(splats, view.camera, RenderSettings())[..., :3].clamp(0, 1).numpy()
    drawer = adapters.PEERS[name](splats)
    got = drawer.image(drawer.draw(view))
    drawer.finish()
    drawer.release()
    assert want.max() > 0.1
    np.testing.assert_allclose(got, want, atol=2e-3)


def test_kernels_of_a_frame_are_told_in_their_order(monkeypatch, capsys):
    class Event:
        def __init__(self, **how):
            self.at = 0.0

        def record(self):
            self.at = perf_counter()

        def elapsed_time(self, later):
            return (later.at - self.at) * 1e3

    class Watched(HostDevice):
        def __init__(self, ordinal=None):
            super().__init__()
            self.noted = None

        def launch(self, kernel, *grid_and_arguments):
            super().launch(kernel, *grid_and_arguments)
            if self.noted is not None:
                self.noted.append((kernel[0], Event()))
                self.noted[-1][1].record()

    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "_sleep", lambda cycles: None)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
    monkeypatch.setattr(cuda, "CudaDevice", cuda.CudaDevice)  # put back after the test
    monkeypatch.setattr(cuda_times, "Watched", Watched)
    words = ["cuda_times", "--sizes", "200", "--picture", "32x16", "--frames", "2"]
    monkeypatch.setattr(sys, "argv", words)
    cuda_times.main()
    told, kernels = capsys.readouterr().out.splitlines()
    assert told.startswith("200 alive at 32x16 on host: ")
    assert [word.split()[0] for word in kernels.strip().split(", ")] == [
        "begin", "gaussians", "digits", *["sort"] * 4, "tiles", "spread", "digits", "sort", "blend",
    ]  # fmt: skip
