"""`rnnbench predict`: texts in, predictions out."""

from __future__ import annotations

import io
import json
import os
import re
import sys
import textwrap
from typing import IO, TYPE_CHECKING

import click

from rnnbench.cli.common import command, expect_one_choice, warn
from rnnbench.core.errors import DataError
from rnnbench.core.workspace import Workspace
from rnnbench.corpora.rows.files import encoding_of
from rnnbench.params import Params

if TYPE_CHECKING:
    from rnnbench.serving.predict import PredictedNumber, Prediction, Word

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
    type=click.File("rb"),
    help="File with one text per line, in UTF-8, or in UTF-16 or UTF-32 with a byte order mark; "
    "- is standard input. Empty lines are skipped.",
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
    file: IO[bytes] | None,
    as_json: bool,
    explain: bool,
) -> None:
    """Predict the label, or the number, of each TEXT.

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
        file = click.open_file("-", "rb")
    # The shell may pass any bytes.
    texts = tuple(os.fsencode(text).decode("utf-8", "replace") for text in texts)
    if file is not None:
        texts += tuple(_lines(file.read(), getattr(file, "name", "<stdin>")))
    predictor = load_predictor(workspace, params, task, variant)
    click.echo(f"predictions of {predictor.variant}", err=True)
    # None: the bar shows only in a terminal. It would stay there after a single quick text.
    disable = True if len(texts) == 1 else None
    bar = tqdm(predictor.predict(texts), total=len(texts), unit="text", disable=disable, delay=1)
    for prediction in bar:
        words = predictor.explain(prediction.text) if explain else None
        entry = {"variant": predictor.variant, **prediction._asdict()}
        if words is not None:
            entry["words"] = [word._asdict() for word in words]
        line = json.dumps(entry, ensure_ascii=False) if as_json else _line(prediction, words)
        with tqdm.external_write_mode():
            click.echo(line)


def _lines(content: bytes, name: str) -> list[str]:
    """The lines that have a text."""
    lines = [line.rstrip("\n") for line in io.StringIO(_decoded(content, name), newline=None)]
    texts = [line for line in lines if line.strip()]
    if empty := len(lines) - len(texts):
        warn(f"{empty} empty line{'s are' if empty > 1 else ' is'} skipped")
    return texts


def _decoded(content: bytes, name: str) -> str:
    """The text of a file, whose mark names its encoding; without a mark, it is UTF-8.

    Raises DataError if that is not its encoding: a prediction of garbled text would look like one.
    """
    encoding = encoding_of(content, "utf-8")
    try:
        text = content.decode(encoding)
        before, nul, _ = text.partition("\0")
        problem, source = "has a NUL character", "utf-16le"
        if not nul:
            return text
    except UnicodeDecodeError as error:
        # Its object may lack the mark.
        before = error.object[: error.start].decode(encoding, "ignore")
        problem, source = f"is not {encoding.removesuffix('-sig').upper()}", "latin1"
    line = len(re.findall("\r\n?|\n", before)) + 1
    raise DataError(
        f"{name}: line {line} {problem}; if it is a text, convert it, "
        f"for example with iconv -f {source} -t utf-8"
    )


def _line(prediction: Prediction | PredictedNumber, words: list[Word] | None) -> str:
    text = textwrap.shorten(prediction.text, _MAX_WIDTH, placeholder="...")
    if words is not None:
        # Words of little effect stay plain, and those whose effect would be printed as 0.000.
        threshold = max([0.0005, *(0.1 * abs(word.effect) for word in words)])
        text = " ".join(_coloured(word, threshold) for word in words)
    shown = (f"{v:.4f}" if isinstance(v, float) else str(v) for v in prediction[1:])
    return "  ".join([*shown, text])


def _coloured(word: Word, threshold: float) -> str:
    if abs(word.effect) <= threshold:
        return word.text
    colour = "green" if word.effect > 0 else "red"
    return click.style(f"{word.text}({word.effect:+.3f})", fg=colour, bold=True)
