"""How long one slice takes in each family, on this machine: synthetic models of realistic shape.

    python -m benchmarks.slice_times [--count 100000] [--repeats 7] [--only NAME,...]

Writes each model to a temporary folder as its trainer would, opens it with the program's own loader
and slices it at times spread over its range. Prints a table for benchmarks/slice_times.md.
"""

import argparse
import json
import os
import platform
import statistics
import tempfile
import time as clock
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from tests import files
from tests.samples import (
    deformable,
    dynamic3dg,
    ex4dgs,
    fourier,
    ftgs_checkpoint,
    hexplane,
    hybrid3d4d,
    native4d,
    omg4,
    points4k4d,
    rotor4d,
    spacetime,
    swift4d,
)
from viewer import formats
from viewer.formats import ply
from viewer.formats.tcnn import Grid, Network

HARMONICS = 3  # degree
STEPS = 8  # of a stream
STREAM_CONFIG = json.dumps(
    {
        "encoding": {
            "otype": "HashGrid",
            "n_dims_to_encode": 3,
            "per_level_scale": 2.0,
            "n_levels": 16,
            "n_features_per_level": 4,
            "log2_hashmap_size": 15,
            "base_resolution": 16,
        },
        "network": {
            "otype": "FullyFusedMLP",
            "activation": "ReLU",
            "output_activation": "None",
            "n_neurons": 64,
            "n_hidden_layers": 2,
        },
    }
)


def static_ply(folder: Path, n: int) -> Path:
    """A frame of a sequence would cost the same once it is read."""
    ply.write(folder / "a.ply", files.gaussians(n, degree=HARMONICS))
    return folder / "a.ply"


def spacetime_lite(folder: Path, n: int) -> Path:
    """Three coefficients of motion, linear turning, RGB."""
    ply.write(folder / "a.ply", files.spacetime(n))
    return folder / "a.ply"


def ftgs(folder: Path, n: int) -> Path:
    """Linear motion, harmonics of degree 3."""
    torch.save(
        {"step": 1, "splats": ftgs_checkpoint.splats(n, HARMONICS), "n_frames": 300},
        folder / "ckpt_1.pt",
    )
    return folder / "ckpt_1.pt"


def hexplane_of(channels: int, steps: int, width: int) -> Callable[[Path, int], Path]:
    """4DGaussians with its shipped sizes: planes of 64 a side, two resolutions."""

    def write(folder: Path, n: int) -> Path:
        held = hexplane.state(width=width, features=2 * channels)
        held |= hexplane.planes(channels, (64, 64, 64, steps))
        named = files.gaussians(n, degree=HARMONICS)
        heads = width == 128  # D-NeRF configurations leave opacity and harmonics alone
        cfg = f"Namespace(no_do={not heads}, no_dshs={not heads}, grid_pe=0)"
        return hexplane.save(folder, held, cfg, named)

    return write


def deformable_mlp(folder: Path, n: int) -> Path:
    """Eight layers of 256, the input again at the sixth."""
    g = torch.Generator().manual_seed(0)
    held = deformable.layer("timenet.0", 256, 13, g) | deformable.layer("timenet.2", 30, 256, g)
    for i in range(8):
        inputs = {0: 93, 5: 256 + 93}.get(i, 256)
        held |= deformable.layer(f"linear.{i}", 256, inputs, g)
    for name, size in (("gaussian_warp", 3), ("gaussian_rotation", 4), ("gaussian_scaling", 3)):
        held |= deformable.layer(name, size, 256, g)
    return deformable.save(folder, held, named=files.gaussians(n, degree=HARMONICS))


def fourier_slots(folder: Path, n: int) -> Path:
    """Seventeen slots, as the trainer pads them."""
    ply.write(folder / "a.ply", fourier.columns(n, 17))
    return folder / "a.ply"


