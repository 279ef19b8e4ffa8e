"""`mlflow server` on this machine, and links into its UI."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable

from rnnbench.core.workspace import Workspace
from rnnbench.params import Params
from rnnbench.serving.server import HOST, listen
from rnnbench.tracking.store import CURRENT, find_experiment, open_store, store_uri

# The UI stores a view (filter, order and columns) in a tag of the experiment and restores it if the
# address names it in viewStateShareKey.
_VIEW = "rnnbench"
_PARAMS = ["parameters", "cell", "units", "recurrent_layers", "bidirectional", "encoding"]


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
                page = f"{server}/#/experiments/{number}/runs"
                lines += [
                    f"{corpus}, table: {page}?viewStateShareKey={_VIEW}",
                    f"{corpus}, curves: {page}?compareRunsMode=CHART&viewStateShareKey={_VIEW}",
                ]
    return lines or ["MLflow has no training yet; run dvc repro or rnnbench sync"]


def _view(by_loss: bool) -> str:
    """The view of the current runs, best variant first, in the JSON of the UI."""
    measure, other = ("loss", []) if by_loss else ("accuracy", ["eval_loss"])
    metrics = [f"eval_{measure}", *other, f"last_{measure}", f"curve_{measure}", "seconds"]
    view = {
        # Also those that are being trained.
        "searchFilter": "tags.current != 'false'",
        "orderByKey": f"metrics.`eval_{measure}`",
        "orderByAsc": by_loss,
        "selectedColumns": [f"tags.`{key}`" for key in ("interval", "champion")]
        + [f"metrics.`{key}`" for key in metrics]
        + [f"params.`{key}`" for key in (*_PARAMS, "vocabulary_size")],
        # By default the charts show only the first ten runs.
        "runsHiddenMode": "SHOW_ALL",
    }
    return json.dumps(view)
