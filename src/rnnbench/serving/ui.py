"""`mlflow server` on this machine, and links into its UI."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from rnnbench.core.errors import DataError
from rnnbench.core.workspace import Workspace
from rnnbench.params import Params
from rnnbench.serving.server import HOST, listen
from rnnbench.tracking.store import (
    CURRENT,
    VARIANT_LEVEL,
    find_experiment,
    reachable_store,
    store_uri,
)

# The UI stores a view (filter, order and columns) in a tag of the experiment and restores it if the
# address names it in viewStateShareKey.
_VIEW = "rnnbench"
_TAG = f"mlflow.sharedViewState.{_VIEW}"
_METRICS = ("evaluation_accuracy", "evaluation_accuracy_sd", "evaluation_loss", "seconds")
_PARAMS = (
    *("parameters", "cell", "units", "recurrent_layers", "bidirectional", "encoding"),
    "vocabulary_size",
)


def run_ui(workspace: Workspace, params: Params, port: int, echo: Callable[[str], None]) -> None:
    """Print the links and run `mlflow server` until it is interrupted.

    If MLFLOW_TRACKING_URI names a server, only prints the links. Raises DataError if the port is
    taken, or if the store or the server fails. One worker without job execution needs 0.5 GB of
    memory instead of 2.6 GB.
    """
    uri = store_uri(workspace)
    remote = uri.startswith(("http://", "https://"))
    if not remote:
        # On a port that is taken, mlflow server exits with status 0.
        listen(port).close()
    for line in links(workspace, params, uri.rstrip("/") if remote else f"http://{HOST}:{port}"):
        echo(line)
    if remote:
        echo("MLFLOW_TRACKING_URI names a server; none is started")
        return
    command = [sys.executable, "-m", "mlflow", "server"]
    command += ["--backend-store-uri", uri]
    command += ["--host", HOST, "--port", str(port), "--workers", "1"]
    environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with subprocess.Popen(command, env=environment) as server:
        signal.signal(signal.SIGTERM, lambda *_: server.terminate())
        try:
            status = server.wait()
        except KeyboardInterrupt:
            server.terminate()
            echo("stopped")
            return
    if status > 0:
        raise DataError(f"mlflow server exited with status {status}")


def links(workspace: Workspace, params: Params, server: str) -> list[str]:
    """For each corpus with current runs: links to their table and to their learning curves.

    Raises DataError if the store fails.
    """
    lines = []
    with reachable_store(workspace) as client:
        for corpus in params.corpora:
            experiment = find_experiment(client, corpus)
            if experiment is None:
                continue
            runs = client.search_runs([experiment.experiment_id], CURRENT, max_results=1)
            if runs:
                _share_view(client, experiment, runs[0].data.params.get("target"))
                page = f"{server}/#/experiments/{experiment.experiment_id}/runs"
                lines += [
                    f"{corpus}, table: {page}?viewStateShareKey={_VIEW}",
                    f"{corpus}, curves: {page}?compareRunsMode=CHART&viewStateShareKey={_VIEW}",
                ]
    return lines or ["MLflow has no training yet; run dvc repro or rnnbench sync"]


def _share_view(client: Any, experiment: Any, target: str | None) -> None:
    """Store the view in an experiment unless it has it: best variant first.

    target: of the experiment's datasets; numbers are ordered by loss, all others by accuracy.
    """
    numbers = target == "number"
    view = {
        "searchFilter": f"{CURRENT} and {VARIANT_LEVEL}",
        "orderByKey": f"metrics.`evaluation_{'loss' if numbers else 'accuracy'}`",
        "orderByAsc": numbers,
        "selectedColumns": [f"metrics.`{key}`" for key in _METRICS]
        + [f"params.`{key}`" for key in _PARAMS],
        # By default the charts show only the first ten runs.
        "runsHiddenMode": "SHOW_ALL",
    }
    text = json.dumps(view)
    if experiment.tags.get(_TAG) != text:
        client.set_experiment_tag(experiment.experiment_id, _TAG, text)
