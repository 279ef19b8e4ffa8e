"""`rnnbench compare`: two variants in the terminal, before any report."""

from __future__ import annotations

import json
import textwrap
from dataclasses import asdict
from typing import TYPE_CHECKING, Literal

import click

from rnnbench.cli.common import command
from rnnbench.core.workspace import Workspace
from rnnbench.params import Params

if TYPE_CHECKING:
    from rnnbench.report.head_to_head import Decisive, HeadToHead, Score

_WIDTH = 100
_MAX_TEXT = 300


@click.command()
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.option(
    "--measure",
    type=click.Choice(["accuracy", "loss"]),
    help="What is compared; by default the loss of numbers, and the accuracy of classes.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the same as JSON.")
@command
def compare(
    workspace: Workspace,
    params: Params,
    first: str,
    second: str,
    measure: Literal["accuracy", "loss"] | None,
    as_json: bool,
) -> None:
    """Compare two trained variants of a corpus, A and B, and show the samples that decide.

    It needs no report: `dvc repro evaluate@A evaluate@B` is enough.
    """
    from rnnbench.report.head_to_head import compare as run

    found = run(workspace, params, first, second, measure)
    if as_json:
        click.echo(json.dumps(asdict(found), indent=1, ensure_ascii=False))
        return
    for line in _lines(found):
        click.echo(line)


def _lines(found: HeadToHead) -> list[str]:
    what = "accuracy" if found.measure == "accuracy" else "loss (geometric mean)"
    width = max(len(score.variant) for score in (found.first, found.second))
    lines = [
        f"{what} on {found.corpus}, with 95 % intervals",
        *(f"  {_score(score, width, found.measure)}" for score in (found.first, found.second)),
        "",
        *_wrapped("same evaluation samples: paired" if found.paired else _UNPAIRED),
    ]
    for sentence in found.sentences:
        lines += _wrapped(sentence)
    if found.agreement is None:
        return [*lines, "", "no sample was evaluated for both"]
    shared, names = found.agreement, (found.first.variant, found.second.variant)
    where = "in a split, on average" if found.paired else "evaluated for both"
    counts = {
        "both": shared.both,
        f"only {names[0]}": shared.first,
        f"only {names[1]}": shared.second,
        "neither": shared.neither,
    }
    width = max(map(len, counts))
    lines += ["", f"{shared.samples:,.0f} samples {where}; correct:"]
    lines += [f"  {name:{width}}  {count:10,.1f}" for name, count in counts.items()]
    for name, samples in zip(names, (found.for_first, found.for_second), strict=True):
        lines += ["", f"where {name} is better by most:"]
        for sample in samples:
            lines += _sample(sample, found.measure)
        lines += [] if samples else ["  nowhere"]
    return lines


_UNPAIRED = "other evaluation samples: compared as independent means"


def _score(score: Score, width: int, measure: str) -> str:
    interval = "no interval"
    if score.low is not None and score.high is not None:
        interval = f"{_figure(score.low, measure)} to {_figure(score.high, measure)}"
    splits = f"{score.splits} split{'s' if score.splits > 1 else ''}"
    replicates = f"{score.replicates} replicate{'s' if score.replicates > 1 else ''}"
    mean = _figure(score.mean, measure)
    return f"{score.variant:{width}}  {mean} ({interval}), {replicates} on {splits}"


def _figure(value: float, measure: str) -> str:
    return f"{value:.4f}" if measure == "accuracy" else f"{value:#.4g}"


def _sample(sample: Decisive, measure: str) -> list[str]:
    pair = f"{_short(sample.first, measure)} and {_short(sample.second, measure)}"
    lines = [f"  {pair}: sample {sample.sample}, {sample.label}"]
    if sample.text is not None:
        shown = textwrap.shorten(sample.text, _MAX_TEXT, placeholder=" ...")
        lines += textwrap.wrap(shown, _WIDTH, initial_indent="    ", subsequent_indent="    ")
    return lines


def _short(value: float, measure: str) -> str:
    return f"{value:.2f}" if measure == "accuracy" else f"{value:.3g}"


def _wrapped(sentence: str) -> list[str]:
    return textwrap.wrap(sentence, _WIDTH, subsequent_indent="  ", break_on_hyphens=False)
