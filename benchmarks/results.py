"""What was measured, kept as benchmarks/results.json and told in benchmarks/results.md."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks import growth
from benchmarks.side_by_side import ROUNDS, Row, duration

FOLDER = Path(__file__).parent
KEPT, TOLD = FOLDER / "results.json", FOLDER / "results.md"
# In the order in which they are told; growth has a section of its own.
ROWS = ("steps", "texts", "from_scratch", "preparation", "ngrams", "overheads", "whole_table")
GROWTH = "growth"
VERSIONS = ("tensorflow", "keras", "numpy", "scikit-learn", "mlflow", "dvc")


def keep(name: str, measured: Any) -> None:
    """Keep what one benchmark measured, and tell it beside the others.

    measured: rows, or what `growth.measured` returns. What another machine measured, or other
    versions of the packages, is forgotten: it could not be compared.
    """
    kept = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
    if kept.get("made") != _made():
        kept = {"made": _made(), "measured": {}}
    kept["measured"][name] = measured if name == GROWTH else [asdict(row) for row in measured]
    KEPT.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    TOLD.write_text(_page(kept), encoding="utf-8")


def table(rows: list[Row]) -> str:
    """Rows as a table of Markdown."""
    lines = [
        "| what | against | ours | theirs | ratio | wanted |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        spread = f" ({min(row.ratios):.3g} to {max(row.ratios):.3g})" if len(row.ratios) > 1 else ""
        lines.append(
            f"| {row.what} | {row.against} | {row.ours} | {row.theirs} "
            f"| {row.ratio:.3g} x {row.unit}{spread} | {row.wanted} |"
        )
    return "\n".join(lines) + "\n"


def growth_section(measured: dict[str, Any]) -> str:
    """The curves as tables, with a sentence each."""
    found = [growth.Point(**point) for point in measured["points"]]
    lines = [
        "## How the cost grows\n",
        "An LSTM of {units} units on {samples:,} real reviews of {length} ids, but for the one "
        "that grows; medians of {rounds} rounds.\n".format(**growth.BASE, rounds=growth.ROUNDS),
        "![Seconds over length, reviews, units and replicates](growth.svg)\n",
    ]
    for curve, values in growth.CURVES.items():
        own = {point.value: point.seconds for point in found if point.curve == curve}
        lines += [
            f"| {growth.LABELS[curve]} | " + " | ".join(f"{value:,}" for value in values) + " |",
            "|---" * (len(values) + 1) + "|",
            "| seconds | " + " | ".join(f"{own[value]:.3g}" for value in values) + " |\n",
            growth.told(found, curve) + "\n",
        ]
    lines.append(
        f"`preprocess` of {growth.MILLION:,} reviews (the real ones repeated) for the one-hot "
        f"dataset: {duration(measured['seconds'])}, at most {measured['peak_mib']:,.0f} MiB of "
        "memory."
    )
    return "\n".join(lines) + "\n"


def _page(kept: dict[str, Any]) -> str:
    measured = kept["measured"]
    rows = [Row(**row) for name in ROWS for row in measured.get(name, [])]
    parts = [
        f"# Benchmarks\n\nMade by `make bench` on {kept['made']}.\n",
        f"Times are medians of {ROUNDS} rounds, contenders in turn. A ratio is the median of the "
        "rounds' own; in brackets the least and the largest. What has no brackets was measured "
        "once.\n",
        table(rows),
    ]
    if GROWTH in measured:
        parts.append(growth_section(measured[GROWTH]))
    return "\n".join(parts)


def _made() -> str:
    packages = [*VERSIONS, *(["torch"] if find_spec("torch") else [])]
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in packages)
    return f"{os.cpu_count()} cores of {_processor()}, with {versions}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
