"""Everything against a really started `mlflow server` instead of the project's own store."""

import os
import signal
import sys
from pathlib import Path

import pytest

from rnnbench.core.workspace import Workspace
from rnnbench.serving.predict import load_predictor
from rnnbench.serving.ui import serve
from rnnbench.tracking import sync as tracking
from tests.frozen import PARAMS

NAME = "imdb_embedding_lstm"


def test_all_works_with_another_server_until_it_is_gone(
    start_server, trained: Workspace, monkeypatch, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "mlflow", "server", "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{tmp_path}/other.db"]
    command += ["--artifacts-destination", str(tmp_path / "artifacts")]
    environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with start_server(command, "/health", env=environment) as (address, server):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        _use(trained, address)
        os.killpg(server.pid, signal.SIGKILL)
        server.wait(30)
    warnings: list[str] = []
    assert not tracking.record(trained, PARAMS, NAME, warnings.append)
    assert len(warnings) == 1
    assert "rnnbench sync" in warnings[0]


def _use(trained: Workspace, address: str) -> None:
    metrics = trained.metrics
    (metrics / "comparison.csv").write_text(
        "corpus,evaluation_set,variant,role,replicates,parameters,verdict\n"
        f"imdb,1,{NAME},recurrent network,5,500,\n"
    )
    (metrics / "pairs.csv").write_text("first,second,different\n")
    for _ in range(2):
        assert tracking.record(trained, PARAMS, NAME, pytest.fail)
        assert tracking.promote(trained, PARAMS, pytest.fail) == {"imdb": NAME}
        tracking.tidy(trained, PARAMS)
    assert not (trained.root / "mlflow.db").exists()
    (answer,) = load_predictor(trained, PARAMS, None, None).answers(["the film"])
    (same,) = load_predictor(trained, PARAMS, None, NAME).answers(["the film"])
    assert answer == same
    lines: list[str] = []
    serve(trained, PARAMS, 5000, lines.append)
    assert lines[0].startswith(f"imdb, table: {address}/#/experiments/")
    assert "runs already" in lines[-1]
