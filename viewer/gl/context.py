"""The only place where OpenGL contexts are made or adopted."""

import sys
from typing import Any

import moderngl

from viewer.core.errors import Unusable
from viewer.gl import egl

# The first that the driver gives: NVIDIA's gives what is asked for, and no more.
VERSIONS = ((4, 3), (3, 3))
SOFTWARE = ("llvmpipe", "softpipe", "swiftshader", "software", "no opengl")
HEADLESS_FIX = (
    "install libegl1 libgl1 libgl1-mesa-dri (Debian, Ubuntu), mesa-libEGL mesa-dri-drivers (Fedora)"
    " or a graphics driver; 'doctor' tells more, and --renderer reference needs no OpenGL"
)


def headless(gpu: int | None = None) -> moderngl.Context:
    """A context without a window: EGL on Linux, the system's own elsewhere.

    gpu: CUDA's ordinal of the device that shall draw, where EGL knows it; None: EGL's first.
    Raises Unusable with the fix when there is none.
    """
    backends: list[dict[str, Any]] = [{}]
    if sys.platform.startswith("linux"):
        index = None if gpu is None else egl.device_index(gpu, egl.cuda_ordinals(egl.library()))
        if index is None:
            backends.insert(0, {"backend": "egl"})
        else:
            backends = [{"backend": "egl", "device_index": index}]  # no other will do
    reasons = []
    for backend in backends:
        reason = ""
        for major, minor in VERSIONS:
            try:
                require = 100 * major + 10 * minor
                return moderngl.create_context(require=require, standalone=True, **backend)
            except Exception as error:  # glcontext raises bare Exception and OSError alike
                reason = f"{backend.get('backend', 'default')}: {error}"
        reasons.append(reason)
    raise Unusable(f"no OpenGL context without a window ({'; '.join(reasons)})", HEADLESS_FIX)


def adopt() -> moderngl.Context:
    """The context that is current on this thread, made by the window. Raises Unusable."""
    try:
        return moderngl.create_context(require=330)
    except Exception as error:  # as above
        raise Unusable(
            f"the window has no usable OpenGL context ({error})",
            "update the graphics driver; OpenGL 3.3 is needed",
        ) from None


def is_software(adapter: str) -> bool:
    """Whether the processor draws behind that name."""
    return any(word in adapter.lower() for word in SOFTWARE)


def adapter(ctx: moderngl.Context) -> str:
    """Name of the device that draws, as its driver gives it."""
    return str(ctx.info["GL_RENDERER"])


def sample_query(ctx: moderngl.Context) -> moderngl.Query:
    """The context's one counter of drawn samples: moderngl never deletes one, so it is kept."""
    if not isinstance(ctx.extra, moderngl.Query):
        ctx.extra = ctx.query(samples=True)  # moderngl gives no result of any_samples
    return ctx.extra
