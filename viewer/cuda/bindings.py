"""cuda-bindings: its modules, and what their calls answer."""

import importlib
from typing import Any

from viewer.core.errors import Unusable

INSTALL = "pip install 'view4d[cuda]'"


def module(name: str) -> Any:
    """cuda.bindings.<name>. Raises Unusable where it is not installed."""
    try:
        return importlib.import_module(f"cuda.bindings.{name}")
    except ImportError as error:
        raise Unusable(f"cuda-bindings cannot be imported ({error})", INSTALL) from None


def checked(answer: tuple[Any, ...]) -> Any:
    """What a call returned besides its status. Raises Unusable where that is an error."""
    status, *values = answer
    if status.value:
        raise Unusable(f"CUDA answers {status.name}")
    return values[0] if len(values) == 1 else tuple(values)
