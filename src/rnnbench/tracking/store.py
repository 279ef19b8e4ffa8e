"""The MLflow store: its address, and a client of it."""

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

# The tag of experiments that rnnbench created; its value is the corpus.
OWNER = "rnnbench.corpus"
# The runs of variants that belong to the files in the workspace.
CURRENT = "tags.current = 'true'"
OUT_OF_DATE = "MLflow is out of date: {}; run rnnbench sync when the store works again"
_VARIABLE = "MLFLOW_TRACKING_URI"
_SQLITE = "sqlite:///"
# MLflow's own defaults would retry an unreachable server for four minutes.
_DEFAULTS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "4",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}


def project_root(workspace: Workspace) -> Path:
    """The root of the project that the store belongs to.

    DVC runs queued experiments in a copy of the project and names the project in DVC_ROOT.
    """
    return Path(os.environ.get("DVC_ROOT") or workspace.root).resolve()


def is_project(workspace: Workspace) -> bool:
    """Whether the workspace is the project itself, not a copy that runs a queued experiment."""
    return project_root(workspace) == workspace.root.resolve()


def store_uri(workspace: Workspace) -> str:
    """MLFLOW_TRACKING_URI, by default the project's mlflow.db.

    The path of a database file is relative to the project, wherever the process runs.
    """
    uri = os.environ.get(_VARIABLE) or f"{_SQLITE}mlflow.db"
    if not uri.startswith(_SQLITE):
        return uri
    return _SQLITE + (project_root(workspace) / uri.removeprefix(_SQLITE)).as_posix()


def masked_uri(workspace: Workspace) -> str:
    """The URI of the store, without credentials."""
    return _masked(store_uri(workspace))


def is_local(workspace: Workspace) -> bool:
    """Whether the store is a database file, so that only processes on this machine write to it."""
    return store_uri(workspace).startswith("sqlite:")


def find_experiment(client: Any, corpus: str) -> Any | None:
    """The experiment of a corpus, restored if it was deleted; None if there is none.

    Raises DataError if rnnbench did not create the experiment of that name.
    """
    found = client.get_experiment_by_name(corpus)
    if found is not None and found.tags.get(OWNER) != corpus:
        raise DataError(
            f"the MLflow experiment {corpus!r} was not created by rnnbench; "
            "set MLFLOW_TRACKING_URI to another store"
        )
    if found is not None and found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return found


@contextmanager
def open_store(workspace: Workspace) -> Iterator[Any]:
    """An MlflowClient, for one process at a time; raises DataError if the store fails."""
    import mlflow
    from sqlalchemy.exc import SQLAlchemyError

    for variable, value in _DEFAULTS.items():
        os.environ.setdefault(variable, value)
    given = os.environ.get(_VARIABLE)
    try:
        # Processes that create or write the SQLite file at the same time can corrupt it.
        with FileLock(project_root(workspace) / ".mlflow.lock"):
            mlflow.set_tracking_uri(store_uri(workspace))
            # MLflow sets the variable, which would tie other workspaces to this store.
            if given is None:
                os.environ.pop(_VARIABLE, None)
            yield mlflow.MlflowClient()
    # ImportError: the driver of the database is not installed.
    except (mlflow.MlflowException, SQLAlchemyError, OSError, ImportError) as error:
        message = _masked(" ".join(str(error).split())[:200])
        raise DataError(f"{masked_uri(workspace)} failed: {message}") from error


def _masked(text: str) -> str:
    return re.sub(r"://[^/@\s]*@", "://***@", text)
