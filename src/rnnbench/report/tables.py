"""The further tables of the report: curves, calibration, classes and confusions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.calibration import calibration_curve
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from rnnbench.evaluation.outputs import CALIBRATION_BINS
from rnnbench.report.results import Result

# More classes are too rare to compare, and too many for one picture.
_FREQUENT = 8
# More would hide each other.
_POINTS = 500


def further_tables(results: list[Result]) -> dict[str, pd.DataFrame]:
    """The tables by name, each with rows of the variants that have its kind of target."""
    keys, tables = ["corpus", "variant"], {}
    for name, (rows, target, digits) in _TABLES.items():
        chosen = [result for result in results if target in ("any", result.meta.target)]
        parts = {(result.meta.corpus, result.name): rows(result) for result in chosen}
        table = pd.DataFrame(columns=keys)
        if parts:
            table = pd.concat(parts, names=keys).reset_index(keys)
        tables[name] = table.round(digits)
    return tables


def _learning_curve(result: Result) -> pd.DataFrame:
    """Mean of the replicates by epoch, with the range of the evaluation score."""
    by_epoch = result.history.drop(columns="replicate").groupby("epoch")
    measure = f"val_{result.measure}"
    low, high = by_epoch[measure].min(), by_epoch[measure].max()
    means = by_epoch.mean().assign(**{f"{measure}_low": low, f"{measure}_high": high})
    return means.reset_index()


def _scatter(result: Result) -> pd.DataFrame:
    """Predicted and true numbers, of the first replicate and its first samples."""
    first = result.evaluated
    shown = slice(_POINTS)
    return pd.DataFrame({"target": first.y[0, shown], "prediction": first.prediction[0, shown]})


def _calibration(result: Result) -> pd.DataFrame:
    """Mean predicted probability of class 1 and its true share, over all replicates, by bin."""
    y, predictions = result.evaluated.y.ravel(), result.evaluated.prediction.ravel()
    true, predicted = calibration_curve(y, predictions, n_bins=CALIBRATION_BINS)
    return pd.DataFrame({"probability": predicted, "share": true})


def _classes(result: Result) -> pd.DataFrame:
    """Precision, recall and F1 of each class that occurs in the evaluation samples.

    They are means over the replicates; "samples" is the mean number of samples.
    """
    labels, counts = np.unique(result.evaluated.y, return_counts=True)
    by_replicate = [
        precision_recall_fscore_support(y, p.argmax(axis=-1), labels=labels, zero_division=0)[:3]
        for p, y in zip(result.evaluated.prediction, result.evaluated.y, strict=True)
    ]
    scores = dict(zip(("precision", "recall", "f1"), np.mean(by_replicate, axis=0), strict=True))
    names = [result.meta.classes[i] for i in labels]
    samples = counts / len(result.evaluated.y)
    table = pd.DataFrame({"class": names, "samples": samples, **scores})
    return table.sort_values(["samples", "class"], ascending=[False, True])


def _confusion(result: Result) -> pd.DataFrame:
    """Samples of the most frequent classes by predicted class, as means over the replicates.

    All predicted classes that are not frequent are "other".
    """
    y = result.evaluated.y
    labels, other = frequent(y), len(result.meta.classes)
    predicted = result.evaluated.prediction.argmax(axis=-1)
    predicted = np.where(np.isin(predicted, labels), predicted, other)
    chosen = np.isin(y, labels)
    matrix = confusion_matrix(y[chosen], predicted[chosen], labels=[*labels, other])[:-1]
    names = [result.meta.classes[i] for i in labels]
    table = pd.DataFrame(matrix / len(y), columns=[*names, "other"])
    table.insert(0, "true", names)
    return table.melt("true", var_name="predicted", value_name="samples")


def frequent(y: NDArray[Any]) -> NDArray[Any]:
    """The class ids that occur most often, the most frequent first."""
    labels, counts = np.unique(y, return_counts=True)
    order = np.lexsort((labels, -counts))
    return np.asarray(labels[order][:_FREQUENT])


# Name -> the rows of one variant, the kind of target that they need, and decimal places.
_TABLES = {
    "learning_curves": (_learning_curve, "any", 6),
    "scatter": (_scatter, "number", 4),
    "calibration": (_calibration, "binary", 6),
    "classes": (_classes, "classes", 6),
    "confusion": (_confusion, "classes", 4),
}
