"""The scores of a variant: what the evaluate stage writes."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import pandas as pd

from rnnbench.core.errors import DataError
from rnnbench.core.schema import Schema, read_json
from rnnbench.core.workspace import Workspace
from rnnbench.data.format import Target

# A replicate with this accuracy or more has solved its task.
SOLVED = 0.9
# Fewer replicates have no standard deviation.
MIN_REPLICATES = 3
# Probabilities are compared with frequencies in this many bins of equal width.
CALIBRATION_BINS = 10
# The columns of metrics/replicates/VARIANT.csv that every target has; see `read_replicates`.
COLUMNS: dict[Hashable, type] = {
    "replicate": int,
    "seed": int,
    "split": int,
    "epoch": int,
    "epochs": int,
    "accuracy": float,
    "loss": float,
    "accuracy_sample_sd": float,
    "loss_sample_sd": float,
    "last_accuracy": float,
    "last_loss": float,
    "curve_accuracy": float,
    "curve_loss": float,
    "training_accuracy": float,
    "training_loss": float,
}


class Scores(Schema):
    """metrics/scores/VARIANT.json: means over the replicates.

    accuracy, loss: on the evaluation samples, as `rnnbench.data.scoring` defines them, with the
        weights of the chosen epoch; their standard deviations (sd) need three replicates.
    last_accuracy, last_loss: the same after the last epoch.
    curve_accuracy, curve_loss: means over all epochs, on the validation part if there is one.
    solved: the share of replicates with an accuracy of at least `SOLVED`.
    roc_auc, f1, brier: of two classes, see `rnnbench.evaluation.metrics`.
    macro_f1, top3_accuracy: of more classes.
    mae: the mean absolute error of numbers.
    further_accuracy: of each further evaluation set, by its name.
    protocol, splits, training_samples, validation_samples, evaluation_samples, further_samples,
        also_in_training, distinct_targets: those of `rnnbench.data.format.Summary`.
    replicates, diverged: how many replicates are scored, and how many diverged. Without any left
        all scores are None.
    parameters: the number of trainable parameters.
    """

    target: Target
    tolerance: float
    accuracy: float | None = None
    accuracy_sd: float | None = None
    loss: float | None = None
    loss_sd: float | None = None
    last_accuracy: float | None = None
    last_loss: float | None = None
    curve_accuracy: float | None = None
    curve_loss: float | None = None
    solved: float | None = None
    roc_auc: float | None = None
    f1: float | None = None
    brier: float | None = None
    macro_f1: float | None = None
    top3_accuracy: float | None = None
    mae: float | None = None
    further_accuracy: dict[str, float]
    protocol: str
    splits: int
    training_samples: int
    validation_samples: int
    evaluation_samples: int
    further_samples: dict[str, int]
    also_in_training: float
    distinct_targets: int
    replicates: int
    diverged: int
    parameters: int


def read_scores(workspace: Workspace, name: str) -> Scores:
    """Read the scores of a variant; raises DataError if they are missing or damaged."""
    return read_json(workspace.scores(name), Scores)


def read_replicates(workspace: Workspace, name: str) -> pd.DataFrame:
    """The scores of each replicate that has not diverged, one row each.

    Columns: replicate, seed, split; epoch, the chosen one, of epochs; the scores of `Scores` that
    the target has; accuracy_sample_sd and loss_sample_sd, the standard errors of accuracy and loss
    by the choice of the samples; training_accuracy and training_loss, on the training part after
    the last epoch; distinct_accuracy, without the evaluation samples that are encoded like some
    training sample; on_NAME, the accuracy on a further evaluation set.
    Raises DataError if the file is missing or damaged.
    """
    path = workspace.replicates(name)
    try:
        table = pd.read_csv(path)
        return table.astype(COLUMNS)
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{path}: not readable ({error}); run dvc repro") from error


def rounded(value: Any) -> Any:
    """A number to six significant digits: the errors of some tasks are far below 1e-6."""
    return float(f"{value:.6g}") if isinstance(value, float) else value
