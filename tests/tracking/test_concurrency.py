"""Several processes at the project's one store, and a reader meanwhile."""

import sqlite3
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path

import mlflow
import pytest
import yaml

from rnnbench.core.workspace import Workspace
from rnnbench.tracking.store import store_uri

ROOT = Path(__file__).parents[2]
COMMAND = str(Path(sys.executable).with_name("rnnbench"))
# Trained within a second, so that their processes meet at the store.
NAMES = ("imdb_majority", "product_mean", "arithmetic_mean", "characters_majority")


@pytest.fixture
def project(results: Workspace, monkeypatch) -> Workspace:
    for variable in ("MLFLOW_TRACKING_URI", "DVC_ROOT", "DVC_EXP_NAME"):
        monkeypatch.delenv(variable, raising=False)
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["variants"] = {name: params["variants"][name] for name in NAMES}
    params["published"] = {}
    (results.root / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    return results


def together(project: Workspace, commands: list[list[str]]) -> None:
    """Run commands at the same time; all must end well and without a warning."""
    started = [
        subprocess.Popen(
            [COMMAND, *command],
            cwd=project.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for command in commands
    ]
    for process in started:
        out, err = process.communicate(timeout=300)
        assert (process.returncode, "warning" in err) == (0, False), out + err


def expect_all(project: Workspace) -> None:
    with closing(sqlite3.connect(project.root / "mlflow.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    client = mlflow.MlflowClient(store_uri(project))
    numbers = [e.experiment_id for e in client.search_experiments()]
    runs = client.search_runs(numbers)
    levels = sorted((r.data.tags["variant"], r.data.tags["level"]) for r in runs)
    assert levels == sorted((name, level) for name in NAMES for level in ("replicate", "variant"))
    assert {run.info.status for run in runs} == {"FINISHED"}


def test_four_create_the_store_at_once_and_write_while_somebody_reads(
    project: Workspace, start_server
) -> None:
    together(project, [["train", name] for name in NAMES])
    expect_all(project)

    answers: list[int] = []
    stop = threading.Event()
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with start_server([COMMAND, "ui"], cwd=project.root, **quiet) as (address, _):

        def read() -> None:
            while not stop.is_set():
                url = f"{address}/api/2.0/mlflow/experiments/search?max_results=10"
                try:
                    with urllib.request.urlopen(url) as response:
                        answers.append(response.status)
                except urllib.error.HTTPError as error:
                    answers.append(error.code)
                except OSError:
                    answers.append(0)

        reader = threading.Thread(target=read)
        reader.start()
        try:
            # Other trainings: what the store has of these variants is no longer current.
            path = project.root / "params.yaml"
            params = yaml.safe_load(path.read_text())
            params["run"]["seed"] = 7
            path.write_text(yaml.safe_dump(params, sort_keys=False))
            together(project, [["train", name] for name in NAMES])
            together(project, [["sync"]] * 2)
        finally:
            stop.set()
            reader.join()
    assert set(answers) == {200}
    client = mlflow.MlflowClient(store_uri(project))
    numbers = [e.experiment_id for e in client.search_experiments()]
    current = client.search_runs(numbers, "tags.current = 'true'")
    assert sorted(run.data.tags["variant"] for run in current) == sorted(NAMES)
    assert {run.data.params["seed"] for run in current} == {"7"}
    assert len(client.search_runs(numbers, "tags.level = 'variant'")) == 2 * len(NAMES)
