"""The report in a real SQLite store."""

import os
from pathlib import Path

import mlflow
import pytest

from rnnbench.core.workspace import Workspace
from rnnbench.tracking.report import attach_report
from rnnbench.tracking.store import store_uri
from tests.stores import copy_of
from tests.tracking.champions import make_best

NAME, OTHER = "imdb_numpy_rnn", "imdb_majority"


@pytest.fixture
def reported(project: Workspace) -> Workspace:
    """It has a report of a comparison of one of its two variants."""
    make_best(project, NAME)
    write(project, "<h1>First</h1>")
    return project


def write(workspace: Workspace, page: str) -> None:
    (workspace.metrics / "report.html").write_text(page)


def attached(workspace: Workspace) -> dict[str, Path]:
    """Variant -> the file of its report."""
    client = mlflow.MlflowClient(store_uri(workspace))
    files = (workspace.root / "mlartifacts").rglob("report.html")
    runs = {file: client.get_run(file.parents[1].name) for file in files}
    return {run.data.tags["variant"]: file for file, run in runs.items()}


def test_the_current_run_of_each_variant_of_the_comparison_has_the_report(
    reported: Workspace,
) -> None:
    attach_report(reported, pytest.fail)
    found = attached(reported)
    assert found.keys() == {NAME}
    assert found[NAME].read_text() == "<h1>First</h1>"
    write(reported, "<h1>Second</h1>")
    attach_report(reported, pytest.fail)
    assert attached(reported)[NAME].read_text() == "<h1>Second</h1>"


def test_an_unchanged_report_is_not_logged_again(reported: Workspace) -> None:
    attach_report(reported, pytest.fail)
    os.utime(attached(reported)[NAME], (0, 0))
    attach_report(reported, pytest.fail)
    assert attached(reported)[NAME].stat().st_mtime == 0


def test_without_a_report_nothing_is_logged(project: Workspace) -> None:
    (project.metrics / "comparison.csv").unlink(missing_ok=True)
    attach_report(project, pytest.fail)
    assert attached(project) == {}


def test_a_queued_experiment_attaches_no_report(reported: Workspace) -> None:
    copy = copy_of(reported, reported.root.parent / "copy")
    folder = reported.root / ".dvc" / "tmp" / "exps"
    folder.mkdir(parents=True)
    attach_report(Workspace(copy.root.rename(folder / "tmp1234")), pytest.fail)
    assert attached(reported) == {}


def test_a_store_that_fails_costs_one_warning(reported: Workspace, monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    warnings: list[str] = []
    attach_report(reported, warnings.append)
    assert len(warnings) == 1