def keyframes(folder: Path, n: int) -> Path:
    """A third moves between 34 key frames of 300 frames, the rest drifts."""
    inside = folder / "point_cloud" / "iteration_100"
    inside.mkdir(parents=True)
    ply.write(inside / "point_cloud.ply", ex4dgs.static(n - n // 3))
    ply.write(inside / "dynamic_point_cloud.ply", ex4dgs.dynamic(n // 3, 34))
    (folder / "cfg_args").write_text(f"Namespace({ex4dgs.CFG})")
    return folder


def tracked(folder: Path, n: int) -> Path:
    """Ten stored frames."""
    np.savez(folder / "params.npz", **dynamic3dg.arrays(10, n))
    return folder / "params.npz"


def hash_grid(folder: Path, n: int) -> Path:
    """Sixteen levels of 2^15 entries, networks of 128; a third moves."""
    inside = folder / "point_cloud" / "iteration_14000"
    inside.mkdir(parents=True)
    ply.write(inside / "point_cloud.ply", swift4d.gaussians(n))
    torch.save(swift4d.state(Grid(4, 16, 4, 15), 128), inside / "FDHash.pth")
    (folder / "cfg_args").write_text("Namespace(activation='ReLU', dynamic_thro=7.0)")
    return folder


def stream(folder: Path, n: int) -> Path:
    """Sixteen levels of 2^15 entries, a network of 64: each slice is one step."""
    grid = Grid(3, 16, 4, 15)
    network = Network(grid.width, 64, 2, 8)
    for name in ("NTCs", "additional_3dgs"):
        (folder / name).mkdir()
    ply.write(folder / "init_3dgs.ply", files.gaussians(n))
    (folder / "NTCs" / "config.json").write_text(STREAM_CONFIG)
    for step in range(STEPS):
        held = {
            "model.params": torch.randn(network.size + grid.entries * grid.features) * 0.05,
            "xyz_bound_min": torch.full((3,), -4.0),
            "xyz_bound_max": torch.full((3,), 4.0),
        }
        torch.save(held, folder / "NTCs" / f"NTC_{step:06}.pth")
    return folder


def points(folder: Path, n: int) -> Path:
    """Ten frames, planes of 64 and 128 a side, 16 channels; networks of 64."""
    torch.save({"model": points4k4d.state(n, 10, 16, 64, 64), "epoch": 1}, folder / "1.pt")
    return folder / "1.pt"


FAMILIES: dict[str, Callable[[Path, int], Path]] = {
    "3DGS PLY (static)": static_ply,
    "SpacetimeGaussians LITE": spacetime_lite,
    "SpacetimeGaussians FULL": spacetime.write,
    "FreeTimeGS": ftgs,
    "Native 4DGS, 4D harmonics": native4d.write,
    "Hybrid 3D-4DGS": hybrid3d4d.write,
    "4D-Rotor": rotor4d.write,
    "OMG4": lambda folder, n: omg4.save(folder / "comp.xz", omg4.content(n)),
    "Ex4DGS": keyframes,
    "Dynamic3DGaussians": tracked,
    "EfficientDynamic3DGaussian": fourier_slots,
    "4DGaussians, D-NeRF": hexplane_of(32, 75, 64),
    "4DGaussians, DyNeRF": hexplane_of(16, 150, 128),
    "Deformable-3D-Gaussians": deformable_mlp,
    "Swift4D": hash_grid,
    "3DGStream, a step": stream,
    "4K4D point_planes": points,
}


def measured(write: Callable[[Path, int], Path], n: int, repeats: int) -> tuple[int, float, float]:
    """Gaussians alive (median), and median and largest milliseconds of a slice."""
    with tempfile.TemporaryDirectory() as folder:
        torch.manual_seed(0)
        model, report = formats.load(write(Path(folder), n))
        start, end = report.time_range
        model.slice(start)
        times, alive = [], []
        for i in range(repeats):
            time = start + (end - start) * (i + 0.5) / repeats
            before = clock.perf_counter()
            splats = model.slice(time)
            times.append((clock.perf_counter() - before) * 1000)
            alive.append(len(splats))
    return int(statistics.median(alive)), statistics.median(times), max(times)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--only", default="", help="families whose name contains one of these")
    words = parser.parse_args()
    wanted = [part for part in words.only.lower().split(",") if part]
    print(
        f"{words.count:,} Gaussians, {platform.processor() or platform.machine()}, "
        f"{os.cpu_count()} cores, torch {torch.__version__} on the CPU\n"
    )
    print("| Family | alive | slice, median ms | slowest ms |\n|---|---|---|---|")
    for name, write in FAMILIES.items():
        if not wanted or any(part in name.lower() for part in wanted):
            alive, median, most = measured(write, words.count, words.repeats)
            print(f"| {name} | {alive:,} | {median:.1f} | {most:.1f} |", flush=True)


if __name__ == "__main__":
    main()
