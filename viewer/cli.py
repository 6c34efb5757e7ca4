"""The command line. SUBCOMMANDS is the whole of it; view is what a bare path means."""

import argparse
import logging
import logging.handlers
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from viewer import __version__, arguments, resources
from viewer.core.errors import BadArgument, Cancelled, Unusable
from viewer.core.settings import ANTIALIAS, Mode, RenderSettings

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
    signal.signal(signal.SIGTERM, _interrupted)  # one way to be stopped, which leaves nothing half
    try:
        return SUBCOMMANDS[args.subcommand].run(args)
    except BadArgument as error:
        return _refuse(error, 2, args.debug)
    except (Unusable, OSError) as error:
        return _refuse(error, 1, args.debug)
    except (Cancelled, KeyboardInterrupt):
        print("stopped; nothing was written", file=sys.stderr)
        return 130


def _interrupted(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


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
        gpu=given.get("gpu"),
    )


def _settings(args: argparse.Namespace) -> RenderSettings:
    given = vars(args)
    default = RenderSettings()
    return RenderSettings(
        renderer=given.get("renderer", default.renderer),
        interop=given.get("interop", default.interop),
        background=given.get("background"),
        sh_degree=given.get("sh_degree", default.sh_degree),
        scale=given.get("scale", default.scale),
        near=given.get("near"),
        far=given.get("far"),
        mode=Mode(given.get("mode", default.mode.value)),
        min_opacity=given.get("min_opacity", default.min_opacity),
        antialias=ANTIALIAS[given.get("antialias", "model")],
        peel_layers=given.get("layers"),
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
            gpu=args.gpu,
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
    from viewer.core.film import Film

    return record(
        RecordRequest(
            opening=_opening(args),
            output=args.output,
            path=args.camera_path,
            preset=args.preset,
            orbit=args.orbit,
            fps=args.fps,
            duration=args.duration,
            film=Film(
                supersample=args.supersample,
                blur=args.motion_blur,
                shutter=args.shutter,
                transparent=args.transparent,
            ),
        )
    )


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
            ui=args.ui,
        )
    )


def _slice(args: argparse.Namespace) -> int:
    from viewer.apps.slice import SliceRequest, slice_to_file

    return slice_to_file(SliceRequest(_opening(args), args.output))


def _doctor(args: argparse.Namespace) -> int:
    from viewer.apps.doctor import doctor

    return doctor()


SUBCOMMANDS = {
    "view": Subcommand("open the viewer", arguments.view, _view),
    "info": Subcommand("what was recognised in a path, and why", arguments.info, _info),
    "render": Subcommand("one picture, to a file", arguments.render, _render),
    "record": Subcommand("a video or a PNG sequence", arguments.record, _record),
    "bench": Subcommand("frame times on this machine", arguments.bench, _bench),
    "slice": Subcommand("the Gaussians at one time, to a file", arguments.slice_, _slice),
    "doctor": Subcommand("what this machine offers, and fixes", arguments.nothing, _doctor),
}
