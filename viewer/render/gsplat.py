"""`gsplat.rasterization` as a renderer: what the field measures itself against, on CUDA.

Colours are evaluated here and handed over as they are blended; gsplat projects, sorts and blends.
Its pixels end at transmittance 1e-4 as in training, and one splat covers at most 0.999 of a pixel.
gsplat is imported here only. What it was not installed with it compiles on first use, for minutes.
"""

import importlib
import importlib.util
import logging
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import moderngl
import torch
from torch import Tensor

from viewer.core.camera import Camera
from viewer.core.errors import Unusable
from viewer.core.model import nbytes
from viewer.core.settings import Mode, RenderSettings
from viewer.core.splats import Appearance, Compensation, Footprint, Splats
from viewer.core.timing import Spans
from viewer.cuda.interop import presenter
from viewer.cuda.plane import Plane, Presenter
from viewer.gl.target import TextureTarget
from viewer.render.protocol import Counts, Target, Unsliced
from viewer.render.visibility import (
    beside,
    compensation_of,
    far_plane,
    in_camera,
    least_opacity,
    near_plane,
)

DEVICE = "cuda"
TILE = 16  # pixels
MODES = frozenset({Mode.COLOR, Mode.DEPTH, Mode.ALPHA})
CUDA_FIX = "an NVIDIA GPU, its driver, and PyTorch with CUDA are needed"
WHEEL_FIX = "or install a wheel that is compiled already: docs.gsplat.studio tells how"

log = logging.getLogger(__name__)


def lacks(look: Appearance, settings: RenderSettings) -> str:
    """What of these gsplat cannot draw, in words; empty where it draws all of it."""
    if settings.mode not in MODES:
        able = ", ".join(mode.value for mode in Mode if mode in MODES)
        return f"gsplat draws {able}, not {settings.mode.value}"
    if look.footprint is not Footprint.GAUSSIAN:
        return "gsplat draws Gaussians, this model's points are discs"
    if look.jacobian is not None:
        return "gsplat projects truly, this model was trained with a wrong Jacobian"
    if compensation_of(look, settings) is Compensation.EX4DGS:
        return "gsplat has no opacity compensation with the epsilons of Ex4DGS"
    return ""


class GsplatRenderer:
    """Splats on the CUDA device, drawn by gsplat; the same splats are brought there once."""

    modes = MODES
    slices = False
    takes_cuda = True
    interactive = True
    stale = False

    def __init__(
        self, ctx: moderngl.Context | None, may_compile: bool = True, interop: str = "auto"
    ) -> None:
        """Compiles nothing yet. Raises Unusable with the cause, and the way to mend it."""
        self._gsplat = _package(may_compile)
        self._textures, self._told = (None, "") if ctx is None else _presenter(ctx, interop)
        self._compiled = False
        self._given: Splats | None = None
        self._held: Splats | None = None
        self._drawn: Tensor | None = None  # [] int64, of the frame before

    def render(
        self,
        source: Splats | Unsliced,
        camera: Camera,
        settings: RenderSettings,
        target: Target,
        spans: Spans,
    ) -> Counts:
        """Draw into either kind of target. The first call may compile."""
        assert isinstance(source, Splats)
        if reason := lacks(source.appearance, settings):
            raise Unusable(reason, "--renderer sorted does")
        if not self._compiled:
            _compile()
            self._compiled = True
        with torch.inference_mode():
            if self._held is None or source is not self._given:
                with spans.measure("upload"):
                    self._given, self._held = source, source.to(torch.device(DEVICE))
            with spans.measure("project"):
                arguments = _arguments(self._held, camera, settings)
            with spans.measure("blend"):
                before = self._drawn
                image, self._drawn = self._rasterized(arguments)
                if self._textures is None or not isinstance(target, TextureTarget):
                    target.write(image)
            if self._textures is not None and isinstance(target, TextureTarget):
                with spans.measure("present"):
                    _show(image, target, self._textures)
            # gsplat has waited for the frame before this one: to read its count costs nothing.
            drawn = int(self._drawn if before is None else before)
        told = self._told if self._textures is None else self._textures.told
        held = self._held
        brought = () if source.means.device == held.means.device else held.tensors()
        return Counts(len(source), drawn, told, nbytes(*brought))

    def release(self) -> None:
        """Let the splats go, and the way into textures."""
        self._given = self._held = self._drawn = None
        if self._textures is not None:
            self._textures.release()

    def _rasterized(self, arguments: dict[str, Any]) -> tuple[Tensor, Tensor]:
        """The layer [H, W, C + 1], and how many splats were drawn."""
        colors = arguments["colors"]
        if not len(colors):
            size = arguments["height"], arguments["width"], colors.shape[1] + 1
            return colors.new_zeros(size), torch.zeros((), dtype=torch.int64, device=colors.device)
        blended, alpha, told = self._gsplat.rasterization(**arguments)
        return torch.cat([blended[0], alpha[0]], -1), torch.count_nonzero(told["radii"][..., 0])


def _presenter(ctx: moderngl.Context, interop: str) -> tuple[Presenter | None, str]:
    """What brings layers into textures; None and why where there is nothing but to copy them."""
    try:
        return presenter(ctx, interop), ""
    except Unusable as error:
        if interop == "interop":
            raise
        return None, f"pictures are copied by way of the processor: {error.cause}"


