"""MLflow while a variant is being trained."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import pytest
import yaml
from filelock import FileLock

from rnnbench.core.workspace import Workspace
from rnnbench.tracking import live
from rnnbench.tracking.live import LiveLog
from rnnbench.tracking.store import store_uri
from rnnbench.tracking.sync import log_trainings
from tests.frozen import PARAMS
from tests.stores import new_project

COMMAND = str(Path(sys.executable).with_name("rnnbench"))
NAME = "imdb_numpy_rnn"
ROW = {"loss": 0.6, "accuracy": 0.6, "val_loss": 0.7, "val_accuracy": 0.5}


@pytest.fixture
def project(invented: Path, tmp_path: Path) -> Workspace:
    return new_project(invented, tmp_path / "project", [NAME])


@pytest.fixture(autouse=True)
def _soon(monkeypatch) -> None:
    monkeypatch.setattr(live, "_SECONDS_BEFORE", 0.05)
    monkeypatch.setattr(live, "_SECONDS_BETWEEN", 0.05)


def runs_of(workspace: Workspace, query: str = "") -> list[Any]:
    client = mlflow.MlflowClient(store_uri(workspace))
    experiment = client.get_experiment_by_name("project-imdb")
    return list(client.search_runs([experiment.experiment_id], query)) if experiment else []


def steps(workspace: Workspace, run: Any) -> list[int]:
    client = mlflow.MlflowClient(store_uri(workspace))
    history = client.get_metric_history(run.info.run_id, "val_loss")
    return sorted(metric.step for metric in history)


def wait_for(condition: Callable[[], Any]) -> Any:
    for _ in range(600):
        if found := condition():
            return found
        time.sleep(0.1)
    pytest.fail("it never came true")


def a_run_at_step(project: Workspace, step: int) -> Any:
    children = runs_of(project, "tags.level = 'replicate'")
    return next((run for run in children if step in steps(project, run)), None)


def test_epochs_are_seen_while_the_training_runs_and_its_end_completes_the_same_runs(
    project: Workspace,
) -> None:
    with LiveLog(project, PARAMS, NAME, pytest.fail) as log:
        log.start("key")
        log.epoch(0, ROW | {"epoch": 1})
        wait_for(lambda: a_run_at_step(project, 1))
        (parent,) = runs_of(project, "tags.level = 'variant'")
        (child,) = runs_of(project, "tags.level = 'replicate'")
        assert {run.info.status for run in (parent, child)} == {"RUNNING"}
        assert {run.data.tags["current"] for run in (parent, child)} == {"running"}
        assert parent.data.params["cell"] == "SimpleRNN"
    assert log_trainings(project, PARAMS, [NAME], pytest.fail, log.runs) == [NAME]
    (finished,) = runs_of(project, "tags.level = 'variant'")
    children = {run.info.run_id: run for run in runs_of(project, "tags.level = 'replicate'")}
    assert finished.info.run_id == parent.info.run_id
    assert (finished.info.status, finished.data.tags["current"]) == ("FINISHED", "true")
    assert len(children) == 3
    assert steps(project, children[child.info.run_id]) == [1, 2]
    assert {run.info.status for run in children.values()} == {"FINISHED"}
    assert all("current" not in run.data.tags for run in children.values())


def test_a_training_that_is_interrupted_ends_killed_and_goes_on_when_resumed(
    project: Workspace,
) -> None:
    with pytest.raises(KeyboardInterrupt), LiveLog(project, PARAMS, NAME, pytest.fail) as log:
        log.start("key")
        for epoch in (1, 2):
            log.epoch(0, ROW | {"epoch": epoch})
        wait_for(lambda: a_run_at_step(project, 2))
        raise KeyboardInterrupt
    assert {run.info.status for run in runs_of(project)} == {"KILLED"}
    first = {run.info.run_id for run in runs_of(project)}
    with LiveLog(project, PARAMS, NAME, pytest.fail) as log:
        log.start("key")
        # Its last checkpoint was that of the first epoch.
        for epoch in (2, 3):
            log.epoch(0, ROW | {"epoch": epoch})
        child = wait_for(lambda: a_run_at_step(project, 3))
        assert {run.info.status for run in runs_of(project)} == {"RUNNING"}
    assert {run.info.run_id for run in runs_of(project)} == first
    assert steps(project, child) == [1, 2, 3]


def test_another_training_of_the_variant_has_runs_of_its_own(project: Workspace) -> None:
    for key in ("one", "other"):
        with LiveLog(project, PARAMS, NAME, pytest.fail) as log:
            log.start(key)
            wait_for(lambda log=log: log.runs)
    assert len(runs_of(project)) == 2


def test_the_same_training_once_more_adds_no_run(project: Workspace) -> None:
    for _ in range(2):
        with LiveLog(project, PARAMS, NAME, pytest.fail) as log:
            log.start("key")
            wait_for(lambda log=log: log.runs)
        assert log_trainings(project, PARAMS, [NAME], pytest.fail, log.runs) == [NAME]
        assert len(runs_of(project)) == 4
        assert {run.info.status for run in runs_of(project)} == {"FINISHED"}


def test_runs_of_an_attempt_that_was_killed_while_it_was_logged_end_killed(
    project: Workspace,
) -> None:
    with LiveLog(project, PARAMS, NAME, pytest.fail) as log:
        log.start("key")
        wait_for(lambda: log.runs)
    client = mlflow.MlflowClient(store_uri(project))
    (left,) = runs_of(project)
    client.set_tag(left.info.run_id, "dvc.key", "half")
    # The process of the next attempt holds the lock that the first one had.
    lock = project.lock("train", NAME)
    lock.parent.mkdir(exist_ok=True)
    with FileLock(lock):
        assert log_trainings(project, PARAMS, [NAME], pytest.fail, {}) == [NAME]
    left = client.get_run(left.info.run_id)
    assert (left.info.status, "current" in left.data.tags) == ("KILLED", False)


def test_a_store_that_fails_costs_one_warning_and_no_training(
    project: Workspace, monkeypatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    warnings: list[str] = []
    with LiveLog(project, PARAMS, NAME, warnings.append) as log:
        log.start("key")
        wait_for(lambda: warnings)
        for epoch in range(1, 4):
            log.epoch(0, ROW | {"epoch": epoch})
        time.sleep(0.3)
    assert len(warnings) == 1


def test_a_process_that_is_killed_leaves_runs_that_end_killed_and_go_on(
    project: Workspace,
) -> None:
    params = yaml.safe_load(project.params.read_text())
    # Minutes, if nobody kills it.
    params["variants"][NAME] |= {"epochs": 3000, "replicates": 1}
    project.params.write_text(yaml.safe_dump(params))

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen([COMMAND, "train", NAME], cwd=project.root, start_new_session=True)

    process = start()
    child = wait_for(lambda: a_run_at_step(project, 1))
    # Another process sees that it is at work.
    log_trainings(project, PARAMS, [], pytest.fail)
    assert {run.info.status for run in runs_of(project)} == {"RUNNING"}
    process.send_signal(signal.SIGKILL)
    process.wait(30)

    def killed() -> bool:
        log_trainings(project, PARAMS, [], pytest.fail)
        return {run.info.status for run in runs_of(project)} == {"KILLED"}

    # The process that trains ends when its parent is gone.
    wait_for(killed)
    last = max(steps(project, child))
    process = start()
    wait_for(lambda: max(steps(project, child)) > last)
    assert {run.info.status for run in runs_of(project)} == {"RUNNING"}
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(60) != 0
    assert {run.info.status for run in runs_of(project)} == {"KILLED"}
    logged = steps(project, child)
    assert len(logged) == len(set(logged))
