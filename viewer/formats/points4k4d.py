"""4K4D and EasyVolcap's point_planes: a cloud of discs for each frame, networks that dress it.

Released 4K4D models take their colour from photographs that are not in the file; what is there of
it, a residual, is shown over mid grey. point_planes models have all of their colour.
Source: easyvolcap/models/samplers/point_planes_sampler.py of zju3dv/EasyVolcap, and
r4dv_sampler.py, super_charged_r4dv.py and image_based_spherical_harmonics.py of zju3dv/4K4D.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from viewer.core import sh
from viewer.core.errors import Unusable
from viewer.core.splats import Appearance, Footprint, Splats
from viewer.formats import Format, Loaded, checkpoint, dressed, npz, scene, training
from viewer.formats.dressed import Clouds
from viewer.formats.instants import Instants
from viewer.formats.scene import Timing
from viewer.formats.source import (
    BACKGROUND,
    COMMON,
    FPS,
    Match,
    Option,
    Source,
    span,
    yes_or_no,
)

EXPERIMENTS = "trained_model"  # holds a folder of checkpoints for each
BELOW = (f"{EXPERIMENTS}/*", f"data/{EXPERIMENTS}/*")  # a root
NUMBERED = re.compile(r"-?\d+")  # -1 is a name too
LATEST = "latest"
LOOKED_INTO = 4  # checkpoints of a folder, the newest first
SAMPLERS = (("sampler.",), ("sampler.fg_sampler.", "sampler.bg_sampler."))
CLOUD, PLANES, PICTURES = "sampler.pcds.0", "sampler.xyz_embedder.", "ibr_regressor."
RADII = (0.001, 0.015)  # world units, of every published configuration
GUESSED_FPS = 30.0


def _radii(text: str) -> tuple[float, float]:
    low, high = span(text)
    if low <= 0:
        raise ValueError(f"is {text}, expected more than 0")
    return low, high


RADIUS_RANGE = Option("radius_range", "smallest and largest radius, world units", _radii)
MOVE = Option("move_points", "whether points are moved by the residual network", yes_or_no)


class Arrays(Mapping[str, object]):
    """The arrays of an .npz by name, each read when it is asked for."""

    def __init__(self, path: Path) -> None:
        self._archive = npz.opened(path)

    def __getitem__(self, name: str) -> object:
        if name not in self._archive.members:
            raise KeyError(name)
        return self._archive.array(name).read()

    def __contains__(self, name: object) -> bool:
        return name in self._archive.members

    def __iter__(self) -> Iterator[str]:
        return iter(self._archive.members)

    def __len__(self) -> int:
        return len(self._archive.members)


@dataclass(frozen=True, eq=False, slots=True)
class Frames:
    """Makes frames of a model's samplers, drawn together."""

    samplers: tuple[Clouds, ...]
    radii: tuple[float, float]
    appearance: Appearance

    @property
    def count(self) -> int:
        """Frames: those of the sampler that has most; a background has one."""
        return max(len(sampler.clouds) for sampler in self.samplers)

    @property
    def points(self) -> int:
        """Points of the largest frame."""
        return max(sum(len(cloud.means) for cloud in self._clouds(i)) for i in range(self.count))

    def at(self, i: int) -> Splats:
        """Frame i."""
        parts = [sampler.at(i, self.radii) for sampler in self.samplers]
        means, radii, opacities, coefficients = (torch.cat(f) for f in zip(*parts, strict=True))
        return Splats(
            means=means,
            quats=None,
            scales=None,
            radii=radii,
            opacities=opacities,
            colors=coefficients,
            appearance=self.appearance,
            index=self._index(i),
        )

    def _index(self, i: int) -> Tensor | None:
        """[N] places in the file, one sampler after the other; None where all points are kept."""
        clouds = self._clouds(i)
        if all(cloud.rows is None for cloud in clouds):
            return None
        found, before = [], 0
        for cloud in clouds:
            rows = torch.arange(cloud.stored) if cloud.rows is None else cloud.rows
            found.append(rows + before)
            before += cloud.stored
        return torch.cat(found)

    def _clouds(self, i: int) -> list[dressed.Cloud]:
        return [sampler.clouds[min(i, len(sampler.clouds) - 1)] for sampler in self.samplers]


def sniff(path: Path) -> Match | None:
    """A checkpoint, the folder of an experiment, or what holds a single one in trained_model."""
    if path.is_file():
        return _match(path)
    experiments = [path, *(p for found in BELOW for p in path.glob(found) if p.is_dir())]
    matches = [match for folder in experiments if (match := _newest(folder)) is not None]
    return matches[0] if len(matches) == 1 else None


