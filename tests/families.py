"""The README's table of families, written from the results of test_golden.py.

Run as `python -m tests.families`: it runs that test, and says of each format what was compared with
the values that the trainer's own code computes. A format without such a case says so.
"""

import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT, SHARED
from viewer import formats

README = ROOT / "README.md"
START = "<!-- families: written from test results; `make families` writes it again -->"
END = "<!-- end of families -->"
HEAD = "| Format | What to open | Compared with the trainer's own values |\n|---|---|---|\n"


@dataclass
class Compared:
    """What one format's cases came to."""

    instants: int = 0
    position: float = 0.0  # largest error of a mean, world units
    pictures: int = 0
    pixel: float = 0.0  # largest error of a pixel, of 255
    failed: bool = False


def results() -> dict[str, Compared]:
    """By format, what test_golden.py measured. Raises SystemExit where it cannot run."""
    if not (SHARED / "golden").is_dir():
        raise SystemExit("the cases of test_golden.py are not beside this checkout")
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "results.xml"
        words = ["-q", "tests/test_golden.py", "-o", "junit_family=xunit1", f"--junitxml={report}"]
        subprocess.run([sys.executable, "-m", "pytest", *words], cwd=ROOT, check=False)
        cases = list(ET.parse(report).iter("testcase"))
    found: dict[str, Compared] = defaultdict(Compared)
    for case in cases:
        said = {p.get("name", ""): p.get("value", "") for p in case.iter("property")}
        if "case" not in said:
            continue
        entry = found[said["format"]]
        entry.failed |= case.find("failure") is not None or case.find("error") is not None
        entry.instants += int(said.get("instants", 0))
        entry.position = max(entry.position, float(said.get("position", 0)))
        entry.pictures += "pixel" in said
        entry.pixel = max(entry.pixel, float(said.get("pixel", 0)))
    return found


def table(found: dict[str, Compared]) -> str:
    """The rows of the README."""
    rows = ""
    for form in sorted(formats.formats(), key=lambda f: (f.name not in found, f.name)):
        rows += f"{row(form)} {_words(found.get(form.name))} |\n"
    return f"{START}\n{HEAD}{rows}{END}"


def row(form: formats.Format) -> str:
    """The part of a format's row that no test decides."""
    expects = form.expects.replace("*", "\\*")
    return f"| `{form.name}` | {expects} |"


def with_table(text: str, rows: str) -> str:
    """The README with its table replaced."""
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    return before + rows + after


def _words(compared: Compared | None) -> str:
    if compared is None:
        return "-"
    if compared.failed:
        return "differs"
    within = f"within {compared.position:.0e}" if compared.position else "equal"
    words = f"{compared.instants} instants, positions {within}"
    if compared.pictures:
        words += f"; {compared.pictures} pictures, pixels within {compared.pixel:.1g}/255"
    return words


if __name__ == "__main__":
    README.write_text(
        with_table(README.read_text(encoding="utf-8"), table(results())), encoding="utf-8"
    )
