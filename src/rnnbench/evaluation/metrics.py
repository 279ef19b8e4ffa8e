"""The scores of one replicate, and their means."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import (
    brier_score_loss,
    f1_score,
    mean_absolute_error,
    roc_auc_score,
    top_k_accuracy_score,
)

from rnnbench.data.format import Meta
from rnnbench.data.scoring import correct, losses

_TOP = 3


def scores(meta: Meta, prediction: NDArray[Any], y: NDArray[Any]) -> dict[str, float]:
    """The scores that the target has, named as in `rnnbench.evaluation.outputs.read_replicates`.

    prediction: shape (n, ...), as `rnnbench.data.scoring` defines it; y: shape (n, ...).
    """
    hits, errors = correct(meta, prediction, y), losses(meta, prediction, y)
    return {
        "accuracy": float(hits.mean()),
        "loss": float(errors.mean()),
        "accuracy_sample_sd": _error(hits),
        "loss_sample_sd": _error(errors),
        **_of_target(meta, prediction, y),
    }


def mean_scores(table: pd.DataFrame) -> dict[str, float]:
    """The mean of each score over the splits, in each of which it is the mean over the seeds.

    The mean of losses, which differ by factors, is the geometric one.
    """
    if table.empty:
        return {}
    means = {}
    for name, values in table.items():
        factors = str(name).endswith("loss")
        with np.errstate(divide="ignore"):
            scaled = pd.Series(np.log(values)) if factors else values
        mean = float(scaled.groupby(table["split"]).mean().mean())
        means[str(name)] = float(np.exp(mean)) if factors else mean
    return means


def _error(by_sample: NDArray[np.float64]) -> float:
    """The standard error of the mean of independent samples; 0 for a single one."""
    return float(by_sample.std(ddof=1) / len(by_sample) ** 0.5) if len(by_sample) > 1 else 0.0


def _of_target(meta: Meta, prediction: NDArray[Any], y: NDArray[Any]) -> dict[str, float]:
    """The scores that only this kind of target has.

    "macro_f1" averages over the classes that occur in y, "top3_accuracy" ranks all classes.
    """
    metrics: dict[str, Callable[[], float]] = {}
    if meta.target == "binary":
        if len(np.unique(y)) > 1:
            metrics["roc_auc"] = lambda: roc_auc_score(y, prediction)
        metrics["f1"] = lambda: f1_score(y, prediction > 0.5, zero_division=0)
        metrics["brier"] = lambda: brier_score_loss(y, prediction, pos_label=1)
    elif meta.target == "classes":
        predicted = prediction.argmax(axis=-1)
        metrics["macro_f1"] = lambda: f1_score(
            y, predicted, labels=np.unique(y), average="macro", zero_division=0
        )
        if len(meta.classes) > _TOP:
            labels = range(len(meta.classes))
            metrics["top3_accuracy"] = lambda: top_k_accuracy_score(
                y, prediction, k=_TOP, labels=labels
            )
    elif meta.target == "number":
        metrics["mae"] = lambda: mean_absolute_error(y, prediction)
    return {name: float(metric()) for name, metric in metrics.items()}
