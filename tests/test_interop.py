"""Pixels from CUDA to textures: with a stand-in everywhere, on a GPU where one is.

The stand-in writes what it is given into the texture when it is unmapped, so that pixels are proved
by any OpenGL.
"""

import inspect
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import interop_cost
from tests import cuda_runtime
from tests.cuda_runtime import StandIn
from viewer.core.errors import BadArgument, Unusable
from viewer.core.settings import INTEROP
from viewer.cuda import interop, upload
from viewer.cuda import runtime as cuda
from viewer.cuda.interop import Plane, presenter
from viewer.cuda.runtime import CudaFailure, Runtime

pytestmark = pytest.mark.gl
CUDA = Path(cuda.__file__).parent
MAP = "cudaGraphicsMapResources"
REGISTER = "cudaGraphicsGLRegisterImage"


@pytest.fixture
def runtime(request, standin) -> Runtime:
    """The stand-in, or the machine's own where a test `everywhere` says so."""
    return cuda.load() if getattr(request, "param", "") == "gpu" else Runtime(standin)


everywhere = pytest.mark.parametrize(
    "runtime", ["stand-in", pytest.param("gpu", marks=pytest.mark.gpu)], indirect=True
)


@pytest.fixture
def picture(ctx, runtime) -> Iterator[Callable[..., tuple[Plane, bytes]]]:
    """Makes a plane of random pixels, and tells what its texture must hold."""
    made = []

    def make(size=(37, 21), dtype="f1", seed=0):
        shape = size[1], size[0], 4
        pixels = np.random.default_rng(seed).integers(0, 255, shape).astype(interop.KINDS[dtype])
        to_device = runtime.module.cudaMemcpyKind.cudaMemcpyHostToDevice
        plane = Plane(int(runtime("cudaMalloc", pixels.nbytes)), ctx.texture(size, 4, dtype=dtype))
        runtime("cudaMemcpy", plane.pointer, pixels.ctypes.data, pixels.nbytes, to_device)
        made.append(plane)
        return plane, pixels.tobytes()

    yield make
    for plane in made:
        plane.texture.release()
        runtime("cudaFree", plane.pointer)


def shown(presented: interop.Presenter, *pictures: tuple[Plane, bytes]) -> None:
    """Present, and check that the textures hold what was sent."""
    presented.present([plane for plane, _ in pictures], 0)
    for plane, sent in pictures:
        assert plane.texture.read() == sent


@everywhere
@pytest.mark.parametrize("wanted", INTEROP)
@pytest.mark.parametrize("dtype", interop.KINDS)
def test_pixels_arrive_unchanged(ctx, runtime, picture, wanted, dtype):
    presented = presenter(ctx, wanted, runtime)
    shown(presented, picture(dtype=dtype))
    presented.release()


def test_interop_is_taken_where_it_works_and_registers_once(ctx, runtime, standin, picture):
    presented = presenter(ctx, "auto", runtime)
    assert presented.told == "CUDA-OpenGL interop"
    assert not standin.registered  # of the probe nothing is left
    assert len(standin.memory) == 0
    standin.calls.clear()
    planes = picture(seed=1), picture(dtype="f4", seed=2), picture((5, 3), seed=3)
    for _ in range(3):
        shown(presented, *planes)
    assert standin.count(REGISTER) == len(planes)
    assert standin.count(MAP) == standin.count("cudaGraphicsUnmapResources") == 3
    assert not any("Synchronize" in call for call in standin.calls)  # the host never waits
    presented.release()
    assert not standin.registered


@everywhere
def test_a_resized_target_is_registered_again_and_the_old_let_go(ctx, runtime, picture):
    presented = presenter(ctx, "interop", runtime)
    (first, sent), kept = picture((8, 8)), picture((4, 4), seed=1)
    shown(presented, (first, sent), kept)
    first.texture.release()
    larger = picture((16, 9), seed=2)  # OpenGL may give it the name of the one before
    shown(presented, larger, kept)
    if isinstance(runtime.module, StandIn):
        names = {larger[0].texture.glo, kept[0].texture.glo}
        assert set(runtime.module.registered.values()) == names
    presented.release()


