"""The command line: run benchmarks and write their sections of benchmarks/results.md."""

from __future__ import annotations

import click

from benchmarks import engine, from_scratch, load, results, stages, text, training

BENCHMARKS = {
    "training": ("Training networks", training.run),
    "same_bytes": ("The same bytes on every CPU", training.same_bytes),
    "from_scratch": ("The network in NumPy", from_scratch.run),
    "text": ("Text", text.run),
    "stages": ("Overhead of stages", stages.run),
    "engine": ("Many short trainings", engine.run),
    "load": ("Serving under load", load.run),
    "whole_table": ("The whole comparison", training.whole_table),
}


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(BENCHMARKS)))
def main(names: tuple[str, ...]) -> None:
    """Measure NAMES (default: everything) on an idle machine, after `dvc repro`.

    REPRODUCE in the environment: how many seconds `make reproduce JOBS=2` took.
    """
    if "stages" in (names or BENCHMARKS):
        stages.require_up_to_date()
    for name in names or BENCHMARKS:
        heading, run = BENCHMARKS[name]
        table = run()
        # Written at once: a later failure must not lose it.
        results.write(heading, table)
        click.echo(f"\n{table}")


if __name__ == "__main__":
    main()
