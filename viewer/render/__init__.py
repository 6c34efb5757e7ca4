"""Splats to Target, one module a renderer. RENDERERS is the whole list."""

import importlib

import moderngl

from viewer.core.errors import BadArgument, Unusable
from viewer.render.protocol import Renderer

RENDERERS = {
    "sorted": "viewer.render.sorted:create",
    "peel": "viewer.render.peel:PeelRenderer",
    "reference": "viewer.render.reference:ReferenceRenderer",
}
NEEDS_GL = frozenset({"sorted", "peel"})
AUTO = ("sorted", "peel")  # in this order, the first that works here


def create(
    name: str, ctx: moderngl.Context | None, exact: bool = True
) -> tuple[str, Renderer, tuple[str, ...]]:
    """The renderer `name`, or the best that works here for "auto".

    exact: numbers on the device are float32; for display they may be packed.

    Returns its name, the renderer, and for "auto" why the ones before it were not taken.
    Raises BadArgument for an unknown name, Unusable when it cannot run here.
    """
    if name != "auto":
        return name, _make(name, ctx, exact), ()
    refused: list[str] = []
    for candidate in AUTO:
        try:
            return candidate, _make(candidate, ctx, exact), tuple(refused)
        except Unusable as error:
            refused.append(f"{candidate}: {error}")
    raise Unusable(f"no renderer works here ({'; '.join(refused)})", "--renderer reference does")


def _make(name: str, ctx: moderngl.Context | None, exact: bool = True) -> Renderer:
    if name not in RENDERERS:
        raise BadArgument(f"renderer is {name!r}, expected auto, {', '.join(RENDERERS)}")
    module, _, cls = RENDERERS[name].partition(":")
    renderer = getattr(importlib.import_module(module), cls)
    if name not in NEEDS_GL:
        return renderer()
    if ctx is None:
        raise Unusable(f"{name} needs OpenGL, and there is none here")
    return renderer(ctx, exact)


def usable(ctx: moderngl.Context | None) -> tuple[tuple[str, str], ...]:
    """Each renderer's name, and "" or the reason why it cannot be used here."""
    found = []
    for name in RENDERERS:
        try:
            _make(name, ctx).release()
        except Unusable as error:
            found.append((name, str(error)))
        else:
            found.append((name, ""))
    return tuple(found)
