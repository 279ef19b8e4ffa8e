"""The evaluate stage: a variant's predictions -> its scores. Never imports TensorFlow."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rnnbench.facts import read_facts
from rnnbench.params import Params
from rnnbench.predictions import read_predictions
from rnnbench.prepared import Meta, Samples, read_meta, read_samples
from rnnbench.targets import losses, right
from rnnbench.workspace import Workspace, write_text

# A replicate with so many right answers has solved its task.
SOLVED = 0.9

Scores = dict[str, float | int | str | None]


def evaluate(workspace: Workspace, params: Params, name: str) -> Scores:
    """Score variant `name` on its evaluation split and write the result as flat JSON.

    The keys are the same for every variant: "accuracy" is the share of right answers and "loss"
    the mean loss, as `rnnbench.targets` defines them, each with its standard deviation between
    replicates (null for one); "outside_*" is null without a further evaluation set. "replicates"
    counts those that are scored, "diverged" the others; without any the scores are null.
    "also_in_training" counts evaluation samples that are stored just as a training sample is.
    Raises UnknownNameError or DataError.
    """
    folder = workspace.prepared(params.variant(name).dataset)
    meta, judged = read_meta(folder), read_samples(folder, "evaluation")
    prediction = read_predictions(workspace, name, "evaluation", meta, judged)
    facts = read_facts(workspace, name)
    scores: Scores = {
        "target": meta.target,
        "tolerance": meta.tolerance,
        **_scores(meta, prediction, judged),
        **_outside(workspace, name, meta, folder),
        **_facts(judged, read_samples(folder, "train")),
        "replicates": len(prediction),
        "diverged": len(facts.diverged),
        "parameters": facts.parameters,
    }
    rounded = {k: float(f"{v:.6g}") if isinstance(v, float) else v for k, v in scores.items()}
    write_text(workspace.scores(name), json.dumps(rounded, indent=2) + "\n")
    return rounded


def _scores(meta: Meta, prediction: NDArray[np.float32], judged: Samples) -> Scores:
    if not len(prediction):
        return dict.fromkeys(("accuracy", "accuracy_sd", "loss", "loss_sd", "solved"))
    answers = right(meta, prediction, judged.y)
    return {
        **_summary("accuracy", answers),
        **_summary("loss", losses(meta, prediction, judged.y)),
        "solved": float((answers.mean(axis=1) >= SOLVED).mean()),
    }


def _summary(key: str, values: NDArray[np.float64]) -> Scores:
    """Mean of a score, shape (replicates, samples), and the spread between its replicates."""
    by_replicate = values.mean(axis=1)
    spread = float(by_replicate.std(ddof=1)) if len(by_replicate) > 1 else None
    return {key: float(by_replicate.mean()), f"{key}_sd": spread}


def _outside(workspace: Workspace, name: str, meta: Meta, folder: Path) -> Scores:
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


def _facts(judged: Samples, fitted: Samples) -> Scores:
    """What a reader must know of the evaluation samples."""
    known = {fitted.x[i].tobytes() for i in range(len(fitted))}
    labels = np.concatenate([fitted.y.ravel(), judged.y.ravel()])
    return {
        "evaluation_samples": len(judged),
        "training_samples": len(fitted),
        "also_in_training": sum(judged.x[i].tobytes() in known for i in range(len(judged))),
        "distinct_targets": len(np.unique(labels)),
    }
