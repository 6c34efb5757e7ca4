"""Every kernel compiles for every architecture, in the forms that are used; no GPU is needed."""

import re
from types import SimpleNamespace

import pytest

from tests import scenes
from viewer.core.errors import Unusable
from viewer.cuda import frame, nvrtc, source
from viewer.cuda.buffers import DEPTH_ITEMS, PAIR_ITEMS
from viewer.render.cuda import Form
from viewer.render.cuda_rows import of_model

ARCHITECTURES = (75, 80, 86, 89, 90, 100, 120)
PLAIN = Form("blend", False, 0, False, False, False, False)
FORMS = {
    "exact": PLAIN,
    "display": Form("blend", False, 0, False, True, True, True),
    "textures": Form("blend", False, 0, True, True, False, True),
    "features": Form("blend", False, 6, True, False, False, False),
    "median": Form("median", False, 0, False, False, False, False),
    "overdraw": Form("overdraw", False, 0, False, False, False, False),
    "dots": Form("dots", False, 0, False, False, False, False),
    "discs": Form("blend", True, 0, False, False, False, False),
}


def modules():
    """All modules as the renderer asks for them."""
    yield "begin", source.load("begin", {})
    for depth, items in ((1, DEPTH_ITEMS), (0, PAIR_ITEMS)):
        yield f"radix {depth}", source.load("radix", {"ITEMS": items, "BY_DEPTH": depth})
    for name, form in FORMS.items():
        yield f"tiles {name}", source.load("tiles", form.constants | {"EXTRA": 0})
        yield f"blend {name}", source.load("blend", form.constants, fast=form.packed)
    for i, kind in enumerate(scenes.FORMS):
        model = scenes.moving(3, **kind)
        for exact in (True, False):
            rows = of_model(model, exact, model.gaussians.means.device)
            text = source.load("gaussians", rows.constants | PLAIN.constants, fast=not exact)
            yield f"gaussians {i} {'exact' if exact else 'packed'}", text


MODULES = dict(modules())


@pytest.mark.parametrize("name", MODULES)
def test_compiles_for_hopper(name, tmp_path):
    assert nvrtc.compiled(MODULES[name], 90, tmp_path)[:4] == b"\x7fELF"


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize(
    "name", ["begin", "radix 1", "tiles display", "blend display", "gaussians 0 packed"]
)
def test_compiles_for(architecture, name, tmp_path):
    if architecture not in nvrtc.architectures():
        pytest.skip(f"this NVRTC, {nvrtc.version()}, does not know sm_{architecture}")
    assert nvrtc.compiled(MODULES[name], architecture, tmp_path)[:4] == b"\x7fELF"


def test_every_kernel_file_is_compiled_here():
    files = {path.stem for path in source.FOLDER.glob("*.cu")}
    assert {name.split()[0] for name in MODULES} == files


def test_what_was_compiled_is_kept_by_text_and_options(tmp_path, monkeypatch):
    text = source.load("begin", {})
    code = nvrtc.compiled(text, 90, tmp_path)
    monkeypatch.setattr(nvrtc, "_compile", lambda *args: pytest.fail("compiled again"))
    assert nvrtc.compiled(text, 90, tmp_path) == code
    with pytest.raises(pytest.fail.Exception):
        nvrtc.compiled(text, 80, tmp_path)
    with pytest.raises(pytest.fail.Exception):
        nvrtc.compiled(source.load("begin", {"MORE": 1}), 90, tmp_path)


def test_a_cache_that_cannot_be_written_is_no_loss(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert nvrtc.compiled(source.load("begin", {}), 90, blocked)[:4] == b"\x7fELF"


def test_compiling_leaves_the_bytes_of_python_alone(tmp_path):
    nvrtc.compiled(source.load("begin", {}), 90, tmp_path)  # whose log is empty: one byte
    assert [bytes([i])[0] for i in range(256)] == list(range(256))


def test_bindings_without_the_library_say_what_to_install(monkeypatch):
    def missing():
        raise RuntimeError("Failure finding nvrtc:\nNo such file: libnvrtc.so*")

    monkeypatch.setattr(nvrtc, "module", lambda name: SimpleNamespace(nvrtcVersion=missing))
    with pytest.raises(Unusable, match=r"loaded \(Failure finding nvrtc:\) \(pip install"):
        nvrtc.architectures()


def test_an_error_names_the_file_and_the_line(tmp_path):
    whole = source.load("tiles", PLAIN.constants)
    broken = source.Source("tiles", whole.text.replace("from_lane(s, who)", "nothing(s)"), False)
    with pytest.raises(nvrtc.CompileError, match=r"tiles\.cu.*tiles\.cu\(\d+\): error"):
        nvrtc.compiled(broken, 90, tmp_path)


def test_the_struct_is_the_same_in_both_languages():
    from tests.cuda_host import HostDevice

    text = "#include <cstddef>\n" + frame.declaration()
    text += 'extern "C" __global__ void offsets(unsigned* to) {\n'
    for i, (name, _, _) in enumerate(frame.FIELDS):
        text += f"    to[{i}] = offsetof(Frame, {name});\n"
    text += f"    to[{len(frame.FIELDS)}] = sizeof(Frame);\n}}\n"
    import ctypes

    found = (ctypes.c_uint32 * (len(frame.FIELDS) + 1))()
    device = HostDevice()
    kernel = device.build(source.Source("offsets", text, False))["offsets"]
    device.launch(kernel, 1, 32, ctypes.c_uint64(ctypes.addressof(found)))
    want = [getattr(frame.Frame, name).offset for name, _, _ in frame.FIELDS]
    assert list(found) == [*want, ctypes.sizeof(frame.Frame)]


def test_kernels_include_nothing_but_their_own_text():
    for path in source.FOLDER.iterdir():
        for included in re.findall(r'#include\s+[<"]([^>"]+)', path.read_text()):
            assert included in source.GENERATED or (source.FOLDER / included).is_file()
