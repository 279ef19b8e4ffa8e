"""The outputs of the earlier stages for one variant, read once."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rnnbench.core.workspace import Workspace
from rnnbench.data.format import (
    FLAGS,
    Meta,
    Summary,
    Targets,
    read_meta,
    read_summary,
    read_targets,
)
from rnnbench.data.roles import OTHER, RECURRENT
from rnnbench.data.scoring import correct, losses
from rnnbench.evaluation.outputs import Scores, read_replicates, read_scores
from rnnbench.params import Params
from rnnbench.training.outputs import (
    Evaluated,
    TrainingRecord,
    read_evaluated,
    read_history,
    read_training_record,
)

Measure = Literal["accuracy", "loss"]


@dataclass(frozen=True)
class Result:
    """Predictions, scores and history of one variant.

    evaluated: the predictions of the evaluation samples.
    replicates: the scores of each replicate, as `rnnbench.evaluation.outputs.read_replicates`.
    history: one row per replicate and epoch.
    samples: identifies the evaluation samples in all splits.
    Replicates that diverged are in none of them.
    """

    name: str
    dataset: str
    meta: Meta
    summary: Summary
    evaluated: Evaluated
    record: TrainingRecord
    scores: Scores
    replicates: pd.DataFrame
    history: pd.DataFrame
    samples: str

    @property
    def finished(self) -> bool:
        """Whether at least one replicate has not diverged."""
        return len(self.replicates) > 0

    @property
    def stochastic(self) -> bool:
        """Whether a training depends on its seed; solvers are assumed to find the one solution."""
        return self.record.role in (RECURRENT, OTHER)

    @property
    def measure(self) -> Measure:
        """What variants are ranked and tested by: for numbers, the squared error has more power."""
        return "loss" if self.meta.target == "number" else "accuracy"

    @property
    def splits(self) -> int:
        """The number of different splits of the replicates."""
        return int(self.replicates["split"].nunique())

    @property
    def distinct_samples(self) -> int:
        """How many different samples at least one replicate was evaluated on."""
        return len(np.unique(self.evaluated.id))

    def table(self, measure: Measure) -> NDArray[np.float64]:
        """The measure of each prediction, shape (replicates, n)."""
        score = {"accuracy": correct, "loss": losses}[measure]
        return score(self.meta, self.evaluated.prediction, self.evaluated.y)


def read_results(workspace: Workspace, params: Params) -> list[Result]:
    """The results of all variants: corpora in the order of params.yaml, the best variant first.

    Variants whose replicates all diverged come last. Walks params.yaml, so that files of removed
    variants are not read. Raises DataError if a file is missing or damaged.
    """
    results = [_read(workspace, params, name) for name in params.variants]
    corpora = list(params.corpora)

    def rank(result: Result) -> tuple[int, float, str]:
        score = getattr(result.scores, result.measure)
        best = math.inf if score is None else score if result.measure == "loss" else -score
        return corpora.index(result.meta.corpus), best, result.name

    return sorted(results, key=rank)


def _read(workspace: Workspace, params: Params, name: str) -> Result:
    dataset = params.variant(name).dataset
    folder = workspace.prepared(dataset)
    meta, targets = read_meta(folder), read_targets(folder)
    record = read_training_record(workspace, name)
    return Result(
        name=name,
        dataset=dataset,
        meta=meta,
        summary=read_summary(folder),
        evaluated=read_evaluated(workspace, name, meta, targets, record),
        record=record,
        scores=read_scores(workspace, name),
        replicates=read_replicates(workspace, name),
        history=read_history(workspace, name, record),
        samples=_samples(targets),
    )


def _samples(targets: Targets) -> str:
    evaluation = targets.splits & FLAGS["evaluation"]
    digest = hashlib.sha256(evaluation.tobytes())
    digest.update(targets.y.tobytes())
    return digest.hexdigest()
