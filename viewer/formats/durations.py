"""The time of native 4DGS and its kin: in no checkpoint, looked for beside it, or guessed."""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from viewer.formats import scene, training
from viewer.formats.scene import Timing
from viewer.formats.source import FPS, FRAMES, TIME_RANGE, Option, Source, span

CAPTURE_FPS, SYNTHETIC_FRAMES = 30.0, 100
SECONDS = 1.5  # a longer duration is in seconds, not normalised
CONFIGURED = ((0.0, 1.0), (0.0, 10.0), (-0.5, 0.5))  # durations of published configurations
MISFIT = 0.25  # of a duration, by which the bulk of times may miss its ends
TIME_DURATION = Option("time_duration", "start and end of the training's time", span)
OPTIONS = (TIME_DURATION, TIME_RANGE, FRAMES, FPS)


def time_duration(source: Source, cfg: Mapping[str, Any], times: Tensor) -> tuple[float, float]:
    """Start and end of the training's time, in the unit of the Gaussians' times [N, 1]."""
    found = _configured(source.root, cfg)
    if found is None:
        found = guessed_duration(times), "guessed"
        if TIME_DURATION.name not in source.given:
            source.warnings.append(
                "time_duration is not in the files, guessed from the Gaussians' own times; colours "
                "that change with time depend on it: --option time_duration=START,END"
            )
    start, end = source.option(TIME_DURATION, *found)
    ratio, _ = training.number(cfg, "frame_ratio", 1.0)
    return start / ratio, end / ratio


def guessed_duration(times: Tensor) -> tuple[float, float]:
    """The configuration in use that fits the times [N, 1], else whole numbers about their bulk.

    Times begin spread over the duration and a tenth of it more on either side.
    """
    finite = times[times.isfinite()]
    if not len(finite):
        return 0.0, 1.0
    step = max(1, len(finite) // 1_000_000)  # torch.quantile takes 16 million numbers at most
    low, high = torch.quantile(finite[::step], torch.tensor([0.02, 0.98])).tolist()
    for start, end in CONFIGURED:
        slack = MISFIT * (end - start)
        if abs(low - start) < slack and abs(high - end) < slack:
            return start, end
    return float(math.floor(low)), float(math.ceil(high))


def _configured(root: Path, cfg: Mapping[str, Any]) -> tuple[tuple[float, float], str] | None:
    """time_duration of cfg_args or of a YAML beside the checkpoint, read as two numbers."""
    match cfg.get("time_duration"):
        case [int() | float() as start, int() | float() as end] if start < end:
            return (float(start), float(end)), "cfg_args"
    for file in sorted([*root.glob("*.yaml"), *root.glob("*.yml")]):
        if file.stat().st_size <= training.MAX_CFG:
            found = DURATION_IN_YAML.search(file.read_text(errors="replace"))
            if found and float(found[1]) < float(found[2]):
                return (float(found[1]), float(found[2])), file.name
    return None


NUMBER = r"([-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)"
# Inline, [0.0, 10.0], or as two lines that begin with a dash.
DURATION_IN_YAML = re.compile(
    rf"^\s*time_duration\s*:\s*(?:\[|\n\s*-)\s*{NUMBER}\s*(?:,|\n\s*-)\s*{NUMBER}", re.MULTILINE
)


def timing_of(source: Source, duration: tuple[float, float], origin: str) -> Timing:
    """Frames 1 / fps apart where time is in seconds; evenly spread, ends included, where it is not.

    A part of the duration may be given as the time range. origin: of the duration.
    """
    start, end = duration
    fps = source.option(FPS, CAPTURE_FPS, "guessed")
    last = max(start, end - 1 / fps) if end - start > SECONDS else end
    start, last = source.option(TIME_RANGE, (start, last), origin)
    in_seconds = last - start > SECONDS
    guess = round((last - start) * fps) + 1 if in_seconds else SYNTHETIC_FRAMES
    frames = source.option(FRAMES, guess, "guessed")
    return scene.evenly((start, last), frames, fps)
