"""All scores of a prediction, each the mean over the replicates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score, mean_absolute_error, roc_auc_score, top_k_accuracy_score

from rnnbench.data.format import Meta
from rnnbench.data.scoring import correct, losses
from rnnbench.evaluation.outputs import CALIBRATION_BINS, SOLVED

_TOP = 3


def scores(meta: Meta, prediction: NDArray[Any], y: NDArray[Any]) -> dict[str, float | None]:
    """The scores that the target has, under the names of `rnnbench.evaluation.outputs.Scores`.

    prediction: shape (replicates, n, ...), as `rnnbench.data.scoring` defines it, with at least
        one replicate; y: shape (n, ...).
    """
    accuracy = correct(meta, prediction, y).mean(axis=1)
    loss = losses(meta, prediction, y).mean(axis=1)
    return {
        "accuracy": float(accuracy.mean()),
        "accuracy_sd": _sd(accuracy),
        "loss": float(loss.mean()),
        "loss_sd": _sd(loss),
        "solved": float((accuracy >= SOLVED).mean()),
        **_of_target(meta, prediction, y),
    }


def _sd(by_replicate: NDArray[np.float64]) -> float | None:
    return float(by_replicate.std(ddof=1)) if len(by_replicate) > 1 else None


def _of_target(meta: Meta, prediction: NDArray[Any], y: NDArray[Any]) -> dict[str, float]:
    """The scores that only this kind of target has.

    "macro_f1" averages over the classes that occur in y, "top3_accuracy" ranks all classes.
    """
    metrics: dict[str, Callable[[NDArray[Any]], float]] = {}
    if meta.target == "binary":
        if len(np.unique(y)) > 1:
            metrics["roc_auc"] = lambda p: roc_auc_score(y, p)
        metrics["f1"] = lambda p: f1_score(y, p > 0.5, zero_division=0)
        metrics["calibration_error"] = lambda p: _calibration_error(p, y)
    elif meta.target == "classes":
        classes, occurring = range(len(meta.classes)), np.unique(y)
        metrics["macro_f1"] = lambda p: f1_score(
            y, p.argmax(axis=-1), labels=occurring, average="macro", zero_division=0
        )
        if len(classes) > _TOP:
            metrics["top3_accuracy"] = lambda p: top_k_accuracy_score(y, p, k=_TOP, labels=classes)
    elif meta.target == "number":
        metrics["mae"] = lambda p: mean_absolute_error(y, p)
    return {
        name: float(np.mean([metric(p) for p in prediction])) for name, metric in metrics.items()
    }


def _calibration_error(probability: NDArray[Any], y: NDArray[Any]) -> float:
    """The expected calibration error, shape (n,) both.

    The gap between the frequency of class 1 and its mean probability, averaged over bins, each
    weighted by its number of samples (Guo et al., "On calibration of modern neural networks",
    ICML 2017).
    """
    # The bins of scikit-learn's calibration_curve, which does not return their sizes.
    edges = np.linspace(0, 1, CALIBRATION_BINS + 1)[1:-1]
    gaps = np.bincount(np.searchsorted(edges, probability), y - probability.astype(float))
    return float(np.abs(gaps).sum() / len(y))
