"""The exit statuses of `rnnbench sync` and `rnnbench ui`."""

import socket
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from rnnbench.cli.main import main
from rnnbench.core.workspace import Workspace
from tests.stores import new_project
from tests.tracking.champions import make_best

NAMES = ("imdb_numpy_rnn", "imdb_majority")


@pytest.fixture
def project(invented: Path, tmp_path: Path, monkeypatch) -> Workspace:
    workspace = new_project(invented, tmp_path / "project", NAMES)
    monkeypatch.chdir(workspace.root)
    return workspace


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def test_sync_succeeds_if_all_variants_are_in_mlflow_and_promotes_champions(
    project: Workspace,
) -> None:
    make_best(project, "imdb_numpy_rnn")
    done = run("sync")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith("2 of 2 variants are in sqlite:///")
    assert "champion of imdb: imdb_numpy_rnn" in done.stdout
    assert done.stderr == ""


def test_sync_fails_if_a_variant_is_not_trained(project: Workspace) -> None:
    for name in NAMES:
        project.cost(name).unlink()
    done = run("sync")
    assert (done.exit_code, done.stdout.split(" variants")[0]) == (1, "0 of 2")


@pytest.mark.parametrize("command", ["sync", "ui"])
def test_a_store_that_fails_is_an_error(project: Workspace, monkeypatch, command: str) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    done = run(command)
    assert done.exit_code == 1
    assert done.stderr.startswith("error: http://127.0.0.1:9 failed: ")


def test_the_ui_does_not_start_on_a_port_that_is_taken(project: Workspace) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        done = run("ui", "--port", str(other.getsockname()[1]))
    assert (done.exit_code, done.stdout) == (1, "")
    assert "choose a --port" in done.stderr


def test_a_strict_training_fails_with_the_store_and_is_logged_later_without_training_again(
    project: Workspace, monkeypatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
        broken.setenv("RNNBENCH_STRICT", "1")
        done = run("train", "imdb_majority")
        assert done.exit_code == 1
        assert "not in MLflow, which --strict makes an error: imdb_majority" in done.stderr
        assert done.stderr.count("MLflow is out of date") == 1
    done = run("train", "imdb_majority", "--strict")
    assert done.exit_code == 0, done.stderr
    assert "already trained" in done.stdout
