"""Bytes to Model: finds the format of a path and loads it. One module of this folder per format.

A format is found by its module-level FORMAT; other packages add theirs by the entry-point group
`viewer.formats`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from viewer.core.model import Model
from viewer.core.report import Report, Setting

Progress = Callable[[float, str], None]  # fraction 0..1 and what; raises Cancelled to stop


class Loaded(NamedTuple):
    """A model and what is known about it."""

    model: Model
    report: Report


@dataclass(frozen=True, slots=True)
class Option:
    """Something a format guesses or cannot know, that `--option NAME=VALUE` overrides.

    parse: from text; raises ValueError.
    """

    name: str
    help: str
    parse: Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Match:
    """A format claims a path. path: the file or folder to load. evidence: what was recognised."""

    path: Path
    evidence: tuple[str, ...]


@dataclass(slots=True)
class Source:
    """What a format's load gets: the match, the options that were given, and the progress.

    It notes each option as it is used, so that the report can say where every value came from.
    """

    asked: Path
    match: Match
    given: Mapping[str, str]
    progress: Progress
    settings: list[Setting] = field(default_factory=list)
