"""The evaluate stage: a variant's predictions -> its scores. Never imports TensorFlow."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rnnbench.errors import DataError
from rnnbench.facts import read_facts
from rnnbench.params import Params
from rnnbench.predictions import read_predictions
from rnnbench.prepared import Meta, Samples, Target, read_meta, read_samples
from rnnbench.settings import Settings, read_settings
from rnnbench.targets import losses, right
from rnnbench.workspace import Workspace, write_text

# A replicate with so many right answers has solved its task.
SOLVED = 0.9

_Figures = dict[str, float | int | str | None]


class Scores(Settings):
    """metrics/scores/VARIANT.json, flat, with the same keys for every variant.

    accuracy, loss: the share of right answers and the mean loss, as `rnnbench.targets` defines
        them; their standard deviations (sd) between replicates are None for one.
    solved: the share of replicates with `SOLVED` right answers.
    outside_*: of the further evaluation set, if there is one.
    also_in_training: how many evaluation samples are stored just as a training sample is.
    replicates, diverged: those that are scored, and the others; without any the scores are None.
    """

    target: Target
    tolerance: float
    accuracy: float | None
    accuracy_sd: float | None
    loss: float | None
    loss_sd: float | None
    solved: float | None
    outside_set: str | None
    outside_samples: int | None
    outside_accuracy: float | None
    evaluation_samples: int
    training_samples: int
    also_in_training: int
    distinct_targets: int
    replicates: int
    diverged: int
    parameters: int


def read_scores(workspace: Workspace, name: str) -> Scores:
    """The scores of a variant; raises DataError if they are missing or damaged."""
    return read_settings(workspace.scores(name), Scores)


def evaluate(workspace: Workspace, params: Params, name: str) -> Scores:
    """Score variant `name` on its evaluation split, write the result and return it.

    Raises UnknownNameError or DataError.
    """
    folder = workspace.prepared(params.variant(name).dataset)
    meta, judged = read_meta(folder), read_samples(folder, "evaluation")
    prediction = read_predictions(workspace, name, "evaluation", meta, judged)
    facts = read_facts(workspace, name)
    if len(prediction) + len(facts.diverged) != len(facts.seeds):
        raise DataError(
            f"{workspace.predictions(name)}: answers of {len(prediction)} replicates, but "
            f"{workspace.facts(name)} tells of {len(facts.seeds)}; run dvc repro"
        )
    figures: _Figures = {
        "target": meta.target,
        "tolerance": meta.tolerance,
        **_scores(meta, prediction, judged),
        **_outside(workspace, name, meta, folder),
        **_facts(judged, read_samples(folder, "train")),
        "replicates": len(prediction),
        "diverged": len(facts.diverged),
        "parameters": facts.parameters,
    }
    rounded = {k: float(f"{v:.6g}") if isinstance(v, float) else v for k, v in figures.items()}
    scores = Scores.model_validate(rounded)
    write_text(workspace.scores(name), json.dumps(scores.model_dump(), indent=2) + "\n")
    return scores


def _scores(meta: Meta, prediction: NDArray[np.float32], judged: Samples) -> _Figures:
    if not len(prediction):
        return dict.fromkeys(("accuracy", "accuracy_sd", "loss", "loss_sd", "solved"))
    answers = right(meta, prediction, judged.y)
    return {
        **_summary("accuracy", answers),
        **_summary("loss", losses(meta, prediction, judged.y)),
        "solved": float((answers.mean(axis=1) >= SOLVED).mean()),
    }


def _summary(key: str, values: NDArray[np.float64]) -> _Figures:
    """Mean of a score, shape (replicates, samples), and the spread between its replicates."""
    by_replicate = values.mean(axis=1)
    spread = float(by_replicate.std(ddof=1)) if len(by_replicate) > 1 else None
    return {key: float(by_replicate.mean()), f"{key}_sd": spread}


def _outside(workspace: Workspace, name: str, meta: Meta, folder: Path) -> _Figures:
    if meta.outside is None:
        return {"outside_set": None, "outside_samples": None, "outside_accuracy": None}
    others = read_samples(folder, meta.outside)
    prediction = read_predictions(workspace, name, meta.outside, meta, others)
    accuracy = float(right(meta, prediction, others.y).mean()) if len(prediction) else None
    return {
        "outside_set": meta.outside,
        "outside_samples": len(others),
        "outside_accuracy": accuracy,
    }


def _facts(judged: Samples, fitted: Samples) -> _Figures:
    """What a reader must know of the evaluation samples."""
    known = {fitted.x[i].tobytes() for i in range(len(fitted))}
    labels = np.concatenate([fitted.y.ravel(), judged.y.ravel()])
    return {
        "evaluation_samples": len(judged),
        "training_samples": len(fitted),
        "also_in_training": sum(judged.x[i].tobytes() in known for i in range(len(judged))),
        "distinct_targets": len(np.unique(labels)),
    }