def _show(image: Tensor, target: TextureTarget, textures: Presenter) -> None:
    """Into the textures of a target what `TextureTarget.write` would write."""
    rows = image.flip(0).to(torch.float16 if target.dtype == "f2" else torch.float32)
    alpha = rows[..., -1:]
    pixels = [torch.cat([color, alpha], -1) for color in rows[..., :-1].split(3, -1)]
    stream = torch.cuda.current_stream().cuda_stream
    planes = zip(pixels, target.layers, strict=True)
    textures.present([Plane(pixel.data_ptr(), layer) for pixel, layer in planes], stream)


def _arguments(splats: Splats, camera: Camera, settings: RenderSettings) -> dict[str, Any]:
    """Of `gsplat.rasterization` for one camera: [1, ...] of what it takes many of."""
    look, means = splats.appearance, splats.means
    least = least_opacity(settings)
    shape: dict[str, Tensor | None] = {"quats": None, "scales": None, "covars": None}
    if splats.quats is not None and splats.scales is not None:
        shape |= {"quats": splats.quats, "scales": splats.scales * settings.scale}
    else:
        shape["covars"] = splats.covariances() * settings.scale**2
    kind = compensation_of(look, settings)
    return shape | {
        "means": means,
        "opacities": torch.where(splats.opacities >= least, splats.opacities, 0.0),
        "colors": _colors(splats, camera, settings),
        "viewmats": beside(camera.viewmat, means).unsqueeze(0),
        "Ks": beside(camera.K, means).unsqueeze(0),
        "width": camera.width,
        "height": camera.height,
        "camera_model": "ortho" if camera.orthographic else "pinhole",
        "near_plane": near_plane(look, settings),
        "far_plane": far_plane(settings),
        "radius_clip": 0.0,
        "eps2d": look.low_pass,
        "sh_degree": None,
        "packed": False,
        "tile_size": TILE,
        "render_mode": "RGB",
        "rasterize_mode": "antialiased" if kind is Compensation.MIP else "classic",
    }


def _colors(splats: Splats, camera: Camera, settings: RenderSettings) -> Tensor:
    """[N, C] as they are blended; in the modes that measure, of Mode.measures."""
    if settings.mode is Mode.DEPTH:
        return in_camera(splats.means, camera)[:, 2:].expand(-1, 3).contiguous()
    if settings.mode.measures:
        return torch.ones_like(splats.means)
    center = beside(camera.center, splats.means)
    return splats.seen_from(center, settings.sh_degree).contiguous()


def _package(may_compile: bool) -> Any:
    """The package gsplat, where it can serve."""
    if not torch.cuda.is_available():
        built = "sees no CUDA device" if torch.version.cuda else "is built without CUDA"
        raise Unusable(f"PyTorch {torch.__version__} {built}", CUDA_FIX)
    if importlib.util.find_spec("gsplat") is None:
        raise Unusable("gsplat is not installed", "pip install 'view4d[gsplat]'")
    if not is_built():
        if not may_compile:
            raise Unusable(
                "gsplat is not compiled yet, which takes minutes",
                "`view4d bench PATH --renderer gsplat --frames 1` compiles it, once",
            )
        _check_compilers()
    try:
        return importlib.import_module("gsplat")
    except Exception as error:  # it builds, loads and asks for what it likes
        raise Unusable(f"gsplat cannot be imported ({_last_line(error)})") from error


def is_built() -> bool:
    """Whether gsplat's kernels are there as a library: installed, or compiled earlier.

    Source of the folder's name: _get_build_directory of torch/utils/cpp_extension.py.
    """
    found = importlib.util.find_spec("gsplat")
    folders = found.submodule_search_locations if found is not None else None
    for folder in folders or []:
        if any(Path(folder).glob("csrc*.so")) or any(Path(folder).glob("csrc*.pyd")):
            return True
    given = os.environ.get("TORCH_EXTENSIONS_DIR")
    if given is not None:
        roots = [Path(given)]
    else:
        from torch.utils.cpp_extension import get_default_build_root

        python = f"py{sys.version_info.major}{sys.version_info.minor}"
        cuda = (torch.version.cuda or "").replace(".", "")
        roots = list(Path(get_default_build_root()).glob(f"{python}*_cu{cuda}"))
    names = ("gsplat_cuda.so", "gsplat_cuda.pyd")
    return any((root / "gsplat_cuda" / name).exists() for root in roots for name in names)


def _check_compilers() -> None:
    from torch.utils import cpp_extension

    home = cpp_extension.CUDA_HOME
    if home is None or shutil.which("nvcc", path=str(Path(home) / "bin")) is None:
        cause = "gsplat compiles its kernels on first use, and there is no nvcc here"
        raise Unusable(cause, f"install NVIDIA's CUDA toolkit {torch.version.cuda}, {WHEEL_FIX}")
    host = "cl" if sys.platform == "win32" else os.environ.get("CXX", "c++")
    for tool in (host, "ninja"):
        if shutil.which(tool) is None:
            cause = f"gsplat compiles its kernels on first use, and there is no {tool} here"
            raise Unusable(cause, f"install {tool}, {WHEEL_FIX}")


def _compile() -> None:
    """Load gsplat's kernels, and compile them if need be. Raises Unusable where that fails."""
    if not is_built():
        log.warning("gsplat compiles its kernels: once, for some minutes")
    try:
        kernels = importlib.import_module("gsplat.cuda._backend")._C
    except Exception as error:  # of a compiler, a linker or a loader
        raise Unusable(f"gsplat's kernels do not load ({_last_line(error)})", WHEEL_FIX) from error
    if kernels is None:
        raise Unusable("gsplat finds no CUDA toolkit", WHEEL_FIX)


def _last_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[-1][:200] if lines else type(error).__name__
