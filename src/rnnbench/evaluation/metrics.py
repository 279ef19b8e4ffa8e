"""What else predictions are worth, beside their accuracy and their loss.

Each measure is scikit-learn's, and the mean of that of each replicate. scikit-learn takes longer
to import than anything else here, so one process measures all variants.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.calibration import calibration_curve
from sklearn.metrics import (
    confusion_matrix,
    f1_score,
    mean_absolute_error,
    precision_recall_fscore_support,
    roc_auc_score,
    top_k_accuracy_score,
)

from rnnbench.data.format import Meta

MEASURES = ("roc_auc", "f1", "calibration_error", "macro_f1", "top3_accuracy", "mae")
_BINS = 10
_TOP = 3


def measures(meta: Meta, prediction: NDArray[Any], y: NDArray[Any]) -> dict[str, float | None]:
    """All `MEASURES`; None for those that the target does not have.

    prediction: shape (replicates, n, ...), as `rnnbench.data.scoring` has it; y: shape (n, ...).
    "macro_f1" and "top3_accuracy" are those over the classes that occur in y and over all.
    """
    own: dict[str, Callable[[NDArray[Any]], float]] = {}
    if meta.target == "binary" and len(np.unique(y)) > 1:
        own["roc_auc"] = lambda p: roc_auc_score(y, p)
    if meta.target == "binary":
        own["f1"] = lambda p: f1_score(y, p > 0.5, zero_division=0)
        own["calibration_error"] = lambda p: _calibration_error(p, y)
    elif meta.target == "classes":
        every, occurring = range(len(meta.classes)), np.unique(y)
        own["macro_f1"] = lambda p: f1_score(
            y, p.argmax(axis=-1), labels=occurring, average="macro", zero_division=0
        )
        if len(every) > _TOP:
            own["top3_accuracy"] = lambda p: top_k_accuracy_score(y, p, k=_TOP, labels=every)
    elif meta.target == "number":
        own["mae"] = lambda p: mean_absolute_error(y, p)
    found: dict[str, float | None] = dict.fromkeys(MEASURES)
    return found | {key: float(np.mean([f(p) for p in prediction])) for key, f in own.items()}


def calibration(
    probability: NDArray[Any], y: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How often class 1 is true, and its mean probability, in ten bins of equal width.

    Bins without a sample are left out.
    """
    true, predicted = calibration_curve(y, probability, n_bins=_BINS)
    return true, predicted


def _calibration_error(probability: NDArray[Any], y: NDArray[Any]) -> float:
    """The mean gap between the two of `calibration`, weighted by the samples of each bin.

    It is the expected calibration error (Guo et al., "On calibration of modern neural networks",
    ICML 2017).
    """
    # scikit-learn does not tell how many samples its bins have; these are its bins.
    edges = np.linspace(0, 1, _BINS + 1)[1:-1]
    counts = np.bincount(np.searchsorted(edges, probability), minlength=_BINS)
    gaps = np.abs(np.subtract(*calibration(probability, y)))
    return float(np.average(gaps, weights=counts[counts > 0]))


def by_class(
    prediction: NDArray[Any], y: NDArray[Any], labels: NDArray[Any]
) -> dict[str, NDArray[np.float64]]:
    """precision, recall and f1 of each of `labels`, shape (labels,)."""
    scores = [
        precision_recall_fscore_support(y, p.argmax(axis=-1), labels=labels, zero_division=0)[:3]
        for p in prediction
    ]
    mean = np.mean(scores, axis=0)
    return dict(zip(("precision", "recall", "f1"), mean, strict=True))


def confusion(
    prediction: NDArray[Any], y: NDArray[Any], labels: NDArray[Any]
) -> NDArray[np.float64]:
    """Samples of each true class (rows) by predicted class (columns), shape (labels, labels + 1).

    Only samples whose true class is one of `labels` count; the last column is all other classes.
    """
    other = int(max(labels.max(), prediction.shape[-1])) + 1
    known = np.isin(y, labels)
    matrices = []
    for p in prediction:
        answer = p.argmax(axis=-1)[known]
        answer = np.where(np.isin(answer, labels), answer, other)
        matrices.append(confusion_matrix(y[known], answer, labels=[*labels, other])[:-1])
    return np.asarray(np.mean(matrices, axis=0))
