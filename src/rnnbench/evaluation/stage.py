"""The evaluate stage: the predictions of a variant -> its scores and its misclassifications.

Never imports TensorFlow.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from rnnbench.core.files import write_text
from rnnbench.core.workspace import Workspace
from rnnbench.data.format import Meta, read_further, read_meta, read_summary, read_targets
from rnnbench.data.scoring import correct, losses
from rnnbench.evaluation.error_analysis import confident_misclassifications
from rnnbench.evaluation.metrics import mean_scores, scores
from rnnbench.evaluation.outputs import COLUMNS, MIN_REPLICATES, SOLVED, Scores, rounded
from rnnbench.params import Params
from rnnbench.training.outputs import (
    Evaluated,
    TrainingRecord,
    read_evaluated,
    read_history,
    read_predictions,
    read_training_record,
)


def evaluate(workspace: Workspace, params: Params, name: str) -> Scores:
    """Score the replicates of variant `name`; write and return the means.

    The scores of each replicate and the most confident misclassifications are written too. Raises
    UnknownNameError or DataError.
    """
    folder = workspace.prepared(params.variant(name).dataset)
    meta, summary = read_meta(folder), read_summary(folder)
    record = read_training_record(workspace, name)
    evaluated = read_evaluated(workspace, name, meta, read_targets(folder), record)
    table = _by_replicate(meta, record, evaluated)
    for further in meta.further_sets:
        others = read_further(folder, further)
        prediction = read_predictions(workspace, name, further, meta, others.y)
        table[f"on_{further}"] = correct(meta, prediction, others.y).mean(axis=-1)
    curves = read_history(workspace, name, record).groupby("replicate")
    for measure in ("accuracy", "loss"):
        by_replicate = curves[f"val_{measure}"].mean()
        table[f"curve_{measure}"] = by_replicate.reindex(table["replicate"]).to_numpy()
    table["epochs"] = curves["epoch"].max().reindex(table["replicate"]).to_numpy()
    table = table.map(rounded)
    means = mean_scores(table)
    scored: dict[str, Any] = {
        key: rounded(means[key]) for key in Scores.model_fields if key in means
    }
    scored |= _spreads(table)
    result = Scores(
        target=meta.target,
        tolerance=meta.tolerance,
        replicates=len(table),
        diverged=len(record.diverged),
        parameters=record.parameters,
        further_accuracy={key: rounded(means[f"on_{key}"]) for key in meta.further_sets if means},
        **scored,
        **summary.model_dump(),
    )
    errors = confident_misclassifications(workspace, params, name)
    write_text(workspace.misclassifications(name), errors.to_csv(index=False))
    write_text(workspace.replicates(name), table.to_csv(index=False))
    write_text(workspace.scores(name), result.model_dump_json(indent=2) + "\n")
    return result


def _by_replicate(meta: Meta, record: TrainingRecord, evaluated: Evaluated) -> pd.DataFrame:
    """One row of scores per replicate that has not diverged."""
    rows = []
    for number, replicate in enumerate(record.finished):
        prediction, y = evaluated.prediction[number], evaluated.y[number]
        last, distinct = evaluated.last[number], ~evaluated.duplicate[number]
        hits = correct(meta, prediction, y)
        rows.append(
            {
                "replicate": replicate,
                "seed": record.seeds[replicate],
                "split": record.splits[replicate],
                "epoch": record.epochs[replicate],
                **scores(meta, prediction, y),
                "last_accuracy": correct(meta, last, y).mean(),
                "last_loss": losses(meta, last, y).mean(),
                "training_accuracy": record.training_accuracy[replicate],
                "training_loss": record.training_loss[replicate],
                "distinct_accuracy": hits[distinct].mean() if distinct.any() else np.nan,
            }
        )
    return pd.DataFrame(rows, columns=None if rows else list(COLUMNS))


def _spreads(table: pd.DataFrame) -> dict[str, float | None]:
    if table.empty:
        return {}
    solved = float((table["accuracy"] >= SOLVED).mean())
    if len(table) < MIN_REPLICATES:
        return {"solved": solved}
    spreads = {f"{key}_sd": rounded(float(table[key].std())) for key in ("accuracy", "loss")}
    return {"solved": solved, **spreads}
