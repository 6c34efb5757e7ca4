"""The command line. SUBCOMMANDS is the whole of it; view is what a bare path means."""

import argparse
import logging
import logging.handlers
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from viewer import __version__, resources
from viewer.core import look
from viewer.core.errors import BadArgument, Cancelled, Unusable
from viewer.core.rig import Rig
from viewer.core.settings import RenderSettings

if TYPE_CHECKING:
    from viewer.apps.opening import Opening

Parser = argparse.ArgumentParser


class OneLineParser(Parser):
    """Says what is wrong in one line, without the usage."""

    def error(self, message: str) -> NoReturn:
        """Print and exit with 2."""
        self.exit(2, f"{self.prog}: {message}\n")


@dataclass(frozen=True, slots=True)
class Subcommand:
    """help: one line. arguments: fills its parser. run: does it and returns the exit code."""

    help: str
    arguments: Callable[[Parser], None]
    run: Callable[[argparse.Namespace], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand: 0 done, 1 a file or machine that cannot serve, 2 bad arguments."""
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] not in {*SUBCOMMANDS, "-h", "--help", "--version"}:
        words.insert(0, "view")
    args = _parser().parse_args(words)
    _start_log(args.debug)
    try:
        return SUBCOMMANDS[args.subcommand].run(args)
    except BadArgument as error:
        return _refuse(error, 2, args.debug)
    except (Unusable, OSError) as error:
        return _refuse(error, 1, args.debug)
    except (Cancelled, KeyboardInterrupt):
        print("stopped; nothing was written", file=sys.stderr)
        return 130


def _refuse(error: Exception, code: int, debug: bool) -> int:
    if debug:
        raise error
    logging.getLogger("viewer").error("%s", error)
    print(f"view4d: {' '.join(str(error).split())}", file=sys.stderr)
    return code


def _start_log(debug: bool) -> None:
    logger = logging.getLogger("viewer")
    logger.setLevel(logging.DEBUG if debug else logging.INFO)
    if logger.handlers:
        return
    try:
        resources.log_file().parent.mkdir(parents=True, exist_ok=True)
        handler = logging.handlers.RotatingFileHandler(
            resources.log_file(), maxBytes=2**20, backupCount=1
        )
    except OSError:  # a read-only home must not stop a render; doctor shows the place
        logger.addHandler(logging.NullHandler())
        return
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger.addHandler(handler)
    logger.info("view4d %s: %s", __version__, " ".join(sys.argv[1:]))


def _parser() -> Parser:
    parser = OneLineParser(
        prog="view4d",
        description="See trained 4D models move: dynamic Gaussian splats on a timeline.",
        epilog="A path alone opens the viewer; nothing opens the demo scene.",
    )
    parser.add_argument("--version", action="version", version=f"view4d {__version__}")
    subparsers = parser.add_subparsers(dest="subcommand", required=True, metavar="SUBCOMMAND")
    for name, subcommand in SUBCOMMANDS.items():
        sub = subparsers.add_parser(name, help=subcommand.help, description=subcommand.help)
        sub.add_argument("--debug", action="store_true", help="show a traceback on errors")
        subcommand.arguments(sub)
    return parser


def _model_arguments(parser: Parser) -> None:
    parser.add_argument("path", type=Path, metavar="PATH", help="a file or a training run's folder")
    _option_argument(parser)


def _option_argument(parser: Parser) -> None:
    parser.add_argument(
        "--option", action="append", default=[], metavar="NAME=VALUE", type=_name_value,
        help="override what the format guessed ('info' lists a model's options); repeatable",
    )  # fmt: skip


def _settings_arguments(parser: Parser) -> None:
    parser.add_argument("--size", type=_size, metavar="WxH", help="pixels")
    parser.add_argument("--renderer", default="auto", metavar="NAME", help="default: auto")
    parser.add_argument("--background", type=_rgb, metavar="R,G,B", help="0..1 each")
    parser.add_argument(
        "--sh-degree", type=int, choices=range(4), default=3, help="highest degree used"
    )
    parser.add_argument("--scale", type=_positive, default=1.0, help="factor on Gaussian sizes")
    parser.add_argument("--near", type=_positive, help="nearest depth drawn, world units")


def _time_arguments(parser: Parser) -> None:
    parser.add_argument("--time", type=float, help="in the model's own unit; default: its start")
    parser.add_argument("--frame", type=float, help="the same as a frame number")


def _camera_arguments(parser: Parser) -> None:
    parser.add_argument("--camera", type=Path, metavar="CAM.json", help="viewmat, K, width, height")
    parser.add_argument("--view", type=int, metavar="N", help="camera N of the dataset, from 0")
    _look_argument(parser)


def _look_argument(parser: Parser) -> None:
    parser.add_argument(
        "--look", type=_look, metavar="NUMBERS", help="a view as the window copies it (Ctrl+C)"
    )


def _output_argument(parser: Parser, what: str) -> None:
    parser.add_argument("--output", type=Path, required=True, metavar="F", help=what)


def _view_arguments(parser: Parser) -> None:
    parser.add_argument("path", type=Path, nargs="?", metavar="PATH", help="default: the demo")
    _option_argument(parser)
    _settings_arguments(parser)
    _time_arguments(parser)
    _look_argument(parser)


def _info_arguments(parser: Parser) -> None:
    _model_arguments(parser)
    parser.add_argument("--json", action="store_true", help="as JSON")


def _render_arguments(parser: Parser) -> None:
    _model_arguments(parser)
    _output_argument(parser, "F.png, or F.npy for premultiplied float32 RGBA")
    _settings_arguments(parser)
    _time_arguments(parser)
    _camera_arguments(parser)


def _record_arguments(parser: Parser) -> None:
    _model_arguments(parser)
    _output_argument(parser, "F.mp4, or a folder for a PNG sequence")
    _settings_arguments(parser)
    _time_arguments(parser)
    parser.add_argument(
        "--orbit", type=float, nargs="?", const=360.0, default=0.0, metavar="DEGREES",
        help="turn about the scene; a full turn unless DEGREES are given",
    )  # fmt: skip
    parser.add_argument("--fps", type=_positive, help="default: the footage's")
    parser.add_argument("--duration", type=_positive, metavar="S", help="seconds")


def _bench_arguments(parser: Parser) -> None:
    _model_arguments(parser)
    _settings_arguments(parser)
    parser.add_argument("--frames", type=_count, default=200, help="frames a repeat")
    parser.add_argument("--warmup", type=_count, default=20, help="frames before measuring")
    parser.add_argument("--repeats", type=_count, default=3)
    parser.add_argument("--time-path", choices=("play", "frozen", "seek"), default="play")
    parser.add_argument(
        "--quality-frames", type=int, default=3, metavar="N",
        help="frames compared with the reference; 0: none",
    )  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="F.json", help="write all figures")


def _slice_arguments(parser: Parser) -> None:
    _model_arguments(parser)
    _output_argument(parser, "F.npz, or F.ply, F.splat, F.spz for other viewers")
    _time_arguments(parser)
    _camera_arguments(parser)
    parser.add_argument("--sh-degree", type=int, choices=range(4), default=3)


def _no_arguments(parser: Parser) -> None:
    pass


def _opening(args: argparse.Namespace) -> "Opening":
    from viewer.apps.opening import Opening

    given = vars(args)
    return Opening(
        path=args.path,
        options=dict(args.option),
        settings=_settings(args),
        size=given.get("size"),
        time=given.get("time"),
        frame=given.get("frame"),
        camera=given.get("camera"),
        view=given.get("view"),
        rig=given.get("look"),
    )


def _settings(args: argparse.Namespace) -> RenderSettings:
    given = vars(args)
    default = RenderSettings()
    return RenderSettings(
        renderer=given.get("renderer", default.renderer),
        background=given.get("background"),
        sh_degree=given.get("sh_degree", default.sh_degree),
        scale=given.get("scale", default.scale),
        near=given.get("near"),
    )


def _view(args: argparse.Namespace) -> int:
    from viewer.apps.doctor import has_display

    if not has_display():
        return _show_without_screen(args)
    from viewer.apps.view import ViewRequest, view

    return view(
        ViewRequest(
            path=args.path,
            options=dict(args.option),
            settings=_settings(args),
            size=args.size,
            time=args.time,
            frame=args.frame,
            rig=args.look,
        )
    )


def _show_without_screen(args: argparse.Namespace) -> int:
    """One turn about the scene into out/, for a machine that can open no window."""
    import importlib.util
    from dataclasses import replace

    from viewer.apps.record import RecordRequest, record

    args.path = args.path or resources.demo()
    name = args.path.stem.split(".")[0] or "scene"
    video = importlib.util.find_spec("av") is not None
    output = Path("out") / (f"{name}.mp4" if video else name)
    output.parent.mkdir(exist_ok=True)
    print(
        "There is no screen here (neither DISPLAY nor WAYLAND_DISPLAY is set): "
        f"rendering one turn about the scene to {output} instead.\n"
        "On a desktop the same command opens the window; over ssh, 'ssh -X' or a remote desktop "
        "gives a screen. 'render', 'record' and 'bench' never need one.",
        flush=True,
    )
    opening = _opening(args)
    return record(
        RecordRequest(replace(opening, size=opening.size or (640, 360)), output, orbit=360.0)
    )


def _info(args: argparse.Namespace) -> int:
    from viewer.apps.info import InfoRequest, info_json, info_text

    return (info_json if args.json else info_text)(InfoRequest(_opening(args)))


def _render(args: argparse.Namespace) -> int:
    from viewer.apps.render import RenderRequest, render

    return render(RenderRequest(_opening(args), args.output))


def _record(args: argparse.Namespace) -> int:
    from viewer.apps.record import RecordRequest, record

    return record(RecordRequest(_opening(args), args.output, args.orbit, args.fps, args.duration))


def _bench(args: argparse.Namespace) -> int:
    from viewer.apps.bench import BenchRequest, bench
    from viewer.apps.measure import Plan
    from viewer.apps.opening import DEFAULT_SIZE

    size = args.size or DEFAULT_SIZE
    return bench(
        BenchRequest(
            opening=_opening(args),
            renderers=tuple(args.renderer.split(",")),
            plan=Plan(size, args.time_path, args.frames, args.warmup, args.repeats),
            quality_frames=args.quality_frames,
            json=args.json,
        )
    )


def _slice(args: argparse.Namespace) -> int:
    from viewer.apps.slice import SliceRequest, slice_to_file

    return slice_to_file(SliceRequest(_opening(args), args.output))


def _doctor(args: argparse.Namespace) -> int:
    from viewer.apps.doctor import doctor

    return doctor()


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


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}, expected a whole number from 1")
    return int(text)


SUBCOMMANDS = {
    "view": Subcommand("open the viewer", _view_arguments, _view),
    "info": Subcommand("what was recognised in a path, and why", _info_arguments, _info),
    "render": Subcommand("one picture, to a file", _render_arguments, _render),
    "record": Subcommand("a video or a PNG sequence", _record_arguments, _record),
    "bench": Subcommand("frame times on this machine", _bench_arguments, _bench),
    "slice": Subcommand("the Gaussians at one time, to a file", _slice_arguments, _slice),
    "doctor": Subcommand("what this machine offers, and fixes", _no_arguments, _doctor),
}
