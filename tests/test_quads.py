"""Where the corners of quads lie."""

import moderngl
import numpy as np
import pytest

from viewer.gl.program import source
from viewer.gl.target import TextureTarget
from viewer.render.projection import CONSTANTS, SUBPIXELS
from viewer.render.quads import STORAGE

SIZE = np.array([1920, 1080])


@pytest.mark.gl
def test_corners_lie_where_rasterisers_snap_to_and_offsets_are_theirs(ctx):
    """A corner that is snapped, or moved without its offset, shifts the footprint by 1/512 px."""
    rng = np.random.default_rng(0)
    center, angle = rng.uniform(0, 1, (500, 2)) * SIZE, rng.uniform(0, 2 * np.pi, 500)
    long, short = np.exp(rng.uniform(-0.6, 5, (2, 500)))
    major = np.stack([np.cos(angle), np.sin(angle)], 1) * long[:, None]
    minor = np.stack([-np.sin(angle), np.cos(angle)], 1) * short[:, None]
    rest = np.tile([1.0, 3.3, 1, 1, 1, 1], (500, 1))  # opacity, reach, colour
    records = np.concatenate([center, major, minor, rest], 1).astype(np.float32)

    text, _ = source("splat.vert", CONSTANTS | STORAGE | {"FEATURES": 0}, 430)
    program = ctx.program(vertex_shader=text, varyings=["gl_Position", "offset"])
    program["size"], program["in_order"] = tuple(SIZE), True
    held, told = ctx.buffer(records), ctx.buffer(reserve=500 * 4 * 6 * 4)
    held.bind_to_storage_buffer(6)
    corners, target = ctx.vertex_array(program, []), TextureTarget(ctx, 1, 1, "f1")
    target.framebuffer.use()  # OpenGL wants one, though nothing is drawn
    corners.transform(told, moderngl.POINTS, vertices=4, instances=500)
    found = np.frombuffer(told.read(), np.float32).reshape(500, 4, 6).astype(np.float64)
    for made in (target, corners, program, held, told):
        made.release()

    at = (found[..., :2] * (0.5, -0.5) + 0.5) * SIZE
    steps = at * SUBPIXELS
    assert np.abs(steps - steps.round()).max() < 0.1
    offset = found[..., 4:]
    want = center[:, None] + offset[..., :1] * major[:, None] + offset[..., 1:] * minor[:, None]
    np.testing.assert_allclose(at, want, atol=5e-4)
    assert (np.abs(offset) >= 3.3).all()  # the cut is inside