def test_a_picture_larger_than_all_slots_is_uploaded_in_bands(
    ctx, runtime, standin, picture, monkeypatch
):
    monkeypatch.setattr(upload, "SLOT", 4096)
    presented = presenter(ctx, "upload", runtime)
    shown(presented, picture((90, 77)), picture((64, 3), "f4", 1), picture((200, 19), "f2", 2))
    assert re.fullmatch(r"pinned upload, \d+\.\d ms a frame: as asked for", presented.told)
    memory = len(standin.memory)
    presented.release()
    assert len(standin.memory) == memory - upload.SLOTS


def wsl2(standin: StandIn) -> None:
    standin.fails[REGISTER] = cuda_runtime.OS_CALL_FAILED


def virtualgl(standin: StandIn) -> None:
    standin.fails["cudaGLGetDevices"] = cuda_runtime.UNKNOWN


def other_vendor(standin: StandIn) -> None:
    standin.drawing = []


def other_gpu(standin: StandIn) -> None:
    standin.drawing = [1]


def null_handle(standin: StandIn) -> None:
    standin.null = True


def changed_pixels(standin: StandIn) -> None:
    standin.lossy = True


def no_map(standin: StandIn) -> None:
    standin.fails[MAP] = cuda_runtime.UNKNOWN


BROKEN = {
    wsl2: "cudaGraphicsGLRegisterImage: error 304 (304); the system does not offer it: WSL2",
    virtualgl: "cudaGLGetDevices: error 999 (999); OpenGL does not reach the NVIDIA driver",
    other_vendor: "cudaGLGetDevices: none; no CUDA device is to be seen, or OpenGL is on none",
    other_gpu: "OpenGL draws with CUDA device 1, CUDA computes with 0",
    null_handle: "cudaGraphicsGLRegisterImage: no handle, and no error either",
    changed_pixels: "a test pattern of f1 pixels came out of interop changed",
    no_map: "cudaGraphicsMapResources: error 999 (999)",
}


@pytest.mark.parametrize("breaks", BROKEN, ids=lambda breaks: breaks.__name__)
def test_without_interop_pixels_are_uploaded_and_why_is_told(
    ctx, runtime, standin, picture, breaks
):
    breaks(standin)
    presented = presenter(ctx, "auto", runtime)
    shown(presented, picture())
    assert presented.told.startswith("pinned upload")
    assert BROKEN[breaks] in presented.told
    assert not standin.registered
    assert standin.error == 0  # nobody else stumbles over it
    presented.release()


@pytest.mark.parametrize("breaks", BROKEN, ids=lambda breaks: breaks.__name__)
def test_interop_that_was_asked_for_is_refused_with_the_reason(ctx, runtime, standin, breaks):
    breaks(standin)
    with pytest.raises(Unusable) as refused:
        presenter(ctx, "interop", runtime)
    assert BROKEN[breaks] in refused.value.cause
    assert not standin.memory


def test_a_registration_that_fails_later_gives_way_at_once(ctx, runtime, standin, picture):
    presented = presenter(ctx, "auto", runtime)
    shown(presented, picture())
    standin.fails[REGISTER] = cuda_runtime.UNKNOWN
    shown(presented, picture((50, 40), seed=1))
    assert "999" in presented.told
    assert presented.told.startswith("pinned upload")
    assert not standin.registered
    assert standin.error == 0
    presented.release()


def test_what_fails_between_map_and_unmap_leaves_nothing_mapped(ctx, runtime, standin, picture):
    presented = presenter(ctx, "interop", runtime)
    standin.fails["cudaMemcpy2DToArrayAsync"] = cuda_runtime.BAD_VALUE
    with pytest.raises(CudaFailure, match="cudaMemcpy2DToArrayAsync"):
        presented.present([picture()[0]], 0)
    assert not standin.mapped
    presented.release()


def test_a_failing_upload_is_an_error_not_an_empty_picture(ctx, runtime, standin, picture):
    presented = presenter(ctx, "auto", runtime)
    standin.fails.update({MAP: 700, "cudaMemcpyAsync": 700})
    with pytest.raises(Unusable, match=r"cudaMemcpyAsync: error 700"):
        presented.present([picture()[0]], 0)
    presented.release()


