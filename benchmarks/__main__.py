"""Run benchmarks; benchmarks/results.md tells what they measured."""

from __future__ import annotations

from importlib import import_module

import click

from benchmarks import growth, overheads, results, whole_table
from benchmarks.side_by_side import Row

NAMES = (*results.ROWS, results.GROWTH)


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(NAMES))
@click.option("--reproduce", type=float, help="The seconds that `make reproduce JOBS=2` took.")
def main(names: tuple[str, ...], reproduce: float | None) -> None:
    """Measure NAMES, or everything, each beside what people would use instead.

    Data must be prepared (`dvc repro`), and the machine should have nothing else to do.
    """
    chosen = names or NAMES
    if "overheads" in chosen:
        overheads.check()
    for name in chosen:
        if name == results.GROWTH:
            measured = growth.measured(results.FOLDER / "growth.svg")
            told = results.growth_section(measured)
        else:
            whole = name == "whole_table"
            measured = whole_table.run(reproduce) if whole else _run(name)
            told = results.table(measured)
        # What was measured stays, whatever comes after it.
        results.keep(name, measured)
        click.echo(f"\n{told}")


def _run(name: str) -> list[Row]:
    rows: list[Row] = import_module(f"benchmarks.{name}").run()
    return rows


if __name__ == "__main__":
    main()
