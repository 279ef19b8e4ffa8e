"""Run benchmarks: all of them write benchmarks/results.md, some of them are only shown."""

from __future__ import annotations

import os
import platform
from importlib import import_module, metadata
from importlib.util import find_spec
from pathlib import Path

import click

from benchmarks import growth, overheads, whole_table
from benchmarks.side_by_side import ROUNDS, Row, duration

MODULES = ("steps", "texts", "from_scratch", "preparation", "ngrams", "overheads")
TABLE, GROWTH = "whole_table", "growth"
FOLDER = Path(__file__).parent
VERSIONS = ("tensorflow", "keras", "numpy", "scikit-learn", "mlflow", "dvc")


@click.command()
@click.argument("names", nargs=-1, type=click.Choice([*MODULES, TABLE, GROWTH]))
@click.option("--reproduce", type=float, help="The seconds that `make reproduce JOBS=2` took.")
def main(names: tuple[str, ...], reproduce: float | None) -> None:
    """Measure NAMES, or everything, each beside what people would use instead.

    Data must be prepared (`dvc repro`), and the machine should have nothing else to do.
    """
    chosen = names or (*MODULES, TABLE, GROWTH)
    if "overheads" in chosen:
        overheads.check()
    rows: list[Row] = []
    text = ""
    for name in chosen:
        if name == GROWTH:
            found = list(growth.points())
            growth.picture(found, FOLDER / "growth.svg")
            text = _growth(found, *growth.million())
        else:
            rows += whole_table.run(reproduce) if name == TABLE else _run(name)
            # It should be told, whatever comes after it.
            click.echo(f"\n{_table(rows)}")
    if text:
        click.echo(text)
    if not names:
        (FOLDER / "results.md").write_text(_head() + _table(rows) + text, encoding="utf-8")


def _run(name: str) -> list[Row]:
    rows: list[Row] = import_module(f"benchmarks.{name}").run()
    return rows


def _head() -> str:
    packages = [*VERSIONS, *(["torch"] if find_spec("torch") else [])]
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in packages)
    return (
        "# Benchmarks\n\n"
        f"Made by `make bench` on {os.cpu_count()} cores of {_processor()}, with {versions}.\n\n"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _table(rows: list[Row]) -> str:
    lines = [
        f"Times are medians of {ROUNDS} rounds, contenders in turn. A ratio is the median of the "
        "rounds' own; in brackets the least and the largest. What has no brackets was measured "
        "once.\n",
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


def _growth(found: list[growth.Point], seconds: float, peak: float) -> str:
    lines = [
        "\n## How the cost grows\n",
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
        f"dataset: {duration(seconds)}, at most {peak:,.0f} MiB of memory."
    )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
