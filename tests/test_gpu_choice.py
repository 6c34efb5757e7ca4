"""--gpu N: CUDA's device, and with EGL the device that is the same."""

import ctypes

import pytest
import torch

from tests import files
from viewer import cli
from viewer.apps.opening import use_gpu
from viewer.core.errors import BadArgument, Unusable
from viewer.cuda.interop import gl_device
from viewer.gl import context, egl


def libegl(*ordinals: int | None, lacks: str = "") -> egl.Address:
    """A libEGL with these devices; None: one that is not CUDA's. lacks: a function it has not."""

    def devices(most, handles, count):
        ctypes.c_int.from_address(ctypes.addressof(count.contents)).value = len(ordinals)
        for i in range(len(ordinals)):
            handles[i] = 1000 + i
        return 1

    def attribute(device, name, value):
        ordinal = ordinals[device - 1000]
        if name != egl.CUDA_DEVICE_NV or ordinal is None:
            return 0
        value[0] = ordinal
        return 1

    functions = {
        "eglQueryDevicesEXT": egl._Devices(devices),
        "eglQueryDeviceAttribEXT": egl._Attribute(attribute),
    }
    functions.pop(lacks, None)

    def address(name):
        held = functions.get(name)
        return ctypes.cast(held, ctypes.c_void_p).value if held else 0

    return address


@pytest.fixture
def made(monkeypatch) -> list[dict]:
    """How contexts were asked for; none is made."""
    asked = []

    def create_context(**how):
        asked.append(how)
        raise OSError("none is made here")

    monkeypatch.setattr("moderngl.create_context", create_context)
    monkeypatch.setattr("sys.platform", "linux")
    return asked


def test_devices_of_egl_have_the_ordinals_of_cuda():
    assert egl.cuda_ordinals(libegl(1, 0, None)) == [1, 0, None]
    assert egl.cuda_ordinals(libegl()) == []


@pytest.mark.parametrize("lacks", ["eglQueryDevicesEXT", "eglQueryDeviceAttribEXT"])
def test_an_egl_that_cannot_tell_has_no_devices_of_cuda(lacks):
    assert egl.cuda_ordinals(libegl(1, 0, lacks=lacks)) == []


@pytest.mark.gl
def test_software_is_no_device_of_cuda(ctx):
    if context.is_software(context.adapter(ctx)):
        assert set(egl.cuda_ordinals(egl.library())) <= {None}


def test_without_libegl_there_is_nothing_to_choose(monkeypatch):
    monkeypatch.setattr("ctypes.util.find_library", lambda name: "libNoSuchEGL.so.9")
    assert egl.cuda_ordinals(egl.library()) == []


@pytest.mark.parametrize(("gpu", "index"), [(0, 2), (1, 0)])
def test_opengl_draws_with_the_device_that_was_chosen(made, monkeypatch, gpu, index):
    monkeypatch.setattr(egl, "library", lambda: libegl(1, None, 0))
    with pytest.raises(Unusable, match="none is made here"):
        context.headless(gpu)
    chosen = {"standalone": True, "backend": "egl", "device_index": index}
    assert made == [{"require": 430, **chosen}, {"require": 330, **chosen}]


def test_a_device_that_egl_has_not_is_refused(made, monkeypatch):
    monkeypatch.setattr(egl, "library", lambda: libegl(1, None, 0))
    with pytest.raises(Unusable, match=r"EGL has no device that is CUDA device 2, only 0, 1"):
        context.headless(2)
    assert not made


@pytest.mark.parametrize("gpu", [None, 0])
def test_where_nothing_is_chosen_or_to_choose_opengl_is_as_ever(made, monkeypatch, gpu):
    monkeypatch.setattr(egl, "library", lambda: libegl(None))
    with pytest.raises(Unusable, match="none is made here"):
        context.headless(gpu)
    assert [how.get("backend") for how in made] == ["egl", "egl", None, None]
    assert [how["require"] for how in made] == [430, 330, 430, 330]
    assert not any("device_index" in how for how in made)


def test_cuda_computes_with_the_device_that_was_chosen(monkeypatch):
    chosen = []
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    use_gpu(1)
    assert chosen == [1]
    with pytest.raises(BadArgument, match=r"--gpu is 2, PyTorch sees CUDA devices 0 to 1"):
        use_gpu(2)


@pytest.mark.parametrize("subcommand", ["view", "render", "record", "bench"])
def test_a_device_that_is_not_there_is_one_line(tmp_path, monkeypatch, capsys, subcommand):
    if subcommand == "view":
        pytest.importorskip("imgui_bundle", reason="the window's libraries are not here")
    scene = str(files.write_everything(tmp_path)["ftgs-ply"])
    monkeypatch.setenv("DISPLAY", ":99")  # a window is asked for, and not reached
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    output = {"render": ["--output", str(tmp_path / "a.png")], "record": ["--output", "frames"]}
    words = [subcommand, scene, "--gpu", "3", *output.get(subcommand, [])]
    assert cli.main(words) == 2
    assert capsys.readouterr().err == "view4d: --gpu is 3, PyTorch sees none\n"


@pytest.mark.parametrize("value", ["-1", "1.5", "first"])
def test_a_device_is_a_whole_number(value, capsys):
    with pytest.raises(SystemExit):
        cli.main(["render", "a.ply", "--output", "a.png", f"--gpu={value}"])
    assert "expected a whole number from 0" in capsys.readouterr().err


@pytest.mark.gpu
@pytest.mark.gl
def test_on_a_gpu_each_device_of_cuda_draws():
    for gpu in range(torch.cuda.device_count()):
        ctx = context.headless(gpu)
        assert gl_device(ctx) == gpu
        ctx.release()
