"""Where moving pictures go: a video, or a folder of numbered PNGs. Neither is ever left half."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image

from viewer.core.errors import BadArgument, Unusable
from viewer.core.files import replacing
from viewer.core.film import Film

# H.264, visually lossless: by NVIDIA's encoder where it works, else by the processor.
ENCODERS: dict[str, dict[str, str]] = {
    "h264_nvenc": {"rc": "constqp", "qp": "18", "preset": "p5"},
    "libx264": {"crf": "18"},
}
TRIED = 256  # pixels a side: NVENC takes no less than some 150
BT709 = 1  # in H.264's tables of primaries, transfers and matrices
STUDIO = 1  # luma from 16 to 235
VIDEO_FIX = "pip install 'view4d[video]', or give a folder as --output for a PNG sequence"

Frames = Callable[[np.ndarray], None]


def writer(output: Path, film: Film) -> AbstractContextManager[Frames]:
    """What takes frames [H, W, 4] uint8, straight alpha, in their order.

    Raises BadArgument or Unusable, at the latest once entered.
    """
    if output.suffix.lower() == ".mp4":
        return _video(output, film)
    if output.suffix:
        raise BadArgument(f"--output is {output}, expected a name ending in .mp4, or a folder")
    return _pictures(output, film)


@contextmanager
def _pictures(folder: Path, film: Film) -> Iterator[Frames]:
    if folder.exists() and not (folder.is_dir() and all(map(_is_frame, folder.iterdir()))):
        raise Unusable(f"{folder}: holds other files, expected a new or an empty folder")
    channels, count = 4 if film.transparent else 3, 0
    with replacing(folder) as beside:
        beside.mkdir()

        def write(picture: np.ndarray) -> None:
            nonlocal count
            shown = np.ascontiguousarray(picture[..., :channels])
            Image.fromarray(shown).save(beside / f"frame_{count:05d}.png")
            count += 1

        yield write


def _is_frame(path: Path) -> bool:
    return path.name.startswith("frame_") and path.suffix == ".png"


def encoder() -> str:
    """The first of ENCODERS that works here. Raises ImportError without PyAV, Unusable if none."""
    import av
    from av.error import FFmpegError

    for name in ENCODERS:
        try:
            coded = av.VideoCodecContext.create(name, "w")
            assert isinstance(coded, av.VideoCodecContext)
            coded.width = coded.height = TRIED
            coded.pix_fmt, coded.time_base = "yuv420p", Fraction(1, 30)
            coded.options = ENCODERS[name]
            coded.open()
        except (FFmpegError, ValueError, OSError):
            continue  # this FFmpeg is built without it, or there is no such GPU or driver
        return name
    raise Unusable("this PyAV encodes no H.264", VIDEO_FIX)


@contextmanager
def _video(output: Path, film: Film) -> Iterator[Frames]:
    try:
        import av
        from av.video.reformatter import ColorRange, Colorspace
    except ImportError:
        raise Unusable(f"{output}: writing mp4 needs PyAV, which is not here", VIDEO_FIX) from None
    width, height = film.size
    if width % 2 or height % 2:
        raise BadArgument(f"--size is {width}x{height}, mp4 needs even width and height")
    if film.transparent:
        raise BadArgument(f"--output is {output}, mp4 holds no transparency: give a folder")
    with replacing(output) as beside, av.open(str(beside), "w", format="mp4") as container:
        rate = Fraction(film.fps).limit_denominator(1001)
        name = encoder()
        stream = container.add_stream(name, rate=rate, options=ENCODERS[name])
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        coded = stream.codec_context  # said, not guessed: players guess by the size
        coded.colorspace = coded.color_primaries = coded.color_trc = BT709
        coded.color_range = STUDIO

        def write(picture: np.ndarray) -> None:
            rgb = np.ascontiguousarray(picture[..., :3])
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(
                format="yuv420p",
                dst_colorspace=Colorspace.ITU709,
                dst_color_range=ColorRange.MPEG,
            )
            container.mux(stream.encode(frame))

        yield write
        container.mux(stream.encode(None))
