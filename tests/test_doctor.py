"""What doctor says of CUDA, with a stand-in for its runtime."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests import cuda_runtime
from viewer.apps import doctor
from viewer.apps.doctor import Finding
from viewer.cuda import bindings
from viewer.cuda import runtime as cuda
from viewer.cuda.runtime import Runtime

pytestmark = pytest.mark.gl
ROOT = Path(__file__).parents[1]


@pytest.fixture
def found(ctx, standin, monkeypatch):
    """Looks at the machine that the stand-in pretends to be: findings by what was looked at."""
    monkeypatch.setattr(cuda, "load", lambda: Runtime(standin))

    def look() -> dict[str, Finding]:
        return {finding.what: finding for finding in doctor.findings(ctx)}

    return look


def test_a_cuda_device_is_named_with_its_driver(found):
    seen = found()
    device = Finding("CUDA device 0", True, "Stand-In 1, compute capability 9.0, 80 GiB")
    assert seen["CUDA device 0"] == device
    assert seen["CUDA driver"].found.startswith("for CUDA 13.1; runtime 13.0; PyTorch ")
    assert not seen["CUDA driver"].works  # PyTorch finds no device


def test_interop_that_works_is_said(found, standin):
    interop = found()["CUDA-OpenGL interop"]
    assert interop.works
    assert interop.found.endswith("pictures and splats stay on the device")
    assert not standin.registered
    assert not standin.memory


def test_interop_that_does_not_work_is_said_with_the_reason_and_the_cost(found, standin):
    standin.fails["cudaGLGetDevices"] = cuda_runtime.UNKNOWN
    interop = found()["CUDA-OpenGL interop"]
    assert not interop.works
    assert "cudaGLGetDevices: error 999 (999); OpenGL does not reach" in interop.found
    assert "; all goes by the host, " in interop.found
    assert interop.found.endswith(" ms for a picture of 1920x1080")
    assert not standin.memory


def test_where_nothing_works_both_reasons_are_said(found, standin):
    standin.fails |= {"cudaGLGetDevices": cuda_runtime.UNKNOWN, "cudaMalloc": 2}
    assert found()["CUDA-OpenGL interop"].found.endswith("; and no upload: cudaMalloc: error 2 (2)")


def test_a_machine_without_a_driver_is_told_what_to_install(found, standin):
    standin.fails["cudaGetDeviceCount"] = 35
    seen = found()
    assert "no NVIDIA driver" in seen["CUDA device"].found
    assert seen["CUDA device"].fix == doctor.DRIVER_FIX
    assert "CUDA-OpenGL interop" not in seen


def test_a_missing_module_is_told_with_what_installs_it(ctx, monkeypatch):
    monkeypatch.setitem(sys.modules, "cuda.bindings.runtime", None)
    seen = {finding.what: finding for finding in doctor.findings(ctx)}
    assert seen["CUDA device"].fix == bindings.INSTALL
    assert seen["OpenGL"].works


def test_doctor_needs_neither_glfw_nor_the_interface():
    program = (
        "import sys; from viewer.cli import main; main(['doctor'])\n"
        "sys.exit(any(name in sys.modules for name in ('glfw', 'imgui_bundle')))"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
