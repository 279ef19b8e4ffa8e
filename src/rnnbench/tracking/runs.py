"""The runs of one training: a parent for the variant and a child for each replicate."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from rnnbench.core.workspace import Workspace
from rnnbench.evaluation.error_analysis import confident_misclassifications
from rnnbench.params import Params
from rnnbench.tracking.logged_model import log_model
from rnnbench.tracking.summary import RunSummary, read_runs
from rnnbench.training.outputs import TrainingRecord

# MLflow's limit for one request.
_MAX_METRICS = 1000


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
    variant, *replicates = read_runs(workspace, params, record, key)
    created: dict[str, RunSummary] = {}
    try:
        parent = _create(client, experiment, variant, created)
        client.log_artifact(parent, str(workspace.history(name)))
        if not variant.failed:
            rows = confident_misclassifications(workspace, params, name)
            if len(rows):
                text = rows.to_csv(index=False)
                client.log_text(parent, text, "confident_misclassifications.csv")
        for number, replicate in enumerate(replicates):
            replicate.tags["mlflow.parentRunId"] = parent
            child = _create(client, experiment, replicate, created)
            if not replicate.failed:
                log_model(child, workspace, params, name, number)
        for run_id, run in reversed(created.items()):
            client.set_terminated(run_id, "FAILED" if run.failed else "FINISHED", run.end)
        # Only a training with this tag is complete, so it comes last.
        client.set_tag(parent, "current", str(current).lower())
    except BaseException:
        # The cause may be the store itself; its error is the one to report.
        with contextlib.suppress(Exception):
            for run_id, run in created.items():
                client.set_terminated(run_id, "FAILED", run.end)
        raise


def _create(client: Any, experiment: str, run: RunSummary, created: dict[str, RunSummary]) -> str:
    from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param

    run_id = str(client.create_run(experiment, run.begin, run.tags, run.title).info.run_id)
    created[run_id] = run
    params = [Param(key, str(value)) for key, value in run.parameters.items()]
    client.log_batch(run_id, params=params)
    series = [(0, run.metrics), *run.history.items()]
    metrics = [
        Metric(metric, value, run.end, epoch)
        for epoch, values in series
        for metric, value in values.items()
    ]
    for first in range(0, len(metrics), _MAX_METRICS):
        client.log_batch(run_id, metrics=metrics[first : first + _MAX_METRICS])
    dataset, md5 = run.parameters["dataset"], run.tags["dvc.data_md5"]
    source = {"tags": {"dvc.path": f"data/prepared/{dataset}", "dvc.md5": md5}}
    entity = Dataset(dataset, md5[:32], "code", json.dumps(source))
    client.log_inputs(run_id, [DatasetInput(entity, [InputTag("mlflow.data.context", "training")])])
    return run_id
