"""The runs of one training: a parent for the variant and a child for each replicate."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from typing import Any

from rnnbench.core.workspace import Workspace
from rnnbench.evaluation.error_analysis import confident_misclassifications
from rnnbench.params import Params
from rnnbench.tracking.contents import Run, read_runs, tags_of, title
from rnnbench.tracking.logged_model import log_model
from rnnbench.tracking.verification import tag_files
from rnnbench.training.outputs import METRICS, TrainingRecord

# The tag of runs that the UI shows: of a variant, whether it belongs to the files in the workspace.
CURRENT_TAG = "current"
# Its value while the variant is being trained; its replicates have it too.
RUNNING = "running"
# MLflow's limits.
_MAX_METRICS, _MAX_PARAMETER = 1000, 6000


def begin_run(
    client: Any,
    experiment: str,
    workspace: Workspace,
    params: Params,
    name: str,
    replicate: int | None,
    tags: dict[str, str],
) -> str:
    """Create the run of a training that has just begun; returns its id.

    replicate: counted from 0; None for the run of the variant. tags: further ones.
    """
    seed = params.run.seed + (replicate or 0)
    tags = tags_of(workspace, params, name, replicate, seed) | {CURRENT_TAG: RUNNING} | tags
    run = client.create_run(experiment, tags=tags, run_name=title(name, replicate, seed))
    settings = params.variant(name)
    parameters = {"dataset": settings.dataset, "model": settings.model, **settings.architecture}
    _log_parameters(client, run.info.run_id, parameters | {"seed": seed})
    return str(run.info.run_id)


def log_epochs(
    client: Any, run_id: str, epochs: Mapping[int, Mapping[str, float]], time: int | None = None
) -> None:
    """Log metrics by epoch. time: Unix time in milliseconds, by default now."""
    from mlflow.entities import Metric
    from mlflow.utils.time import get_current_time_millis

    time = time or get_current_time_millis()
    metrics = [
        Metric(metric, value, time, epoch)
        for epoch, values in epochs.items()
        for metric, value in values.items()
    ]
    for begin in range(0, len(metrics), _MAX_METRICS):
        client.log_batch(run_id, metrics[begin : begin + _MAX_METRICS])


def log_training(
    client: Any,
    workspace: Workspace,
    params: Params,
    record: TrainingRecord,
    experiment: str,
    key: str,
    current: bool,
    live: Mapping[int | None, str],
) -> None:
    """Log the finished training that `record` describes from the files of the workspace.

    experiment: its id. key: identifies the training. current: the value of the tag "current". live:
    the ids of runs to complete, by replicate; the others are created.
    Raises DataError and what MLflow raises, after marking the runs as FAILED or KILLED.
    """
    name = record.variant
    runs = read_runs(workspace, params, record, key)
    ids: dict[int | None, str] = {}
    try:
        for run in runs:
            nested = {"mlflow.parentRunId": ids[None]} if ids else {}
            if run.replicate not in live:
                entity = client.create_run(experiment, run.begin, run.tags | nested, run.title)
            ids[run.replicate] = live.get(run.replicate) or entity.info.run_id
            _log_values(client, ids[run.replicate], run, run.replicate in live)
        client.log_artifact(ids[None], str(workspace.history(name)))
        rows = confident_misclassifications(workspace, params, name)
        if len(rows):
            text = rows.to_csv(index=False)
            client.log_text(ids[None], text, "confident_misclassifications.csv")
        for replicate in record.finished:
            log_model(ids[replicate], workspace, params, name, replicate)
            tag_files(client, ids[replicate])
        for run in runs:
            status = "FAILED" if run.failed else "FINISHED"
            client.set_terminated(ids[run.replicate], status, run.end)
            if run.replicate in live and run.replicate is not None:
                client.delete_tag(ids[run.replicate], CURRENT_TAG)
        # Only a training with one of these values is complete, so it comes last.
        client.set_tag(ids[None], CURRENT_TAG, str(current).lower())
    except BaseException as error:
        status = "FAILED" if isinstance(error, Exception) else "KILLED"
        # The cause may be the store itself; its error is the one to report.
        with contextlib.suppress(Exception):
            for run_id in ids.values():
                end_run(client, run_id, status)
        raise


def end_run(client: Any, run_id: str, status: str) -> None:
    """End a run that is not complete; a training that is resumed goes on with it."""
    client.set_terminated(run_id, status)
    if CURRENT_TAG in client.get_run(run_id).data.tags:
        client.delete_tag(run_id, CURRENT_TAG)


def _log_values(client: Any, run_id: str, run: Run, live: bool) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag, RunTag

    epochs = run.epochs
    if live:
        client.log_batch(run_id, tags=[RunTag(key, value) for key, value in run.tags.items()])
        known = {metric.step for metric in client.get_metric_history(run_id, METRICS[0])}
        epochs = {epoch: values for epoch, values in epochs.items() if epoch not in known}
    log_epochs(client, run_id, {0: run.scores, **epochs}, run.end)
    _log_parameters(client, run_id, run.parameters)
    dataset, md5 = run.parameters["dataset"], run.tags["dvc.data_md5"]
    source = {"tags": {"dvc.path": f"data/prepared/{dataset}", "dvc.md5": md5}}
    entity = Dataset(dataset, md5[:32], "code", json.dumps(source))
    client.log_inputs(run_id, [DatasetInput(entity, [InputTag("mlflow.data.context", "training")])])


def _log_parameters(client: Any, run_id: str, parameters: dict[str, Any]) -> None:
    from mlflow.entities import Param

    values = [Param(key, str(value)[:_MAX_PARAMETER]) for key, value in parameters.items()]
    client.log_batch(run_id, params=values)
