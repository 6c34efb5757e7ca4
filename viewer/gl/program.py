"""Programs from shaders/: includes, injected constants, errors that name the file and the line."""

import re
from collections.abc import Mapping

import moderngl

from viewer import resources

INCLUDE = re.compile(r'^\s*#include\s+"([^"]+)"\s*$')


class ShaderError(Exception):
    """A shader does not compile; the text is the driver's log with file names put in."""


def source(
    name: str, constants: Mapping[str, float | int], version: int | None = None
) -> tuple[str, list[str]]:
    """GLSL text of shaders/<name> with includes expanded, and the files in order of #line number.

    Constants become #define lines after #version. version: in place of the file's own, where
    constants ask for more of GLSL than it needs otherwise.
    """
    files: list[str] = []
    text = "\n".join(_expand(name, files))
    own, _, rest = text.partition("\n")
    first = own if version is None else f"#version {version}"
    defines = "".join(f"#define {key} {_literal(value)}\n" for key, value in constants.items())
    return f"{first}\n{defines}#line 2 0\n{rest}\n", files


def draw_program(
    ctx: moderngl.Context,
    stem: str,
    constants: Mapping[str, float | int],
    fragment: str = "",
    version: int | None = None,
) -> moderngl.Program:
    """Vertex shader <stem>.vert with fragment shader <fragment or stem>.frag; as in `source`."""
    vertex, vertex_files = source(f"{stem}.vert", constants, version)
    pixel, pixel_files = source(f"{fragment or stem}.frag", constants, version)
    try:
        return ctx.program(vertex_shader=vertex, fragment_shader=pixel)
    except moderngl.Error as error:
        files = vertex_files if "vertex_shader" in str(error) else pixel_files
        raise ShaderError(_named(str(error), files)) from None


def compute_program(
    ctx: moderngl.Context, stem: str, constants: Mapping[str, float | int]
) -> moderngl.ComputeShader:
    """Compute shader <stem>.comp."""
    text, files = source(f"{stem}.comp", constants)
    try:
        return ctx.compute_shader(text)
    except moderngl.Error as error:
        raise ShaderError(_named(str(error), files)) from None


def _expand(name: str, files: list[str]) -> list[str]:
    number = len(files)
    files.append(name)
    lines = []
    for row, line in enumerate((resources.shaders() / name).read_text().splitlines(), start=1):
        found = INCLUDE.match(line)
        if found is None:
            lines.append(line)
            continue
        included = f"include/{found[1]}"
        if included not in files:
            start = len(files)
            lines += [f"#line 1 {start}", *_expand(included, files), f"#line {row + 1} {number}"]
    return lines


def _literal(value: float | int) -> str:
    return (
        str(value)
        if isinstance(value, int)
        else f"{value:.9g}" + ("" if re.search(r"[.e]", f"{value:.9g}") else ".0")
    )


def _named(log: str, files: list[str]) -> str:
    def name(found: re.Match[str]) -> str:
        number = int(found[1])
        return f"{files[number] if number < len(files) else number}{found[2]}"

    return re.sub(r"\b(\d+)([:(]\d+)", name, log)
