"""Against a really started server."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import mlflow
import pytest

from rnnbench.params import load_params
from rnnbench.tracking.store import store_uri
from rnnbench.ui import links
from rnnbench.workspace import Workspace

ROOT = Path(__file__).parents[1]


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    return tmp_path


def test_without_a_training_it_says_what_to_do(project: Path) -> None:
    (line,) = links(Workspace(project), load_params(), "http://127.0.0.1:5000")
    assert "dvc repro" in line


def test_the_links_lead_to_the_current_runs_of_a_server_that_answers(project: Path) -> None:
    client = mlflow.MlflowClient(store_uri(Workspace(project)))
    experiment = client.create_experiment("imdb")
    client.create_run(experiment, tags={"current": "true"})
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [Path(sys.executable).with_name("rnnbench"), "ui", "--port", str(port)]
    log = project / "log"
    with log.open("w") as output:
        server = subprocess.Popen(
            command,
            cwd=project,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        page = _page(f"http://127.0.0.1:{port}/", seconds=90)
    finally:
        os.killpg(server.pid, signal.SIGINT)
        server.wait(30)
    assert "MLflow" in page
    table = re.escape(f"http://127.0.0.1:{port}/#/experiments/{experiment}/runs?searchFilter=")
    assert re.search(rf"^imdb, table: {table}\S+$", log.read_text(), re.MULTILINE)
    assert re.search(rf"^imdb, curves: {table}\S+=CHART$", log.read_text(), re.MULTILINE)


def _page(url: str, seconds: float) -> str:
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url) as response:
                return response.read().decode()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.3)
