"""4D-Rotor-Gaussians: step-*.ckpt of its fork of nerfstudio.

Compiled into linear motion, constant covariances and a window in time. config.yml beside the
checkpoint is Python-tagged YAML: it is searched for a few words and never loaded.
Source: models/splatfacto.py and utils/general_utils.py of weify627/4D-Rotor-Gaussians.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from viewer.core import sh
from viewer.core.errors import Unusable
from viewer.core.splats import Appearance
from viewer.core.temporal import Gaussians4D
from viewer.formats import (
    Format,
    Loaded,
    checkpoint,
    durations,
    layout,
    sanitize,
    scene,
    training,
)
from viewer.formats.gaussian4d import conditioned, isoclinic
from viewer.formats.scene import Timing
from viewer.formats.source import (
    BACKGROUND,
    COMMON,
    FPS,
    FRAMES,
    TIME_RANGE,
    Match,
    Source,
)

CHECKPOINTS, CONFIG = "nerfstudio_models", "config.yml"
LEVELS, MAX_FOLDERS = 5, 64  # <outputs>/<data>/<method>/<timestamp>, looked into from outside
FIELDS = {  # parameters by name, how many numbers each has, and what to call them
    "xyz": (3, "positions"),
    "t": (1, "times"),
    "scales_xyz": (3, "scales"),
    "scales_t": (1, "time scales"),
    "quats1": (4, "rotors"),
    "quats2": (4, "second halves of rotors"),
    "opacities": (1, "opacities"),
}
SHORTEST, LONGEST = 1e-3, 1e3  # length of a rotor that makes sense; training keeps it near 1
DURATIONS = {  # by the data parser in config.yml
    "dnerf_dataparser": (0.0, 1.0),
    "plenoptic_dataparser": (0.0, 10.0),
}
BACKGROUNDS = {"black": training.BLACK, "white": training.WHITE}


def sniff(path: Path) -> Match | None:
    """A checkpoint with rotors: the file, or the newest of the newest run in the folder."""
    if path.is_file():
        files, runs = [path], 1
    else:
        files, runs = _newest_run(path)
    files = [file for file in files if checkpoint.is_checkpoint(file)]
    if not files or not checkpoint.mentions(files[-1], "quats1", "quats2", "scales_xyz"):
        return None
    evidence = [f"{files[-1].name}: a checkpoint with quats1, quats2"]
    if len(files) > 1:
        evidence.append(f"newest of {len(files)} checkpoints")
    if runs > 1:
        evidence.append(f"newest of {runs} runs")
    return Match(files[-1], tuple(evidence))


def load(source: Source) -> Loaded:
    """The moving scene."""
    run = source.root.parent if source.root.name == CHECKPOINTS else source.root
    config = _config(run)
    parameters = _parameters(source.path)
    timing = _timing(source, config, parameters["t"])
    background = source.option(BACKGROUND, *_background(config))
    appearance = Appearance(background=background)
    # The family's own cut on the window, e^-16, lies far under the 1/255 that all obey.
    gaussians, rows = _gaussians(parameters, source)
    del parameters  # what they say is in the Gaussians, and memory is wanted for the index
    model = scene.indexed(gaussians, rows, timing, appearance, source)
    degree = sh.degree(model.gaussians.colors.shape[1])
    cameras = training.cameras(run, source.warnings)
    return Loaded(model, scene.report(source, FORMAT.name, model, timing, degree, cameras))


def rotations(rotors: Tensor) -> Tensor:
    """4x4 matrices [N, 4, 4] of rotors [N, 8] (s, xy, xz, yz, xw, yw, zw, xyzw), axes x y z t.

    A rotor is a pair of quaternions in another guise, and not normalised: the matrix is a
    rotation times their lengths, as the trainer uses it.
    """
    s, xy, xz, yz, xw, yw, zw, p = rotors.unbind(1)
    left = torch.stack([s - p, xy + zw, yw - xz, yz + xw], 1)
    right = torch.stack([s + p, xy - zw, -xz - yw, yz - xw], 1)
    return isoclinic(left, right).flip(1, 2)


def _newest_run(folder: Path) -> tuple[list[Path], int]:
    """Checkpoints in the newest run at or under a folder, oldest first, and how many runs."""
    level = [folder]
    for _ in range(LEVELS):
        runs = [(f, _checkpoints(f)) for f in level]
        runs = sorted(((f.name, files) for f, files in runs if files), key=lambda run: run[0])
        if runs:
            return runs[-1][1], len(runs)
        below = [p for f in level for p in sorted(f.iterdir()) if not p.name.startswith(".")]
        level = [p for p in below if p.is_dir()][:MAX_FOLDERS]
    return [], 0


def _checkpoints(folder: Path) -> list[Path]:
    inside = folder / CHECKPOINTS
    return layout.files_with(inside if inside.is_dir() else folder, ".ckpt")


def _config(run: Path) -> str:
    """Text of the run's configuration; empty where there is none."""
    file = run / CONFIG
    if not file.is_file() or file.stat().st_size > training.MAX_CFG:
        return ""
    return file.read_text(errors="replace")


