"""A tiny run of 4D-Rotor-Gaussians."""

from pathlib import Path

import torch
from torch import Tensor

NAME = "4d-rotor"
RUN = "outputs/ball/splatfacto/2024-03-05_121314"
CONFIG = """!!python/object:nerfstudio.engine.trainer.TrainerConfig
pipeline: !!python/object:nerfstudio.pipelines.base_pipeline.VanillaPipelineConfig
    dataparser: !!python/object:nerfstudio.data.dataparsers.dnerf_dataparser.DNeRFDataParserConfig
      alpha_color: black
  model: !!python/object:nerfstudio.models.splatfacto.SplatfactoModelConfig
    background_color: white
"""


def parameters(n: int = 24, seed: int = 0) -> dict[str, Tensor]:
    """Parameters of n random Gaussians by the trainer's names."""
    random = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(n, *shape, generator=random)

    turned = torch.tensor([1.0, 0, 0, 0]) + 0.2 * normal(4)
    return {
        "xyz": normal(3),
        "t": torch.rand(n, 1, generator=random),
        "scales_xyz": normal(3) * 0.3 - 3,
        "scales_t": normal(1) * 0.5 - 1,
        "quats1": turned,
        "quats2": 0.2 * normal(4),
        "features_dc": normal(1, 3),
        "features_rest": normal(15, 3) * 0.1,
        "opacities": normal(1),
    }


def save(path: Path, named: dict[str, Tensor], prefix: str = "_model.gauss_params.") -> None:
    """A checkpoint of parameters, among what else a run keeps in one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pipeline = {"_model.lpips.net.lin0.model.1.weight": torch.zeros(1, 2, 1, 1)}
    pipeline |= {prefix + name: tensor for name, tensor in named.items()}
    torch.save({"step": 1, "pipeline": pipeline, "optimizers": {}, "scalers": {}}, path)


def write(folder: Path, n: int = 24) -> Path:
    """A run's root, outermost."""
    save(folder / RUN / "nerfstudio_models" / "step-000000100.ckpt", parameters(n))
    (folder / RUN / "config.yml").write_text(CONFIG)
    return folder
