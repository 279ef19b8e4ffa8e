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
    """One run: of a variant, or of one of its replicates.

    seed: of a variant, the seed of its first replicate.
    metrics: values of the whole training, in addition to the history.
    diverged: for a variant, whether all of its replicates diverged.
    """

    title: str
    seed: int
    tags: dict[str, str]
    history: History
    metrics: dict[str, float]
    diverged: bool


@dataclass(frozen=True)
class TrainingSummary:
    """All runs of one training.

    begin, end: milliseconds since the epoch. The end is the time of the files, so that a training
        that is logged late has its own time.
    tags, parameters: shared by all runs.
    data_md5: DVC's hash of the prepared dataset.
    """

    begin: int
    end: int
    tags: dict[str, str]
    parameters: dict[str, Any]
    dataset: str
    data_md5: str
    variant: RunSummary
    replicates: list[RunSummary]


def read_summary(
    workspace: Workspace, params: Params, record: TrainingRecord, key: str
) -> TrainingSummary:
    """Read the training that `record` describes; raises DataError if a file is damaged.

    key: identifies the training; it becomes the tag "dvc.key".
    """
    name = record.variant
    dataset = params.variant(name).dataset
    cost = read_cost(workspace, name)
    data_md5 = _data_md5(workspace, dataset)
    end = int(workspace.cost(name).stat().st_mtime * 1000)
    tags = {
        "variant": name,
        "dvc.stage": f"train@{name}",
        "dvc.key": key,
        "dvc.data_md5": data_md5,
        "mlflow.source.name": f"dvc.yaml:train@{name}",
        "mlflow.source.git.commit": _commit(workspace),
    }
    # DVC sets the variable while `dvc exp run` or its queue runs an experiment.
    if experiment_name := os.environ.get("DVC_EXP_NAME"):
        tags["dvc.exp"] = experiment_name
    histories = _read_histories(workspace.history(name))
    return TrainingSummary(
        begin=end - int(cost.seconds * 1000),
        end=end,
        tags=tags,
        parameters=_parameters(workspace, params, record),
        dataset=dataset,
        data_md5=data_md5,
        variant=_of_variant(workspace, params, record, histories, cost.seconds),
        replicates=[
            _of_replicate(record, number, histories.get(number, {}), cost.seconds_per_replicate)
            for number in range(len(record.seeds))
        ],
    )


def _of_variant(
    workspace: Workspace,
    params: Params,
    record: TrainingRecord,
    histories: dict[int, History],
    seconds: float,
) -> RunSummary:
    name, diverged, total = record.variant, len(record.diverged), len(record.seeds)
    finished = [
        histories.get(number, {}) for number in range(total) if number not in record.diverged
    ]
    if any(not history or history.keys() != finished[0].keys() for history in finished):
        raise DataError(f"{workspace.history(name)}: epochs are missing; run dvc repro")
    published = params.published.get(name)
    note = (
        f"Mean of {len(finished)} replicates on `{params.variant(name).dataset}`. "
        f"Published accuracy: {published.accuracy if published else 'none'}."
    )
    if diverged:
        note += f" Replicates that diverged: {diverged} of {total}."
    return RunSummary(
        title=name,
        seed=record.seeds[0],
        tags={"level": "variant", "mlflow.note.content": note},
        history=_mean_history(finished),
        metrics=_final_metrics(finished) | {"seconds": seconds, "diverged": diverged},
        diverged=not finished,
    )


def _of_replicate(
    record: TrainingRecord, number: int, history: History, seconds: float
) -> RunSummary:
    name, seed = record.variant, record.seeds[number]
    epoch = record.diverged.get(number)
    note = f"Replicate {number + 1} of `{name}`, seed {seed}."
    tags = {"level": "replicate", "seed": str(seed)}
    if epoch is not None:
        note += f" It diverged: its loss was not finite in epoch {epoch}."
        tags["diverged.epoch"] = str(epoch)
    return RunSummary(
        title=f"{name} seed {seed}",
        seed=seed,
        tags=tags | {"mlflow.note.content": note},
        history=history,
        metrics=(_final_metrics([history]) if epoch is None else {}) | {"seconds": seconds},
        diverged=epoch is not None,
    )


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
    """Means over the last epochs of the replicates; empty without replicates."""
    if not histories:
        return {}
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
