"""`mlflow server` on this machine, and links into its UI."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable

from rnnbench.core.workspace import Workspace
from rnnbench.params import Params
from rnnbench.serving.server import HOST, listen
from rnnbench.tracking.registry import NOTES
from rnnbench.tracking.store import CURRENT, find_experiment, open_store, store_uri

# The UI stores a view (filter, order and columns) in a tag of the experiment and restores it if the
# address names it in viewStateShareKey.
_VIEW = "rnnbench"
# By default the navigation is that for language models.
_QUERY = f"viewStateShareKey={_VIEW}&workflowType=machine_learning"
# Name and time, which the UI shows first.
_PINNED = ("attributes.`Run Name`", "runDateAndNestInfo")
# In pixels, so that the columns up to the last score fit on a screen of 1600.
_WIDTHS = dict(zip(_PINNED, (295, 120), strict=True))
_WIDTHS |= {
    "tags.`interval`": 155,
    "tags.`champion`": 85,
    "tags.`verdict`": 110,
    "tags.`group`": 70,
}
_PARAMS = ["parameters", "cell", "units", "recurrent_layers", "bidirectional", "encoding"]
_PARAMS += ["vocabulary_size"]
_CHARTS = ["val_accuracy", "val_loss", "accuracy", "loss"]
# The UI sorts the charts of a section by name unless it is marked as reordered.
_SECTION = {"uuid": "metrics", "name": "Model metrics", "display": True, "isReordered": True}
_SECTION |= {"columns": 2, "cardHeight": 480}


def run_ui(workspace: Workspace, params: Params, port: int, echo: Callable[[str], None]) -> None:
    """Print the links and become `mlflow server`.

    If MLFLOW_TRACKING_URI names a server, only prints the links, without credentials. Raises
    DataError if the port is in use or the store fails. One worker without job execution needs
    0.5 GB of memory instead of 2.6 GB.
    """
    uri = store_uri(workspace)
    remote = uri.startswith(("http://", "https://"))
    if not remote:
        # On a port that is in use, mlflow server exits with status 0.
        listen(port).close()
    address = f"http://{HOST}:{port}"
    if remote:
        scheme, _, rest = uri.rstrip("/").partition("://")
        # A browser asks for credentials itself.
        address = f"{scheme}://{rest.rpartition('@')[2]}"
    for line in links(workspace, params, address):
        echo(line)
    if remote:
        echo("MLFLOW_TRACKING_URI names a server; none is started")
        return
    command = [sys.executable, "-m", "mlflow", "server"]
    command += ["--host", HOST, "--port", str(port), "--workers", "1"]
    # A URI with a password would be an argument that all users of the machine can read.
    environment = os.environ | {"MLFLOW_BACKEND_STORE_URI": uri}
    environment |= {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    # The server replaces this process: signals reach it, and its exit status is the command's.
    os.execve(sys.executable, command, environment)  # noqa: S606


def links(workspace: Workspace, params: Params, server: str) -> list[str]:
    """For each corpus with current runs: links to their table and to their learning curves.

    Raises DataError if the store fails.
    """
    lines = []
    with open_store(workspace) as client:
        for corpus in params.corpora:
            experiment = find_experiment(client, workspace, corpus)
            number = experiment.experiment_id if experiment else None
            if number and (runs := client.search_runs([number], CURRENT)):
                # Numbers are ordered by loss, all other predictions by accuracy.
                view = _view(by_loss=runs[0].data.params["target"] == "number")
                client.set_experiment_tag(number, f"mlflow.sharedViewState.{_VIEW}", view)
                page = f"{server}/#/experiments/{number}/runs?{_QUERY}"
                lines += [
                    f"{corpus}, table: {page}",
                    f"{corpus}, curves: {page}&compareRunsMode=CHART",
                ]
    return lines or ["MLflow has no training yet; run dvc repro or rnnbench sync"]


def _view(by_loss: bool) -> str:
    """The view of the current runs, best variant first, in the JSON of the UI."""
    measure, other = ("loss", []) if by_loss else ("accuracy", ["eval_loss"])
    metrics = [f"eval_{measure}", *other, f"last_{measure}", f"curve_{measure}", "seconds"]
    columns = [f"tags.`{key}`" for key in NOTES]
    columns += [f"metrics.`{key}`" for key in metrics] + [f"params.`{key}`" for key in _PARAMS]
    view = {
        # Also those that are being trained.
        "searchFilter": "tags.current != 'false'",
        "orderByKey": f"metrics.`eval_{measure}`",
        "orderByAsc": by_loss,
        "selectedColumns": columns,
        # By default tags are the last columns.
        "columnOrder": [*_PINNED, *columns],
        "columnWidths": dict.fromkeys(columns, 105) | _WIDTHS,
        # By default the charts show only the first ten runs.
        "runsHiddenMode": "SHOW_ALL",
        "compareRunSections": [_SECTION],
        "compareRunCharts": [_line_chart(metric) for metric in _CHARTS],
    }
    return json.dumps(view)


def _line_chart(metric: str) -> dict[str, object]:
    """A chart of a metric by epoch; the UI adds those of the other metrics after it."""
    return {
        "type": "LINE",
        "uuid": metric,
        "metricKey": metric,
        "displayName": metric,
        "metricSectionId": _SECTION["uuid"],
        "isGenerated": True,
        "xAxisKey": "step",
        "lineSmoothness": 0,
        "range": {},
    }
