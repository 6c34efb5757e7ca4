"""RenderSettings: what changes the picture besides model, camera and time."""

from dataclasses import dataclass, replace
from enum import Enum


class Mode(Enum):
    """What a picture shows."""

    COLOR = "color"
    DEPTH = "depth"  # the mean depth of what covers a pixel
    MEDIAN = "median"  # the depth in front of which lies half of what covers it
    ALPHA = "alpha"  # how much of it is covered
    CENTERS = "centers"  # a dot at every mean
    OVERDRAW = "overdraw"  # how many splats are drawn over it

    @property
    def measures(self) -> bool:
        """Whether a layer holds numbers, to be shown by a scale of colours, and not colours.

        Of DEPTH and MEDIAN camera z times alpha, and alpha; of ALPHA alpha; of OVERDRAW the number
        of splats, in all four channels.
        """
        return self not in (Mode.COLOR, Mode.CENTERS)


# How pictures, and splats, that CUDA made come into OpenGL.
INTEROP = ("auto", "interop", "upload")
# What is said of it on the command line and in the window.
ANTIALIAS: dict[str, bool | None] = {"model": None, "on": True, "off": False}


@dataclass(frozen=True, slots=True)
class RenderSettings:
    """How to draw.

    renderer: a name in viewer.render.RENDERERS, or "auto".
    interop: one of INTEROP; auto is interop where it works, else by way of pinned memory.
    background: RGB 0..1; None is the model's own.
    sh_degree: spherical harmonics above it are left out.
    scale: factor on every Gaussian's size.
    min_opacity: splats of less are not drawn, 0..1, compensation not included.
    antialias: whether opacity makes up for the low-pass, as Mip-Splatting; None is the model's own.
    near: splats nearer than this are not drawn, world units; None is the model's own.
    far: splats farther than this are not drawn, world units; None draws any.
    transmittance_stop: the reference stops a pixel at transmittance 1e-4, as training does.
    Blending in OpenGL cannot stop, so comparisons with it turn this off.
    peel_layers: passes of `peel`, front to back; None peels until nothing is left.
    """

    renderer: str = "auto"
    interop: str = "auto"
    mode: Mode = Mode.COLOR
    background: tuple[float, float, float] | None = None
    sh_degree: int = 3
    scale: float = 1.0
    min_opacity: float = 0.0
    antialias: bool | None = None
    near: float | None = None
    far: float | None = None
    transmittance_stop: bool = True
    peel_layers: int | None = None


def next_mode(settings: RenderSettings, step: int) -> RenderSettings:
    """The same with the mode `step` further on."""
    modes = list(Mode)
    return replace(settings, mode=modes[(modes.index(settings.mode) + step) % len(modes)])
