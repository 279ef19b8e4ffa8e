"""The MLflow server on this machine, with links to what a reader came for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable

from rnnbench.core.errors import DataError
from rnnbench.core.workspace import Workspace
from rnnbench.params import Params
from rnnbench.serving.views import addresses
from rnnbench.tracking.store import store_uri
from rnnbench.tracking.sync import current_experiments

_HOST = "127.0.0.1"


def serve(workspace: Workspace, params: Params, port: int, say: Callable[[str], None]) -> None:
    """Run `mlflow server` until it is interrupted, after printing the links.

    Where MLFLOW_TRACKING_URI names a server, only prints the links to it. Raises DataError if the
    store or the server fails. One worker and no job execution: 0.5 GB of memory instead of 2.6 GB.
    """
    uri = store_uri(workspace)
    if uri.startswith(("http://", "https://")):
        for line in links(workspace, params, uri.rstrip("/")):
            say(line)
        say("that server runs already (MLFLOW_TRACKING_URI): nothing to start")
        return
    for line in links(workspace, params, f"http://{_HOST}:{port}"):
        say(line)
    command = [sys.executable, "-m", "mlflow", "server"]
    command += ["--backend-store-uri", uri]
    command += ["--host", _HOST, "--port", str(port), "--workers", "1"]
    environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with subprocess.Popen(command, env=environment) as server:
        # Who ends this process means the server.
        signal.signal(signal.SIGTERM, lambda *_: server.terminate())
        try:
            status = server.wait()
        except KeyboardInterrupt:
            server.terminate()
            say("stopped")
            return
    if status > 0:
        raise DataError(f"mlflow server ended with status {status}; is port {port} in use?")


def links(workspace: Workspace, params: Params, server: str) -> list[str]:
    """Two links a corpus: the table of the current runs, and their learning curves."""
    lines = []
    for corpus, experiment in current_experiments(workspace, params).items():
        table, curves = addresses(server, experiment)
        lines += [f"{corpus}, table: {table}", f"{corpus}, curves: {curves}"]
    return lines or ["no training is in MLflow yet: run `dvc repro`, or `rnnbench sync`"]
