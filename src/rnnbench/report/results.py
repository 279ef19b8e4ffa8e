"""The outputs of the earlier stages for one variant, read once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rnnbench.core.workspace import Workspace
from rnnbench.data.format import Meta, Samples, read_meta, read_samples
from rnnbench.data.roles import OTHER, RECURRENT
from rnnbench.data.scoring import correct, losses
from rnnbench.evaluation.outputs import Scores, read_scores
from rnnbench.params import Params
from rnnbench.report.outputs import read_csv
from rnnbench.training.outputs import (
    METRICS,
    TrainingRecord,
    read_predictions,
    read_training_record,
)

Measure = Literal["accuracy", "loss"]


@dataclass(frozen=True)
class Result:
    """Predictions, scores and history of one variant.

    samples, prediction: the evaluation samples and their predictions, shape (replicates, n, ...)
        as `rnnbench.data.scoring` defines it.
    out_of_domain: 1 for each correct prediction of the out-of-domain test set and 0 for the others,
        shape (replicates, n), if there is such a set.
    history: one row per replicate and epoch, without the replicates that diverged.
    """

    name: str
    dataset: str
    meta: Meta
    samples: Samples
    prediction: NDArray[np.float32]
    out_of_domain: NDArray[np.float64] | None
    record: TrainingRecord
    scores: Scores
    history: pd.DataFrame

    @property
    def finished(self) -> bool:
        """Whether at least one replicate has not diverged."""
        return len(self.prediction) > 0

    @property
    def stochastic(self) -> bool:
        """Whether a training depends on its seed; solvers are assumed to find the one solution."""
        return self.record.role in (RECURRENT, OTHER)

    @property
    def measure(self) -> Measure:
        """What variants are ranked and tested by: for numbers, the squared error has more power."""
        return "loss" if self.meta.target == "number" else "accuracy"

    def table(self, measure: Measure) -> NDArray[np.float64]:
        """The measure of each prediction, shape (replicates, n)."""
        score = {"accuracy": correct, "loss": losses}[measure]
        return score(self.meta, self.prediction, self.samples.y)


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
    meta = read_meta(folder)

    def predicted(split: str) -> tuple[Samples, NDArray[np.float32]]:
        samples = read_samples(folder, split)
        return samples, read_predictions(workspace, name, split, meta, samples)

    samples, prediction = predicted("evaluation")
    out_of_domain = None
    if meta.out_of_domain:
        others, of_others = predicted(meta.out_of_domain)
        out_of_domain = correct(meta, of_others, others.y)
    types = {"replicate": int, "epoch": int} | dict.fromkeys(METRICS, float)
    history = read_csv(workspace.history(name), usecols=list(types), dtype=types)
    record = read_training_record(workspace, name)
    return Result(
        name=name,
        dataset=dataset,
        meta=meta,
        samples=samples,
        prediction=prediction,
        out_of_domain=out_of_domain,
        record=record,
        scores=read_scores(workspace, name),
        history=history[~history["replicate"].isin(list(record.diverged))],
    )
