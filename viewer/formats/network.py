"""Small fully connected networks of a checkpoint, evaluated some rows at a time.

What goes in and what comes out is up to the formats that have one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from viewer.core.errors import Unusable
from viewer.core.model import nbytes
from viewer.formats import checkpoint

ROWS = 4096  # evaluated at once: what layers hold meanwhile should fit a processor's cache
ROWS_ON_DEVICE = 1 << 18  # elsewhere: bounds memory, some hundred megabytes


@dataclass(frozen=True, eq=False, slots=True)
class Linear:
    """A layer: weight [outputs, inputs], bias [outputs]."""

    weight: Tensor
    bias: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """Outputs [n, outputs] of inputs [n, inputs], in the weights' precision."""
        return functional.linear(x.to(self.weight.dtype), self.weight, self.bias)

    @property
    def memory(self) -> int:
        """Bytes held."""
        return nbytes(self.weight, self.bias)


def linear(
    held: Mapping[str, object],
    name: str,
    path: Path,
    outputs: int | None = None,
    inputs: int | None = None,
) -> Linear:
    """The layer `name` of a state dict; None is any size. Raises Unusable."""
    weight = tensor(held, f"{name}.weight", path, (outputs, inputs))
    return Linear(weight, tensor(held, f"{name}.bias", path, (len(weight),)))


def tensor(
    held: Mapping[str, object], name: str, path: Path, shape: tuple[int | None, ...]
) -> Tensor:
    """A float32 tensor of a state dict, finite. Raises Unusable."""
    found = checkpoint.tensor(held.get(name), name, path, shape)
    bad = int((~found.isfinite()).sum())
    if bad:
        raise Unusable(f"{path}: {name} holds {bad} numbers that are not finite, expected none")
    return found


def batches(count: int, device: torch.device) -> Iterator[slice]:
    """Rows 0..count, some at a time."""
    rows = ROWS if device.type == "cpu" else ROWS_ON_DEVICE
    for start in range(0, count, rows):
        yield slice(start, min(start + rows, count))


def stacked(layers: Sequence[Linear]) -> Linear:
    """Layers of the same inputs as one, whose outputs are theirs, one after the other."""
    weight = torch.cat([layer.weight for layer in layers])
    return Linear(weight, torch.cat([layer.bias for layer in layers]))


def finite(moved: Tensor, still: Tensor) -> Tensor:
    """`moved`, and `still` where absurd weights made it overflow."""
    return torch.where(moved.isfinite(), moved, still)
