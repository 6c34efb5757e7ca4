"""The files of a 3DGStream, frame by frame: as packed for its own viewer, or as training left them.

    init_3dgs.ply  NTCs/NTC_000000.pth  additional_3dgs/additions_000000.ply      packed
    frame000001/NTC.pth  frame000001/point_cloud/iteration_<n>/point_cloud.ply    as trained
    frame000001/point_cloud/iteration_<n>/added/point_cloud.ply

Source: scripts/extract_fvv.py, train_frames.py and scene/__init__.py of SJoJoK/3DGStream.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from viewer.core.errors import Unusable
from viewer.formats import layout, ntc
from viewer.formats.replay import KEY
from viewer.formats.source import Match

FIRST, NTCS, ADDITIONS = "init_3dgs.ply", "NTCs", "additional_3dgs"
NTC, POINT_CLOUD, ADDED = "NTC.pth", "point_cloud", "added/point_cloud.ply"
RUN_CONFIG = "cfg_args.json"
NUMBERED_NTC = re.compile(r"NTC_(\d+)\.pth$")
NUMBERED_ADDITION = re.compile(r"additions_(\d+)\.ply$")
FRAME = re.compile(r"frame(\d+)$")


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame's files. cache: leads here from the frame before.

    whole: its moved Gaussians, where they are read and not stepped to. added: Gaussians that are
    shown with it, and with no other frame.
    """

    number: int
    cache: Path | None = None
    whole: Path | None = None
    added: Path | None = None


def find(path: Path) -> Match | None:
    """The folder of a stream: at itself, at its init_3dgs.ply or NTCs, a frame's folder, an NTC."""
    if path.name in (FIRST, NTCS):
        path = path.parent
    elif path.name == NTC or NUMBERED_NTC.match(path.name):
        path = path.parent.parent
    elif FRAME.match(path.name) and (path / NTC).is_file():
        path = path.parent
    evidence = _evidence(path) if path.is_dir() else None
    return None if evidence is None else Match(path, (evidence,), ("3dgs-ply", "sequence"))


def _evidence(folder: Path) -> str | None:
    if _is_packed(folder):
        return f"{FIRST} and {NTCS}/ beside it"
    folders = _frame_folders(folder).values()
    if any((inner / NTC).is_file() for inner in folders):
        return f"folders frame<number> with {NTC}"
    if any(_newest(inner, ADDED) for inner in folders):
        return f"folders frame<number> with additions, and no {NTC}"
    return None


def frames(root: Path, warnings: list[str]) -> tuple[list[Frame], Mapping[str, Any]]:
    """The frames that can be reached, the first one whole; and cfg_args.json. Raises Unusable."""
    config = _config(root / RUN_CONFIG, warnings)
    return _packed(root, warnings) if _is_packed(root) else _trained(root, config, warnings), config


def used(frames: list[Frame], root: Path) -> str:
    """What frames are made from, in words."""
    first, *rest = frames
    assert first.whole is not None
    begins = first.whole.relative_to(root) if first.whole.is_relative_to(root) else first.whole
    stored = sum(frame.whole is not None for frame in rest)
    added = sum(frame.added is not None for frame in frames)
    ways = [f"{len(rest) - stored} frames by NTC"] if stored < len(rest) else []
    ways += [f"{stored} from their own PLY"] if stored else []
    return ", ".join([f"begins with {begins}", *ways, f"{added} with additions"])


def _is_packed(folder: Path) -> bool:
    return (folder / NTCS).is_dir() and (folder / FIRST).is_file()


def _config(path: Path, warnings: list[str]) -> Mapping[str, Any]:
    if not path.is_file():
        return {}
    try:
        return ntc.lenient_json(path)
    except Unusable as error:
        warnings.append(f"{error.cause}; its options are guessed")
        return {}


def _packed(root: Path, warnings: list[str]) -> list[Frame]:
    """Cache k and additions k belong to frame k + 1."""
    caches = _numbered(root / NTCS, NUMBERED_NTC)
    added = _numbered(root / ADDITIONS, NUMBERED_ADDITION)
    found = [Frame(0, whole=root / FIRST)]
    while (k := len(found) - 1) in caches:
        found.append(Frame(k + 1, cache=caches[k], added=added.get(k)))
    _warn_of_rest([k + 1 for k in caches], found[-1], warnings)
    return found


def _trained(root: Path, config: Mapping[str, Any], warnings: list[str]) -> list[Frame]:
    """From the model that frame 1 began with; without it, from the first frame's own PLY.

    Of the PLYs of later frames only some are read, from where any other is quickly reached.
    """
    left = {n: _left(n, folder) for n, folder in _frame_folders(root).items()}
    left = {n: frame for n, frame in left.items() if frame.cache or frame.whole}
    start = min(left, default=0)
    initial = _initial(root, config) if start == 1 else None
    if initial is not None:
        found = [Frame(0, whole=initial)]
    elif left and left[start].whole is not None:
        found = [replace(left[start], cache=None)]
        if start > 0:
            warnings.append(f"the model before frame {start} is not there: it begins with that one")
    else:
        raise Unusable(
            f"{root}: has no Gaussians to begin with, expected those of frame 0",
            f"put the first frame's PLY there as {FIRST}",
        )
    while (number := found[-1].number + 1) in left:
        stepped = left[number].cache is not None and len(found) % KEY
        found.append(replace(left[number], whole=None) if stepped else left[number])
    _warn_of_rest(list(left), found[-1], warnings)
    return found


def _left(number: int, folder: Path) -> Frame:
    """What training left of a frame."""
    cache = folder / NTC
    return Frame(
        number,
        cache if cache.is_file() else None,
        _newest(folder, "point_cloud.ply"),
        _newest(folder, ADDED),
    )


def _initial(root: Path, config: Mapping[str, Any]) -> Path | None:
    """The model that training began with: init_3dgs.ply, or where cfg_args.json says it was.

    That path is relative to where the trainer was started, somewhere above the run.
    """
    named, iteration = config.get("model_path"), config.get("first_load_iteration")
    places = [root / FIRST]
    # A model has no say over which other machines are asked for a file.
    if isinstance(named, str) and named and not named.startswith(("//", "\\\\")):
        inner = Path(POINT_CLOUD) / f"iteration_{iteration}" / "point_cloud.ply"
        above = [*root.resolve().parents]
        places += [base / named / inner for base in above]
        places += [base / Path(named).name / inner for base in (root, *above[:1])]
    return next((place for place in places if place.is_file()), None)


def _frame_folders(root: Path) -> dict[int, Path]:
    return {n: path for n, path in _numbered(root, FRAME).items() if path.is_dir()}


def _numbered(folder: Path, pattern: re.Pattern[str]) -> dict[int, Path]:
    """What a folder has of a numbered kind, by number, ascending; empty where there is none."""
    if not folder.is_dir():
        return {}
    found = {int(m[1]): p for p in folder.iterdir() if (m := pattern.match(p.name))}
    return dict(sorted(found.items()))


def _newest(frame: Path, inner: str) -> Path | None:
    """A file of a frame's newest iteration that has it."""
    saved = _numbered(frame / POINT_CLOUD, layout.ITERATION)
    files = (folder / inner for folder in reversed(saved.values()))
    return next((file for file in files if file.is_file()), None)


def _warn_of_rest(numbers: list[int], last: Frame, warnings: list[str]) -> None:
    rest = sum(number > last.number for number in numbers)
    if rest:
        warnings.append(f"frame {last.number + 1} is not there: {rest} after it cannot be reached")
