"""doctor: what this machine offers, what is missing, and what to do about it."""

import importlib.metadata
import importlib.util
import os
import platform
import sys
from dataclasses import dataclass

import moderngl
from rich.markup import escape
from rich.table import Table

from viewer import __version__, resources
from viewer.apps.opening import terminal
from viewer.apps.writers import encoder
from viewer.core.errors import Unusable
from viewer.cuda import runtime as cuda
from viewer.cuda.interop import presenter, upload_cost
from viewer.gl import context
from viewer.gl.buffers import storage_limit
from viewer.render import RENDERERS, create
from viewer.render.sorted import COMPUTES

SHOWN = (1920, 1080)  # pixels
DRIVER_FIX = "install NVIDIA's driver, or a newer one; other GPUs draw with OpenGL alone"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, whether it works, what was found, and how to mend it."""

    what: str
    works: bool
    found: str
    fix: str = ""


def doctor() -> int:
    """Print all findings. Exit code 1 when no picture can be made with OpenGL here."""
    found = findings()
    table = Table(show_header=False, box=None, pad_edge=False)
    for column in ("what", "works", "found"):
        table.add_column(column, overflow="fold")
    for f in found:
        mark = "[green]yes[/green]" if f.works else "[yellow]no[/yellow]"
        fix = f"\nfix: {f.fix}" if f.fix else ""
        table.add_row(escape(f.what), mark, escape(f.found + fix))
    terminal().print(table)
    return 0 if any(f.what == "OpenGL" and f.works for f in found) else 1


def findings(ctx: moderngl.Context | None = None) -> list[Finding]:
    """All that is known of this machine. ctx: a window's, which is then looked at; None: own."""
    return [*_program(), *_cuda(), *_graphics(ctx), _display(), _video()]


def as_text(found: list[Finding]) -> str:
    """A line for each finding."""
    lines = []
    for f in found:
        fix = f" (fix: {f.fix})" if f.fix else ""
        lines.append(f"{f.what}: {'yes' if f.works else 'no'}, {f.found}{fix}")
    return "\n".join(lines)


def has_display() -> bool:
    """Whether a window can be opened: on Linux, whether a display server is named."""
    if sys.platform.startswith("linux"):
        return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return True


def _program() -> list[Finding]:
    names = ("torch", "numpy", "moderngl", "glfw", "imgui-bundle")
    versions = ", ".join(f"{name} {_version(name)}" for name in names)
    return [
        Finding("view4d", True, f"{__version__}, Python {platform.python_version()}, {versions}"),
        Finding("system", True, f"{platform.platform()}, {os.cpu_count()} processors"),
        Finding("log file", True, str(resources.log_file())),
        Finding("settings", True, str(resources.settings_file())),
    ]


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _graphics(given: moderngl.Context | None) -> list[Finding]:
    try:
        ctx = given or context.headless()
    except Unusable as error:
        return [Finding("OpenGL", False, error.cause, error.fix), *_renderers(None)]
    version = f"{ctx.info['GL_VERSION']} on {context.adapter(ctx)}"
    hint = " (drawn by the processor: correct, not fast)" if context.is_software(version) else ""
    found = [Finding("OpenGL", True, version + hint), _compute(ctx)]
    found += [*_renderers(ctx), *_interop(ctx)]
    if given is None:
        ctx.release()
    return found


def _renderers(ctx: moderngl.Context | None) -> list[Finding]:
    found = []
    for name in RENDERERS:
        try:
            create(name, ctx)[1].release()
            found.append(Finding(f"renderer {name}", True, "works here"))
        except Unusable as error:
            found.append(Finding(f"renderer {name}", False, error.cause, error.fix))
    return found


def _compute(ctx: moderngl.Context) -> Finding:
    if ctx.version_code >= COMPUTES:
        size = storage_limit(ctx) / 2**20
        return Finding("compute shaders", True, f"storage buffers up to {size:.0f} MiB each")
    return Finding(
        "compute shaders",
        False,
        "OpenGL 4.3 has them; without, models are sliced and sorted on the processor",
        "update the graphics driver; macOS has none",
    )


def _display() -> Finding:
    if has_display():
        return Finding("display", True, "a window can be opened")
    return Finding(
        "display",
        False,
        "neither DISPLAY nor WAYLAND_DISPLAY is set",
        "start from a desktop session, or use render, record and bench, which need none",
    )


def _cuda() -> list[Finding]:
    import torch

    built = f"PyTorch {torch.__version__}"
    sees = torch.cuda.is_available()
    try:
        runtime = cuda.load()
        found = [
            Finding(
                f"CUDA device {gpu.ordinal}",
                True,
                f"{gpu.name}, compute capability {gpu.capability[0]}.{gpu.capability[1]},"
                f" {gpu.memory / 2**30:.0f} GiB",
            )
            for gpu in cuda.gpus(runtime)
        ]
        driver, own = cuda.versions(runtime)
    except Unusable as error:
        seen = f"{built} sees {torch.cuda.get_device_name()}, but " if sees else ""
        return [Finding("CUDA device", False, seen + error.cause, error.fix or DRIVER_FIX)]
    told = f"for CUDA {driver}; runtime {own}; {built} {'uses it' if sees else 'does not use it'}"
    fix = "" if sees else "install PyTorch with CUDA: pytorch.org/get-started tells how"
    return [*found, Finding("CUDA driver", sees, told, fix)]


def _interop(ctx: moderngl.Context) -> list[Finding]:
    """Nothing where there is no CUDA to begin with."""
    what = "CUDA-OpenGL interop"
    try:
        runtime = cuda.load()
        cuda.gpus(runtime)
    except Unusable:
        return []
    try:
        presenter(ctx, "interop", runtime).release()
    except Unusable as error:
        return [Finding(what, False, _instead(ctx, runtime, error.cause), error.fix)]
    return [
        Finding(what, True, "test patterns came through: pictures and splats stay on the device")
    ]


def _instead(ctx: moderngl.Context, runtime: cuda.Runtime, reason: str) -> str:
    try:
        ms = 1e3 * upload_cost(ctx, runtime, SHOWN)
    except Unusable as error:
        return f"{reason}; and no upload: {error.cause}"
    width, height = SHOWN
    return f"{reason}; all goes by the host, {ms:.1f} ms for a picture of {width}x{height}"


def _video() -> Finding:
    what = "video (mp4)"
    try:
        return Finding(what, True, f"PyAV {_version('av')}, H.264 by {encoder()}")
    except ImportError:
        return Finding(what, False, "PyAV is not installed", "pip install 'view4d[video]'")
    except Unusable as error:
        return Finding(what, False, error.cause, error.fix)
