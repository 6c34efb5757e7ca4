"""What a frame tells the kernels of `cuda`: what they are compiled for, and its numbers."""

import math
from dataclasses import dataclass

from viewer.core import sh
from viewer.core.camera import Camera
from viewer.core.settings import Mode, RenderSettings
from viewer.core.splats import MIN_ALPHA, MIN_TRANSMITTANCE, Appearance, Compensation, Splats
from viewer.cuda.buffers import PART, PIXELS, PIXELS_EACH
from viewer.cuda.frame import Frame
from viewer.render.cuda_rows import Rows
from viewer.render.projection import CONSTANTS
from viewer.render.protocol import Unsliced
from viewer.render.visibility import (
    compensation_of,
    far_plane,
    jacobian,
    least_opacity,
    near_plane,
)

Constants = dict[str, float | int]
MODES = {Mode.MEDIAN: "median", Mode.OVERDRAW: "overdraw", Mode.CENTERS: "dots"}


@dataclass(frozen=True, slots=True)
class Form:
    """What the kernels are compiled for, besides the rows they read."""

    mode: str  # "blend", or of MODES
    discs: bool
    extra: int  # channels beyond three
    planes: bool  # three channels and alpha each, as textures hold them
    halves: bool  # the layer
    picture: bool  # over its background, too
    packed: bool  # records

    @property
    def constants(self) -> Constants:
        """As #defines."""
        return {
            **CONSTANTS,
            "TILE_SIZE": PIXELS,
            "EACH": PIXELS_EACH,
            "PART": PART,
            "LEAST_LEVEL": math.log2(MIN_ALPHA),
            "PACKED": int(self.packed),
            "MEDIAN": int(self.mode == "median"),
            "OVERDRAW": int(self.mode == "overdraw"),
            "DOTS": int(self.mode == "dots"),
            "DISCS": int(self.discs),
            "EXTRA": self.extra,
            "PLANES": int(self.planes),
            "HALVES": int(self.halves),
            "PICTURE": int(self.picture),
        }


def set_camera(
    frame: Frame, camera: Camera, look: Appearance, settings: RenderSettings, harmonics: int
) -> None:
    """How the picture is seen. harmonics: coefficients a channel, 0 where there are none."""
    K = camera.K
    frame.viewmat[:] = camera.viewmat[:3].flatten().tolist()
    frame.orthographic = camera.orthographic
    frame.focal[:] = float(K[0, 0]), float(K[1, 1])
    frame.principal[:] = float(K[0, 2]), float(K[1, 2])
    J = jacobian(camera, look)
    frame.jacobian_focal[:], frame.slope_low[:], frame.slope_high[:] = J
    frame.camera_center[:] = camera.center.tolist()
    frame.low_pass, frame.scale = look.low_pass, settings.scale
    frame.near, frame.far = near_plane(look, settings), far_plane(settings)
    frame.compensation = list(Compensation).index(compensation_of(look, settings))
    frame.least_opacity = least_opacity(settings)
    frame.least_transmittance = MIN_TRANSMITTANCE if settings.transmittance_stop else 0.0
    frame.mode = list(Mode).index(settings.mode)
    frame.sh_degree = min(sh.degree(harmonics), settings.sh_degree) if harmonics else 0
    frame.sh_output = list(sh.Output).index(look.sh_output)


def set_time(frame: Frame, source: Splats | Unsliced, rows: Rows) -> None:
    """Which rows are drawn, at which time."""
    if isinstance(source, Splats):
        ranges, frame.cull = [(0, len(source))], 0.0
    else:
        ranges, frame.cull = source.model.index.ranges(source.time), source.model.cull
        frame.time = source.time
    frame.range_count, total = len(ranges), 0
    for k, (a, b) in enumerate(ranges):
        frame.range_first[k], frame.range_slot[k] = a, total
        total += b - a
    frame.rows = total
    frame.lives, frame.geometry = rows.lives.data_ptr(), rows.geometry.data_ptr()
    frame.colors = rows.colors.data_ptr()
    frame.width_unit, frame.scale_unit = rows.units.width, rows.units.scale
