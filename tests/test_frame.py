"""The frame path: composite, targets, resizes, and what is left when it is released."""

import ctypes
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests import scenes
from viewer.core.model import StaticModel
from viewer.core.settings import RenderSettings
from viewer.core.splats import Appearance
from viewer.core.target import TensorTarget, to_bytes
from viewer.frame import FramePath
from viewer.gl.target import TextureTarget

pytestmark = pytest.mark.gl


def half_covered(background=(0.0, 0.0, 0.0)):
    """One large red splat of opacity 0.6 over a background."""
    splats = scenes.with_opacity(scenes.cloud(1, 1, size=3.0), 0.6)
    return StaticModel(
        replace(
            splats,
            means=torch.zeros(1, 3),
            colors=torch.tensor([[1.0, 0.0, 0.0]]),
            appearance=Appearance(background=background),
        )
    )


def test_picture_is_the_layer_over_the_models_background_or_the_users(ctx):
    path, model = FramePath(ctx), half_covered(background=(0.0, 1.0, 0.0))
    frame = path.render(model, scenes.camera(), 0.0, RenderSettings())
    layer, picture = frame.layer.read(), frame.picture.read()
    want = layer[..., :3] + (1 - layer[..., 3:]) * np.array([0.0, 1.0, 0.0])
    assert np.abs(picture[..., :3] / 255 - want).max() <= 0.6 / 255
    assert (picture[..., 3] == 255).all()
    white = RenderSettings(background=(1.0, 1.0, 1.0))
    corner = path.render(model, scenes.camera(), 0.0, white).picture.read()[0, 0]
    assert corner[2] > 100
    path.release()


def test_row_zero_is_on_top(ctx):
    splats = scenes.cloud(1, 1, size=0.2)
    above = replace(splats, means=torch.tensor([[0.0, -1.2, 0.0]]))  # y points down
    path = FramePath(ctx)
    layer = path.render(StaticModel(above), scenes.camera(), 0.0, RenderSettings()).layer.read()
    rows = layer[..., 3].sum(1)
    assert rows[: len(rows) // 2].sum() > 10 * rows[len(rows) // 2 :].sum()
    path.release()


def test_tensor_and_texture_paths_show_the_same_picture(ctx):
    model, settings = half_covered((0.2, 0.3, 0.4)), RenderSettings(renderer="reference")
    shown = []
    for context in (ctx, None):
        path = FramePath(context, "f4")
        picture = path.render(model, scenes.camera(), 0.0, settings).picture.read()
        shown.append(picture if picture.dtype == np.uint8 else to_bytes(picture))
        path.release()
    assert np.abs(shown[0].astype(int) - shown[1]).max() <= 1


def test_resizes_models_and_renderer_switches_leave_no_object_behind(ctx):
    before = live_objects()
    path = FramePath(ctx)
    for i in range(100):
        settings = RenderSettings(renderer=("sorted", "peel", "reference")[max(i % 5 - 2, 0)])
        model = StaticModel(scenes.cloud(20 + i, 0))
        path.render(model, scenes.camera(8 + i % 7, 5 + i % 11), 0.0, settings)
    assert sum(live_objects().values()) < sum(before.values()) + 40
    path.release()
    assert live_objects() == before


def test_texture_targets_read_what_was_written(ctx):
    image = torch.rand(3, 5, 4)
    for dtype, tolerance in (("f1", 0.5 / 255 + 1e-6), ("f2", 1e-3), ("f4", 0.0)):
        target = TextureTarget(ctx, 5, 3, dtype)
        target.write(image)
        got = target.read()
        got = got / 255 if got.dtype == np.uint8 else got
        assert np.abs(got - image.numpy()).max() <= tolerance
        target.release()


def test_a_size_over_the_devices_limit_is_named(ctx):
    limit = ctx.info["GL_MAX_TEXTURE_SIZE"]
    with pytest.raises(ValueError, match=f"size {limit + 1}x4 is over this device's limit"):
        TextureTarget(ctx, limit + 1, 4, "f1")


def test_bytes_are_clamped_and_rounded():
    assert to_bytes(np.array([-1.0, 0.0, 0.5, 1.0, 7.0])).tolist() == [0, 0, 128, 255, 255]


def test_tensor_target_composites():
    target = TensorTarget(1, 1)
    target.write(torch.tensor([[[0.3, 0.0, 0.0, 0.5]]]))
    np.testing.assert_allclose(target.over((0.0, 1.0, 0.0)).read()[0, 0], [0.3, 0.5, 0, 1])


def live_objects() -> dict[str, int]:
    """How many OpenGL objects of each kind the current context holds."""
    egl = ctypes.CDLL("libEGL.so.1")
    egl.eglGetProcAddress.restype = ctypes.c_void_p
    kinds = ("Texture", "Buffer", "Framebuffer", "VertexArray", "Program", "Shader")
    counts = {}
    for kind in kinds:
        address = egl.eglGetProcAddress(f"glIs{kind}".encode())
        is_one = ctypes.CFUNCTYPE(ctypes.c_ubyte, ctypes.c_uint)(address)
        counts[kind] = sum(is_one(name) for name in range(1, 20_000))
    return counts
