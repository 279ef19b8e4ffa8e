"""Everything against a running `mlflow server` instead of the project's own store."""

import os
import signal
import sys
from pathlib import Path

import pytest

from rnnbench.serving.predict import load_predictor
from rnnbench.serving.ui import run_ui
from rnnbench.tracking.registry import promote
from rnnbench.tracking.sync import log_trainings, reconcile
from tests.frozen import PARAMS
from tests.stores import empty_store, new_project

NAME = "imdb_numpy_rnn"


def test_all_works_with_a_server_until_it_is_gone(
    start_server, invented: Path, monkeypatch, tmp_path: Path
) -> None:
    project = new_project(invented, tmp_path / "project", [NAME])
    (project.root / "mlflow.db").unlink()
    (tmp_path / "other.db").write_bytes(empty_store())
    (project.metrics / "comparison.csv").write_text(
        "corpus,evaluation_set,variant,role,replicates,parameters,target,"
        "accuracy_low,accuracy_high\n"
        f"imdb,1,{NAME},recurrent network,5,500,binary,0.4,0.6\n"
    )
    (project.metrics / "pairs.csv").write_text("measure,first,second,high\n")
    command = [sys.executable, "-m", "mlflow", "server", "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{tmp_path}/other.db"]
    command += ["--artifacts-destination", str(tmp_path / "artifacts")]
    environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with start_server(command, "/health", env=environment) as (address, server):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        for _ in range(2):
            assert log_trainings(project, PARAMS, [NAME], pytest.fail)
            assert promote(project, PARAMS, pytest.fail) == {"imdb": NAME}
            reconcile(project, PARAMS)
        (by_alias,) = load_predictor(project, PARAMS, None, None).predict(["the film"])
        (by_name,) = load_predictor(project, PARAMS, None, NAME).predict(["the film"])
        assert by_alias == by_name
        lines: list[str] = []
        run_ui(project, PARAMS, 5000, lines.append)
        assert lines[0].startswith(f"imdb, table: {address}/#/experiments/")
        assert "none is started" in lines[-1]
        os.killpg(server.pid, signal.SIGKILL)
        server.wait(30)
    warnings: list[str] = []
    assert log_trainings(project, PARAMS, [NAME], warnings.append) == []
    assert len(warnings) == 1
    assert not (project.root / "mlflow.db").exists()
