"""`rnnbench compare`: two variants in the terminal, before any report."""

from __future__ import annotations

import textwrap
from dataclasses import astuple
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
@command
def compare(
    workspace: Workspace,
    params: Params,
    first: str,
    second: str,
    measure: Literal["accuracy", "loss"] | None,
) -> None:
    """Compare two trained variants of a corpus, A and B, and show the samples that decide.

    It needs no report: `dvc repro evaluate@A evaluate@B` is enough.
    """
    from rnnbench.report.head_to_head import compare as run

    click.echo("\n".join(_lines(run(workspace, params, first, second, measure))))


def _lines(found: HeadToHead) -> list[str]:
    what = "accuracy" if found.measure == "accuracy" else "loss (geometric mean)"
    names = found.first.variant, found.second.variant
    lines = [f"{what} on {found.corpus}, with 95 % intervals"]
    width = max(map(len, names))
    lines += [_score(score, width, found.measure) for score in (found.first, found.second)]
    unpaired = "other evaluation samples: compared as independent means"
    design = "same evaluation samples: paired" if found.paired else unpaired
    lines.append("")
    for sentence in (design, *found.sentences):
        lines += textwrap.wrap(sentence, _WIDTH, subsequent_indent="  ", break_on_hyphens=False)
    if found.agreement is None:
        return [*lines, "", "no sample was evaluated for both"]
    where = "in a split, on average" if found.paired else "evaluated for both"
    samples, *counts = astuple(found.agreement)
    lines += ["", f"{samples:,.0f} samples {where}; correct:"]
    labels = "both", f"only {names[0]}", f"only {names[1]}", "neither"
    width = max(map(len, labels))
    lines += [f"  {n:{width}}  {count:10,.1f}" for n, count in zip(labels, counts, strict=True)]
    for name, decisive in zip(names, (found.for_first, found.for_second), strict=True):
        lines += ["", f"where {name} is better by most:"]
        lines += [line for sample in decisive for line in _sample(sample, found.measure)]
        lines += [] if decisive else ["  nowhere"]
    return lines


def _score(score: Score, width: int, measure: str) -> str:
    form = ".4f" if measure == "accuracy" else "#.4g"
    ends = score.interval
    interval = f"{ends.low:{form}} to {ends.high:{form}}" if ends else "no interval"
    splits = f"{score.splits} split{'s' if score.splits > 1 else ''}"
    replicates = f"{score.replicates} replicate{'s' if score.replicates > 1 else ''}"
    figures = f"{score.mean:{form}} ({interval}), {replicates} on {splits}"
    return f"  {score.variant:{width}}  {figures}"


def _sample(sample: Decisive, measure: str) -> list[str]:
    form = ".2f" if measure == "accuracy" else ".3g"
    pair = f"{sample.first:{form}} and {sample.second:{form}}"
    text = textwrap.shorten(sample.text or "", _MAX_TEXT, placeholder=" ...")
    lines = textwrap.wrap(text, _WIDTH, initial_indent="    ", subsequent_indent="    ")
    return [f"  {pair}: sample {sample.sample}, {sample.label}", *lines]
