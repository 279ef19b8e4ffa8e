"""The evaluate stage: the predictions of a variant -> its scores and its misclassifications.

Never imports TensorFlow.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rnnbench.core.files import write_text
from rnnbench.core.workspace import Workspace
from rnnbench.data.format import (
    Meta,
    read_array,
    read_further,
    read_meta,
    read_summary,
    read_targets,
)
from rnnbench.data.scoring import correct, losses, no_number
from rnnbench.evaluation.error_analysis import confident_misclassifications
from rnnbench.evaluation.metrics import mean_scores, scores
from rnnbench.evaluation.outputs import COLUMNS, MIN_REPLICATES, SOLVED, Scores, rounded
from rnnbench.params import Params
from rnnbench.training.outputs import (
    LAST_EPOCH,
    Evaluated,
    TrainingRecord,
    priors,
    read_evaluated,
    read_history,
    read_predictions,
    read_training_record,
)

_MAX_NAMED = 5


def evaluate(
    workspace: Workspace, params: Params, name: str, report: Callable[[str], None] = print
) -> Scores:
    """Score the replicates of variant `name`; write and return the means.

    The scores of each replicate and the most confident misclassifications are written too. `report`
    prints a line if some predictions are no numbers. Raises UnknownNameError or DataError.
    """
    folder = workspace.prepared(params.variant(name).dataset)
    meta, summary, targets = read_meta(folder), read_summary(folder), read_targets(folder)
    record = read_training_record(workspace, name)
    evaluated = read_evaluated(workspace, name, meta, targets, record)
    table = _by_replicate(meta, record, evaluated)
    ids = {"evaluation": evaluated.id, LAST_EPOCH: evaluated.id}
    for further in meta.further_sets:
        others = read_further(folder, further)
        instead = priors(meta, targets, record)
        prediction = read_predictions(workspace, name, further, meta, others.y, instead)
        table[f"on_{further}"] = correct(meta, prediction, others.y).mean(axis=-1)
        ids[further] = others.id
    if without := _without_number(workspace, name, meta, ids):
        report(f"{name}  the training part's prior stands for what is no number: {without}")
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


def _without_number(
    workspace: Workspace, name: str, meta: Meta, ids: dict[str, NDArray[np.int32]]
) -> str:
    """How many predictions of each kind are no numbers, and for which samples; "" if all are.

    ids: numbers in the corpus by kind, shape (n,) or (replicates, n).
    """
    found = []
    for kind, numbers in ids.items():
        path = workspace.predictions(name) / f"{kind}.npy"
        if not path.exists() or not (missing := no_number(meta, read_array(path))).any():
            continue
        samples = np.unique(np.broadcast_to(numbers, missing.shape)[missing])
        named = ", ".join(map(str, samples[:_MAX_NAMED]))
        more = f" and {len(samples) - _MAX_NAMED} others" if len(samples) > _MAX_NAMED else ""
        count = f"{np.count_nonzero(missing):,} of {missing.size:,}"
        found.append(f"{count} predictions of {kind} (samples {named}{more})")
    return "; ".join(found)


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
