"""Other renderers of Gaussians behind one call: their layouts, their words for a camera."""

import importlib
import importlib.metadata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from viewer.core import sh
from viewer.core.camera import Camera
from viewer.core.splats import LOW_PASS, NEAR, Splats

FAR = 1e10  # world units


@dataclass(frozen=True, eq=False, slots=True)
class View:
    """A camera, and its matrices as tensors on the device."""

    camera: Camera
    viewmat: Tensor  # [4, 4]
    K: Tensor  # [3, 3]
    center: Tensor  # [3]

    @classmethod
    def of(cls, camera: Camera, device: str) -> "View":
        """The view of a camera."""
        viewmat, K, center = (
            torch.from_numpy(np.ascontiguousarray(a)).to(device, torch.float32)
            for a in (camera.viewmat, camera.K, camera.center)
        )
        return cls(camera, viewmat, K, center)


class Drawer(Protocol):
    """What is measured."""

    @property
    def on_cuda(self) -> bool:
        """Whether it draws on torch's stream."""
        ...

    def draw(self, view: View) -> Any:
        """Queue one frame, and return what it becomes."""
        ...

    def image(self, drawn: Any) -> np.ndarray:
        """[H, W, 3] of what draw returned, 0..1."""
        ...

    def finish(self) -> None:
        """Wait for what is queued."""
        ...

    def release(self) -> None:
        """Free it all."""
        ...


class Peer:
    """A peer that draws by one call. layout: which of what it returns is the picture [H, W, 3]."""

    def __init__(self, draw: Callable[[View], Any], layout: Callable[[Any], Tensor]) -> None:
        self.draw, self._layout = draw, layout
        self.on_cuda = torch.cuda.is_available()

    def image(self, drawn: Any) -> np.ndarray:
        """[H, W, 3] of what draw returned, 0..1."""
        return self._layout(drawn).float().clamp(0, 1).cpu().numpy()

    def finish(self) -> None:
        """Wait for what is queued."""
        if self.on_cuda:
            torch.cuda.synchronize()

    def release(self) -> None:
        """Let the splats go."""
        del self.draw


def gsplat(splats: Splats) -> Peer:
    """gsplat.rasterization as its own examples call it, packed=False."""
    rasterization = importlib.import_module("gsplat").rasterization
    degree = splats.sh_degree if splats.view_dependent else None
    given = (splats.means, splats.quats, splats.scales, splats.opacities, splats.colors)

    def draw(view: View) -> Any:
        return rasterization(
            *given,
            view.viewmat[None],
            view.K[None],
            view.camera.width,
            view.camera.height,
            near_plane=NEAR,
            eps2d=LOW_PASS,
            sh_degree=degree,
            packed=False,
        )

    return Peer(draw, lambda drawn: drawn[0][0])


def higs(splats: Splats) -> Peer:
    """The inference path in gsplat's main branch: halves, persistent buffers."""
    experimental = importlib.import_module("gsplat.experimental")
    packed = experimental.GaussianInferenceScene.from_gaussian_tensors(
        splats.means,
        splats.quats,
        splats.scales,
        splats.opacities,
        splats.colors,
        splats.sh_degree if splats.view_dependent else None,
        "none",
        id="scene",
    )
    renderer = experimental.GaussianInferenceRenderer(packed)

    def draw(view: View) -> Any:
        return renderer.render(
            viewmat=view.viewmat,
            K=view.K,
            width=view.camera.width,
            height=view.camera.height,
            near_plane=NEAR,
            eps2d=LOW_PASS,
        )

    return Peer(draw, lambda drawn: drawn.frame[0, ..., :3])


def faster_gs(splats: Splats) -> Peer:
    """Faster-GS's inference kernels, which activate raw parameters themselves."""
    code = importlib.import_module("FasterGSCudaBackend.torch_bindings.rasterization")
    assert splats.scales is not None
    colors = splats.colors
    if not splats.view_dependent:
        colors = ((colors - 0.5) / sh.C0).unsqueeze(1)
    given = (
        splats.means,
        splats.scales.log(),
        splats.quats,
        splats.opacities.logit().unsqueeze(1),
        colors[:, :1].contiguous(),
        colors[:, 1:].contiguous(),
    )
    black = torch.zeros(3, device=splats.means.device)

    def draw(view: View) -> Any:
        camera = view.camera
        settings = code.RasterizerSettings(
            w2c=view.viewmat,
            cam_position=view.center,
            bg_color=black,
            active_sh_bases=colors.shape[1],
            width=camera.width,
            height=camera.height,
            focal_x=float(camera.K[0, 0]),
            focal_y=float(camera.K[1, 1]),
            center_x=float(camera.K[0, 2]),
            center_y=float(camera.K[1, 2]),
            near_plane=NEAR,
            far_plane=FAR,
            proper_antialiasing=False,
        )
        return code.rasterize(*given, settings, True)

    return Peer(draw, lambda drawn: drawn.permute(1, 2, 0))


def inria(splats: Splats) -> Peer:
    """diff-gaussian-rasterization, the rasteriser of the 3DGS paper."""
    code = importlib.import_module("diff_gaussian_rasterization")
    given = {
        "means3D": splats.means,
        "means2D": torch.zeros_like(splats.means),
        "opacities": splats.opacities.unsqueeze(1),
        "scales": splats.scales,
        "rotations": splats.quats,
        ("shs" if splats.view_dependent else "colors_precomp"): splats.colors,
    }
    black = torch.zeros(3, device=splats.means.device)

    def draw(view: View) -> Any:
        camera = view.camera
        x, y = (camera.width, camera.height) / (2 * np.diag(camera.K)[:2])
        settings = code.GaussianRasterizationSettings(
            image_height=camera.height,
            image_width=camera.width,
            tanfovx=float(x),
            tanfovy=float(y),
            bg=black,
            scale_modifier=1.0,
            viewmatrix=view.viewmat.T.contiguous(),
            projmatrix=_projection(view, float(x), float(y)),
            sh_degree=splats.sh_degree,
            campos=view.center,
            prefiltered=False,
            debug=False,
        )
        return code.GaussianRasterizer(settings)(**given)

    return Peer(draw, lambda drawn: drawn[0].permute(1, 2, 0))


def _projection(view: View, x: float, y: float) -> Tensor:
    """Clip from world, transposed as 3DGS has it; of depth only the sign counts there."""
    clip = view.viewmat.new_zeros(4, 4)
    clip[0, 0], clip[1, 1], clip[2, 2], clip[3, 2] = 1 / x, 1 / y, 1.0, 1.0
    return (clip @ view.viewmat).T.contiguous()


PEERS: dict[str, Callable[[Splats], Peer]] = {
    "gsplat": gsplat,
    "gsplat HiGS": higs,
    "Faster-GS": faster_gs,
    "diff-gaussian-rasterization": inria,
}


def versions() -> dict[str, str]:
    """Of what is here, where it says one."""
    found = {}
    for name in ("gsplat", "torch"):
        try:
            module = importlib.import_module(name)
            found[name] = str(getattr(module, "__version__", "unknown"))
        except Exception as error:  # of code that is not ours
            found[name] = f"{type(error).__name__}"
    return found
