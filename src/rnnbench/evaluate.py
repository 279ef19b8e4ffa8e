"""The evaluate stage: a variant's predictions -> its scores. Never imports TensorFlow."""

from __future__ import annotations

import json

import numpy as np
from numpy.typing import NDArray

from rnnbench.errors import DataError
from rnnbench.intervals import mean_interval
from rnnbench.params import Params
from rnnbench.prepared import read_meta, read_samples
from rnnbench.workspace import Workspace, read_json, write_text

_EPSILON = 1e-7


def evaluate(workspace: Workspace, params: Params, name: str) -> dict[str, float | int | str]:
    """Score variant `name` on its evaluation split and write the result as flat JSON.

    Raises UnknownNameError or DataError.
    """
    folder = workspace.prepared(params.variant(name).dataset)
    meta, judged = read_meta(folder), read_samples(folder, "evaluation")
    probability = _read_predictions(workspace, name, len(judged))
    right = (probability > 0.5) == (judged.y > 0.5)
    accuracy = mean_interval(right.astype(np.float64))
    by_replicate = right.mean(axis=1)
    facts = read_json(workspace.models(name) / "training.json")
    scores: dict[str, float | int | str] = {
        "accuracy": accuracy.mean,
        "accuracy_low": accuracy.low,
        "accuracy_high": accuracy.high,
        "accuracy_sd": float(by_replicate.std(ddof=1)) if len(by_replicate) > 1 else 0.0,
        "loss": _log_loss(probability, judged.y),
        "majority": meta.majority,
        "evaluation_samples": len(judged),
        "replicates": len(probability),
        "parameters": facts["parameters"],
    }
    rounded = {k: round(v, 6) if isinstance(v, float) else v for k, v in scores.items()}
    write_text(workspace.scores(name), json.dumps(rounded, indent=2) + "\n")
    return rounded


def _read_predictions(workspace: Workspace, name: str, samples: int) -> NDArray[np.float64]:
    path = workspace.predictions(name)
    try:
        predictions: NDArray[np.float64] = np.load(path, allow_pickle=False).astype(np.float64)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path}: not readable predictions ({error}); run dvc repro") from error
    if predictions.ndim != 2 or predictions.shape[1] != samples:
        raise DataError(
            f"{path}: shape {predictions.shape}, expected (replicates, {samples}); run dvc repro"
        )
    return predictions


def _log_loss(probability: NDArray[np.float64], y: NDArray[np.uint8]) -> float:
    clipped = np.clip(probability, _EPSILON, 1 - _EPSILON)
    return float(-np.mean(np.where(y > 0, np.log(clipped), np.log1p(-clipped))))
