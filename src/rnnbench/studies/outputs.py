"""What a study leaves: the tables of its trainings.

metrics/studies/NAME/
    trainings.csv   a row a training, see `COLUMNS`
    curves.csv      a row an epoch of a training
    seconds.csv     the seconds of each training, which differ from run to run
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from rnnbench.core.errors import DataError
from rnnbench.core.workspace import Workspace

# Of trainings.csv, beside the axes: the recurrent layers, seed and split, and scores as in
# `rnnbench.engine.scoring.score`.
SIZES = ("units", "recurrent_parameters", "multiply_adds")
_INDEX = ("replicate", "seed", "split")
SCORES = (
    *("network_parameters", "training_samples", "evaluation_samples"),
    *("diverged", "epoch", "last_epoch"),
    *("val_accuracy", "val_loss", "accuracy", "loss", "accuracy_sample_sd", "loss_sample_sd"),
    *("last_accuracy", "last_loss", "training_accuracy", "training_loss"),
    *("baseline_accuracy", "baseline_loss"),
)
WHOLE = (
    "epoch",
    "last_epoch",
    "diverged",
    "network_parameters",
    "training_samples",
    "evaluation_samples",
)
COLUMNS = ("training", *SIZES, *_INDEX, *SCORES, "target", "protocol", "key")
CURVE_COLUMNS = ("training", "epoch", "loss", "accuracy", "val_loss", "val_accuracy")
_NUMBERS = {*COLUMNS, *CURVE_COLUMNS, "seconds"}


_TEXTS = ("target", "protocol", "key")


def level_text(value: Any) -> str:
    """A value of an axis as the tables have it."""
    return str(value)


def read_study(workspace: Workspace, name: str) -> dict[str, pd.DataFrame]:
    """The tables of a study, with values of axes as texts.

    Raises DataError if one is missing or damaged.
    """
    found = {}
    needed = {"trainings": COLUMNS, "curves": CURVE_COLUMNS, "seconds": ("training", "seconds")}
    for table, columns in needed.items():
        path = workspace.study(name) / f"{table}.csv"
        try:
            # A value of an axis can read like a number or like nothing.
            names = list(pd.read_csv(path, nrows=0))
            texts = [name for name in names if name in _TEXTS or name not in _NUMBERS]
            options: dict[str, Any] = {
                "dtype": dict.fromkeys(texts, str),
                "na_values": {name: [""] for name in names if name not in texts},
            }
            found[table] = pd.read_csv(path, keep_default_na=False, **options)
        except (OSError, ValueError) as error:
            raise DataError(f"{path}: not readable ({error}); run rnnbench study {name}") from error
        if missing := set(columns) - set(found[table].columns):
            problem = f"{path}: no column {', '.join(sorted(missing))}"
            raise DataError(f"{problem}; run rnnbench study {name}")
    return found
