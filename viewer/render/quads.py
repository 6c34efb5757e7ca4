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

Constants = Mapping[str, float | int]
STORAGE: dict[str, float | int] = {"STORAGE": 1}  # records lie in storage buffers


class Programs:
    """A program by channels blended: RGB, and the features of a decoder in three textures.

    fetch: where quads find their records, STORAGE or the constants of data textures.
    """

    def __init__(
        self, ctx: moderngl.Context, stem: str, fetch: Constants, fragment: str = ""
    ) -> None:
        self._programs: dict[int, moderngl.Program] = {}
        self._vertices: dict[int, moderngl.VertexArray] = {}
        for channels in (3, FEATURES):
            constants = {**CONSTANTS, **fetch, "FEATURES": int(channels != 3)}
            program = draw_program(ctx, stem, constants, fragment, version_of(fetch))
            self._programs[channels] = program
            self._vertices[channels] = ctx.vertex_array(program, [])

    def __getitem__(self, channels: int) -> moderngl.Program:
        return self._programs[channels]

    def vertices(self, channels: int) -> moderngl.VertexArray:
        """Draws with the program; no vertex buffer is read."""
        return self._vertices[channels]

    def release(self) -> None:
        """Free them."""
        for channels, program in self._programs.items():
            self._vertices[channels].release()
            program.release()


class Quads:
    """Draws colours front to back, what a mode measures, and the median in several passes.

    fetch: as of Programs.
    """

    def __init__(self, ctx: moderngl.Context, fetch: Constants) -> None:
        self._ctx = ctx
        self._fetch = fetch
        self._programs = Programs(ctx, "splat", fetch)
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
        set_quads(program, appearance, camera, settings)
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
        issue(self._programs.vertices(target.channels))

    @property
    def nbytes(self) -> int:
        """Bytes of the textures that the median needs."""
        return self._median.nbytes if self._median else 0

    def release(self) -> None:
        """Free programs and textures."""
        self._programs.release()
        if self._median is not None:
            self._median.release()

    def _median_of(self) -> Median:
        if self._median is None:
            constants = {**CONSTANTS, **self._fetch}
            self._median = Median(self._ctx, constants, version_of(self._fetch))
        return self._median


def version_of(fetch: Constants) -> int | None:
    """Of GLSL: storage buffers need a later one than the shaders say themselves."""
    return 430 if fetch["STORAGE"] else None


def set_quads(
    program: moderngl.Program, appearance: Appearance, camera: Camera, settings: RenderSettings
) -> None:
    """The uniforms of include/quad.glsl and include/footprint.glsl."""
    program["size"] = (camera.width, camera.height)
    program["discs"] = appearance.footprint is Footprint.PARABOLOID
    program["mode"] = list(Mode).index(settings.mode)


def draw_quads(count: int, quads: moderngl.VertexArray) -> None:
    """Four corners for each of `count` records."""
    if count:
        quads.render(moderngl.TRIANGLE_STRIP, vertices=4, instances=count)
