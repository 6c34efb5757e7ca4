"""Quads of records, nearest first: what both forms of `sorted` draw with, in every mode."""

from collections.abc import Callable, Mapping

import moderngl

from viewer.core.camera import Camera
from viewer.core.decoder import FEATURES
from viewer.core.settings import Mode, RenderSettings
from viewer.core.splats import Appearance, Footprint
from viewer.gl.program import draw_program
from viewer.gl.target import TextureTarget
from viewer.render.median import Median
from viewer.render.projection import CONSTANTS

STORAGE: dict[str, float | int] = {"STORAGE": 1}  # records lie in storage buffers


class Quads:
    """Draws colours front to back, what a mode measures, and the median in several passes.

    fetch: STORAGE, or the constants of data textures.
    """

    def __init__(self, ctx: moderngl.Context, fetch: Mapping[str, float | int]) -> None:
        self._ctx = ctx
        self._constants = {**CONSTANTS, **fetch}
        self._version = 430 if fetch["STORAGE"] else None
        # By channels blended: RGB, and the features of a decoder in three textures.
        self._programs = {
            channels: draw_program(
                ctx,
                "splat",
                self._constants | {"FEATURES": int(channels != 3)},
                version=self._version,
            )
            for channels in (3, FEATURES)
        }
        self._quads = {n: ctx.vertex_array(program, []) for n, program in self._programs.items()}
        self._median: Median | None = None

    def draw(
        self,
        appearance: Appearance,
        camera: Camera,
        settings: RenderSettings,
        target: TextureTarget,
        bind: Callable[[moderngl.Program], None],
        issue: Callable[[moderngl.VertexArray], None],
    ) -> None:
        """Replace what was in `target`.

        bind: sets what a program fetches records from. issue: draws four corners a record, with the
        vertex array it is handed; called once, or once a pass.
        """
        median = self._median_of() if settings.mode is Mode.MEDIAN else None
        program = median.program if median else self._programs[target.channels]
        program["size"] = (camera.width, camera.height)
        program["discs"] = appearance.footprint is Footprint.PARABOLOID
        program["mode"] = list(Mode).index(settings.mode)
        bind(program)
        if median is not None:
            median.draw(target, appearance, settings, issue)
            return
        target.framebuffer.use()
        target.framebuffer.clear()
        self._ctx.enable_only(moderngl.BLEND)
        # Front to back: what is already there lets 1 - alpha of the next one through.
        behind = moderngl.ONE if settings.mode is Mode.OVERDRAW else moderngl.ONE_MINUS_DST_ALPHA
        self._ctx.blend_func = behind, moderngl.ONE
        issue(self._quads[target.channels])

    @property
    def nbytes(self) -> int:
        """Bytes of the textures that the median needs."""
        return self._median.nbytes if self._median else 0

    def release(self) -> None:
        """Free programs and textures."""
        for quads, program in zip(self._quads.values(), self._programs.values(), strict=True):
            quads.release()
            program.release()
        if self._median is not None:
            self._median.release()

    def _median_of(self) -> Median:
        if self._median is None:
            self._median = Median(self._ctx, self._constants, self._version)
        return self._median


def draw_quads(count: int, quads: moderngl.VertexArray) -> None:
    """Four corners for each of `count` records."""
    if count:
        quads.render(moderngl.TRIANGLE_STRIP, vertices=4, instances=count)
