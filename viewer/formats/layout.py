"""Where models lie in the folders that training runs leave behind."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

ITERATION = re.compile(r"iteration_(\d+)$")
DIGITS = re.compile(r"\d+")


def point_cloud(path: Path) -> Path | None:
    """The one PLY to open at `path`: itself, that of the newest iteration, or the only one in it.

    A folder of several PLYs that are no iterations has none.
    """
    if path.is_file():
        return path
    newest = newest_iteration(path)
    if newest is not None:
        return newest
    files = [p for p in files_with(path, ".ply") if p.name != "input.ply"]
    return files[0] if len(files) == 1 else None


def newest_iteration(folder: Path) -> Path | None:
    """point_cloud.ply of the largest iteration under a training run's root or its point_cloud."""
    files = (iteration / "point_cloud.ply" for iteration in newest_iterations(folder))
    return next((file for file in files if file.is_file()), None)


def newest_iterations(folder: Path) -> list[Path]:
    """Folders of the iterations under a run's root or its point_cloud, the largest first."""
    found: list[Path] = []
    for parent in (folder / "point_cloud", folder):
        if parent.is_dir():
            numbered = [(int(m[1]), p) for p in parent.iterdir() if (m := ITERATION.match(p.name))]
            found += [iteration for _, iteration in sorted(numbered, reverse=True)]
    return found


def iterations(folder: Path) -> int:
    """How many iterations were saved."""
    parent = folder / "point_cloud"
    return sum(1 for p in parent.iterdir() if ITERATION.match(p.name)) if parent.is_dir() else 0


def only_file(path: Path, suffix: str) -> Path | None:
    """`path` itself if it is a file, else the only file in the folder that ends in `suffix`."""
    if path.is_file():
        return path
    files = files_with(path, suffix)
    return files[0] if len(files) == 1 else None


def files_with(folder: Path, suffix: str) -> list[Path]:
    """Files of a folder that end in `suffix`, hidden ones left out, in natural order."""
    found = [
        p
        for p in folder.iterdir()
        if p.name.lower().endswith(suffix) and not p.name.startswith(".") and p.is_file()
    ]
    return sorted(found, key=lambda p: natural(p.name))


def natural(name: str) -> list[tuple[int, int | str]]:
    """Sort key in which frame_2 comes before frame_10."""
    parts = re.split(r"(\d+)", name)
    return [(0, int(part)) if part.isdigit() else (1, part) for part in parts if part]


def sequence(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """Files of one kind whose names differ in their last number alone, in order; else nothing.

    Or <number>/.../point_cloud.ply in numbered subfolders, the newest iteration of each.
    """
    kinds = [files for suffix in suffixes if len(files := files_with(folder, suffix)) > 1]
    if kinds:
        files = kinds[0]
        alone = len(kinds) == 1 and differ_in_last_number([p.name for p in files])
        return files if alone else []
    folders = sorted(
        (p for p in folder.iterdir() if p.is_dir() and DIGITS.search(p.name)),
        key=lambda p: natural(p.name),
    )
    if len(folders) < 2 or not differ_in_last_number([p.name for p in folders]):
        return []
    nested = [_frame_in(p) for p in folders]
    return [p for p in nested if p is not None] if all(nested) else []


def _frame_in(folder: Path) -> Path | None:
    if ITERATION.match(folder.name):
        return None  # iterations of one model, not instants of a scene
    own = folder / "point_cloud.ply"
    return own if own.is_file() else newest_iteration(folder)


def differ_in_last_number(names: Sequence[str]) -> bool:
    """Whether names are the same but for the last number in each."""
    last = [list(DIGITS.finditer(name)) for name in names]
    if not all(last):
        return False
    around = {
        (name[: found[-1].start()], name[found[-1].end() :])
        for name, found in zip(names, last, strict=True)
    }
    return len(around) == 1


def sniffed(path: Path, find: Callable[[Path], Path | None], magic: bytes) -> Path | None:
    """What `find` finds at `path`, if it begins with `magic`."""
    file = find(path)
    if file is None:
        return None
    with file.open("rb") as opened:
        return file if opened.read(len(magic)) == magic else None
