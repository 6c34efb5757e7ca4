"""Coloured points: a PLY without splats, or an .npz of clouds and point maps.

Points become isotropic Gaussians as large as their neighbours are far. A PLY with radii
(EasyVolcap's SPLATS frames) holds the discs of 4K4D, drawn as such.
Source of its layout: scripts/tools/runtime_as_ply.py and data_utils.py of zju3dv/EasyVolcap.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from viewer.core.model import StaticModel
from viewer.core.splats import Appearance, Footprint, Splats
from viewer.formats import (
    Format,
    Loaded,
    cloud,
    layout,
    ply,
    ply_3dgs,
    pointmaps,
    sanitize,
    scene,
    spacing,
    training,
)
from viewer.formats.instants import Instants
from viewer.formats.ply import Header
from viewer.formats.scene import STILL, Timing
from viewer.formats.source import (
    BACKGROUND,
    COMMON,
    FPS,
    HEAD,
    Codec,
    Match,
    Option,
    Progress,
    Source,
    positive,
    share,
)

MEANS = ("x", "y", "z")
COLORS = (
    ("red", "green", "blue"),
    ("r", "g", "b"),
    ("diffuse_red", "diffuse_green", "diffuse_blue"),
)
GREYS = ("intensity", "scalar_intensity", "gray", "grey")
SPLATS = ("f_dc", "f_rest", "scale_", "rot_", "motion_", "trbf", "packed_")  # begin their names
DISCS = Appearance(low_pass=0.0, footprint=Footprint.PARABOLOID)
GUESSED_FPS = 30.0
UNSURE = 0.1  # what methods that give confidences leave out themselves, or more

POINT_SIZE = Option("point_size", "radius of every point, world units", positive)
LEFT_OUT = Option("unsure", "share of the least confident points that is left out, 0 to 1", share)


def sniff(path: Path) -> Match | None:
    """A PLY or .npz of points: the file, or the only one of a folder that is no data set."""
    if path.is_dir() and training.data_set_files(path):
        return None  # points that a training began with
    file = layout.point_cloud(path) or layout.only_file(path, ".npz")
    header = None if file is None else ply.read_header(file)
    if file is None:
        return None
    if header is None:
        found = pointmaps.recognised(file)
        return None if found is None else Match(file, (found,))
    if not is_cloud(header):
        return None
    kind = "discs" if "radius" in header.vertex.names else "points"
    return Match(file, (f"PLY of {header.vertex.count} {kind} without splats",))


def is_cloud(header: Header) -> bool:
    """Whether a PLY has vertices with a place, and nothing that says splats of any family."""
    names = set(header.vertex.names)
    splats = names & (ply_3dgs.SPLAT | ply_3dgs.OTHERS)
    return names.issuperset(MEANS) and not splats and not any(n.startswith(SPLATS) for n in names)


def load(source: Source) -> Loaded:
    """One cloud as a scene that does not move, or a cloud for each instant."""
    header = ply.read_header(source.path)
    if header is None:
        return _of_maps(source)
    splats = read(header, source.part(0, 0.9), source.warnings)
    radius = _point_size(source, splats, "radius" in header.vertex.names)
    look = replace(splats.appearance, background=_background(source))
    if radius is not None:
        splats = replace(splats, radii=torch.full_like(splats.opacities, radius))
    model = StaticModel(scene.drawn_by(splats, look))
    cameras = training.cameras(source.root, source.warnings)
    return Loaded(model, scene.report(source, FORMAT.name, model, STILL, 0, cameras))


def _of_maps(source: Source) -> Loaded:
    """The clouds of an .npz."""
    maps = pointmaps.read(source.path, source.part(0, 0.8), source.warnings)
    unsure = UNSURE if maps.confidence is not None else 0.0
    left_out = source.option(LEFT_OUT, unsure, "guessed")
    if maps.confidence is not None and left_out > 0:
        source.warnings.append(
            f"the least confident {left_out:.0%} of the points are left out "
            f"(option {LEFT_OUT.name})"
        )
    maps = maps.surest(left_out)
    source.progress(0.8, "measuring the spacing of points")
    first = maps.at(0)
    radius = _point_size(source, first, stored=False)
    look = replace(first.appearance, background=_background(source))
    fps = source.option(FPS, GUESSED_FPS, "guessed")
    times = torch.arange(maps.instants, dtype=torch.float64)
    model = Instants(
        lambda i: scene.drawn_by(maps.at(i, radius), look), times, maps.count, look, maps.memory
    )
    timing = Timing(model.time_range, 1.0, fps)
    return Loaded(model, scene.report(source, FORMAT.name, model, timing, 0, maps.cameras))


def _point_size(source: Source, splats: Splats, stored: bool) -> float | None:
    """The radius that was asked for; the report tells the usual one where none was."""
    usual = float(splats.radii.median()) if splats.radii is not None and len(splats) else 1.0
    origin = "radius in the file, the median" if stored else "spacing, the median"
    size = source.option(POINT_SIZE, usual, origin)
    return size if POINT_SIZE.name in source.given else None


def _background(source: Source) -> tuple[float, float, float]:
    return source.option(BACKGROUND, training.BLACK, "guessed")


def read(header: Header, progress: Progress, warnings: list[str]) -> Splats:
    """Points or discs of a PLY; rows that are not finite are left out. Raises Unusable."""
    names = header.vertex.names
    colors = next((group for group in COLORS if set(group) <= set(names)), ())
    greys = tuple(name for name in names if name.lower() in GREYS)[:1]
    drawn = tuple(name for name in ("radius", "alpha") if name in names)
    groups = (MEANS, colors or greys, *((name,) for name in drawn))
    means, rgb, *drawings = (torch.from_numpy(p) for p in ply.columns(header, groups, progress))
    progress(1.0, "checking")
    faces = header.element("face").count
    if faces:
        warnings.append(f"a mesh: its {faces:,} faces are not drawn, its vertices are, as points")
    fields = {"positions": means} | dict(zip(drawn, drawings, strict=True))
    rows = sanitize.finite_rows(fields, warnings)
    if rows is not None:
        means, rgb, fields = means[rows], rgb[rows], {n: f[rows] for n, f in fields.items()}
    shown = cloud.grey(len(means))
    if rgb.shape[1]:
        span = cloud.color_span if colors else cloud.intensity_span
        shown = cloud.rgb(rgb, span(rgb.numpy(), _dtype(header, groups[1][0])))
    if "radius" not in fields:
        splats = cloud.gaussians(means, spacing.of_cloud(means), shown, rows)
    else:
        radii = sanitize.scales(fields["radius"].clamp_min(0).log(), warnings)[:, 0]
        splats = replace(cloud.gaussians(means, radii, shown, rows), appearance=DISCS)
    if "alpha" not in fields:
        return splats
    full = 255.0 if _dtype(header, "alpha").kind in "iu" else 1.0
    opacities = (fields["alpha"][:, 0] / full).clamp(0, splats.appearance.max_alpha)
    return replace(splats, opacities=opacities)


def _dtype(header: Header, name: str) -> np.dtype:
    return np.dtype(header.vertex.types[header.vertex.names.index(name)])


def _is_ply(path: Path) -> bool:
    header = ply.read_header(path)
    return header is not None and is_cloud(header)


def _read_ply(path: Path, progress: Progress, warnings: list[str]) -> Splats:
    return read(ply.header(path), progress, warnings)


def _read_npz(path: Path, progress: Progress, warnings: list[str]) -> Splats:
    return pointmaps.read(path, progress, warnings).surest(UNSURE).at(0)


PLY = Codec(_is_ply, ply.count, _read_ply, head=HEAD)
NPZ = Codec(pointmaps.is_instant, pointmaps.count, _read_npz)
FORMAT = Format(
    "points",
    "a .ply of points without splats, or an .npz with points or point maps",
    sniff,
    load,
    (POINT_SIZE, LEFT_OUT, FPS, *COMMON),
)
