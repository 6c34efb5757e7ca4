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
from viewer.core.errors import Unusable
from viewer.gl import context
from viewer.gl.buffers import storage_limit
from viewer.render import RENDERERS, create
from viewer.render.sorted import COMPUTES


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
    return [*_program(), *_graphics(ctx), _display(), *_optional()]


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
        return [Finding("OpenGL", False, error.cause, error.fix)]
    version = f"{ctx.info['GL_VERSION']} on {context.adapter(ctx)}"
    hint = " (drawn by the processor: correct, not fast)" if context.is_software(version) else ""
    found = [Finding("OpenGL", True, version + hint), _compute(ctx)]
    for name in RENDERERS:
        try:
            create(name, ctx)[1].release()
            found.append(Finding(f"renderer {name}", True, "works here"))
        except Unusable as error:
            found.append(Finding(f"renderer {name}", False, error.cause, error.fix))
    if given is None:
        ctx.release()
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


def _optional() -> list[Finding]:
    import torch

    cuda = torch.cuda.is_available()
    device = torch.cuda.get_device_name() if cuda else "torch sees no CUDA device"
    video = importlib.util.find_spec("av") is not None
    return [
        Finding("CUDA", cuda, f"{device}; no renderer of this version uses it"),
        Finding(
            "video (mp4)",
            video,
            f"PyAV {_version('av')}" if video else "PyAV is not installed",
            "" if video else "pip install 'view4d[video]'",
        ),
    ]
