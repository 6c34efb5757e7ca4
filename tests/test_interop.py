"""From CUDA to textures and buffers: with a stand-in everywhere, on a GPU where one is.

The stand-in writes what it is given into OpenGL when it is unmapped, so that bytes are proved by
any OpenGL.
"""

import inspect
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import moderngl
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
from viewer.cuda.interop import presenter
from viewer.cuda.plane import Block, Piece, Plane, Presenter
from viewer.cuda.runtime import CudaFailure, Runtime

pytestmark = pytest.mark.gl
CUDA = Path(cuda.__file__).parent
MAP = "cudaGraphicsMapResources"
REGISTER = "cudaGraphicsGLRegisterImage"
REGISTER_BUFFER = "cudaGraphicsGLRegisterBuffer"


@pytest.fixture
def runtime(request, standin) -> Runtime:
    """The stand-in, or the machine's own where a test `everywhere` says so."""
    return cuda.load() if getattr(request, "param", "") == "gpu" else Runtime(standin)


everywhere = pytest.mark.parametrize(
    "runtime", ["stand-in", pytest.param("gpu", marks=pytest.mark.gpu)], indirect=True
)


Sent = tuple[Piece, bytes]


@pytest.fixture
def on_device(runtime) -> Iterator[Callable[[np.ndarray], int]]:
    """Copies an array into CUDA's memory; gives its address there."""
    memory = []

    def sent(values: np.ndarray) -> int:
        memory.append(int(runtime("cudaMalloc", values.nbytes)))
        to_device = runtime.module.cudaMemcpyKind.cudaMemcpyHostToDevice
        runtime("cudaMemcpy", memory[-1], values.ctypes.data, values.nbytes, to_device)
        return memory[-1]

    yield sent
    for address in memory:
        runtime("cudaFree", address)


@pytest.fixture
def picture(ctx, on_device) -> Iterator[Callable[..., tuple[Plane, bytes]]]:
    """Makes a plane of random pixels, and tells what its texture must hold."""
    made = []

    def make(size=(37, 21), dtype="f1", seed=0, lines=None):
        shape = lines or size[1], size[0], 4
        pixels = np.random.default_rng(seed).integers(0, 255, shape).astype(interop.KINDS[dtype])
        made.append(ctx.texture(size, 4, dtype=dtype))
        return Plane(on_device(pixels), made[-1], lines), pixels.tobytes()

    yield make
    for texture in made:
        texture.release()


@pytest.fixture
def block(ctx, on_device) -> Iterator[Callable[..., tuple[Block, bytes]]]:
    """Makes a block of random bytes, and tells how its buffer must begin."""
    made = []

    def make(nbytes=1001, seed=0, size=None):
        values = np.random.default_rng(seed).integers(0, 255, nbytes).astype(np.uint8)
        made.append(ctx.buffer(reserve=size or nbytes))
        return Block(on_device(values), nbytes, made[-1]), values.tobytes()

    yield make
    for buffer in made:
        buffer.release()


def shown(presented: Presenter, *sent: Sent) -> None:
    """Present, and check that OpenGL holds what was sent."""
    presented.present([piece for piece, _ in sent], 0)
    for piece, values in sent:
        held = piece.buffer if isinstance(piece, Block) else piece.texture
        assert held.read()[: len(values)] == values


@everywhere
@pytest.mark.parametrize("wanted", INTEROP)
@pytest.mark.parametrize("dtype", interop.KINDS)
def test_pixels_arrive_unchanged(ctx, runtime, picture, wanted, dtype):
    presented = presenter(ctx, wanted, runtime)
    shown(presented, picture(dtype=dtype))
    presented.release()


@everywhere
@pytest.mark.parametrize("wanted", ["interop", "upload"])
def test_buffers_and_lines_arrive_unchanged(ctx, runtime, picture, block, wanted):
    presented = presenter(ctx, wanted, runtime)
    some = picture((64, 40), "f4", 1, lines=3)  # of a texture that is larger
    shown(presented, block(), picture(), block(4, 2), some, block(77, 3, size=4096))
    presented.release()


