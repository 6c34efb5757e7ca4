"""`sorted` on OpenGL 3.3 and 4.1: culled, sorted and projected in torch, drawn as ever."""

from functools import partial

import moderngl

from viewer.core.camera import Camera
from viewer.core.settings import Mode, RenderSettings
from viewer.core.splats import Splats
from viewer.core.timing import Spans
from viewer.cuda.ferry import Ferry
from viewer.gl.target import TextureTarget
from viewer.render.host import FETCH, RecordTextures
from viewer.render.protocol import Counts, Target, Unsliced
from viewer.render.quads import Quads, draw_quads

BY_CUDA = "sorted and projected by CUDA: OpenGL {} has no compute shaders; {}"
BY_HOST = "sliced, sorted and projected on the processor: OpenGL {} has no compute shaders"


class HostSortedRenderer:
    """The same picture as SortedRenderer's, where there are neither compute shaders nor buffers."""

    modes = frozenset(Mode)
    slices = False
    takes_cuda = True
    interactive = True
    stale = False

    def __init__(self, ctx: moderngl.Context, ferry: Ferry | None = None) -> None:
        """Raises Unusable when textures are too small here."""
        self._records = RecordTextures(ctx, ferry or Ferry(ctx))
        self._quads = Quads(ctx, FETCH)
        version = ctx.version_code
        self._version = f"{version // 100}.{version % 100 // 10}"

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
        count, way = self._records.write(source, camera, settings, spans)
        with spans.measure("blend"):
            bind, issue = self._records.bind, partial(draw_quads, count)
            self._quads.draw(source.appearance, camera, settings, target, bind, issue)
        told = BY_CUDA.format(self._version, way) if way else BY_HOST.format(self._version)
        return Counts(len(source), count, told, self._records.nbytes + self._quads.nbytes)

    def release(self) -> None:
        """Free programs and textures."""
        self._records.release()
        self._quads.release()
