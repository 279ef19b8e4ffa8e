"""The runs of one training: a parent for the variant, a child for each replicate."""

from __future__ import annotations

import contextlib
import csv
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from rnnbench import models
from rnnbench.core.errors import DataError
from rnnbench.core.workspace import Workspace
from rnnbench.data.format import read_meta
from rnnbench.evaluation.error_analysis import confident_misclassifications
from rnnbench.params import Params
from rnnbench.tracking.logged_model import log_model
from rnnbench.tracking.store import inside
from rnnbench.training.outputs import METRICS, TrainingRecord, read_cost

# MLflow takes this many metrics in one request.
_BATCH = 1000

History = dict[int, dict[str, float]]


def log_variant(
    client: Any,
    workspace: Workspace,
    params: Params,
    facts: TrainingRecord,
    experiment: str,
    key: str,
    current: bool,
) -> None:
    """Log the finished training that `facts` tell of, read from the files of the workspace.

    The run of a replicate that diverged is FAILED, and the variant's run if all of them have.
    current: whether they are the files of the project itself. Raises DataError, and what MLflow
    raises; the runs that it had opened are then marked FAILED.
    """
    name, diverged = facts.variant, facts.diverged
    settings = params.variant(name)
    histories = _read_histories(workspace.history(name))
    cost = read_cost(workspace, name)
    data_md5 = _data_md5(workspace, settings.dataset)
    # The files' own time, so that a training logged late still tells when it ran.
    end = int(workspace.cost(name).stat().st_mtime * 1000)
    tags = {
        "variant": name,
        "dvc.stage": f"train@{name}",
        "dvc.key": key,
        "dvc.data_md5": data_md5,
        "mlflow.source.name": f"dvc.yaml:train@{name}",
        "mlflow.source.git.commit": _commit(workspace),
    }
    # DVC names the experiment that `dvc exp run` or its queue is running.
    if experiment_name := os.environ.get("DVC_EXP_NAME"):
        tags["dvc.exp"] = experiment_name
    scalars = _parameters(workspace, params, name) | {
        "parameters": facts.parameters,
        "replicates": len(facts.seeds),
        "seed": facts.seeds[0],
    }
    log = _Runs(client, experiment, end - int(cost.seconds * 1000), end, tags, scalars)
    lasting = [replicate for replicate in range(len(facts.seeds)) if replicate not in diverged]
    finished = [histories.get(replicate, {}) for replicate in lasting]
    if any(not history or history.keys() != finished[0].keys() for history in finished):
        raise DataError(f"{workspace.history(name)}: lacks epochs; run dvc repro")
    figure = params.published.get(name)
    published = f"accuracy {figure.accuracy}" if figure else "no figure"
    note = f"Mean of {len(finished)} replicates on `{settings.dataset}`. Published: {published}."
    if diverged:
        note += f" Replicates that diverged: {len(diverged)} of {len(facts.seeds)}."
    try:
        totals = _totals(finished) | {"seconds": cost.seconds, "diverged": len(diverged)}
        marks = {"level": "variant", "mlflow.note.content": note}
        parent = log.open(name, marks, _mean_history(finished), totals, failed=not finished)
        _log_dataset(parent, workspace, settings.dataset, data_md5)
        client.log_artifact(parent, str(workspace.history(name)))
        if finished and len(mistakes := confident_misclassifications(workspace, params, name)):
            client.log_text(
                parent, mistakes.to_csv(index=False), "confident_misclassifications.csv"
            )
        for replicate, seed in enumerate(facts.seeds):
            note = f"Replicate {replicate + 1} of `{name}`, seed {seed}."
            marks = {"level": "replicate", "mlflow.parentRunId": parent, "seed": str(seed)}
            log.scalars["seed"] = seed
            history = histories.get(replicate, {})
            totals = {"seconds": cost.seconds_per_replicate}
            if failed := replicate in diverged:
                marks["diverged.epoch"] = str(diverged[replicate])
                note += f" It diverged: its loss was no number in epoch {diverged[replicate]}."
            else:
                totals |= _totals([history])
            marks["mlflow.note.content"] = note
            child = log.open(f"{name} seed {seed}", marks, history, totals, failed)
            _log_dataset(child, workspace, settings.dataset, data_md5)
            if not failed:
                log_model(child, workspace, params, name, replicate)
        log.close()
        # The variant counts as logged only now that everything below it is.
        client.set_tag(parent, "current", str(current).lower())
    except BaseException:
        # What broke may be the store itself; the first error is the one to tell.
        with contextlib.suppress(Exception):
            log.close(failed=True)
        raise


@dataclass
class _Runs:
    """Opens runs of one training, and closes them all."""

    client: Any
    experiment: str
    begin: int
    end: int
    tags: dict[str, str]
    scalars: dict[str, Any]
    opened: dict[str, bool] = field(default_factory=dict)

    def open(
        self,
        title: str,
        marks: dict[str, str],
        history: History,
        totals: dict[str, float],
        failed: bool,
    ) -> str:
        from mlflow.entities import Metric, Param

        run = self.client.create_run(self.experiment, self.begin, self.tags | marks, title)
        run_id = str(run.info.run_id)
        self.opened[run_id] = failed
        series = [
            Metric(metric, value, self.end, epoch)
            for epoch, values in history.items()
            for metric, value in values.items()
        ]
        series += [Metric(metric, value, self.end, 0) for metric, value in totals.items()]
        parameters = [Param(key, str(value)) for key, value in self.scalars.items()]
        self.client.log_batch(run_id, params=parameters)
        for first in range(0, len(series), _BATCH):
            self.client.log_batch(run_id, metrics=series[first : first + _BATCH])
        return run_id

    def close(self, failed: bool = False) -> None:
        for run_id, own in reversed(self.opened.items()):
            status = "FAILED" if failed or own else "FINISHED"
            self.client.set_terminated(run_id, status, self.end)


def _parameters(workspace: Workspace, params: Params, name: str) -> dict[str, Any]:
    settings = params.variant(name)
    meta = read_meta(workspace.prepared(settings.dataset))
    return {
        "dataset": settings.dataset,
        "encoding": meta.encoding,
        "target": meta.target,
        "vocabulary_size": meta.vocabulary_size,
        "length": meta.shape[0] or "whole",
        "model": settings.model,
        **models.load(settings.model).describe(settings),
    }


def _totals(histories: list[History]) -> dict[str, float]:
    """Means of what the last epochs gave; nothing of no history."""
    if not histories:
        return {}
    finals = [history[max(history)] for history in histories]
    accuracies = [final["val_accuracy"] for final in finals]
    totals = {
        "evaluation_accuracy": float(np.mean(accuracies)),
        "evaluation_loss": float(np.mean([final["val_loss"] for final in finals])),
    }
    if len(finals) > 1:
        totals["evaluation_accuracy_sd"] = float(np.std(accuracies, ddof=1))
    return totals


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


def _mean_history(histories: list[History]) -> History:
    return {
        epoch: {
            metric: float(np.mean([history[epoch][metric] for history in histories]))
            for metric in METRICS
        }
        for epoch in (histories[0] if histories else ())
    }


def _log_dataset(run_id: str, workspace: Workspace, dataset: str, md5: str) -> None:
    import mlflow
    from mlflow.data.code_dataset_source import CodeDatasetSource
    from mlflow.data.meta_dataset import MetaDataset

    path = workspace.prepared(dataset).relative_to(workspace.root).as_posix()
    source = CodeDatasetSource({"dvc.path": path, "dvc.md5": md5})
    with inside(run_id):
        mlflow.log_input(MetaDataset(source, dataset, md5[:32]), context="training")


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
