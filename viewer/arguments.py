"""What each subcommand can be told, and how its words become values."""

import argparse
from pathlib import Path

from viewer.core import look
from viewer.core.path_presets import PRESETS
from viewer.core.rig import Rig
from viewer.core.settings import ANTIALIAS, INTEROP, Mode

Parser = argparse.ArgumentParser


def _model(parser: Parser) -> None:
    parser.add_argument("path", type=Path, metavar="PATH", help="a file or a training run's folder")
    _option(parser)


def _option(parser: Parser) -> None:
    parser.add_argument(
        "--option", action="append", default=[], metavar="NAME=VALUE", type=_name_value,
        help="override what the format guessed ('info' lists a model's options); repeatable",
    )  # fmt: skip


def _settings(parser: Parser) -> None:
    parser.add_argument("--size", type=_size, metavar="WxH", help="pixels")
    parser.add_argument("--renderer", default="auto", metavar="NAME", help="default: auto")
    parser.add_argument(
        "--gpu", type=_ordinal, metavar="N",
        help="CUDA device N, from 0; without a window OpenGL draws with it too",
    )  # fmt: skip
    parser.add_argument(
        "--interop", choices=INTEROP, default="auto",
        help="how what CUDA made comes into OpenGL; default: interop where it works",
    )  # fmt: skip
    parser.add_argument("--background", type=_rgb, metavar="R,G,B", help="0..1 each")
    parser.add_argument(
        "--sh-degree", type=int, choices=range(4), default=3, help="highest degree used"
    )
    parser.add_argument("--scale", type=_positive, default=1.0, help="factor on Gaussian sizes")
    parser.add_argument("--near", type=_positive, help="nearest depth drawn, world units")
    parser.add_argument("--far", type=_positive, help="farthest depth drawn; default: any")
    parser.add_argument(
        "--mode", choices=[mode.value for mode in Mode], default="color",
        help="what the picture shows; default: color",
    )  # fmt: skip
    parser.add_argument(
        "--min-opacity", type=_share, default=0.0, metavar="0..1", help="leave out what is fainter"
    )
    parser.add_argument(
        "--antialias", choices=ANTIALIAS, default="model",
        help="whether opacity makes up for the least size of a splat; default: the model's own",
    )  # fmt: skip
    parser.add_argument(
        "--layers", type=_count, metavar="N",
        help="passes of the renderer peel, nearest first; default: until nothing is left",
    )  # fmt: skip


def _time(parser: Parser) -> None:
    parser.add_argument("--time", type=float, help="in the model's own unit; default: its start")
    parser.add_argument("--frame", type=float, help="the same as a frame number")


def _camera(parser: Parser) -> None:
    parser.add_argument("--camera", type=Path, metavar="CAM.json", help="viewmat, K, width, height")
    parser.add_argument("--view", type=int, metavar="N", help="camera N of the dataset, from 0")
    _look_at(parser)


def _look_at(parser: Parser) -> None:
    parser.add_argument(
        "--look",
        type=_look,
        metavar="NUMBERS",
        help="a view as the window copies it (Ctrl+C); with ,ortho behind it orthographic",
    )


def _output(parser: Parser, what: str) -> None:
    parser.add_argument("--output", type=Path, required=True, metavar="F", help=what)


def view(parser: Parser) -> None:
    """The window."""
    parser.add_argument("path", type=Path, nargs="?", metavar="PATH", help="default: the demo")
    _option(parser)
    _settings(parser)
    _time(parser)
    _look_at(parser)


def info(parser: Parser) -> None:
    """What was recognised."""
    _model(parser)
    parser.add_argument("--json", action="store_true", help="as JSON")


def render(parser: Parser) -> None:
    """One picture."""
    _model(parser)
    _output(parser, "F.png, or F.npy for premultiplied float32 RGBA")
    _settings(parser)
    _time(parser)
    _camera(parser)


def record(parser: Parser) -> None:
    """A video."""
    _model(parser)
    _output(parser, "F.mp4, or a folder for a PNG sequence")
    _settings(parser)
    _time(parser)
    _look_at(parser)
    parser.add_argument(
        "--camera-path", type=Path, metavar="PATH.json",
        help="as the window saves it, Nerfstudio's camera_path.json, or a cameras.json",
    )  # fmt: skip
    parser.add_argument("--preset", choices=PRESETS, help="a camera path; default: still")
    parser.add_argument(
        "--orbit", type=float, nargs="?", const=360.0, metavar="DEGREES",
        help="turn about the scene; a full turn unless DEGREES are given",
    )  # fmt: skip
    parser.add_argument("--fps", type=_positive, help="default: the footage's")
    parser.add_argument("--duration", type=_positive, metavar="S", help="seconds")
    parser.add_argument("--supersample", type=_count, default=1, metavar="N", help="N x N a pixel")
    parser.add_argument("--motion-blur", type=_count, default=1, metavar="N", help="of N moments")
    parser.add_argument(
        "--shutter", type=_positive, default=180.0, metavar="DEGREES",
        help="how long it is open for them: 360 is a whole frame, default 180",
    )  # fmt: skip
    parser.add_argument("--transparent", action="store_true", help="PNGs with alpha")


def bench(parser: Parser) -> None:
    """Frame times."""
    _model(parser)
    _settings(parser)
    parser.add_argument("--frames", type=_count, default=200, help="frames a repeat")
    parser.add_argument("--warmup", type=_count, default=20, help="frames before measuring")
    parser.add_argument("--repeats", type=_count, default=3)
    parser.add_argument("--time-path", choices=("play", "frozen", "seek"), default="play")
    parser.add_argument(
        "--quality-frames", type=int, default=3, metavar="N",
        help="frames compared with the reference; 0: none",
    )  # fmt: skip
    parser.add_argument(
        "--ui", action="store_true", help="measure the window's interface too, without a window"
    )
    parser.add_argument("--json", type=Path, metavar="F.json", help="write all figures")


def slice_(parser: Parser) -> None:
    """The Gaussians at one time."""
    _model(parser)
    _output(parser, "F.npz, or F.ply, F.splat, F.spz for other viewers")
    _time(parser)
    _camera(parser)
    parser.add_argument("--sh-degree", type=int, choices=range(4), default=3)


def nothing(parser: Parser) -> None:
    """Takes none."""


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    try:
        size = int(width), int(height)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}, expected WxH such as 1280x720") from None
    if min(size) < 1 or max(size) > 32768:
        raise argparse.ArgumentTypeError(f"{text!r}, expected 1x1 to 32768x32768")
    return size


def _rgb(text: str) -> tuple[float, float, float]:
    try:
        r, g, b = (float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}, expected R,G,B such as 1,1,1") from None
    if not all(0 <= c <= 1 for c in (r, g, b)):
        raise argparse.ArgumentTypeError(f"{text!r}, expected three numbers from 0 to 1")
    return r, g, b


def _look(text: str) -> Rig:
    try:
        return look.rig_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _name_value(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"{text!r}, expected NAME=VALUE")
    return name.strip(), value.strip()


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r}, expected a number above 0")
    return value


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r}, expected a number from 0 to 1")
    return value


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}, expected a whole number from 1")
    return int(text)


def _ordinal(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r}, expected a whole number from 0")
    return int(text)