def test_interop_is_taken_where_it_works_and_registers_once(ctx, runtime, standin, picture, block):
    presented = presenter(ctx, "auto", runtime)
    assert presented.told == "CUDA-OpenGL interop"
    assert not standin.registered  # of the probe nothing is left
    assert len(standin.memory) == 0
    standin.calls.clear()
    planes = picture(seed=1), picture(dtype="f4", seed=2), picture((5, 3), seed=3)
    blocks = block(seed=4), block(12, seed=5)
    for _ in range(3):
        shown(presented, *planes, *blocks)
    shown(presented, blocks[0])  # what is not brought is not mapped, nor forgotten
    shown(presented, *planes, *blocks)
    assert standin.count(REGISTER) == len(planes)
    assert standin.count(REGISTER_BUFFER) == len(blocks)
    assert standin.count(MAP) == standin.count("cudaGraphicsUnmapResources") == 5
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
        held = runtime.module.registered.values()
        assert set(held) == {larger[0].texture, kept[0].texture}
    presented.release()


@everywhere
def test_a_replaced_buffer_is_registered_anew_and_the_old_let_go(ctx, runtime, picture, block):
    presented = presenter(ctx, "interop", runtime)
    (first, sent), kept, pixels = block(64), block(32, 1), picture()
    shown(presented, (first, sent), kept, pixels)
    first.buffer.release()
    larger = block(4096, 2)  # OpenGL may give it the name of the one before
    shown(presented, larger, kept, pixels)
    if isinstance(runtime.module, StandIn):
        held = runtime.module.registered.values()
        assert set(held) == {larger[0].buffer, kept[0].buffer, pixels[0].texture}
    presented.release()


def test_a_texture_and_a_buffer_of_one_name_are_two(ctx, runtime, standin, picture, block):
    presented = presenter(ctx, "interop", runtime)
    (plane, _), (held, _) = sent = [picture((3, 2)), block(9)]
    while plane.texture.glo != held.buffer.glo:  # OpenGL counts either kind from one
        if plane.texture.glo < held.buffer.glo:
            plane, _ = sent[0] = picture((3, 2))
        else:
            held, _ = sent[1] = block(9)
    for _ in range(2):
        shown(presented, *sent)
    assert len(standin.registered) == 2
    presented.release()


def test_what_is_larger_than_all_slots_is_uploaded_in_bands(
    ctx, runtime, standin, picture, block, monkeypatch
):
    monkeypatch.setattr(upload, "SLOT", 4096)
    presented = presenter(ctx, "upload", runtime)
    shown(presented, picture((90, 77)), picture((64, 3), "f4", 1), picture((200, 19), "f2", 2))
    shown(presented, block(50_001), block(4096, 1), block(12_289, 2, size=99_999), picture(seed=3))
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
    standin.lossy.add(moderngl.Texture)


def changed_buffers(standin: StandIn) -> None:
    standin.lossy.add(moderngl.Buffer)


def no_buffers(standin: StandIn) -> None:
    standin.fails[REGISTER_BUFFER] = cuda_runtime.OS_CALL_FAILED


def no_pointer(standin: StandIn) -> None:
    standin.fails["cudaGraphicsResourceGetMappedPointer"] = cuda_runtime.UNKNOWN


def no_map(standin: StandIn) -> None:
    standin.fails[MAP] = cuda_runtime.UNKNOWN


BROKEN = {
    wsl2: "cudaGraphicsGLRegisterImage: error 304 (304); the system does not offer it: WSL2",
    virtualgl: "cudaGLGetDevices: error 999 (999); OpenGL does not reach the NVIDIA driver",
    other_vendor: "cudaGLGetDevices: none; no CUDA device is to be seen, or OpenGL is on none",
    other_gpu: "OpenGL draws with CUDA device 1, CUDA computes with 0",
    null_handle: "cudaGraphicsGLRegisterImage: no handle, and no error either",
    changed_pixels: "a test pattern of f1 pixels came out of interop changed",
    changed_buffers: "a test pattern in a buffer came out of interop changed",
    no_buffers: "cudaGraphicsGLRegisterBuffer: error 304 (304); the system does not offer it: WSL2",
    no_pointer: "cudaGraphicsResourceGetMappedPointer: error 999 (999)",
    no_map: "cudaGraphicsMapResources: error 999 (999)",
}


