"""Static 3D Gaussian Splatting PLY, as INRIA's trainer writes it, and its variants.

Any spherical-harmonic degree, property order, number type; Mip-Splatting's filter_3D; 2D Gaussian
Splatting's two scales. Its comments may say how it is drawn: `ply_export` writes such.
Source of the layout: scene/gaussian_model.py of graphdeco-inria/gaussian-splatting.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from viewer.core import rotation, sh
from viewer.core.errors import Unusable
from viewer.core.model import StaticModel
from viewer.core.splats import LOW_PASS, NEAR, Appearance, Compensation, FixedJacobian, Splats
from viewer.formats import Format, Loaded, layout, ply, sanitize, scene, training
from viewer.formats.ply import Header
from viewer.formats.source import (
    BACKGROUND,
    COMMON,
    HEAD,
    Codec,
    Match,
    Option,
    Progress,
    Source,
    choice,
    not_negative,
    positive,
)

SPLAT = {"f_dc_0", "opacity", "scale_0", "rot_0"}  # any of them says that a PLY holds splats
# Properties by which other families of splat PLYs are known.
OTHERS = {"trbf_center", "log_duration", "motion_xyz_0_0", "xyz_disp_0", "x000"}
MEANS, DC = ("x", "y", "z"), ("f_dc_0", "f_dc_1", "f_dc_2")
SCALES = ("scale_0", "scale_1", "scale_2")
QUAT = ("rot_0", "rot_1", "rot_2", "rot_3")
MIP_LOW_PASS = 0.1  # px², kernel_size of Mip-Splatting's trainer
FLAT = 1e-4  # thickness of a 2D Gaussian, of its larger scale

LOW_PASS_OPTION = Option("low_pass", "px² added to the projected covariance", not_negative)


COMPENSATION = Option(
    "compensation", "opacity lost to the low-pass: none, mip or ex4dgs", choice(Compensation)
)


def is_splats(header: Header) -> bool:
    """Whether a PLY is static splats and no other family's."""
    names = set(header.vertex.names)
    return bool(names & SPLAT) and not names & OTHERS


def sniff(path: Path) -> Match | None:
    """A PLY with splats, the newest iteration of a run, or the only PLY of a folder."""
    file = layout.point_cloud(path)
    header = None if file is None else ply.read_header(file)
    if file is None or header is None or not is_splats(header):
        return None
    found = sorted(set(header.vertex.names) & SPLAT)
    where = (f"newest of {n} iterations",) if (n := layout.iterations(path)) > 1 else ()
    return Match(file, (f"PLY with {', '.join(found)}", *where))


def load(source: Source) -> Loaded:
    """The static scene."""
    cfg = training.cfg_args(source.root, source.warnings)
    header = ply.header(source.path)
    appearance = _appearance(source, header, *training.number(cfg, "kernel_size", MIP_LOW_PASS))
    found, origin = written_background(header) or training.background(cfg)
    appearance = replace(appearance, background=source.option(BACKGROUND, found, origin))
    splats = read(header, appearance, source.part(0, 0.9), source.warnings)
    model = StaticModel(splats)
    cameras = training.cameras(source.root, source.warnings)
    return Loaded(
        model, scene.report(source, FORMAT.name, model, scene.STILL, splats.sh_degree, cameras)
    )


def read(header: Header, appearance: Appearance, progress: Progress, warnings: list[str]) -> Splats:
    """Activated splats of a PLY; rows that are not finite are left out. Raises Unusable."""
    splats, _ = read_with(header, (), progress, warnings)
    return replace(splats, appearance=appearance)


