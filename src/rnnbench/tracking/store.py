"""The MLflow store: which one it is, and one way in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock

from rnnbench.errors import DataError
from rnnbench.workspace import Workspace


def home(workspace: Workspace) -> Path:
    """The project that the store belongs to.

    DVC runs queued experiments in a copy of the project, and names the project in DVC_ROOT.
    """
    return Path(os.environ.get("DVC_ROOT") or workspace.root).resolve()


def is_project(workspace: Workspace) -> bool:
    """Whether the workspace is the project itself, not a copy that runs a queued experiment."""
    return home(workspace) == workspace.root.resolve()


def store_uri(workspace: Workspace) -> str:
    """MLFLOW_TRACKING_URI, or the project's own sqlite store."""
    own = f"sqlite:///{(home(workspace) / 'mlflow.db').as_posix()}"
    return os.environ.get("MLFLOW_TRACKING_URI") or own


def is_own(workspace: Workspace) -> bool:
    """Whether the store is a database file, and its artifacts lie in the project."""
    return store_uri(workspace).startswith("sqlite:")


def store_errors() -> tuple[type[Exception], ...]:
    """What a store that cannot be reached or written raises."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    return (MlflowException, SQLAlchemyError, OSError)


def line(error: Exception) -> str:
    """An error in one line."""
    return " ".join(str(error).split())[:200]


@contextmanager
def open_store(workspace: Workspace) -> Iterator[Any]:
    """A client of the store, for one process at a time; raises `store_errors`."""
    # Processes that create or write the sqlite file at the same time can break it.
    with FileLock(home(workspace) / ".mlflow.lock"):
        # MLflow's own defaults would try an unreachable server for four minutes.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "4")
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        import mlflow

        mlflow.set_tracking_uri(store_uri(workspace))
        yield mlflow.MlflowClient()


@contextmanager
def reachable_store(workspace: Workspace) -> Iterator[Any]:
    """As `open_store`, but raises DataError."""
    try:
        with open_store(workspace) as client:
            yield client
    except store_errors() as error:
        raise DataError(f"{store_uri(workspace)} failed: {line(error)}") from error
