"""The text of an error report: what went wrong, with what, on which machine, and the log's end."""

from pathlib import Path

from viewer.apps.doctor import Finding, as_text
from viewer.core.session import Problem

LOG_END = 4000  # characters


def report(problem: Problem, look: str, findings: list[Finding], log: Path) -> str:
    """look: the view as a line of text, empty where no scene is open."""
    parts = [f"error: {problem.cause}"]
    if problem.fix:
        parts[0] += f"\nfix: {problem.fix}"
    if look:
        parts.append(f"view: {look}")
    parts.append(as_text(findings))
    try:
        end = log.read_text(encoding="utf-8", errors="replace")[-LOG_END:].strip()
    except OSError:
        end = ""
    if end:
        parts.append(f"end of the log:\n{end}")
    return "\n\n".join(parts) + "\n"
