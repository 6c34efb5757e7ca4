"""Kernel text to machine code at run time, by NVRTC: no nvcc, no compiler of the host.

What was compiled is kept in the user's cache folder, under a key of text, options, architecture and
NVRTC's version.
"""

import hashlib
from pathlib import Path

from platformdirs import user_cache_dir

from viewer.core.errors import Unusable
from viewer.core.files import replacing
from viewer.cuda.bindings import INSTALL, checked, module
from viewer.cuda.source import Source


class CompileError(Exception):
    """A kernel does not compile; the text is the compiler's log."""


def version() -> tuple[int, int]:
    """Of NVRTC. Raises Unusable where there is none."""
    nvrtc = module("nvrtc")
    try:
        answer = nvrtc.nvrtcVersion()  # the first call loads the library
    except RuntimeError as error:
        reason = str(error).strip().partition("\n")[0]
        raise Unusable(f"NVRTC cannot be loaded ({reason})", INSTALL) from None
    return checked(answer)


def architectures() -> list[int]:
    """Those that this NVRTC compiles for, as 90 is sm_90. Raises Unusable where there is none."""
    version()
    return list(checked(module("nvrtc").nvrtcGetSupportedArchs()))


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
    nvrtc = module("nvrtc")
    name = f"{source.name}.cu".encode()
    program = checked(nvrtc.nvrtcCreateProgram(source.text.encode(), name, 0, [], []))
    encoded = [option.encode() for option in options]
    try:
        result = nvrtc.nvrtcCompileProgram(program, len(encoded), encoded)[0]
        log = _room(checked(nvrtc.nvrtcGetProgramLogSize(program)))
        checked(nvrtc.nvrtcGetProgramLog(program, log))
        if result.value:
            raise CompileError(f"{source.name}.cu: {log.decode(errors='replace').strip(chr(0))}")
        code = _room(checked(nvrtc.nvrtcGetCUBINSize(program)))
        checked(nvrtc.nvrtcGetCUBIN(program, code))
        return code
    finally:
        nvrtc.nvrtcDestroyProgram(program)


def _room(count: int) -> bytes:
    """Bytes that a foreign function may write into: of two and more Python makes a new object.

    Single bytes are shared by the whole process, and an empty log is one byte long.
    """
    return bytes(max(count, 2))
