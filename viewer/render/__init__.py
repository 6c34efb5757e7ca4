"""Splats to Target, one module a renderer. RENDERERS is the whole list."""

import importlib
from typing import Any

import moderngl

from viewer.core.errors import BadArgument, Unusable
from viewer.core.settings import RenderSettings
from viewer.core.splats import Appearance
from viewer.render.protocol import Renderer

RENDERERS = {
    "cuda": "viewer.render.cuda:create",
    "gsplat": "viewer.render.gsplat:GsplatRenderer",
    "sorted": "viewer.render.sorted:create",
    "peel": "viewer.render.peel:PeelRenderer",
    "reference": "viewer.render.reference:ReferenceRenderer",
}
NEEDS_GL = frozenset({"sorted", "peel"})
ON_CUDA = frozenset({"cuda", "gsplat"})  # into tensors as well as into OpenGL's textures
MAY_COMPILE = frozenset({"gsplat"})
AUTO = ("cuda", "gsplat", "sorted", "peel")  # in this order, the first that works here
# Where a renderer cannot draw every appearance in every mode: what tells so.
LACKS = {"gsplat": "viewer.render.gsplat:lacks"}


def create(
    name: str,
    ctx: moderngl.Context | None,
    exact: bool = True,
    may_compile: bool = True,
    look: Appearance | None = None,
    settings: RenderSettings | None = None,
) -> tuple[str, Renderer, tuple[str, ...]]:
    """The renderer `name`, or the best that works here for "auto", which starts no compiler.

    exact: numbers on the device are float32; for display they may be packed. may_compile: a
    renderer may run a compiler for minutes when it draws first. look, settings: what "auto" must
    be able to draw; how pictures come into textures is said there too.

    Returns its name, the renderer, and for "auto" why the ones before it were not taken.
    Raises BadArgument for an unknown name, Unusable when it cannot run here.
    """
    look, settings = look or Appearance(), settings or RenderSettings()
    if name != "auto":
        return name, _make(name, ctx, exact, may_compile, settings.interop), ()
    refused: list[str] = []
    for candidate in AUTO:
        try:
            if reason := lacks(candidate, look, settings):
                raise Unusable(reason)
            return candidate, _make(candidate, ctx, exact, False, settings.interop), tuple(refused)
        except Unusable as error:
            refused.append(f"{candidate}: {error.cause}")
    raise Unusable(f"no renderer works here ({'; '.join(refused)})", "--renderer reference does")


def lacks(name: str, look: Appearance, settings: RenderSettings) -> str:
    """What of these a renderer cannot draw, in words; empty where it draws all of it."""
    return str(_found(LACKS[name])(look, settings)) if name in LACKS else ""


def _make(
    name: str,
    ctx: moderngl.Context | None,
    exact: bool = True,
    may_compile: bool = True,
    interop: str = "auto",
) -> Renderer:
    if name not in RENDERERS:
        raise BadArgument(f"renderer is {name!r}, expected auto, {', '.join(RENDERERS)}")
    renderer = _found(RENDERERS[name])
    if name in MAY_COMPILE:
        return renderer(ctx, may_compile, interop)
    if name == "cuda":  # draws with OpenGL and without
        return renderer(ctx, exact, interop)
    if name not in NEEDS_GL:
        return renderer()
    if ctx is None:
        raise Unusable(f"{name} needs OpenGL, and there is none here")
    return renderer(ctx, exact)


def _found(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)


def usable(ctx: moderngl.Context | None) -> tuple[tuple[str, str], ...]:
    """Each renderer's name, and "" or the reason why a window cannot use it here."""
    found = []
    for name in RENDERERS:
        try:
            _make(name, ctx, may_compile=False).release()
        except Unusable as error:
            found.append((name, str(error)))
        else:
            found.append((name, ""))
    return tuple(found)