@pytest.mark.parametrize("breaks", BROKEN, ids=lambda breaks: breaks.__name__)
def test_without_interop_all_is_uploaded_and_why_is_told(
    ctx, runtime, standin, picture, block, breaks
):
    breaks(standin)
    presented = presenter(ctx, "auto", runtime)
    shown(presented, picture(), block())
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


@pytest.mark.parametrize(
    "call", [REGISTER, REGISTER_BUFFER, MAP, "cudaGraphicsResourceGetMappedPointer"]
)
def test_what_fails_later_gives_way_at_once(ctx, runtime, standin, picture, block, call):
    presented = presenter(ctx, "auto", runtime)
    shown(presented, picture(), block())
    standin.fails[call] = cuda_runtime.UNKNOWN
    shown(presented, picture((50, 40), seed=1), block(4000, 1))
    assert f"{call}: error 999 (999)" in presented.told
    assert presented.told.startswith("pinned upload")
    assert not standin.registered
    assert standin.error == 0
    presented.release()


@pytest.mark.parametrize("call", ["cudaMemcpy2DToArrayAsync", "cudaMemcpyAsync"])
def test_what_fails_between_map_and_unmap_leaves_nothing_mapped(
    ctx, runtime, standin, picture, block, call
):
    presented = presenter(ctx, "interop", runtime)
    standin.fails[call] = cuda_runtime.BAD_VALUE
    with pytest.raises(CudaFailure, match=call):
        presented.present([picture()[0], block()[0]], 0)
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
    assert {REGISTER, REGISTER_BUFFER, MAP, "cudaMemcpyAsync", "cudaHostAlloc"} <= named
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
def test_copies_wait_for_their_stream_and_opengl_for_them(ctx, wanted):
    presented = presenter(ctx, wanted)
    texture, before = (ctx.texture((640, 360), 4, dtype="f1") for _ in range(2))
    framebuffers = ctx.framebuffer([texture]), ctx.framebuffer([before])
    buffer = ctx.buffer(reserve=999)
    stream = torch.cuda.Stream()
    pixels = torch.zeros(360, 640, 4, dtype=torch.uint8, device="cuda")
    torch.cuda.synchronize()
    for value in range(1, 20):
        ctx.copy_framebuffer(framebuffers[1], framebuffers[0])  # what the texture holds until now
        with torch.cuda.stream(stream):
            torch.cuda._sleep(5_000_000)  # cycles: some milliseconds in which to be too early
            pixels.fill_(value)
        at = pixels.data_ptr()
        presented.present([Plane(at, texture), Block(at, 999, buffer)], stream.cuda_stream)
        assert set(texture.read()) == set(buffer.read()) == {value}
        assert value == 1 or set(before.read()) == {value - 1}
    presented.release()
    ctx.detect_framebuffer(0).use()
    for held in (*framebuffers, texture, before, buffer):
        held.release()


@everywhere
@pytest.mark.parametrize("kind", ["f1", interop_cost.BUFFER])
@pytest.mark.parametrize("way", ["interop", "upload"])
def test_the_cost_of_a_picture_is_measured(ctx, runtime, way, kind):
    row = interop_cost.measured(ctx, runtime, ("1080p", kind, way), 5)
    print(interop_cost._line(row))  # noqa: T201  seen with -s
    assert row.frame > 0
    parts = {"map", "copy", "unmap"} if way == "interop" else set()
    assert row.host.keys() == row.device.keys() == parts


def test_the_cost_is_not_measured_without_a_gpu(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "cuda.bindings.runtime", None)
    monkeypatch.setattr("sys.argv", ["interop_cost"])
    assert interop_cost.main() == 1
    assert "an NVIDIA GPU with CUDA and OpenGL is needed" in capsys.readouterr().err
