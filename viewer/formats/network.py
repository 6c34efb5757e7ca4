"""Small fully connected networks of a checkpoint, evaluated some rows at a time.

What goes in and what comes out is up to the formats that have one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from viewer.core.errors import Unusable
from viewer.core.model import nbytes
from viewer.formats import checkpoint

ROWS = 4096  # evaluated at once: what layers hold meanwhile should fit a processor's cache


@dataclass(frozen=True, eq=False, slots=True)
class Linear:
    """A layer: weight [outputs, inputs], bias [outputs]."""

    weight: Tensor
    bias: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """Outputs [n, outputs] of inputs [n, inputs]."""
        return functional.linear(x, self.weight, self.bias)

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


def batches(count: int) -> Iterator[slice]:
    """Rows 0..count, some at a time."""
    for start in range(0, count, ROWS):
        yield slice(start, min(start + ROWS, count))


def finite(moved: Tensor, still: Tensor) -> Tensor:
    """`moved`, and `still` where absurd weights made it overflow."""
    return torch.where(moved.isfinite(), moved, still)
