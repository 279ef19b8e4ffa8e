"""The scores of a variant: what the evaluate stage writes."""

from __future__ import annotations

from rnnbench.core.schema import Schema, read_json
from rnnbench.core.workspace import Workspace
from rnnbench.data.format import Target

# A replicate with this accuracy or more has solved its task.
SOLVED = 0.9
# Probabilities are compared with frequencies in this many bins of equal width.
CALIBRATION_BINS = 10


class Scores(Schema):
    """metrics/scores/VARIANT.json, flat, with the same keys for every variant.

    accuracy, loss: means over replicates and evaluation samples, as `rnnbench.data.scoring`
        defines them; their standard deviations (sd) between replicates are None for one replicate.
    solved: the share of replicates with an accuracy of at least `SOLVED`.
    roc_auc, f1, calibration_error: of two classes, see `rnnbench.evaluation.metrics`.
    macro_f1, top3_accuracy: of more classes.
    mae: the mean absolute error of numbers.
    out_of_domain_*: of the out-of-domain test set, if there is one.
    training_samples, evaluation_samples, also_in_training, distinct_targets: those of
        `rnnbench.data.format.Summary`.
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
    solved: float | None = None
    roc_auc: float | None = None
    f1: float | None = None
    calibration_error: float | None = None
    macro_f1: float | None = None
    top3_accuracy: float | None = None
    mae: float | None = None
    out_of_domain_set: str | None
    out_of_domain_accuracy: float | None = None
    out_of_domain_samples: int | None
    training_samples: int
    evaluation_samples: int
    also_in_training: int
    distinct_targets: int
    replicates: int
    diverged: int
    parameters: int


def read_scores(workspace: Workspace, name: str) -> Scores:
    """Read the scores of a variant; raises DataError if they are missing or damaged."""
    return read_json(workspace.scores(name), Scores)
