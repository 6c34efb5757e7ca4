"""What the compute passes that project splats have in common: constants and uniforms."""

from dataclasses import dataclass
from typing import Any

import moderngl
import numpy as np

from viewer.core import sh
from viewer.core.camera import Camera
from viewer.core.settings import Mode, RenderSettings
from viewer.core.splats import MAX_ALPHA, MIN_ALPHA, Appearance, Compensation, Footprint
from viewer.render.reference import EPSILON
from viewer.render.visibility import (
    CENTER_REACH,
    compensation_of,
    jacobian,
    least_opacity,
)

RECORD_BYTES = 48
PACKED_BYTES = 32  # of a record for display
GROUP = 64  # local_size_x of project.comp and slice.comp
MOST_GROUPS = 65_535  # in a row: what OpenGL promises
QUAD_PAD = 0.05  # pixels
SUBPIXELS = 256.0  # steps a pixel that rasterisers snap corners to; some have more
CONSTANTS: dict[str, float | int] = {
    "PACKED": 0,
    "MIN_ALPHA": MIN_ALPHA,
    "MAX_ALPHA": MAX_ALPHA,
    "QUAD_PAD": QUAD_PAD,
    "SUBPIXELS": SUBPIXELS,
    "EPSILON": EPSILON,
    "THREADS": GROUP,
    "CENTER_REACH": CENTER_REACH,
    **{f"MODE_{mode.name}": number for number, mode in enumerate(Mode)},
    "SH_C0": sh.C0,
    "SH_C1": sh.C1,
    **{f"SH_C2_{i}": value for i, value in enumerate(sh.C2)},
    **{f"SH_C3_{i}": value for i, value in enumerate(sh.C3)},
}


@dataclass(frozen=True, slots=True)
class Precision:
    """How numbers lie on the device: as they are, or packed for display (packing.py)."""

    exact: bool

    @property
    def record_bytes(self) -> int:
        """Of include/record.glsl in a storage buffer."""
        return RECORD_BYTES if self.exact else PACKED_BYTES

    @property
    def constants(self) -> dict[str, float | int]:
        """What programs that read or write records are compiled for."""
        return CONSTANTS | {"PACKED": int(not self.exact)}


def set_projection(
    program: Any, camera: Camera, appearance: Appearance, settings: RenderSettings
) -> None:
    """The uniforms of include/camera.glsl and include/projection.glsl.

    program: a moderngl ComputeShader, whose uniforms have no types.
    """
    K = camera.K
    viewmat = np.ascontiguousarray(camera.viewmat.T.astype(np.float32))  # columns first
    program["viewmat"].write(viewmat)
    program["focal"] = (float(K[0, 0]), float(K[1, 1]))
    program["principal"] = (float(K[0, 2]), float(K[1, 2]))
    program["size"] = (camera.width, camera.height)
    program["orthographic"] = camera.orthographic
    J = jacobian(camera, appearance)
    program["jacobian_focal"], program["slope_low"], program["slope_high"] = J
    program["low_pass"] = appearance.low_pass
    program["scale"] = settings.scale
    kind = compensation_of(appearance, settings)
    program["compensation"] = list(Compensation).index(kind)
    program["least_opacity"] = least_opacity(settings)
    program["centers"] = settings.mode is Mode.CENTERS
    if "discs" in program:  # absent where a shape is never a radius
        program["discs"] = appearance.footprint is Footprint.PARABOLOID


def set_harmonics(program: Any, camera: Camera, appearance: Appearance, degree: int) -> None:
    """The uniforms of include/sh.glsl. degree: the highest that counts."""
    program["camera_center"] = tuple(camera.center)
    program["sh_degree"] = degree
    program["sh_output"] = list(sh.Output).index(appearance.sh_output)


def run(program: moderngl.ComputeShader, count: int) -> None:
    """Dispatch `count` threads of a shader that asks include/projection.glsl which one it is."""
    groups = -(-count // GROUP)
    rows = max(1, -(-groups // MOST_GROUPS))
    program.run(-(-groups // rows), rows)
