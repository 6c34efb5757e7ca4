"""Kernel text from viewer/cuda/kernels/: includes expanded, constants injected."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from viewer.cuda import frame

FOLDER = Path(__file__).parent / "kernels"
INCLUDE = re.compile(r'^\s*#include\s+"([^"]+)"\s*$')
KERNEL = re.compile(
    r'extern "C" __global__ void\s+(?:__launch_bounds__\([^)]*\)\s+)?(\w+)\(([^)]*)\)'
)
GENERATED = {"frame.cuh": frame.declaration}


@dataclass(frozen=True, slots=True)
class Source:
    """One module: its text, whole, and the kernels in it with their parameters as written."""

    name: str
    text: str
    fast: bool  # approximate division, roots and exponentials

    @property
    def kernels(self) -> dict[str, str]:
        """Name and parameters of every entry point."""
        return dict(KERNEL.findall(self.text))


def load(name: str, constants: Mapping[str, float | int], fast: bool = False) -> Source:
    """kernels/<name>.cu with constants as #define lines in front."""
    defines = "".join(f"#define {key} {_literal(value)}\n" for key, value in constants.items())
    return Source(name, defines + "\n".join(_expand(f"{name}.cu", set())) + "\n", fast)


def _expand(name: str, seen: set[str]) -> list[str]:
    seen.add(name)
    text = GENERATED[name]() if name in GENERATED else (FOLDER / name).read_text()
    lines = [f'#line 1 "{name}"']
    for number, line in enumerate(text.splitlines(), start=1):
        found = INCLUDE.match(line)
        if found is None:
            lines.append("" if line.strip() == "#pragma once" else line)
        elif found[1] not in seen:
            lines += [*_expand(found[1], seen), f'#line {number + 1} "{name}"']
        else:
            lines.append("")
    return lines


def _literal(value: float | int) -> str:
    if isinstance(value, int):
        return str(value)
    text = f"{value:.9g}"
    return f"{text if re.search(r'[.e]', text) else text + '.0'}f"
