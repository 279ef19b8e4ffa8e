"""The MLflow store: which one it is, and one way in."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock

from rnnbench.core.errors import DataError
from rnnbench.core.workspace import Workspace

# The tag that tells our experiments from others of the same name.
OWNER = "rnnbench.corpus"
_VARIABLE = "MLFLOW_TRACKING_URI"
_SQLITE = "sqlite:///"


def home(workspace: Workspace) -> Path:
    """The project that the store belongs to.

    DVC runs queued experiments in a copy of the project, and names the project in DVC_ROOT.
    """
    return Path(os.environ.get("DVC_ROOT") or workspace.root).resolve()


def is_project(workspace: Workspace) -> bool:
    """Whether the workspace is the project itself, not a copy that runs a queued experiment."""
    return home(workspace) == workspace.root.resolve()


def store_uri(workspace: Workspace) -> str:
    """MLFLOW_TRACKING_URI, or the project's own sqlite store.

    A database file is taken relative to the project, wherever a stage runs.
    """
    uri = os.environ.get(_VARIABLE) or f"{_SQLITE}mlflow.db"
    if not uri.startswith(_SQLITE):
        return uri
    return _SQLITE + (home(workspace) / uri.removeprefix(_SQLITE)).as_posix()


def masked_uri(workspace: Workspace) -> str:
    """The store without the password that its address may hold."""
    return _masked(store_uri(workspace))


def is_own(workspace: Workspace) -> bool:
    """Whether the store is a database file, and its artifacts lie in the project."""
    return store_uri(workspace).startswith("sqlite:")


def store_errors() -> tuple[type[Exception], ...]:
    """What a store that cannot be reached or written raises."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    # A store of another kind may need a driver that is not installed.
    return (MlflowException, SQLAlchemyError, OSError, ImportError)


def line(error: Exception) -> str:
    """An error in one line."""
    return _masked(" ".join(str(error).split())[:200])


def find_experiment(client: Any, corpus: str) -> Any | None:
    """The experiment of a corpus, if there is one.

    One that was deleted is brought back. Raises DataError if the store has one of this name that
    is not ours.
    """
    found = client.get_experiment_by_name(corpus)
    if found is None:
        return None
    if found.tags.get(OWNER) != corpus:
        raise DataError(
            f"MLflow has an experiment {corpus} of somebody else; "
            "let MLFLOW_TRACKING_URI name another store"
        )
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return found


@contextmanager
def inside(run_id: str) -> Iterator[None]:
    """For what MLflow logs only to an active run: the block is in it, and it stays open after."""
    import mlflow

    with mlflow.start_run(run_id=run_id):
        yield
    # The end of the block has ended the run, but the training is not logged as a whole yet.
    mlflow.MlflowClient().update_run(run_id, status="RUNNING")


def _masked(text: str) -> str:
    return re.sub(r"://[^/@\s]*@", "://***@", text)


@contextmanager
def open_store(workspace: Workspace) -> Iterator[Any]:
    """A client of the store, for one process at a time; raises `store_errors`."""
    # Processes that create or write the sqlite file at the same time can break it.
    with FileLock(home(workspace) / ".mlflow.lock"):
        # MLflow's own defaults would try an unreachable server for four minutes.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "4")
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
        import mlflow

        given = os.environ.get(_VARIABLE)
        mlflow.set_tracking_uri(store_uri(workspace))
        # MLflow has written the variable, which would tie another workspace to this store.
        if given is None:
            os.environ.pop(_VARIABLE, None)
        yield mlflow.MlflowClient()


@contextmanager
def reachable_store(workspace: Workspace) -> Iterator[Any]:
    """As `open_store`, but raises DataError."""
    try:
        with open_store(workspace) as client:
            yield client
    except store_errors() as error:
        raise DataError(f"{masked_uri(workspace)} failed: {line(error)}") from error
