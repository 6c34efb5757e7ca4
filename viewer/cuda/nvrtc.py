"""Kernel text to machine code at run time, by NVRTC: no nvcc, no compiler of the host.

What was compiled is kept in the user's cache folder, under a key of text, options, architecture and
NVRTC's version.
"""

import hashlib
import importlib
from pathlib import Path
from typing import Any

from platformdirs import user_cache_dir

from viewer.core.errors import Unusable
from viewer.core.files import replacing
from viewer.cuda.source import Source

INSTALL = "install view4d's extra 'cuda' (pip install 'view4d[cuda]')"


class CompileError(Exception):
    """A kernel does not compile; the text is the compiler's log."""


def bindings(name: str) -> Any:
    """A module of cuda-bindings. Raises Unusable where it is not installed."""
    try:
        return importlib.import_module(f"cuda.bindings.{name}")
    except ImportError as error:
        raise Unusable(f"cuda-bindings cannot be imported ({error})", INSTALL) from None


def version() -> tuple[int, int]:
    """Of NVRTC. Raises Unusable where there is none."""
    return _checked(bindings("nvrtc").nvrtcVersion())


def architectures() -> list[int]:
    """Those that this NVRTC compiles for, as 90 is sm_90."""
    return list(_checked(bindings("nvrtc").nvrtcGetSupportedArchs()))


def compiled(source: Source, architecture: int, cache: Path | None = None) -> bytes:
    """CUBIN of `source` for sm_<architecture>, from the cache where it is there.

    cache: folder; None is the user's. Raises CompileError, and Unusable without NVRTC.
    """
    options = [f"--gpu-architecture=sm_{architecture}", "--std=c++17", "-default-device"]
    options += ["--extra-device-vectorization"]
    if source.fast:
        options.append("--use_fast_math")
    folder = Path(user_cache_dir("view4d")) / "kernels" if cache is None else cache
    key = "\n".join([source.text, *options, str(version())])
    path = folder / f"{source.name}-{hashlib.sha256(key.encode()).hexdigest()[:32]}.cubin"
    if path.is_file():
        return path.read_bytes()
    code = _compile(source, options)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(path) as beside:
            beside.write_bytes(code)
    except OSError:
        return code  # a folder that cannot be written costs time, nothing else
    return code


def _compile(source: Source, options: list[str]) -> bytes:
    nvrtc = bindings("nvrtc")
    name = f"{source.name}.cu".encode()
    program = _checked(nvrtc.nvrtcCreateProgram(source.text.encode(), name, 0, [], []))
    encoded = [option.encode() for option in options]
    try:
        result = nvrtc.nvrtcCompileProgram(program, len(encoded), encoded)[0]
        log = _room(_checked(nvrtc.nvrtcGetProgramLogSize(program)))
        _checked(nvrtc.nvrtcGetProgramLog(program, log))
        if result.value:
            raise CompileError(f"{source.name}.cu: {log.decode(errors='replace').strip(chr(0))}")
        code = _room(_checked(nvrtc.nvrtcGetCUBINSize(program)))
        _checked(nvrtc.nvrtcGetCUBIN(program, code))
        return code
    finally:
        nvrtc.nvrtcDestroyProgram(program)


def _room(count: int) -> bytes:
    """Bytes that a foreign function may write into: of two and more Python makes a new object.

    Single bytes are shared by the whole process, and an empty log is one byte long.
    """
    return bytes(max(count, 2))


def _checked(answer: tuple[Any, ...]) -> Any:
    """What a call returned besides its status. Raises Unusable where that is an error."""
    status, *rest = answer
    if status.value:
        raise Unusable(f"NVRTC answers {status.name}", INSTALL)
    return rest[0] if len(rest) == 1 else tuple(rest)
