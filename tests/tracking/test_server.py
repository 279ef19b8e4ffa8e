"""Everything against a running `mlflow server` instead of the project's own store."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import mlflow
import pytest

from rnnbench.core.workspace import Workspace
from rnnbench.serving.predict import load_predictor
from rnnbench.serving.ui import run_ui
from rnnbench.tracking.registry import load_model, promote
from rnnbench.tracking.sync import log_trainings, reconcile
from tests.frozen import PARAMS
from tests.stores import copy_of, empty_store, new_project
from tests.tracking.champions import make_best

NAME, OTHER = NAMES = ("imdb_numpy_rnn", "imdb_majority")


@pytest.fixture
def server(
    start_server, monkeypatch, tmp_path: Path
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Its address and process; MLFLOW_TRACKING_URI names it."""
    (tmp_path / "other.db").write_bytes(empty_store())
    command = [sys.executable, "-m", "mlflow", "server", "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{tmp_path}/other.db"]
    command += ["--artifacts-destination", str(tmp_path / "artifacts")]
    environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with start_server(command, "/health", env=environment) as (address, process):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        yield address, process


def test_all_works_with_a_server_until_it_is_gone(server, invented: Path, tmp_path: Path) -> None:
    address, process = server
    project = new_project(invented, tmp_path / "project", [NAME])
    (project.root / "mlflow.db").unlink()
    make_best(project, NAME)
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
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(30)
    warnings: list[str] = []
    assert log_trainings(project, PARAMS, [NAME], warnings.append) == []
    assert len(warnings) == 1
    assert not (project.root / "mlflow.db").exists()


def current(client: mlflow.MlflowClient, name: str) -> dict[str, str]:
    """Variant -> the id of its current run in the experiment `name`."""
    experiment = client.get_experiment_by_name(name).experiment_id
    found = client.search_runs([experiment], "tags.current = 'true'")
    assert len(found) == len({run.data.tags["variant"] for run in found})
    return {run.data.tags["variant"]: run.info.run_id for run in found}


def test_projects_on_one_server_have_marks_and_champions_of_their_own(
    server, invented: Path, tmp_path: Path
) -> None:
    client = mlflow.MlflowClient(server[0])
    zoe = new_project(invented, tmp_path / "Zoë", NAMES)
    ben = copy_of(zoe, tmp_path / "Ben")
    history = ben.history(NAME)
    history.write_text(history.read_text().replace("0.51", "0.81"))
    for project, best in ((zoe, NAME), (ben, OTHER)):
        assert log_trainings(project, PARAMS, NAMES, pytest.fail) == list(NAMES)
        make_best(project, best)
        assert promote(project, PARAMS, pytest.fail) == {"imdb": best}
    before = {name: current(client, name) for name in ("Zoë-imdb", "Ben-imdb")}
    assert [set(runs) for runs in before.values()] == [set(NAMES)] * 2
    for project in (zoe, ben):
        assert log_trainings(project, PARAMS, NAMES, pytest.fail) == list(NAMES)
    reconcile(zoe, replace(PARAMS, variants={NAME: PARAMS.variants[NAME]}))
    assert current(client, "Ben-imdb") == before["Ben-imdb"]
    assert current(client, "Zoë-imdb") == {NAME: before["Zoë-imdb"][NAME]}
    assert champions(zoe, ben) == [NAME, OTHER]
    assert {model.name for model in client.search_registered_models()} == {"Zoë-imdb", "Ben-imdb"}


def champions(*projects: Workspace) -> list[str]:
    return [load_model(project, PARAMS, "imdb", None)[0] for project in projects]
