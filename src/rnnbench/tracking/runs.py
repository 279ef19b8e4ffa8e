"""The runs of one training: a parent for the variant and a child for each replicate."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass
from typing import Any

import pandas as pd
import yaml

from rnnbench.core.workspace import Workspace
from rnnbench.data.format import read_meta, read_targets
from rnnbench.data.scoring import correct, losses
from rnnbench.evaluation.error_analysis import confident_misclassifications
from rnnbench.evaluation.metrics import mean_scores
from rnnbench.params import Params
from rnnbench.report.outputs import read_csv
from rnnbench.tracking.logged_model import log_model
from rnnbench.training.outputs import (
    METRICS,
    TrainingRecord,
    read_cost,
    read_evaluated,
    read_history,
)


@dataclass(frozen=True)
class _Run:
    """What the run of a variant or of one replicate holds.

    begin, end: Unix time in milliseconds.
    metrics: epoch, counted from 1 -> metric -> value; epoch 0 has those of the whole training.
    failed: whether the replicate, or every replicate of the variant, diverged.
    """

    title: str
    begin: int
    end: int
    tags: dict[str, str]
    parameters: dict[str, Any]
    metrics: dict[Any, dict[Any, float]]
    failed: bool


def log_training(
    client: Any,
    workspace: Workspace,
    params: Params,
    record: TrainingRecord,
    experiment: str,
    key: str,
    current: bool,
) -> None:
    """Log the finished training that `record` describes from the files of the workspace.

    experiment: its id. key: identifies the training. current: the value of the tag "current".
    Raises DataError and what MLflow raises, after marking the runs that it created as FAILED.
    """
    name = record.variant
    runs = _read_runs(workspace, params, record, key)
    created: list[str] = []
    try:
        for run in runs:
            nested = {"mlflow.parentRunId": created[0]} if created else {}
            entity = client.create_run(experiment, run.begin, run.tags | nested, run.title)
            created.append(entity.info.run_id)
            _log_values(client, created[-1], run)
        parent, *children = created
        client.log_artifact(parent, str(workspace.history(name)))
        rows = confident_misclassifications(workspace, params, name)
        if len(rows):
            text = rows.to_csv(index=False)
            client.log_text(parent, text, "confident_misclassifications.csv")
        for replicate, child in enumerate(children):
            if not runs[replicate + 1].failed:
                log_model(child, workspace, params, name, replicate)
        for run_id, run in zip(created, runs, strict=True):
            client.set_terminated(run_id, "FAILED" if run.failed else "FINISHED", run.end)
        # Only a training with this tag is complete, so it comes last.
        client.set_tag(parent, "current", str(current).lower())
    except BaseException:
        # The cause may be the store itself; its error is the one to report.
        with contextlib.suppress(Exception):
            for run_id in created:
                client.set_terminated(run_id, "FAILED")
        raise


def _log_values(client: Any, run_id: str, run: _Run) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param

    metrics = [
        Metric(metric, value, run.end, epoch)
        for epoch, values in run.metrics.items()
        for metric, value in values.items()
    ]
    parameters = [Param(key, str(value)) for key, value in run.parameters.items()]
    client.log_batch(run_id, metrics, parameters)
    dataset, md5 = run.parameters["dataset"], run.tags["dvc.data_md5"]
    source = {"tags": {"dvc.path": f"data/prepared/{dataset}", "dvc.md5": md5}}
    entity = Dataset(dataset, md5[:32], "code", json.dumps(source))
    client.log_inputs(run_id, [DatasetInput(entity, [InputTag("mlflow.data.context", "training")])])


def _read_runs(
    workspace: Workspace, params: Params, record: TrainingRecord, key: str
) -> list[_Run]:
    """The run of the variant, then those of its replicates."""
    name, seeds, diverged = record.variant, record.seeds, record.diverged
    cost = read_cost(workspace, name)
    # The time of the file, so that a training that is logged late has its own time.
    end = int(workspace.cost(name).stat().st_mtime * 1000)
    begin = end - int(cost.seconds * 1000)
    tags = _tags(workspace, params, name) | {"dvc.key": key}
    parameters = _parameters(workspace, params, record)

    def run(
        title: str, seed: int, rows: pd.DataFrame, extra: dict[str, str], **metrics: float
    ) -> _Run:
        failed = set(rows["replicate"]) <= set(diverged)
        metrics |= {} if failed else _means(scores[scores.index.isin(rows["replicate"])])
        series: dict[Any, Any] = {0: metrics}
        series |= rows.groupby("epoch")[list(METRICS)].mean().to_dict("index")
        scalars = parameters | {"seed": seed}
        return _Run(title, begin, end, tags | extra, scalars, series, failed)

    finished = read_history(workspace, name, record)
    types = {"replicate": int, "epoch": int} | dict.fromkeys(METRICS, float)
    rows = read_csv(workspace.history(name), usecols=list(types), dtype=types, na_filter=False)
    scores = _scores(workspace, params, record, finished)
    count = len(record.finished)
    published = params.published.get(name)
    note = (
        f"Mean of {count} replicates on `{params.variant(name).dataset}`. "
        f"Published accuracy: {published.accuracy if published else 'none'}."
    )
    if diverged:
        note += f" Replicates that diverged: {len(diverged)} of {len(seeds)}."
    extra = {"level": "variant", "mlflow.note.content": note}
    metrics = {"seconds": cost.seconds, "diverged": len(diverged)}
    runs = [run(name, seeds[0], finished, extra, **metrics)]
    for replicate, seed in enumerate(seeds):
        split = record.splits[replicate]
        note = f"Replicate {replicate + 1} of `{name}`, seed {seed}, split {split}."
        extra = {"level": "replicate", "seed": str(seed)}
        if epoch := diverged.get(replicate):
            extra["diverged.epoch"] = str(epoch)
            note += f" It diverged: its loss was not finite in epoch {epoch}."
        extra["mlflow.note.content"] = note
        of_one = rows[rows["replicate"] == replicate]
        title = f"{name} seed {seed}"
        runs.append(run(title, seed, of_one, extra, seconds=cost.seconds_per_replicate))
    return runs


def _tags(workspace: Workspace, params: Params, name: str) -> dict[str, str]:
    from mlflow.utils.git_utils import get_git_commit

    try:
        lock = yaml.safe_load((workspace.root / "dvc.lock").read_text(encoding="utf-8"))
        stage = lock["stages"][f"preprocess@{params.variant(name).dataset}"]
        md5 = str(stage["outs"][0]["md5"])
    except (OSError, KeyError, TypeError, IndexError, yaml.YAMLError):
        md5 = "unknown"
    tags = {
        "variant": name,
        "dvc.stage": f"train@{name}",
        "dvc.data_md5": md5,
        "mlflow.source.name": f"dvc.yaml:train@{name}",
        "mlflow.source.git.commit": get_git_commit(str(workspace.root)) or "unknown",
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


def _scores(
    workspace: Workspace, params: Params, record: TrainingRecord, history: pd.DataFrame
) -> pd.DataFrame:
    """The split and the scores of each finished replicate, by its number.

    evaluation_accuracy, evaluation_loss: on the evaluation samples, with the weights of the chosen
    epoch. By what variants are ranked by, the loss of numbers or the accuracy, also: last_*, the
    same after the last epoch, and curve_*, the mean over all epochs.
    """
    name = record.variant
    folder = workspace.prepared(params.variant(name).dataset)
    meta = read_meta(folder)
    found = read_evaluated(workspace, name, meta, read_targets(folder), record)
    by_replicate = history.groupby("replicate")
    splits = [record.splits[replicate] for replicate in record.finished]
    columns = {"split": pd.Series(splits, record.finished, int)}
    for measure, score in (("accuracy", correct), ("loss", losses)):
        kinds = {"evaluation": found.prediction}
        # The charts of MLflow show the first metrics only.
        if (measure == "loss") == (meta.target == "number"):
            kinds["last"] = found.last
            columns[f"curve_{measure}"] = by_replicate[f"val_{measure}"].mean()
        for kind, prediction in kinds.items():
            values = [score(meta, p, y).mean() for p, y in zip(prediction, found.y, strict=True)]
            columns[f"{kind}_{measure}"] = pd.Series(values, record.finished, float)
    return pd.DataFrame(columns)


def _means(scores: pd.DataFrame) -> dict[str, float]:
    """The means of the replicates' scores."""
    metrics = mean_scores(scores)
    del metrics["split"]
    return metrics
