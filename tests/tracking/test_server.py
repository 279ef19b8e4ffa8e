"""Everything against a really started `mlflow server` instead of the project's own store."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from rnnbench import tracking
from rnnbench.params import load_params
from rnnbench.predict import load_predictor
from rnnbench.ui import serve
from rnnbench.workspace import Workspace

PARAMS = load_params()
NAME = "imdb_embedding_lstm"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[subprocess.Popen]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{tmp_path}/other.db"]
    command += ["--artifacts-destination", str(tmp_path / "artifacts")]
    environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    process = subprocess.Popen(command, env=environment, start_new_session=True)
    process.address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 90
        while True:
            try:
                urllib.request.urlopen(f"{process.address}/health").close()
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)


def test_all_works_with_another_server_until_it_is_gone(
    server, trained: Workspace, no_warning, monkeypatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.address)
    metrics = trained.metrics
    (metrics / "comparison.csv").write_text(
        "corpus,evaluation_set,variant,role,parameters,verdict\n"
        f"imdb,1,{NAME},recurrent network,500,\n"
    )
    (metrics / "pairs.csv").write_text("first,second,different\n")
    for _ in range(2):
        assert tracking.record(trained, PARAMS, NAME, no_warning)
        assert tracking.crown(trained, PARAMS, no_warning) == {"imdb": NAME}
        tracking.tidy(trained, PARAMS)
    assert not (trained.root / "mlflow.db").exists()
    (answer,) = load_predictor(trained, PARAMS, None, None).answers(["the film"])
    (same,) = load_predictor(trained, PARAMS, None, NAME).answers(["the film"])
    assert answer == same
    lines: list[str] = []
    serve(trained, PARAMS, 5000, lines.append)
    assert lines[0].startswith(f"imdb, table: {server.address}/#/experiments/")
    assert "runs already" in lines[-1]

    os.killpg(server.pid, signal.SIGKILL)
    server.wait(30)
    warnings: list[str] = []
    assert not tracking.record(trained, PARAMS, NAME, warnings.append)
    assert len(warnings) == 1
    assert "rnnbench sync" in warnings[0]