def _timing(source: Source, config: str, times: Tensor) -> Timing:
    """From the first to the last frame, by the data that was trained on."""
    for parser, duration in DURATIONS.items():
        if parser in config:
            return durations.timing_of(source, duration, f"{parser} in {CONFIG}")
    return durations.timing_of(source, durations.guessed_duration(times), "guessed")


def _background(config: str) -> tuple[tuple[float, float, float], str]:
    found = re.search(r"^\s*background_color:\s*(\w+)\s*$", config, re.MULTILINE)
    if found and found[1] in BACKGROUNDS:
        return BACKGROUNDS[found[1]], CONFIG
    return training.BLACK, "guessed"


def _parameters(path: Path) -> dict[str, Tensor]:
    """FIELDS by name, [N, width] float32; harmonics [N, K, 3]. Raises Unusable."""
    pipeline = checkpoint.state(path).get("pipeline")
    if not isinstance(pipeline, Mapping):
        raise Unusable(f"{path}: has no pipeline, expected a checkpoint of 4D-Rotor-Gaussians")
    named = [name for name in pipeline if isinstance(name, str)]
    prefixes = [n.removesuffix("quats1") for n in named if n.endswith(".quats1")]
    if len(prefixes) != 1:
        raise Unusable(f"{path}: {len(prefixes)} parameters named quats1, expected one")

    def held(name: str) -> Any:
        return pipeline.get(prefixes[0] + name)

    n = len(checkpoint.view(held("xyz"), "xyz", path, (None, 3)))
    found = {k: checkpoint.tensor(held(k), k, path, (n, width)) for k, (width, _) in FIELDS.items()}
    dc = checkpoint.view(held("features_dc"), "features_dc", path, (n, 1, 3))
    rest = checkpoint.view(held("features_rest"), "features_rest", path, (n, None, 3))
    try:
        sh.degree(1 + rest.shape[1])
    except ValueError as error:
        raise Unusable(f"{path}: features_dc and features_rest: {error}") from error
    return found | {"harmonics": torch.cat([dc.float(), rest.float()], 1)}


def _gaussians(parameters: dict[str, Tensor], source: Source) -> tuple[Gaussians4D, Tensor | None]:
    """The fields, and the rows kept where some were left out."""
    colors = parameters.pop("harmonics")
    parameters["opacities"] = parameters["opacities"].clamp(-1e4, 1e4)
    named = {FIELDS[name][1]: tensor for name, tensor in parameters.items()}
    rows = sanitize.finite_rows(named, source.warnings)
    if rows is not None:
        parameters = {name: tensor[rows] for name, tensor in parameters.items()}
        colors = colors[rows]
    scales_t = parameters["scales_t"].clamp(-sanitize.MAX_LOG_TIME, sanitize.MAX_LOG_TIME)
    scales = torch.cat(
        [sanitize.scales(parameters["scales_xyz"], source.warnings), torch.exp(scales_t)], 1
    )
    rotors = torch.cat([parameters["quats1"], parameters["quats2"]], 1)
    rotors = _sensible(rotors, source.warnings)
    given = conditioned(lambda r: rotations(rotors[r].double()), scales, source.part(0.2, 0.7))
    return Gaussians4D(
        means=parameters["xyz"],
        motion=given.velocity.unsqueeze(1),
        opacities=torch.sigmoid(parameters["opacities"][:, 0]),
        center=parameters["t"][:, 0].contiguous(),
        width=given.width,
        colors=sanitize.colors(colors, source.warnings),
        covars=given.covars,
    ), rows


def _sensible(rotors: Tensor, warnings: list[str]) -> Tensor:
    """Rotors [N, 8] as stored; those of absurd length become the one that turns nothing."""
    length = rotors.norm(dim=1)
    absurd = ~((length >= SHORTEST) & (length <= LONGEST))
    count = int(absurd.sum())
    if not count:
        return rotors
    warnings.append(f"{count:,} Gaussians have a rotor of absurd length, drawn unrotated")
    rotors[absurd] = rotors.new_tensor([1.0, *[0.0] * 7])
    return rotors


FORMAT = Format(
    "4d-rotor",
    "a run's folder of 4D-Rotor-Gaussians, or its step-*.ckpt",
    sniff,
    load,
    (TIME_RANGE, FRAMES, FPS, *COMMON),
)
