"""`sorted` on OpenGL 3.3 and 4.1: culled, sorted and projected in torch, drawn as ever."""

from functools import partial

import moderngl

from viewer.core.camera import Camera
from viewer.core.settings import Mode, RenderSettings
from viewer.core.splats import Splats
from viewer.core.timing import Spans
from viewer.gl.target import TextureTarget
from viewer.render.host import FETCH, RecordTextures
from viewer.render.protocol import Counts, Target, Unsliced
from viewer.render.quads import Quads, draw_quads

TOLD = "sliced, sorted and projected on the processor: OpenGL {} has no compute shaders"


class HostSortedRenderer:
    """The same picture as SortedRenderer's, where there are neither compute shaders nor buffers."""

    modes = frozenset(Mode)
    slices = False
    takes_cuda = False
    interactive = True
    stale = False

    def __init__(self, ctx: moderngl.Context) -> None:
        """Raises Unusable when textures are too small here."""
        self._records = RecordTextures(ctx)
        self._quads = Quads(ctx, FETCH)
        version = ctx.version_code
        self._told = TOLD.format(f"{version // 100}.{version % 100 // 10}")

    def render(
        self,
        source: Splats | Unsliced,
        camera: Camera,
        settings: RenderSettings,
        target: Target,
        spans: Spans,
    ) -> Counts:
        """Draw front to back into a texture target."""
        assert isinstance(source, Splats)
        assert isinstance(target, TextureTarget)
        count = self._records.write(source, camera, settings, spans)
        with spans.measure("blend"):
            bind, issue = self._records.bind, partial(draw_quads, count)
            self._quads.draw(source.appearance, camera, settings, target, bind, issue)
        return Counts(len(source), count, self._told, self._records.nbytes + self._quads.nbytes)

    def release(self) -> None:
        """Free programs and textures."""
        self._records.release()
        self._quads.release()
