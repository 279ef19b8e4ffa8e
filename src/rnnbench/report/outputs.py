"""The tables that the report stage writes, as later stages read them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pandas as pd

from rnnbench.core.errors import DataError
from rnnbench.data.roles import OTHER, RECURRENT

Measure = Literal["accuracy", "loss"]

# What the column "answer" of metrics/questions.csv holds: which of the two variants is better, that
# their difference lies within the margin, neither of these, or that nothing could be tested.
FIRST, SECOND, EQUAL, OPEN, UNTESTED = "first", "second", "equal", "open", "untested"

# The effect of two variants with the same score: a difference of accuracies, or a ratio of losses.
NEUTRAL = {"accuracy": 0.0, "loss": 1.0}


def measure_of(target: str) -> Measure:
    """What variants are ranked and tested by: for numbers, the squared error has more power."""
    return "loss" if target == "number" else "accuracy"


def read_csv(path: Path, **options: Any) -> pd.DataFrame:
    """Read a table with pandas' options; raises DataError if it is missing or damaged."""
    try:
        table: pd.DataFrame = pd.read_csv(path, **options)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not readable ({error}); run dvc repro") from error
    return table


def read_table(metrics: Path, name: str) -> pd.DataFrame:
    """Read NAME.csv of a folder metrics/; raises DataError if it is missing or damaged."""
    table = read_csv(metrics / f"{name}.csv")
    # An empty cell of text is no missing number.
    texts = {key: "" for key in ("group", "verdict", "loss_verdict") if key in table}
    return table.astype(dict.fromkeys(texts, object)).fillna(texts)


def finished(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of variants with at least one replicate that has not diverged."""
    return rows[rows["replicates"] > 0]


def best_network(rows: pd.DataFrame) -> str | None:
    """The first network of rows that have the best variant first; None if there is none."""
    return next(iter(rows.loc[rows["role"].isin([RECURRENT, OTHER]), "variant"]), None)
