"""`rnnbench predict`: texts in, predictions out."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import IO, TYPE_CHECKING

import click

from rnnbench.cli.common import command, expect_one_choice
from rnnbench.core.workspace import Workspace
from rnnbench.params import Params

if TYPE_CHECKING:
    from rnnbench.serving.predict import Prediction, Word

# A word is coloured if its effect is at least this share of the strongest effect, and is not
# printed as 0.000.
_MIN_SHARE = 0.1
_MIN_EFFECT = 0.0005
_MAX_WIDTH = 60


@click.command()
@click.argument("texts", nargs=-1, metavar="[TEXT]...")
@click.option(
    "--task",
    metavar="CORPUS",
    help="Corpus whose champion predicts; by default the first one with texts.",
)
@click.option("--variant", metavar="NAME", help="Variant to use instead of the champion.")
@click.option(
    "--file",
    metavar="FILE",
    type=click.File(errors="replace"),
    help="File with one text per line; - is standard input.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per text.")
@click.option(
    "--explain", is_flag=True, help="Show how much each word raises the probability of the label."
)
@command
def predict(
    workspace: Workspace,
    params: Params,
    texts: tuple[str, ...],
    task: str | None,
    variant: str | None,
    file: IO[str] | None,
    as_json: bool,
    explain: bool,
) -> None:
    """Predict the label of each TEXT.

    Texts can also be lines of a --file, or of standard input if neither is given. With --explain,
    words that raise the probability of the label are green, words that lower it are red; each
    effect is measured by leaving the word out.
    """
    from tqdm import tqdm

    from rnnbench.serving.predict import load_predictor

    expect_one_choice(task, variant)
    if not texts and file is None:
        if sys.stdin.isatty():
            raise click.UsageError("give a TEXT, or --file, or texts on standard input")
        file = click.open_file("-", errors="replace")
    if file is not None:
        texts += tuple(text.rstrip("\n") for text in file)
    predictor = load_predictor(workspace, params, task, variant)
    click.echo(f"predictions of {predictor.variant}", err=True)
    # disable=None: the bar shows only in a terminal.
    bar = tqdm(predictor.predict(texts), total=len(texts), unit="text", disable=None, delay=1)
    for prediction in bar:
        words = predictor.explain(prediction.text) if explain else None
        with tqdm.external_write_mode():
            if as_json:
                click.echo(_json(predictor.variant, prediction, words))
            else:
                click.echo(_line(prediction, words))


def _json(variant: str, prediction: Prediction, words: list[Word] | None) -> str:
    entry = {"variant": variant, **asdict(prediction)}
    if words is not None:
        entry["words"] = [asdict(word) for word in words]
    return json.dumps(entry, ensure_ascii=False)


def _line(prediction: Prediction, words: list[Word] | None) -> str:
    head = f"{prediction.label}  {prediction.probability:.4f}"
    if words is not None:
        return f"{head}  {_coloured(words)}"
    text = " ".join(prediction.text.split())
    return f"{head}  {text if len(text) <= _MAX_WIDTH else text[: _MAX_WIDTH - 3] + '...'}"


def _coloured(words: list[Word]) -> str:
    strongest = max((abs(word.effect) for word in words), default=0.0)
    shown = []
    for word in words:
        if abs(word.effect) <= max(_MIN_SHARE * strongest, _MIN_EFFECT):
            shown.append(word.text)
        else:
            colour = "green" if word.effect > 0 else "red"
            text = f"{word.text}({word.effect:+.3f})"
            shown.append(click.style(text, fg=colour, bold=abs(word.effect) > strongest / 2))
    return " ".join(shown)
