"""Values on another device: what models are made of."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

import torch
from torch import Tensor

from viewer.core.splats import Appearance

T = TypeVar("T")


def placed(value: T, device: torch.device, dtype: torch.dtype | None = None) -> T:
    """`value` with its tensors on a device: a tensor, or a dataclass, tuple or mapping of these.

    dtype: of the floating-point ones; None leaves it. An Appearance, and what holds no tensor, is
    left as it is.
    """
    return _placed(value, device, dtype)


def _placed(value: Any, device: torch.device, dtype: torch.dtype | None) -> Any:
    if isinstance(value, Tensor):
        return value.to(device, dtype if value.is_floating_point() else None)
    if isinstance(value, Appearance):
        return value
    if isinstance(value, tuple):
        return tuple(_placed(one, device, dtype) for one in value)
    if is_dataclass(value) and not isinstance(value, type):
        held = {f.name: getattr(value, f.name) for f in fields(value) if f.init}
        return replace(value, **{k: _placed(v, device, dtype) for k, v in held.items()})
    if isinstance(value, Mapping):
        return {key: _placed(one, device, dtype) for key, one in value.items()}
    return value
