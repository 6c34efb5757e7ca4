"""Contexts, shared data and markers for all tests."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import moderngl
import pytest
import torch

from tests.cuda_runtime import standin  # noqa: F401  fixture
from tests.windows import display, program  # noqa: F401  fixtures
from viewer.core.errors import Unusable
from viewer.gl import context

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"


def pytest_configure(config: pytest.Config) -> None:
    """One of several processes draws and counts in one thread: together they fill the machine."""
    if hasattr(config, "workerinput"):
        os.environ["OMP_NUM_THREADS"] = os.environ["LP_NUM_THREADS"] = "1"  # what they start too
        torch.set_num_threads(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip, with the reason, what this machine cannot run."""
    reasons = {
        "gpu": None if torch.cuda.is_available() else "no NVIDIA GPU with CUDA here",
        "window": _no_window(),
    }
    for item in items:
        for marker, reason in reasons.items():
            if reason and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


def _no_window() -> str | None:
    missing = [name for name in ("Xvfb", "xdotool") if shutil.which(name) is None]
    if not sys.platform.startswith("linux") or missing:
        return f"needs Xvfb and xdotool, missing: {', '.join(missing) or 'Linux'}"
    return None


@pytest.fixture(autouse=True)
def without_cuda(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not marked for a GPU is drawn without one, as on every machine."""
    if request.node.get_closest_marker("gpu") is None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.fixture(scope="session")
def session_ctx() -> Iterator[moderngl.Context]:
    """One windowless context for the whole run."""
    try:
        ctx = context.headless()
    except Unusable as error:
        pytest.skip(str(error))
    yield ctx
    ctx.release()


@pytest.fixture
def ctx(session_ctx: moderngl.Context) -> Iterator[moderngl.Context]:
    """The windowless context; fails the test if OpenGL's error flag is set before or after."""
    session_ctx.__enter__()
    assert session_ctx.error == "GL_NO_ERROR"
    yield session_ctx
    assert session_ctx.error == "GL_NO_ERROR"


@pytest.fixture(scope="session")
def golden() -> Path:
    """Genuine checkpoints with the slices upstream computes."""
    return _shared("golden")


@pytest.fixture(scope="session")
def models() -> Path:
    """Real trained models."""
    return _shared("models")


def _shared(name: str) -> Path:
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip(f"{name}/ is not beside this checkout (looked for {folder})")
    return folder
