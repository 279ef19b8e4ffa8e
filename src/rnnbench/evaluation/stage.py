"""The evaluate stage: a variant's predictions -> its scores. Never imports TensorFlow."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rnnbench.core.errors import DataError
from rnnbench.core.files import write_text
from rnnbench.core.workspace import Workspace
from rnnbench.data.format import Meta, Samples, read_meta, read_samples
from rnnbench.data.scoring import correct, losses
from rnnbench.evaluation.outputs import SOLVED, Scores
from rnnbench.params import Params
from rnnbench.training.outputs import read_predictions, read_training_record

_Figures = dict[str, float | int | str | None]


def evaluate(workspace: Workspace, params: Params, name: str) -> Scores:
    """Score variant `name` on its evaluation split, write the result and return it.

    Raises UnknownNameError or DataError.
    """
    folder = workspace.prepared(params.variant(name).dataset)
    meta, judged = read_meta(folder), read_samples(folder, "evaluation")
    prediction = read_predictions(workspace, name, "evaluation", meta, judged)
    facts = read_training_record(workspace, name)
    if len(prediction) + len(facts.diverged) != len(facts.seeds):
        raise DataError(
            f"{workspace.predictions(name)}: answers of {len(prediction)} replicates, but "
            f"{workspace.training_record(name)} tells of {len(facts.seeds)}; run dvc repro"
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
    answers = correct(meta, prediction, judged.y)
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
    if meta.out_of_domain is None:
        return {
            "out_of_domain_set": None,
            "out_of_domain_samples": None,
            "out_of_domain_accuracy": None,
        }
    others = read_samples(folder, meta.out_of_domain)
    prediction = read_predictions(workspace, name, meta.out_of_domain, meta, others)
    accuracy = float(correct(meta, prediction, others.y).mean()) if len(prediction) else None
    return {
        "out_of_domain_set": meta.out_of_domain,
        "out_of_domain_samples": len(others),
        "out_of_domain_accuracy": accuracy,
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
