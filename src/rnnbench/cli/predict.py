"""`rnnbench predict`: texts in, answers out."""

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
    from rnnbench.serving.predict import Answer, Word

# Words that move the answer by less than this share of the strongest one stay plain.
_FAINT = 0.1
# What would be shown as 0.000 is no effect.
_LEAST = 0.0005
_WIDTH = 60


@click.command()
@click.argument("texts", nargs=-1, metavar="[TEXT]...")
@click.option("--task", help="Whose champion answers: a corpus of texts, by default the first.")
@click.option("--variant", help="A variant that answers instead of the champion.")
@click.option(
    "--file", type=click.File(errors="replace"), help="Texts, one a line; - is standard input."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a text.")
@click.option("--explain", is_flag=True, help="Show which words move the answer (leave-one-out).")
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
    """Answer each TEXT, or each line of a file or of standard input.

    With --explain, green words speak for the answer and red ones against it.
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
    click.echo(f"answered by {predictor.variant}", err=True)
    # None: the bar shows only where somebody looks at it.
    bar = tqdm(predictor.answers(texts), total=len(texts), unit="text", disable=None, delay=1)
    for answer in bar:
        words = predictor.words(answer.text) if explain else None
        with tqdm.external_write_mode():
            click.echo(_json(predictor.variant, answer, words) if as_json else _line(answer, words))


def _json(variant: str, answer: Answer, words: list[Word] | None) -> str:
    entry = {"variant": variant, **asdict(answer)}
    if words is not None:
        entry["words"] = [asdict(word) for word in words]
    return json.dumps(entry, ensure_ascii=False)


def _line(answer: Answer, words: list[Word] | None) -> str:
    head = f"{answer.label}  {answer.probability:.4f}"
    if words is not None:
        return f"{head}  {_coloured(words)}"
    text = " ".join(answer.text.split())
    return f"{head}  {text if len(text) <= _WIDTH else text[: _WIDTH - 3] + '...'}"


def _coloured(words: list[Word]) -> str:
    strongest = max((abs(word.effect) for word in words), default=0.0)
    shown = []
    for word in words:
        if abs(word.effect) <= max(_FAINT * strongest, _LEAST):
            shown.append(word.text)
        else:
            colour = "green" if word.effect > 0 else "red"
            mark = f"{word.text}({word.effect:+.3f})"
            shown.append(click.style(mark, fg=colour, bold=abs(word.effect) > strongest / 2))
    return " ".join(shown)
