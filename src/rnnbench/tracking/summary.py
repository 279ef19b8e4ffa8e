"""A finished training as its MLflow runs show it, read from the files of the workspace."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from rnnbench.core.errors import DataError
from rnnbench.core.workspace import Workspace
from rnnbench.data.format import read_meta
from rnnbench.params import Params
from rnnbench.training.outputs import METRICS, TrainingRecord, read_cost

# Epoch, counted from 1 -> metric -> value.
History = dict[int, dict[str, float]]


@dataclass(frozen=True)
class RunSummary:
    """What the run of a variant or of one replicate holds.

    begin, end: milliseconds since the epoch.
    metrics: values of the whole training, in addition to the history.
    failed: whether the replicate, or every replicate of the variant, diverged.
    """

    title: str
    begin: int
    end: int
    tags: dict[str, str]
    parameters: dict[str, Any]
    history: History
    metrics: dict[str, float]
    failed: bool


def read_runs(
    workspace: Workspace, params: Params, record: TrainingRecord, key: str
) -> list[RunSummary]:
    """The run of the variant that `record` describes, then those of its replicates.

    key: identifies the training. Raises DataError if a file is missing or damaged.
    """
    name, seeds, diverged = record.variant, record.seeds, record.diverged
    cost = read_cost(workspace, name)
    tags = _tags(workspace, params, name, key)
    parameters = _parameters(workspace, params, record)
    # The time of the files, so that a training that is logged late has its own time.
    end = int(workspace.cost(name).stat().st_mtime * 1000)
    begin = end - int(cost.seconds * 1000)

    def run(
        title: str,
        seed: int,
        marks: dict[str, str],
        histories: list[History],
        metrics: dict[str, float],
        failed: bool,
    ) -> RunSummary:
        history = _mean_history(histories)
        metrics |= {} if failed else _final_metrics(histories)
        scalars = parameters | {"seed": seed}
        return RunSummary(title, begin, end, tags | marks, scalars, history, metrics, failed)

    histories = _read_histories(workspace.history(name))
    finished = [histories.get(r, {}) for r in range(len(seeds)) if r not in diverged]
    if any(not history or history.keys() != finished[0].keys() for history in finished):
        raise DataError(f"{workspace.history(name)}: epochs are missing; run dvc repro")
    marks = {"level": "variant", "mlflow.note.content": _variant_note(params, record)}
    metrics = {"seconds": cost.seconds, "diverged": len(diverged)}
    runs = [run(name, seeds[0], marks, finished, metrics, failed=not finished)]
    for replicate, seed in enumerate(seeds):
        note = f"Replicate {replicate + 1} of `{name}`, seed {seed}."
        marks = {"level": "replicate", "seed": str(seed)}
        if failed := replicate in diverged:
            marks["diverged.epoch"] = str(diverged[replicate])
            note += f" It diverged: its loss was not finite in epoch {diverged[replicate]}."
        marks["mlflow.note.content"] = note
        metrics = {"seconds": cost.seconds_per_replicate}
        history = [histories.get(replicate, {})]
        runs.append(run(f"{name} seed {seed}", seed, marks, history, metrics, failed))
    return runs


def _variant_note(params: Params, record: TrainingRecord) -> str:
    published = params.published.get(record.variant)
    total, diverged = len(record.seeds), len(record.diverged)
    note = (
        f"Mean of {total - diverged} replicates on `{params.variant(record.variant).dataset}`. "
        f"Published accuracy: {published.accuracy if published else 'none'}."
    )
    return note + (f" Replicates that diverged: {diverged} of {total}." if diverged else "")


def _tags(workspace: Workspace, params: Params, name: str, key: str) -> dict[str, str]:
    tags = {
        "variant": name,
        "dvc.stage": f"train@{name}",
        "dvc.key": key,
        "dvc.data_md5": _data_md5(workspace, params.variant(name).dataset),
        "mlflow.source.name": f"dvc.yaml:train@{name}",
        "mlflow.source.git.commit": _commit(workspace),
    }
    # DVC sets the variable while `dvc exp run` or its queue runs an experiment.
    if experiment := os.environ.get("DVC_EXP_NAME"):
        tags["dvc.exp"] = experiment
    return tags


def _parameters(workspace: Workspace, params: Params, record: TrainingRecord) -> dict[str, Any]:
    settings = params.variant(record.variant)
    meta = read_meta(workspace.prepared(settings.dataset))
    return {
        "dataset": settings.dataset,
        "encoding": meta.encoding,
        "target": meta.target,
        "vocabulary_size": meta.vocabulary_size,
        "length": meta.shape[0] or "whole",
        "model": settings.model,
        **record.architecture,
        "parameters": record.parameters,
        "replicates": len(record.seeds),
    }


def _final_metrics(histories: list[History]) -> dict[str, float]:
    """Means over the last epochs of the replicates."""
    finals = [history[max(history)] for history in histories]
    accuracies = [final["val_accuracy"] for final in finals]
    metrics = {
        "evaluation_accuracy": float(np.mean(accuracies)),
        "evaluation_loss": float(np.mean([final["val_loss"] for final in finals])),
    }
    if len(finals) > 1:
        metrics["evaluation_accuracy_sd"] = float(np.std(accuracies, ddof=1))
    return metrics


def _mean_history(histories: list[History]) -> History:
    return {
        epoch: {
            metric: float(np.mean([history[epoch][metric] for history in histories]))
            for metric in METRICS
        }
        for epoch in (histories[0] if histories else ())
    }


def _read_histories(path: Path) -> dict[int, History]:
    """The history of each replicate that finished an epoch; raises DataError if it is damaged."""
    histories: dict[int, History] = {}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                values = {metric: float(row[metric]) for metric in METRICS}
                histories.setdefault(int(row["replicate"]), {})[int(row["epoch"])] = values
    except (OSError, ValueError, LookupError, TypeError, csv.Error) as error:
        raise DataError(f"{path}: not a readable history ({error}); run dvc repro") from error
    return histories


def _data_md5(workspace: Workspace, dataset: str) -> str:
    try:
        lock = yaml.safe_load((workspace.root / "dvc.lock").read_text(encoding="utf-8"))
        return str(lock["stages"][f"preprocess@{dataset}"]["outs"][0]["md5"])
    except (OSError, KeyError, TypeError, IndexError, yaml.YAMLError):
        return "unknown"


def _commit(workspace: Workspace) -> str:
    git = shutil.which("git")
    if git is None:
        return "unknown"
    command = [git, "rev-parse", "HEAD"]
    done = subprocess.run(command, cwd=workspace.root, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"
