"""Stores that fail, hold passwords, or were moved."""

import contextlib
import os
import shutil
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import mlflow
import pytest

from rnnbench.core.errors import DataError
from rnnbench.core.workspace import Workspace
from rnnbench.tracking.project import project_root
from rnnbench.tracking.registry import load_model
from rnnbench.tracking.store import masked_uri, open_store, store_uri
from rnnbench.tracking.sync import log_trainings
from tests.frozen import PARAMS

NAME = "imdb_numpy_rnn"


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def no_database(path: Path) -> None:
    path.write_text("not a database, but text that is long enough to be read as its header" * 9)


def another_programs(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE alembic_version SET version_num = 'of_another'")
        database.commit()


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:20_000])


def a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def a_broken_link(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.parent / "absent" / "mlflow.db")


DAMAGES = [a_folder, no_database, another_programs, truncated, a_pipe, a_broken_link]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_database_that_fails_costs_one_warning(
    project: Workspace, damage: Callable[[Path], None]
) -> None:
    damage(project.root / "mlflow.db")
    warnings: list[str] = []
    assert log_trainings(project, PARAMS, ["imdb_majority", NAME], warnings.append) == []
    assert len(warnings) == 1
    assert "rnnbench sync" in warnings[0]


@pytest.mark.parametrize("lock", ["EXCLUSIVE", "IMMEDIATE"])
def test_a_database_that_another_program_has_locked_costs_one_warning(
    project: Workspace, capfd, lock: str
) -> None:
    with contextlib.closing(sqlite3.connect(project.root / "mlflow.db")) as other:
        other.execute(f"BEGIN {lock}")
        warnings: list[str] = []
        assert log_trainings(project, PARAMS, [NAME], warnings.append) == []
    assert len(warnings) == 1
    assert "locked" in warnings[0]
    assert "Traceback" not in capfd.readouterr().err


@contextlib.contextmanager
def listening(answer: bytes | None) -> Iterator[str]:
    """The host and port of a server that answers everything alike, or never."""
    held: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    held.append(connection)
                    if answer is not None:
                        connection.recv(10_000)
                        connection.sendall(answer)
                        connection.close()

        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
    for connection in held:
        connection.close()


PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n<html></html>"


@pytest.mark.parametrize("answer", [None, PAGE], ids=["hangs", "is no MLflow"])
def test_a_server_that_fails_costs_one_warning_and_shows_no_password(
    project: Workspace, monkeypatch, answer: bytes | None
) -> None:
    with listening(answer) as address:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:s3cr3t@{address}")
        # As many as somebody may have chosen for other programs.
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "7")
        warnings: list[str] = []
        assert log_trainings(project, PARAMS, [NAME], warnings.append) == []
    assert len(warnings) == 1
    assert "s3cr3t" not in warnings[0]


@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1:9",
        "http://me:s3cr3t@127.0.0.1:9",
        "http://me:s3cr3t/a@b@127.0.0.1:9/path",
        "http://me:s3cr3t%40b@127.0.0.1:9",
        "http://s3cr3t@127.0.0.1:9",
        "http://me:1234/s3cr3t@127.0.0.1:9",
        "http://127.0.0.1:9/?access_token=s3cr3t",
        "mysql+pymysql_absent://me:s3cr3t@127.0.0.1/db",
        "postgresql://me:s3cr3t@127.0.0.1:9/db",
        "postgresql://127.0.0.1:9/db?user=me&password=s3cr3t",
        "unknown://me:s3cr3t@127.0.0.1:9",
    ],
)
def test_no_message_shows_a_password(project: Workspace, monkeypatch, capfd, uri: str) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(DataError, match=r"failed: \w") as caught, open_store(project):
        pass
    printed = capfd.readouterr()
    for text in (str(caught.value), printed.out, printed.err, masked_uri(project)):
        assert "s3cr3t" not in text
        assert "a@b" not in text


def test_a_message_is_masked_before_it_is_cut(project: Workspace) -> None:
    project_uri = store_uri(project)
    long = "x" * 190 + " https://somebody:s3cr3t@elsewhere " + "y" * 100
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", "https://somebody:s3cr3t@elsewhere")
        patch.setattr(mlflow.MlflowClient, "search_experiments", _raising(long))
        with pytest.raises(DataError) as caught, open_store(project):
            pass
    assert "s3c" not in str(caught.value)
    assert store_uri(project) == project_uri


def _raising(text: str) -> Callable[..., None]:
    def function(*_: object, **__: object) -> None:
        raise ConnectionError(text)

    return function


def test_a_database_file_is_relative_to_the_project(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///other.db")
    workspace = Workspace(tmp_path / "project")
    assert store_uri(workspace) == f"sqlite:///{project_root(workspace)}/other.db"


def test_champions_are_in_the_store_of_the_models(project: Workspace, monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", "http://127.0.0.1:9")
    with open_store(project) as client:
        assert client.search_registered_models() == []


@pytest.mark.parametrize("original_is_left", [True, False])
def test_a_moved_or_copied_project_has_its_models_and_writes_no_others(
    logged: Workspace, tmp_path: Path, original_is_left: bool
) -> None:
    original = Workspace(Path(shutil.copytree(logged.root, tmp_path / "a project")))
    # The copy was made by a test too: now its addresses are its own.
    expected = load_model(original, PARAMS, "imdb", NAME)[1].predict(["the film"])
    moved = Workspace(Path(shutil.copytree(original.root, tmp_path / "a project 2")))
    if not original_is_left:
        shutil.rmtree(original.root)
    before = sorted(original.root.rglob("*"))
    found = load_model(moved, PARAMS, "imdb", NAME)[1].predict(["the film"])
    assert found.equals(expected)
    history = moved.history(NAME)
    history.write_text(history.read_text().replace("0.51", "0.81"))
    assert log_trainings(moved, PARAMS, [NAME], pytest.fail) == [NAME]
    client = mlflow.MlflowClient(store_uri(moved))
    experiment = client.get_experiment_by_name("a-project-2-imdb")
    assert experiment.artifact_location == (moved.root / "mlartifacts" / "imdb").as_uri()
    for run in client.search_runs([experiment.experiment_id]):
        assert run.info.artifact_uri.startswith(f"{experiment.artifact_location}/")
    assert sorted(original.root.rglob("*")) == before
