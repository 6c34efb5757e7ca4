"""What a measurement must say about the machine it was made on."""

import os
import platform
import subprocess
import sys
from typing import Any

import moderngl
import torch

from viewer import __version__, resources
from viewer.gl import context


def tool() -> dict[str, str | None]:
    """Version, and the commit where the program runs from a checkout."""
    return {"version": __version__, "git": _commit()}


def system(ctx: moderngl.Context | None, adapter: str) -> dict[str, Any]:
    """Operating system, processor, device and driver. adapter: what drew."""
    return {
        "os": platform.platform(),
        "processors": os.cpu_count(),
        "gpu": None if context.is_software(adapter) and ctx is None else adapter,
        "software_rasteriser": context.is_software(adapter),
        "gl": None if ctx is None else ctx.info["GL_VERSION"],
        "cuda": torch.version.cuda,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "display": os.environ.get("XDG_SESSION_TYPE"),
        "vsync": None,
    }


def peak_memory_mb() -> float | None:
    """Most memory this process has held, MB; None where the system does not say."""
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3


def peak_cuda_memory_mb() -> float | None:
    """Most of PyTorch's memory on the device, MB; None without CUDA."""
    return torch.cuda.max_memory_allocated() / 1e6 if torch.cuda.is_available() else None


def _commit() -> str | None:
    root = resources.PACKAGE.parent
    if not (root / ".git").exists():
        return None
    try:
        asked = ["git", "-C", str(root), "rev-parse", "--short", "HEAD"]
        found = subprocess.run(asked, capture_output=True, text=True, timeout=5, check=False)
    except OSError:
        return None
    return found.stdout.strip() or None
