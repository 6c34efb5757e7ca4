"""Quads of records, blended nearest first: what both forms of `sorted` draw with."""

from collections.abc import Mapping

import moderngl

from viewer.core.camera import Camera
from viewer.core.decoder import FEATURES
from viewer.core.splats import Appearance, Footprint
from viewer.gl.program import draw_program
from viewer.gl.target import TextureTarget
from viewer.render.projection import CONSTANTS

STORAGE: dict[str, float | int] = {"STORAGE": 1}  # records lie in storage buffers


class BlendedQuads:
    """Programs by channels blended: RGB, and the features of a decoder in three textures.

    fetch: STORAGE, or the constants of data textures.
    """

    def __init__(self, ctx: moderngl.Context, fetch: Mapping[str, float | int]) -> None:
        self._ctx = ctx
        version = 430 if fetch["STORAGE"] else None
        self.programs = {
            channels: draw_program(
                ctx,
                "splat",
                {**CONSTANTS, **fetch, "FEATURES": int(channels != 3)},
                version=version,
            )
            for channels in (3, FEATURES)
        }
        self._quads = {n: ctx.vertex_array(program, []) for n, program in self.programs.items()}

    def begin(
        self, appearance: Appearance, camera: Camera, target: TextureTarget
    ) -> moderngl.VertexArray:
        """Clear the target and set how quads blend; gives the quads, an instance a record."""
        ctx, program = self._ctx, self.programs[target.channels]
        target.framebuffer.use()
        target.framebuffer.clear()
        ctx.enable_only(moderngl.BLEND)
        # Front to back: what is already there lets 1 - alpha of the next one through.
        ctx.blend_func = moderngl.ONE_MINUS_DST_ALPHA, moderngl.ONE
        program["size"] = (camera.width, camera.height)
        program["discs"] = appearance.footprint is Footprint.PARABOLOID
        return self._quads[target.channels]

    def release(self) -> None:
        """Free the programs."""
        for channels, program in self.programs.items():
            self._quads[channels].release()
            program.release()
