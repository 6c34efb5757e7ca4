"""RenderSettings: what changes the picture besides model, camera and time."""

from dataclasses import dataclass
from enum import Enum


class Mode(Enum):
    """What a picture shows."""

    COLOR = "color"


@dataclass(frozen=True, slots=True)
class RenderSettings:
    """How to draw.

    renderer: a name in viewer.render.RENDERERS, or "auto".
    background: RGB 0..1; None is the model's own.
    sh_degree: spherical harmonics above it are left out.
    scale: factor on every Gaussian's size.
    near: splats nearer than this are not drawn, world units; None is the model's own.
    transmittance_stop: the reference stops a pixel at transmittance 1e-4, as training does.
    Blending in OpenGL cannot stop, so comparisons with it turn this off.
    """

    renderer: str = "auto"
    mode: Mode = Mode.COLOR
    background: tuple[float, float, float] | None = None
    sh_degree: int = 3
    scale: float = 1.0
    near: float | None = None
    transmittance_stop: bool = True
