"""benchmarks/results.md: one section per benchmark, and sections written by hand."""

from __future__ import annotations

import datetime
import os
import re
import statistics
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path

from benchmarks.timing import ROOT, Times, duration

PAGE = ROOT / "benchmarks" / "results.md"
PACKAGES = ("tensorflow", "keras", "numpy", "scikit-learn", "mlflow", "dvc")
HEAD = ("what", "compared with", "rnnbench", "other", "ratio")

Row = tuple[str, ...]


def time_row(what: str, other: str, ours: Times, theirs: Times, unit: str = "as fast") -> Row:
    """The median ratio of alternate rounds, and its range; unit: "as fast" or "as long"."""
    ratios = [b / a for a, b in zip(ours.seconds, theirs.seconds, strict=True)]
    if unit == "as long":
        ratios = [1 / ratio for ratio in ratios]
    spread = f"({min(ratios):.3g} to {max(ratios):.3g})"
    ratio = f"{statistics.median(ratios):.3g} x {unit} {spread}"
    return what, other, duration(ours.median), duration(theirs.median), ratio


def memory_row(what: str, other: str, ours: float, theirs: float) -> Row:
    """Peak memory in MiB."""
    return what, other, f"{ours:,.0f} MiB", f"{theirs:,.0f} MiB", f"{ours / theirs:.2g} x as much"


def table(rows: Iterable[Row], head: Sequence[str] = HEAD) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def write(heading: str, text: str) -> None:
    """Replace the section `heading` of the page, or append it; other sections stay."""
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in PACKAGES)
    machine = f"{os.cpu_count()} cores of {_processor()}, {versions}"
    section = f"## {heading}\n\n{text}\n{datetime.date.today():%d %B %Y}: {machine}.\n\n"
    page = PAGE.read_text(encoding="utf-8").rstrip() + "\n\n"
    pattern = re.compile(rf"^## {re.escape(heading)}\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    replaced, count = pattern.subn(lambda _: section, page)
    PAGE.write_text((replaced if count else page + section).rstrip() + "\n", encoding="utf-8")


def _processor() -> str:
    found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else os.uname().machine
