"""The outputs of the earlier stages for one variant, read once."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rnnbench.core.errors import DataError
from rnnbench.core.workspace import Workspace
from rnnbench.data.format import (
    Meta,
    Summary,
    Targets,
    read_meta,
    read_summary,
    read_targets,
    training_data_digest,
)
from rnnbench.data.roles import OTHER, RECURRENT
from rnnbench.data.scoring import correct, losses
from rnnbench.evaluation.outputs import Scores, read_replicates, read_scores
from rnnbench.params import Params
from rnnbench.report.lock import Lock
from rnnbench.report.outputs import Measure, measure_of
from rnnbench.training.outputs import (
    Evaluated,
    TrainingRecord,
    read_evaluated,
    read_history,
    read_training_record,
    training_settings,
)


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
        """What variants are ranked and tested by."""
        return measure_of(self.meta.target)

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


def read_results(
    workspace: Workspace, params: Params, warn: Callable[[str], None] | None = None
) -> list[Result]:
    """The results of `present`: corpora in the order of params.yaml, the best variant first.

    Variants whose replicates all diverged come last. warn: as in `present`. Raises DataError if a
    file is damaged, or as `present` does.
    """
    results = [_read(workspace, params, name) for name in present(workspace, params, warn)]
    corpora = list(params.corpora)

    def rank(result: Result) -> tuple[int, float, str]:
        score = getattr(result.scores, result.measure)
        best = math.inf if score is None else score if result.measure == "loss" else -score
        return corpora.index(result.meta.corpus), best, result.name

    return sorted(results, key=rank)


def read_result(workspace: Workspace, params: Params, name: str) -> Result:
    """The results of one variant.

    Raises UnknownNameError, and DataError if the variant is `missing` or a file is damaged.
    """
    for why in missing(workspace, params, [name]).values():
        raise DataError(f"{name}: {why}")
    return _read(workspace, params, name)


def present(
    workspace: Workspace, params: Params, warn: Callable[[str], None] | None = None
) -> list[str]:
    """The variants of params.yaml that are not `missing`, in its order.

    warn: is called once for each variant that is left out. Raises DataError if there is no other
    one, or if a training record is damaged.
    """
    absent = missing(workspace, params)
    if warn is not None:
        for name, why in absent.items():
            warn(f"{name} is not in the table: {why}")
    if found := [name for name in params.variants if name not in absent]:
        return found
    raise DataError(
        f"no variant of {workspace.params.name} is trained and evaluated; run dvc repro, or "
        "rnnbench run VARIANT for some of them"
    )


def missing(
    workspace: Workspace, params: Params, names: Iterable[str] | None = None
) -> dict[str, str]:
    """The variants, of `names` or all, that are not trained and evaluated as params.yaml says.

    The values say why, and name the command that helps. A file that is there but unreadable makes
    no variant missing. Raises UnknownNameError, and DataError if a training record is damaged.
    """
    lock = Lock(workspace.root)
    # Many variants share a dataset.
    digest = cache(training_data_digest)
    reasons = {
        name: _why_missing(workspace, params, name, lock, digest)
        for name in (params.variants if names is None else names)
    }
    return {name: why for name, why in reasons.items() if why}


def _why_missing(
    workspace: Workspace, params: Params, name: str, lock: Lock, digest: Callable[[Path], str]
) -> str | None:
    settings = params.variant(name)
    # DVC removes the outputs of a stage before it runs it.
    trained = (
        workspace.training_record(name),
        workspace.predictions(name) / "evaluation.npy",
        workspace.history(name),
    )
    if not all(path.exists() for path in trained):
        why = "not trained"
    elif (record := read_training_record(workspace, name)).settings != training_settings(settings):
        why = "trained with other settings"
    elif not (prepared := workspace.prepared(settings.dataset)).exists():
        why = f"its dataset {settings.dataset} is not prepared"
    elif record.data != digest(prepared):
        why = f"trained on another version of its dataset {settings.dataset}"
    elif lock.is_stale(params, name):
        why = "trained with other settings of its run, dataset or corpus, or another layer"
    elif not (workspace.scores(name).exists() and workspace.replicates(name).exists()):
        why = "not evaluated"
    else:
        return None
    return f"{why}; run dvc repro evaluate@{name}"


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
    # By number: a dataset whose splits have their own vocabularies stores a sample several times.
    digest = hashlib.sha256()
    for split in range(len(targets.splits)):
        rows = targets.rows(split, "evaluation")
        digest.update(f"{len(rows)} {targets.y.dtype} ".encode())
        digest.update(targets.id[rows].tobytes() + targets.y[rows].tobytes())
    return digest.hexdigest()