def read_with(
    header: Header, extra: Sequence[str], progress: Progress, warnings: list[str]
) -> tuple[Splats, Tensor]:
    """Activated splats, and properties `extra` [N, E] as they are, finite in every row kept."""
    names = header.vertex.names
    flat, mip = "scale_2" not in names, ("filter_3D",) if _mip(header) else ()
    harmonics = coefficients(header, warnings)
    groups = (MEANS, ("opacity",), SCALES[:2] if flat else SCALES, QUAT, mip, extra, harmonics)
    parts = [torch.from_numpy(part) for part in ply.columns(header, groups, progress)]  # [N, C]
    progress(1.0, "checking")
    checked = {"positions": 0, "opacities": 1, "scales": 2, "quaternions": 3, "times": 5}
    fields = {name: parts[i] for name, i in checked.items() if groups[i]}
    opaque = fields["opacities"].isinf()  # fully opaque, or not at all, is an infinite logit
    fields["opacities"] = torch.where(opaque, 0.0, fields["opacities"])
    rows = sanitize.finite_rows(fields, warnings)
    if rows is not None:
        parts = [part[rows] for part in parts]
    means, opacity, logs, quats, filter_3d, others, colors = parts
    scales = sanitize.scales(logs, warnings)
    if flat:
        warnings.append("2D Gaussians (two scales): drawn as very flat 3D Gaussians")
        scales = torch.cat([scales, scales.amax(1, keepdim=True) * FLAT], 1)
    sanitize.count_zero_quats(quats, warnings)
    opacities = torch.sigmoid(opacity[:, 0])
    if mip:
        scales, opacities = _filtered(scales, opacities, filter_3d)
    progress(1.0, "checking")
    colors = sanitize.colors(colors.reshape(len(colors), len(harmonics) // 3, 3), warnings)
    splats = Splats(
        means=means,
        quats=rotation.normalized(quats),
        scales=scales,
        opacities=opacities,
        colors=_plain(header, colors),
        appearance=Appearance(),
        index=rows,
    )
    return splats, others


def read_file(path: Path, progress: Progress, warnings: list[str]) -> Splats:
    """Splats of a PLY, drawn as its own header says. Raises Unusable."""
    header = ply.header(path)
    return read(header, _stated(header)[0], progress, warnings)


def _appearance(source: Source, header: Header, kernel: float, kernel_from: str) -> Appearance:
    """How the file says it is drawn, unless options say otherwise."""
    stated, origin = _stated(header)
    low_pass, low_pass_from = stated.low_pass, origin
    if _mip(header) and number(header, "view4d.low_pass") is None:
        low_pass, low_pass_from = kernel, kernel_from
    return Appearance(
        low_pass=source.option(LOW_PASS_OPTION, low_pass, low_pass_from),
        compensation=source.option(COMPENSATION, stated.compensation, origin),
        near=stated.near,
        jacobian=stated.jacobian,
    )


def _stated(header: Header) -> tuple[Appearance, str]:
    """How the file says it is drawn: Mip-Splatting's filter_3D, or a comment of its writer."""
    compensation, low_pass, origin = Compensation.NONE, LOW_PASS, "guessed"
    mode = (header.comment("SplatRenderMode") or "").lower()
    if _mip(header):
        compensation, low_pass, origin = Compensation.MIP, MIP_LOW_PASS, "filter_3D in the file"
    elif mode == "mip" or header.comment("antialiased") == "1":
        compensation, origin = Compensation.MIP, "comment in the file"
        low_pass = MIP_LOW_PASS if mode == "mip" else LOW_PASS
    written = number(header, "view4d.low_pass", not_negative)
    if written is not None:
        low_pass, origin = written, "comment in the file"
    if header.comment("view4d.compensation") == Compensation.EX4DGS.value:
        compensation, origin = Compensation.EX4DGS, "comment in the file"
    near = number(header, "view4d.near") or NEAR
    return Appearance(low_pass, compensation, near, jacobian=_written_jacobian(header)), origin


def _written_jacobian(header: Header) -> FixedJacobian | None:
    try:
        x, y, slope = map(float, (header.comment("view4d.jacobian") or "").split())
    except ValueError:
        return None
    return FixedJacobian((x, y), slope) if 0 < x < 1e6 and 0 < y < 1e6 and abs(slope) < 10 else None


def _is_one(path: Path) -> bool:
    header = ply.read_header(path)
    return header is not None and is_splats(header)


def written_background(header: Header) -> tuple[tuple[float, float, float], str] | None:
    """Background that our own writer noted, and where it is from."""
    try:
        r, g, b = map(float, (header.comment("view4d.background") or "").split())
    except ValueError:
        return None
    return (r, g, b), "comment in the file"


def number(header: Header, key: str, parse: Callable[[str], float] = positive) -> float | None:
    """A number in the comment `key`, over zero unless `parse` says otherwise."""
    try:
        return parse(header.comment(key) or "")
    except ValueError:
        return None


def _mip(header: Header) -> bool:
    return "filter_3D" in header.vertex.names


def _filtered(scales: Tensor, opacities: Tensor, filter_3d: Tensor) -> tuple[Tensor, Tensor]:
    """Mip-Splatting's 3D smoothing by filter_3d [N, 1]: s² + f², opacity kept in volume."""
    before = scales.double().square()
    after = before + filter_3d.double().nan_to_num(0.0).square()
    kept = (before / after).prod(1).sqrt()
    return after.sqrt().float(), (opacities * kept).float()


def _plain(header: Header, coefficients: Tensor) -> Tensor:
    """Plain RGB again where our own writer noted it: it may lie outside what harmonics show."""
    if header.comment("view4d.colors") == "rgb" and coefficients.shape[1] == 1:
        return coefficients[:, 0] * sh.C0 + 0.5
    return coefficients


def coefficients(header: Header, warnings: list[str], prefix: str = "") -> tuple[str, ...]:
    """Names of the harmonics, coefficient by coefficient, R G B each; the file has them by channel.

    prefix: of every name. Raises Unusable for a number of f_rest that makes no degree.
    """
    count = sum(name.startswith(f"{prefix}f_rest_") for name in header.vertex.names)
    degree = (count / 3 + 1) ** 0.5 - 1
    if count % 3 or degree != int(degree):
        raise Unusable(
            f"{header.path}: has {count} f_rest properties, expected 0, 9, 24 or 45 (degree 0 to 3)"
        )
    if degree > sh.MAX_DEGREE:
        warnings.append(f"spherical harmonics over degree {sh.MAX_DEGREE} are left out")
    higher = count // 3
    used = min(higher, (sh.MAX_DEGREE + 1) ** 2 - 1)
    rest = (f"f_rest_{c * higher + k}" for k in range(used) for c in range(3))
    return tuple(prefix + name for name in (*DC, *rest))


CODEC = Codec(_is_one, ply.count, read_file, head=HEAD)
FORMAT = Format(
    "3dgs-ply",
    "a .ply with f_dc_*, opacity, scale_*, rot_*, or a training run's folder",
    sniff,
    load,
    (LOW_PASS_OPTION, COMPENSATION, *COMMON),
)