def load(source: Source) -> Loaded:
    """The moving scene."""
    source.progress(0.0, "reading")
    held = _state(source.path)
    names = next((n for n in SAMPLERS if dressed.frames(held, n[0])), None)
    if names is None:
        raise Unusable(f"{source.path}: has no point clouds, expected {CLOUD}")
    names = [name for name in names if dressed.frames(held, name)]
    moved = source.option(MOVE, any(dressed.moves(held, name) for name in names), "the checkpoint")
    samplers = tuple(
        dressed.read(
            held,
            name,
            source.path,
            moved and dressed.moves(held, name),
            source.part(0.8 * i / len(names), 0.8 * (i + 1) / len(names)),
        )
        for i, name in enumerate(names)
    )
    if len({(sampler.output, sampler.color.outputs) for sampler in samplers}) > 1:
        raise Unusable(f"{source.path}: foreground and background differ in their kind of colour")
    _warn(samplers, source.warnings)
    appearance = Appearance(
        low_pass=0.0,
        footprint=Footprint.PARABOLOID,
        sh_output=samplers[0].output,
        background=source.option(BACKGROUND, training.BLACK, "guessed"),
    )
    made = Frames(samplers, source.option(RADIUS_RANGE, RADII, "guessed"), appearance)
    last = max(made.count - 1, 1)
    times = torch.arange(made.count, dtype=torch.float64) / last
    rest = sum(sampler.memory for sampler in samplers)
    model = Instants(made.at, times, made.points, appearance, rest)
    timing = Timing(model.time_range, 1 / last, source.option(FPS, GUESSED_FPS, "guessed"))
    degree = model.slice(0.0).sh_degree
    cameras = training.cameras(source.root, source.warnings)
    return Loaded(model, scene.report(source, FORMAT.name, model, timing, degree, cameras))


def _warn(samplers: tuple[Clouds, ...], warnings: list[str]) -> None:
    clouds = [cloud for sampler in samplers for cloud in sampler.clouds]
    lost = sum(cloud.stored - len(cloud.means) for cloud in clouds)
    if lost:
        total = sum(cloud.stored for cloud in clouds)
        warnings.append(f"{lost:,} of {total:,} points of all frames left out: they are not finite")
    if samplers[0].output is sh.Output.RESIDUAL:
        warnings.append(
            "colours of 4K4D come from the photographs it was trained with, which are not in the "
            "file: shown is what is, a residual over mid grey"
        )


def _state(path: Path) -> Mapping[str, object]:
    """Names and tensors of the model. Raises Unusable."""
    if path.suffix.lower() == npz.ENDING:
        return Arrays(path)
    held = checkpoint.state(path)
    model = held.get("model", held)
    if not isinstance(model, Mapping):
        raise Unusable(f"{path}: model is a {type(model).__name__}, expected names and tensors")
    return {name: value for name, value in model.items() if isinstance(name, str)}


def _newest(folder: Path) -> Match | None:
    """The checkpoint of a folder that is latest, else has the largest number.

    Raises Unusable where it is an experiment's, and nothing in it is whole.
    """
    found = [p for p in folder.iterdir() if p.suffix.lower() in (".npz", ".pt") and p.is_file()]
    named = [p for p in found if p.stem == LATEST or NUMBERED.fullmatch(p.stem)]
    named.sort(key=lambda p: (p.stem == LATEST, 0 if p.stem == LATEST else int(p.stem), p.suffix))
    damaged: list[Unusable] = []
    for file in reversed(named[-LOOKED_INTO:]):
        try:
            match = _match(file)
        except Unusable as error:
            damaged.append(error)
            continue  # what else lies in the folder may be good
        if match is not None:
            return match
    if damaged and folder.parent.name == EXPERIMENTS:
        raise damaged[0]
    return None


def _match(file: Path) -> Match | None:
    """What a file is known by: the names in it. Raises Unusable where it is damaged."""
    wanted = (CLOUD, PLANES, PICTURES)
    if file.suffix.lower() == npz.ENDING:
        names = " ".join(npz.names(file))
        known = {name for name in wanted if name in names}
    elif checkpoint.is_checkpoint(file):
        known = {name for name in wanted if checkpoint.mentions(file, name)}
    else:
        return None
    if not known.issuperset((CLOUD, PLANES)):
        return None
    kind = "4K4D (ibr_regressor)" if PICTURES in known else "point_planes"
    return Match(file, (f"{file.name}: {CLOUD} and {PLANES}*, {kind}",))


FORMAT = Format(
    "4k4d",
    "a 4K4D or EasyVolcap point_planes checkpoint (.pt, .npz), or the folder it lies in",
    sniff,
    load,
    (MOVE, RADIUS_RANGE, FPS, *COMMON),
)
