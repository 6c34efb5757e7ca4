"""Tiny models that the tests write themselves, one module for each family with more than a file.

A module has NAME (of the format), write(folder) -> the path to open, seeded, and where the family
has options of its own, OPTIONS: a value of each, as `info` prints it.
"""

import importlib
import pkgutil
from collections.abc import Callable
from pathlib import Path

MODULES = {
    module.NAME: module
    for found in pkgutil.iter_modules(__path__)
    for module in (importlib.import_module(f"{__name__}.{found.name}"),)
}
WRITERS: dict[str, Callable[[Path], Path]] = {n: module.write for n, module in MODULES.items()}
OPTIONS: dict[str, str] = {
    name: value
    for module in MODULES.values()
    for name, value in getattr(module, "OPTIONS", {}).items()
}
