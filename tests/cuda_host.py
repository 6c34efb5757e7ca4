"""HostDevice: a kernel's own text, compiled for the processor, so that its arithmetic is tested."""

import ctypes
import hashlib
import os
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch

from viewer.cuda.device import Argument, Kernel
from viewer.cuda.plane import Plane
from viewer.cuda.source import Source

HEADER = Path(__file__).with_name("cuda_host.h")
FLAGS = ("-std=c++17", "-O1", "-shared", "-fPIC", "-w", "-ffp-contract=off")
FOLDER = Path(tempfile.gettempdir()) / f"view4d-kernels-{os.getuid()}"


class HostDevice:
    """Runs kernels on the processor, at once. It counts the launches."""

    name = "host"
    memory = torch.device("cpu")
    stream = 0

    def __init__(self) -> None:
        self.launches: list[str] = []

    def build(self, source: Source) -> Mapping[str, Kernel]:
        """Compiles with g++; what was compiled before is taken from the temporary folder."""
        text = f'#include "{HEADER}"\n{source.text}\n' + "\n".join(
            _caller(name, parameters) for name, parameters in source.kernels.items()
        )
        key = hashlib.sha256((text + HEADER.read_text() + " ".join(FLAGS)).encode()).hexdigest()
        path = FOLDER / f"{source.name}-{key[:32]}.so"
        if not path.is_file():
            FOLDER.mkdir(mode=0o700, parents=True, exist_ok=True)
            beside = path.with_suffix(f".{os.getpid()}")
            command = ["g++", *FLAGS, "-x", "c++", "-", "-o", str(beside)]
            done = subprocess.run(command, input=text, text=True, capture_output=True, check=False)
            assert done.returncode == 0, done.stderr
            beside.rename(path)
        library = ctypes.CDLL(str(path))
        return {name: (name, library[f"launch_{name}"]) for name in source.kernels}

    def launch(self, kernel: Kernel, blocks: int, threads: int, *args: Argument) -> None:
        """Runs it."""
        name, call = kernel
        self.launches.append(name)
        places = (ctypes.c_void_p * len(args))(*(ctypes.addressof(arg) for arg in args))
        call(places, blocks, threads)

    def recorded(self, work: Callable[[], None]) -> Callable[[], None]:
        """The work itself."""
        return work

    def send(self, source: int, pinned: torch.Tensor) -> None:
        """Copies at once."""
        ctypes.memmove(pinned.data_ptr(), source, pinned.numel() * pinned.element_size())

    def wait(self) -> None:
        """Nothing is queued."""


class HostPresenter:
    """Brings pictures from host memory into textures."""

    def __init__(self, wanted: str = "auto") -> None:
        self.told = f"host, {wanted}"

    def present(self, pieces: Sequence[Plane], stream: int) -> None:
        """Copies at once."""
        for plane in pieces:
            plane.texture.write(ctypes.string_at(plane.pointer, plane.pitch * plane.texture.height))

    def release(self) -> None:
        """Nothing is held."""


def _caller(name: str, parameters: str) -> str:
    kinds = [parameter.rsplit(maxsplit=1)[0] for parameter in parameters.split(",")]
    given = ", ".join(f"*({kind}*)args[{i}]" for i, kind in enumerate(kinds))
    return (
        f"static void call_{name}(void** args) {{ {name}({given}); }}\n"
        f'extern "C" void launch_{name}(void** args, unsigned blocks, unsigned threads) '
        f"{{ run_grid(call_{name}, args, blocks, threads); }}"
    )
