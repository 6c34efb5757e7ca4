"""record: a fixed-step clock to a video or a folder of pictures."""

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from time import perf_counter

import numpy as np
from PIL import Image

from viewer.apps.opening import DEFAULT_SIZE, Opening, frame_path, load, progress_bar, time_of
from viewer.core import playback as clock
from viewer.core import rig as rigs
from viewer.core.camera import Camera
from viewer.core.errors import BadArgument, Unusable
from viewer.core.files import replacing
from viewer.core.report import Report
from viewer.core.state import State, opened
from viewer.core.target import to_bytes

SHORTEST = 4.0  # seconds: a turn about a scene is not quicker, however short the footage
CRF = 18  # H.264 quality: visually lossless
VIDEO_FIX = "pip install 'view4d[video]', or give a folder as --output for a PNG sequence"

Frames = Callable[[np.ndarray], None]


@dataclass(frozen=True, slots=True)
class RecordRequest:
    """output: .mp4, or a folder. orbit: degrees to turn about the pivot, 0 stands still.

    fps and duration (seconds): None takes the footage's own.
    """

    opening: Opening
    output: Path
    orbit: float = 0.0
    fps: float | None = None
    duration: float | None = None


def record(request: RecordRequest) -> int:
    """Render every frame and write it; prints the frame times."""
    model, report = load(request.opening)
    fps = request.fps or report.fps
    count = max(1, round(duration_of(request, report) * fps))
    state = starting_state(request, report)
    size = request.opening.size or DEFAULT_SIZE
    settings = request.opening.settings
    costs, drawn_by = [], ""
    with (
        frame_path(settings.renderer, "f2") as (path, _),
        _writer(request.output, size, fps) as write,
        progress_bar("recording") as bar,
    ):
        for i in range(count):
            start = perf_counter()
            camera = _camera(state, request.orbit * i / count, size)
            frame = path.render(model, camera, state.playback.time, settings)
            picture = frame.picture.read()
            costs.append((perf_counter() - start) * 1e3)
            write(picture if picture.dtype == np.uint8 else to_bytes(picture))
            state = replace(state, playback=clock.tick(state.playback, 1 / fps))
            drawn_by = f"{frame.stats.renderer} on {frame.stats.adapter}"
            bar((i + 1) / count, "recording")
    p50, p95 = np.percentile(costs, [50, 95])
    print(f"{request.output}: {count} frames of {size[0]}x{size[1]} at {fps:g} frames a second")
    print(
        f"a frame took {p50:.1f} ms (median), {p95:.1f} ms (95th percentile), read-back included, "
        f"{drawn_by}"
    )
    return 0


def duration_of(request: RecordRequest, report: Report) -> float:
    """Seconds to record: what was asked, else one pass of the footage; a turn is never hasty."""
    if request.duration is not None:
        return request.duration
    start, end = report.time_range
    footage = ((end - start) / report.frame_step + 1) / report.fps if report.moves else 0.0
    if not request.orbit:
        return footage or SHORTEST
    passes = max(1, math.ceil(SHORTEST / footage)) if footage else 1
    return footage * passes or SHORTEST


def starting_state(request: RecordRequest, report: Report) -> State:
    """The first view at the time asked for; the clock runs and repeats."""
    state = opened(State(), report)
    return replace(state, playback=clock.seek(state.playback, time_of(request.opening, report)))


def _camera(state: State, degrees: float, size: tuple[int, int]) -> Camera:
    return rigs.orbit(state.rig, math.radians(degrees), 0.0).camera(*size)


def _writer(output: Path, size: tuple[int, int], fps: float) -> AbstractContextManager[Frames]:
    if output.suffix.lower() == ".mp4":
        return _video(output, size, fps)
    if output.suffix:
        raise BadArgument(f"--output is {output}, expected a name ending in .mp4, or a folder")
    return _pictures(output)


@contextmanager
def _pictures(folder: Path) -> Iterator[Frames]:
    if folder.exists() and not (folder.is_dir() and all(map(_is_frame, folder.iterdir()))):
        raise Unusable(f"{folder}: holds other files, expected a new or an empty folder")
    with replacing(folder) as beside:
        beside.mkdir()
        count = 0

        def write(picture: np.ndarray) -> None:
            nonlocal count
            Image.fromarray(picture[..., :3]).save(beside / f"frame_{count:05d}.png")
            count += 1

        yield write


def _is_frame(path: Path) -> bool:
    return path.name.startswith("frame_") and path.suffix == ".png"


@contextmanager
def _video(output: Path, size: tuple[int, int], fps: float) -> Iterator[Frames]:
    try:
        import av
    except ImportError:
        raise Unusable(f"{output}: writing mp4 needs PyAV, which is not here", VIDEO_FIX) from None
    if size[0] % 2 or size[1] % 2:
        raise BadArgument(f"--size is {size[0]}x{size[1]}, mp4 needs even width and height")
    with replacing(output) as beside, av.open(str(beside), "w", format="mp4") as container:
        rate = Fraction(fps).limit_denominator(1001)
        stream = container.add_stream("libx264", rate=rate, options={"crf": str(CRF)})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"

        def write(picture: np.ndarray) -> None:
            rgb = np.ascontiguousarray(picture[..., :3])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))

        yield write
        container.mux(stream.encode(None))
