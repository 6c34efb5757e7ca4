"""Bytes to Model: finds the format of a path and loads it. One module of this folder per format.

A format is found by its module-level FORMAT (or FORMATS, where a family has several); other
packages add theirs by the entry-point group `viewer.formats`.
"""

import importlib
import importlib.metadata
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

from viewer.core.errors import BadArgument, Unusable
from viewer.core.model import Model
from viewer.core.report import Report
from viewer.formats import archive, checkpoint, training
from viewer.formats.source import OPEN_AS, Match, Option, Progress, Source, silent

ENTRY_POINTS = "viewer.formats"
MAX_SUBFOLDERS = 64  # of a folder that is nothing itself, looked into one level deep


class Loaded(NamedTuple):
    """A model and what is known about it."""

    model: Model
    report: Report


@dataclass(frozen=True, slots=True)
class Format:
    """How one kind of file or folder is recognised and loaded.

    expects: what to look for, in words. sniff: cheap; None when the path is something else; raises
    Unusable when it surely is this but broken. load: raises Unusable, BadArgument or Cancelled.
    """

    name: str
    expects: str
    sniff: Callable[[Path], Match | None]
    load: Callable[[Source], Loaded]
    options: tuple[Option, ...] = ()


Claim = tuple[Format, Match]


def load(
    path: Path, options: Mapping[str, str] | None = None, progress: Progress = silent
) -> Loaded:
    """The model at a file, a folder, or a training run's root.

    Raises Unusable when there is none or it is broken, BadArgument for an option it has not,
    Cancelled when `progress` does.
    """
    progress(0.0, "looking")
    with checkpoint.read_once():
        loaded = _loaded(path.expanduser(), dict(options or {}), progress)
    progress(1.0, "loaded")
    return loaded


def located(path: Path, options: Mapping[str, str] | None = None) -> Path:
    """The file or folder that `load` would read. Raises as `load` does for what it is not."""
    wanted = (options or {}).get(OPEN_AS.name, "")
    with checkpoint.read_once():
        return _recognised(path.expanduser(), formats(), wanted)[1].path


@cache
def formats() -> tuple[Format, ...]:
    """Every format there is: ours, then those of other packages. Looked for once."""
    found = []
    for module in pkgutil.iter_modules(__path__):
        held = vars(importlib.import_module(f"{__name__}.{module.name}"))
        listed = held.get("FORMATS", (held.get("FORMAT"),))
        found += [form for form in listed if form is not None]
    found += [point.load() for point in importlib.metadata.entry_points(group=ENTRY_POINTS)]
    return tuple(found)


def _loaded(path: Path, given: dict[str, str], progress: Progress) -> Loaded:
    form, match = _recognised(path, formats(), given.pop(OPEN_AS.name, ""))
    names = [option.name for option in form.options]
    for name in given:
        if name not in names:
            raise BadArgument(
                f"--option {name}: {form.name} has no such option, it has {', '.join(names)}"
            )
    try:
        return form.load(Source(match.path, given, progress, match.evidence))
    except OSError as error:
        raise Unusable(f"{match.path}: cannot be read ({error.strerror or error})") from error


def _recognised(path: Path, known: tuple[Format, ...], wanted: str) -> tuple[Format, Match]:
    """What claims the path; of several what supersedes the others, or the one that is `wanted`."""
    names = [form.name for form in known]
    if wanted and wanted not in names:
        raise BadArgument(f"--option format={wanted}: expected {', '.join(names)}")
    try:
        if not path.exists():
            raise Unusable(f"{path}: no such file or folder")
        groups = [_claims(path, known)]
        if not groups[0] and path.is_dir():
            groups = _claims_below(path, known)
        claims = [claim for group in groups for claim in group]
        if not claims:
            raise Unusable(f"{path}: {_what_it_is(path)}", _way_out(path, known))
    except OSError as error:
        raise Unusable(f"{path}: cannot be read ({error.strerror or error})") from error
    taken = [claim for group in groups for claim in _taken(group, wanted)]
    if not taken:
        found = ", ".join(form.name for form, _ in claims)
        raise Unusable(f"{path}: cannot be opened as {wanted}, it is {found}")
    if len(taken) > 1:
        found = " and ".join(sorted({f"{form.name} ({match.path})" for form, match in taken}))
        raise Unusable(
            f"{path}: could be {found}", "open one by its own path, or with --option format=NAME"
        )
    return taken[0]


def _taken(claims: list[Claim], wanted: str) -> list[Claim]:
    """Those that no other one supersedes, or those that are `wanted`."""
    hidden = {name for _, match in claims for name in match.supersedes}
    return [c for c in claims if (c[0].name == wanted if wanted else c[0].name not in hidden)]


def _claims(path: Path, known: tuple[Format, ...]) -> list[Claim]:
    found = [(form, form.sniff(path)) for form in known]
    return [(form, match) for form, match in found if match is not None]


def _claims_below(path: Path, known: tuple[Format, ...]) -> list[list[Claim]]:
    """Claims on each subfolder of a folder that is nothing itself."""
    below = sorted(p for p in path.iterdir() if p.is_dir() and not p.name.startswith("."))
    return [
        [
            (form, replace(match, evidence=(f"folder {folder.name}", *match.evidence)))
            for form, match in _claims(folder, known)
        ]
        for folder in below[:MAX_SUBFOLDERS]
    ]


def _way_out(path: Path, known: tuple[Format, ...]) -> str:
    if path.is_dir() and training.data_set_files(path):
        return "open the folder of a model that was trained on them"
    names = sorted(form.name for form in known)
    return f"known are {', '.join(names)}: the README says what to open of each"


def _what_it_is(path: Path) -> str:
    """In words, what a path holds that no format claims."""
    if path.is_dir():
        inside = sorted(p.name for p in path.iterdir())
        if not inside:
            return "an empty folder, expected a trained model"
        cameras = [p.relative_to(path).as_posix() for p in training.data_set_files(path)]
        if cameras:
            return f"training images and their cameras ({_some(cameras)}), not a trained model"
        return f"a folder with {_some(inside)}; none of it is a trained model"
    with path.open("rb") as file:
        head = file.read(64)
    if not head:
        return "0 bytes, expected a trained model"
    if archive.is_archive(path):
        return (
            f"an archive with {_some(archive.names(path)) or 'nothing in it'}; expected frames of "
            "one kind that differ in a number, or one static model (unpack it to open the rest)"
        )
    if head.startswith(b"ply"):
        return "a PLY without splats (no f_dc_0, opacity, scale_0 or rot_0) or points (no x, y, z)"
    kind = "binary" if b"\0" in head or not _is_text(head) else "text"
    return f"a {kind} file that begins with {head[:16]!r}, expected a trained model"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")


def _is_text(head: bytes) -> bool:
    try:
        head[: head.rfind(b" ") + 1 or len(head)].decode()
    except UnicodeDecodeError:
        return False
    return True
