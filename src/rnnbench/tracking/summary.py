"""A finished training as its MLflow runs show it, read from the files of the workspace."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from rnnbench.core.errors import DataError
from rnnbench.core.workspace import Workspace
from rnnbench.data.format import read_meta
from rnnbench.params import Params
from rnnbench.training.outputs import METRICS, TrainingRecord, read_cost


@dataclass(frozen=True)
class RunSummary:
    """What the run of a variant or of one replicate holds.

    begin, end: milliseconds since the epoch.
    history: epoch, counted from 1 -> metric -> value.
    metrics: values of the whole training, in addition to the history.
    failed: whether the replicate, or every replicate of the variant, diverged.
    """

    title: str
    begin: int
    end: int
    tags: dict[str, str]
    parameters: dict[str, Any]
    history: dict[Any, dict[Any, float]]
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
        rows: pd.DataFrame,
        metrics: dict[str, float],
        failed: bool,
    ) -> RunSummary:
        history = rows.groupby("epoch")[list(METRICS)].mean().to_dict("index")
        metrics |= {} if failed else _final_metrics(rows)
        scalars = parameters | {"seed": seed}
        return RunSummary(title, begin, end, tags | marks, scalars, history, metrics, failed)

    rows = _read_history(workspace.history(name))
    finished = rows[~rows["replicate"].isin(list(diverged))]
    replicates = finished.groupby("epoch").size()
    if len(diverged) < len(seeds) and set(replicates) != {len(seeds) - len(diverged)}:
        raise DataError(f"{workspace.history(name)}: epochs are missing; run dvc repro")
    marks = {"level": "variant", "mlflow.note.content": _variant_note(params, record)}
    metrics = {"seconds": cost.seconds, "diverged": len(diverged)}
    runs = [run(name, seeds[0], marks, finished, metrics, failed=len(diverged) == len(seeds))]
    for replicate, seed in enumerate(seeds):
        note = f"Replicate {replicate + 1} of `{name}`, seed {seed}."
        marks = {"level": "replicate", "seed": str(seed)}
        if failed := replicate in diverged:
            marks["diverged.epoch"] = str(diverged[replicate])
            note += f" It diverged: its loss was not finite in epoch {diverged[replicate]}."
        marks["mlflow.note.content"] = note
        metrics = {"seconds": cost.seconds_per_replicate}
        of_one = rows[rows["replicate"] == replicate]
        runs.append(run(f"{name} seed {seed}", seed, marks, of_one, metrics, failed))
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


def _final_metrics(rows: pd.DataFrame) -> dict[str, float]:
    """Means over the last epochs of the replicates; the standard deviation if there are several."""
    finals = rows.groupby("replicate").last()
    metrics = {
        "evaluation_accuracy": float(finals["val_accuracy"].mean()),
        "evaluation_loss": float(finals["val_loss"].mean()),
    }
    if len(finals) > 1:
        metrics["evaluation_accuracy_sd"] = float(finals["val_accuracy"].std())
    return metrics


def _read_history(path: Path) -> pd.DataFrame:
    """One row per replicate and epoch; raises DataError if the file is missing or damaged."""
    types = {"replicate": int, "epoch": int} | dict.fromkeys(METRICS, float)
    try:
        return pd.read_csv(path, usecols=list(types), dtype=types, na_filter=False)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not a readable history ({error}); run dvc repro") from error


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
