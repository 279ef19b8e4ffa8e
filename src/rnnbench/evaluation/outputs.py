"""The scores of a variant: what the evaluate stage writes."""

from __future__ import annotations

from rnnbench.core.schema import Schema, read_json
from rnnbench.core.workspace import Workspace
from rnnbench.data.format import Target

# A replicate with so many right answers has solved its task.
SOLVED = 0.9


class Scores(Schema):
    """metrics/scores/VARIANT.json, flat, with the same keys for every variant.

    accuracy, loss: the share of right answers and the mean loss, as `rnnbench.data.scoring` defines
        them; their standard deviations (sd) between replicates are None for one.
    solved: the share of replicates with `SOLVED` right answers.
    outside_*: of the further evaluation set, if there is one.
    also_in_training: how many evaluation samples are stored just as a training sample is.
    replicates, diverged: those that are scored, and the others; without any the scores are None.
    """

    target: Target
    tolerance: float
    accuracy: float | None
    accuracy_sd: float | None
    loss: float | None
    loss_sd: float | None
    solved: float | None
    out_of_domain_set: str | None
    out_of_domain_samples: int | None
    out_of_domain_accuracy: float | None
    evaluation_samples: int
    training_samples: int
    also_in_training: int
    distinct_targets: int
    replicates: int
    diverged: int
    parameters: int


def read_scores(workspace: Workspace, name: str) -> Scores:
    """The scores of a variant; raises DataError if they are missing or damaged."""
    return read_json(workspace.scores(name), Scores)
