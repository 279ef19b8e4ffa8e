"""What MLflow shows of a training: read from the files of the workspace."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import pandas as pd
import yaml

from rnnbench.core.workspace import Workspace
from rnnbench.data.format import read_meta, read_targets
from rnnbench.data.scoring import correct, losses
from rnnbench.evaluation.metrics import mean_scores
from rnnbench.params import Params
from rnnbench.report.outputs import read_csv
from rnnbench.tracking.colours import COLOUR, colour
from rnnbench.training.outputs import (
    METRICS,
    TrainingRecord,
    read_cost,
    read_evaluated,
    read_history,
)


@dataclass(frozen=True)
class Run:
    """What the run of a variant or of one replicate holds.

    replicate: counted from 0; None for the variant.
    begin, end: Unix time in milliseconds.
    scores: metric -> value, of the whole training.
    epochs: epoch, counted from 1 -> metric -> value.
    failed: whether the replicate, or every replicate of the variant, diverged.
    """

    replicate: int | None
    title: str
    begin: int
    end: int
    tags: dict[str, str]
    parameters: dict[str, Any]
    scores: dict[str, float]
    epochs: dict[int, dict[str, float]]
    failed: bool


def read_runs(workspace: Workspace, params: Params, record: TrainingRecord, key: str) -> list[Run]:
    """The run of the variant, then those of its replicates."""
    name, seeds, diverged = record.variant, record.seeds, record.diverged
    cost = read_cost(workspace, name)
    # The time of the file, so that a training that is logged late has its own time.
    end = int(workspace.cost(name).stat().st_mtime * 1000)
    begin = end - int(cost.seconds * 1000)
    parameters = _parameters(workspace, params, record)

    def run(
        replicate: int | None, seed: int, rows: pd.DataFrame, note: str, metrics: dict[str, float]
    ) -> Run:
        failed = set(rows["replicate"]) <= set(diverged)
        if not failed:
            metrics |= _means(scores[scores.index.isin(rows["replicate"])])
        tags = tags_of(workspace, params, name, replicate, seed)
        tags |= {"dvc.key": key, "mlflow.note.content": note}
        if replicate in diverged:
            tags["diverged.epoch"] = str(diverged[replicate])
        epochs: Any = rows.groupby("epoch")[list(METRICS)].mean().to_dict("index")
        scalars = parameters | {"seed": seed}
        run_title = title(name, replicate, seed)
        return Run(replicate, run_title, begin, end, tags, scalars, metrics, epochs, failed)

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
    metrics = {"seconds": cost.seconds, "diverged": float(len(diverged))}
    runs = [run(None, seeds[0], finished, note, metrics)]
    for replicate, seed in enumerate(seeds):
        split = record.splits[replicate]
        note = f"Replicate {replicate + 1} of `{name}`, seed {seed}, split {split}."
        if epoch := diverged.get(replicate):
            note += f" It diverged: its loss was not finite in epoch {epoch}."
        of_one = rows[rows["replicate"] == replicate]
        metrics = {"seconds": cost.seconds_per_replicate}
        runs.append(run(replicate, seed, of_one, note, metrics))
    return runs


def title(name: str, replicate: int | None, seed: int) -> str:
    """The name of the run of a replicate, counted from 0, or of the variant."""
    return name if replicate is None else f"{name} seed {seed}"


def tags_of(
    workspace: Workspace, params: Params, name: str, replicate: int | None, seed: int
) -> dict[str, str]:
    """What is known before the training of a replicate, counted from 0, or of the variant."""
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
        COLOUR: colour(params, name),
        "level": "variant",
    }
    if replicate is not None:
        tags |= {"level": "replicate", "seed": str(seed)}
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

    eval_accuracy, eval_loss: on the evaluation samples, with the weights of the chosen
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
        kinds = {"eval": found.prediction}
        # The charts of MLflow show the first metrics only.
        if (measure == "loss") == (meta.target == "number"):
            kinds["last"] = found.last
            columns[f"curve_{measure}"] = by_replicate[f"val_{measure}"].mean()
        for kind, prediction in kinds.items():
            values = [score(meta, p, y).mean() for p, y in zip(prediction, found.y, strict=True)]
            columns[f"{kind}_{measure}"] = pd.Series(values, record.finished, float)
    return pd.DataFrame(columns)


def _means(scores: pd.DataFrame) -> dict[str, float]:
    """The means of the replicates' scores, with four digits."""
    metrics = mean_scores(scores)
    del metrics["split"]
    # MLflow shows all digits.
    return {name: float(f"{value:.4g}") for name, value in metrics.items()}
