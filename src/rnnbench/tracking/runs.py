"""The runs of one training: a parent for the variant and a child for each replicate."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from rnnbench.core.workspace import Workspace
from rnnbench.evaluation.error_analysis import confident_misclassifications
from rnnbench.params import Params
from rnnbench.tracking.logged_model import log_model
from rnnbench.tracking.summary import RunSummary, TrainingSummary, read_summary
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

    The run of a replicate that diverged is FAILED, and the variant's run if all of them did.
    experiment: its id. key: identifies the training. current: the value of the tag "current".
    Raises DataError and what MLflow raises, after marking the runs that it created as FAILED.
    """
    name = record.variant
    training = read_summary(workspace, params, record, key)
    runs: dict[str, RunSummary] = {}

    def create(summary: RunSummary, **tags: str) -> str:
        run = client.create_run(
            experiment, training.begin, training.tags | summary.tags | tags, summary.title
        )
        runs[run.info.run_id] = summary
        _log_values(client, run.info.run_id, training, summary)
        return str(run.info.run_id)

    def terminate(status: str | None = None) -> None:
        for run_id, summary in reversed(runs.items()):
            own_status = "FAILED" if summary.diverged else "FINISHED"
            client.set_terminated(run_id, status or own_status, training.end)

    try:
        parent = create(training.variant)
        client.log_artifact(parent, str(workspace.history(name)))
        if not training.variant.diverged:
            _log_misclassifications(client, parent, workspace, params, name)
        for number, replicate in enumerate(training.replicates):
            child = create(replicate, **{"mlflow.parentRunId": parent})
            if not replicate.diverged:
                log_model(child, workspace, params, name, number)
        terminate()
        # Only a training with this tag is complete, so it comes last.
        client.set_tag(parent, "current", str(current).lower())
    except BaseException:
        # The cause may be the store itself; its error is the one to report.
        with contextlib.suppress(Exception):
            terminate("FAILED")
        raise


def _log_values(client: Any, run_id: str, training: TrainingSummary, run: RunSummary) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param

    parameters = training.parameters | {"seed": run.seed}
    client.log_batch(run_id, params=[Param(key, str(value)) for key, value in parameters.items()])
    metrics = [
        Metric(metric, value, training.end, epoch)
        for epoch, values in run.history.items()
        for metric, value in values.items()
    ]
    metrics += [Metric(metric, value, training.end, 0) for metric, value in run.metrics.items()]
    for first in range(0, len(metrics), _MAX_METRICS):
        client.log_batch(run_id, metrics=metrics[first : first + _MAX_METRICS])
    tags = {"dvc.path": f"data/prepared/{training.dataset}", "dvc.md5": training.data_md5}
    dataset = Dataset(training.dataset, training.data_md5[:32], "code", json.dumps({"tags": tags}))
    context = InputTag("mlflow.data.context", "training")
    client.log_inputs(run_id, [DatasetInput(dataset, [context])])


def _log_misclassifications(
    client: Any, run_id: str, workspace: Workspace, params: Params, name: str
) -> None:
    rows = confident_misclassifications(workspace, params, name)
    if len(rows):
        text = rows.to_csv(index=False)
        client.log_text(run_id, text, "confident_misclassifications.csv")
