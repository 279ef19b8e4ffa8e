"""Several processes create and write the project's one store at the same time."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import mlflow

from rnnbench.tracking.store import store_uri
from tests.stores import new_project

COMMAND = str(Path(sys.executable).with_name("rnnbench"))
# Trained within a second, so that the processes meet at the store.
NAMES = ("imdb_majority", "product_mean")


def test_trainings_that_create_the_store_at_the_same_time_are_all_logged(
    invented: Path, tmp_path: Path
) -> None:
    project = new_project(invented, tmp_path / "project", NAMES)
    (project.root / "mlflow.db").unlink()
    started = [
        subprocess.Popen(
            [COMMAND, "train", name],
            cwd=project.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in NAMES
    ]
    for process in started:
        out, err = process.communicate(timeout=300)
        assert (process.returncode, "warning" in err) == (0, False), out + err
    with closing(sqlite3.connect(project.root / "mlflow.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    client = mlflow.MlflowClient(store_uri(project))
    runs = client.search_runs([e.experiment_id for e in client.search_experiments()])
    levels = sorted((run.data.tags["variant"], run.data.tags["level"]) for run in runs)
    assert levels == sorted((name, level) for name in NAMES for level in ("replicate", "variant"))
    assert {run.info.status for run in runs} == {"FINISHED"}