def test_the_device_that_opengl_draws_with(ctx, runtime, standin):
    standin.drawing = [2, 0]
    assert interop.gl_device(ctx, runtime) == 2
    virtualgl(standin)
    assert interop.gl_device(ctx, runtime) is None


def test_a_missing_module_is_said_with_its_remedy(ctx, monkeypatch):
    monkeypatch.setitem(sys.modules, "cuda.bindings.runtime", None)
    with pytest.raises(Unusable, match=r"cuda-bindings cannot be imported.*pip install"):
        presenter(ctx)
    assert interop.gl_device(ctx) is None


def test_an_unknown_way_is_refused(ctx, runtime):
    with pytest.raises(BadArgument, match="expected auto, interop, upload"):
        presenter(ctx, "magic", runtime)


def test_the_runtime_takes_what_its_stand_in_takes():
    real = pytest.importorskip("cuda.bindings.runtime", reason="cuda-bindings is not here")
    text = "".join(path.read_text(encoding="utf-8") for path in CUDA.glob("*.py"))
    named = set(re.findall(r'"(cuda[A-Z]\w+)"', text))
    assert {REGISTER, MAP, "cudaMemcpy2DToArrayAsync", "cudaHostAlloc"} <= named
    for name in named:
        wanted = len(inspect.signature(getattr(real, name)).parameters)
        taken = inspect.signature(getattr(StandIn, f"_{name[4:]}")).parameters.values()
        if not any(p.kind is p.VAR_POSITIONAL for p in taken):
            assert len(taken) - 1 == wanted, name  # less self
    for enum in ("cudaMemcpyKind", "cudaGLDeviceList"):
        for name, value in vars(getattr(StandIn, enum)).items():
            assert int(getattr(getattr(real, enum), name)) == value
    flags = real.cudaGraphicsRegisterFlags
    assert int(flags.cudaGraphicsRegisterFlagsWriteDiscard) == 2


@pytest.mark.gpu
@pytest.mark.parametrize("wanted", ["interop", "upload"])
def test_pixels_wait_for_their_stream_and_opengl_for_them(ctx, wanted):
    presented = presenter(ctx, wanted)
    texture, before = (ctx.texture((640, 360), 4, dtype="f1") for _ in range(2))
    framebuffers = ctx.framebuffer([texture]), ctx.framebuffer([before])
    stream = torch.cuda.Stream()
    pixels = torch.zeros(360, 640, 4, dtype=torch.uint8, device="cuda")
    torch.cuda.synchronize()
    for value in range(1, 20):
        ctx.copy_framebuffer(framebuffers[1], framebuffers[0])  # what the texture holds until now
        with torch.cuda.stream(stream):
            torch.cuda._sleep(5_000_000)  # cycles: some milliseconds in which to be too early
            pixels.fill_(value)
        presented.present([Plane(pixels.data_ptr(), texture)], stream.cuda_stream)
        assert set(texture.read()) == {value}
        assert value == 1 or set(before.read()) == {value - 1}
    presented.release()
    ctx.detect_framebuffer(0).use()
    for held in (*framebuffers, texture, before):
        held.release()


@everywhere
@pytest.mark.parametrize("way", ["interop", "upload"])
def test_the_cost_of_a_picture_is_measured(ctx, runtime, way):
    row = interop_cost.measured(ctx, runtime, ("1080p", "f1", way), 5)
    print(interop_cost._line(row))  # noqa: T201  seen with -s
    assert row.frame > 0
    parts = {"map", "copy", "unmap"} if way == "interop" else set()
    assert row.host.keys() == row.device.keys() == parts


def test_the_cost_is_not_measured_without_a_gpu(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "cuda.bindings.runtime", None)
    monkeypatch.setattr("sys.argv", ["interop_cost"])
    assert interop_cost.main() == 1
    assert "an NVIDIA GPU with CUDA and OpenGL is needed" in capsys.readouterr().err
