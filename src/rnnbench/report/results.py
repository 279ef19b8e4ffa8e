"""All that the earlier stages left of one variant, read once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rnnbench import models
from rnnbench.core.errors import DataError
from rnnbench.core.workspace import Workspace
from rnnbench.data.format import Meta, Samples, read_meta, read_samples
from rnnbench.data.scoring import correct, losses
from rnnbench.evaluation.outputs import Scores, read_scores
from rnnbench.params import Params
from rnnbench.report.roles import BASELINE, OTHER, RECURRENT, STRONG_BASELINE
from rnnbench.training.outputs import METRICS, Cost, read_cost, read_predictions

Measure = Literal["accuracy", "loss"]

# What a family is for, if it is none of networks. Neither of them depends on a seed.
_ROLES = {"constant": BASELINE, "linear": STRONG_BASELINE}


@dataclass(frozen=True)
class Result:
    """One variant's predictions, scores, history and cost.

    role: one of `rnnbench.report.roles`.
    architecture: what the family's `describe` says.
    judged, prediction: the evaluation samples, and the answers to them, (replicates, n, ...).
    out_of_domain: the same for the further evaluation set, if there is one.
    history: one row a replicate and epoch, without the replicates that diverged.
    """

    name: str
    dataset: str
    role: str
    architecture: dict[str, Any]
    meta: Meta
    judged: Samples
    prediction: NDArray[np.float32]
    out_of_domain: tuple[Samples, NDArray[np.float32]] | None
    scores: Scores
    cost: Cost
    history: pd.DataFrame

    @property
    def finished(self) -> bool:
        """Whether a replicate is left that has not diverged."""
        return len(self.prediction) > 0

    @property
    def chance(self) -> bool:
        """Whether its replicates differ by chance."""
        return self.role in (RECURRENT, OTHER)

    @property
    def measure(self) -> Measure:
        """What the variant is ranked and tested by: for numbers the squared error tells more."""
        return "loss" if self.meta.target == "number" else "accuracy"

    def table(self, measure: Measure) -> NDArray[np.float64]:
        """The measure of each answer, shape (replicates, n)."""
        score = {"accuracy": correct, "loss": losses}[measure]
        return score(self.meta, self.prediction, self.judged.y)

    def out_of_domain_table(self) -> NDArray[np.float64] | None:
        """The right answers on the further evaluation set, shape (replicates, n)."""
        if self.out_of_domain is None:
            return None
        samples, prediction = self.out_of_domain
        return correct(self.meta, prediction, samples.y)


def read_results(workspace: Workspace, params: Params) -> list[Result]:
    """The results of all variants: the corpora as params.yaml has them, the best variant first.

    Those that have not finished come last. Walks params.yaml, so that files of removed variants
    are not read. Raises DataError if a file is missing or damaged.
    """
    results = [_read(workspace, params, name) for name in params.variants]
    corpora = list(params.corpora)

    def rank(result: Result) -> tuple[int, float, str]:
        score = getattr(result.scores, result.measure)
        best = math.inf if score is None else score if result.measure == "loss" else -score
        return corpora.index(result.meta.corpus), best, result.name

    return sorted(results, key=rank)


def _read(workspace: Workspace, params: Params, name: str) -> Result:
    settings = params.variant(name)
    folder = workspace.prepared(settings.dataset)
    meta = read_meta(folder)
    architecture = models.load(settings.model).describe(settings)
    network = OTHER if architecture["cell"] == "none" else RECURRENT

    def answered(split: str) -> tuple[Samples, NDArray[np.float32]]:
        samples = read_samples(folder, split)
        return samples, read_predictions(workspace, name, split, meta, samples)

    judged, prediction = answered("evaluation")
    return Result(
        name=name,
        dataset=settings.dataset,
        role=_ROLES.get(settings.model, network),
        architecture=architecture,
        meta=meta,
        judged=judged,
        prediction=prediction,
        out_of_domain=answered(meta.out_of_domain) if meta.out_of_domain else None,
        scores=read_scores(workspace, name),
        cost=read_cost(workspace, name),
        history=_history(workspace, name),
    )


def _history(workspace: Workspace, name: str) -> pd.DataFrame:
    path = workspace.history(name)
    try:
        types = {"replicate": int, "epoch": int} | dict.fromkeys(METRICS, float)
        history = pd.read_csv(path)[["replicate", "epoch", *METRICS]].astype(types)
    except (OSError, ValueError, LookupError) as error:
        raise DataError(f"{path}: not readable ({error}); run dvc repro") from error
    # A replicate that diverged has no row of that epoch, nor of any later one.
    last = history.groupby("replicate")["epoch"].transform("max")
    finished: pd.DataFrame = history[last == history["epoch"].max()]
    return finished
