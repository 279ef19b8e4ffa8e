"""The further tables of the report, one row an entity."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rnnbench.evaluation.metrics import by_class, calibration, confusion
from rnnbench.report.results import Result

# More classes than these are too rare to be told apart, and too many for one picture.
_FREQUENT = 8


def costs(results: list[Result]) -> pd.DataFrame:
    """What each training took, beside how well the variant answers."""
    return pd.DataFrame(
        {
            "corpus": result.meta.corpus,
            "variant": result.name,
            "accuracy": result.scores.accuracy,
            "parameters": result.scores.parameters,
            "replicates": result.scores.replicates,
            **result.cost.model_dump(),
        }
        for result in results
    )


def learning_curves(results: list[Result]) -> pd.DataFrame:
    """Mean of the replicates by epoch, with the lowest and highest evaluation accuracy."""
    return _by_variant(results, _curve)


def scatter(results: list[Result]) -> pd.DataFrame:
    """Predicted over true numbers, of the first replicate."""
    return _by_variant([r for r in results if r.meta.target == "number"], _points)


def calibration_curves(results: list[Result]) -> pd.DataFrame:
    """Mean probability of class 1 and how often it is true, over all replicates, by bin."""
    return _by_variant([r for r in results if r.meta.target == "binary"], _bins)


def classes(results: list[Result]) -> pd.DataFrame:
    """Precision, recall and F1 of each class that occurs in the evaluation samples."""
    return _by_variant([r for r in results if r.meta.target == "classes"], _classes)


def confusions(results: list[Result]) -> pd.DataFrame:
    """Samples of the most frequent classes by the class that was answered, replicates' mean."""
    return _by_variant([r for r in results if r.meta.target == "classes"], _confusion)


def _by_variant(results: list[Result], rows: Any) -> pd.DataFrame:
    tables = []
    for result in results:
        table = rows(result)
        table.insert(0, "variant", result.name)
        table.insert(0, "corpus", result.meta.corpus)
        tables.append(table)
    return pd.concat(tables) if tables else pd.DataFrame(columns=["corpus", "variant"])


def _curve(result: Result) -> pd.DataFrame:
    by_epoch = result.history.drop(columns="replicate").groupby("epoch")
    measure = f"val_{result.measure}"
    low, high = by_epoch[measure].min(), by_epoch[measure].max()
    means = by_epoch.mean().assign(**{f"{measure}_low": low, f"{measure}_high": high})
    return means.reset_index()


def _points(result: Result) -> pd.DataFrame:
    return pd.DataFrame({"target": result.judged.y, "prediction": result.prediction[0]})


def _bins(result: Result) -> pd.DataFrame:
    y = np.tile(result.judged.y, len(result.prediction))
    true, predicted = calibration(result.prediction.ravel(), y)
    return pd.DataFrame({"probability": predicted, "share": true})


def _classes(result: Result) -> pd.DataFrame:
    labels, counts = np.unique(result.judged.y, return_counts=True)
    names = [result.meta.classes[i] for i in labels]
    scores = by_class(result.prediction, result.judged.y, labels)
    table = pd.DataFrame({"class": names, "samples": counts, **scores})
    return table.sort_values(["samples", "class"], ascending=[False, True])


def _confusion(result: Result) -> pd.DataFrame:
    labels = frequent(result.judged.y)
    names = [result.meta.classes[i] for i in labels]
    matrix = confusion(result.prediction, result.judged.y, labels)
    table = pd.DataFrame(matrix, columns=[*names, "other"])
    table.insert(0, "true", names)
    return table.melt("true", var_name="predicted", value_name="samples")


def frequent(y: NDArray[Any]) -> NDArray[Any]:
    """The class ids that occur most, the most frequent first."""
    labels, counts = np.unique(y, return_counts=True)
    order = np.lexsort((labels, -counts))
    return np.asarray(labels[order][:_FREQUENT])
