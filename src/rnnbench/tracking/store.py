"""The MLflow store: its address, and a client of it."""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock

from rnnbench.core.errors import DataError, RnnbenchError
from rnnbench.core.masking import masked
from rnnbench.core.workspace import Workspace
from rnnbench.tracking.project import name_in_mlflow, project_name, project_root

# The tag of experiments and registered models that rnnbench created; its value is the corpus.
OWNER = "rnnbench.corpus"
# The tag of experiments in a database file: the project's folder, relative to that of the file.
_FOLDER = "rnnbench.folder"
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
_SECONDS_TO_ANSWER = 8.0
# For another process of the project, which may be logging many models.
_SECONDS_TO_WAIT = 300.0
# MLflow's limit.
_MAX_RUNS = 50_000
# The columns of MLflow's tables that hold addresses of artifacts.
_ADDRESSES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
_T = TypeVar("_T")


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
    return masked(store_uri(workspace))


def is_local(workspace: Workspace) -> bool:
    """Whether the store is a database file, so that only processes on this machine write to it."""
    return store_uri(workspace).startswith("sqlite:")


def artifact_location(workspace: Workspace, corpus: str) -> str | None:
    """The URI of the folder with the artifacts of a corpus: next to a database file.

    None if the store is a server, which has a place of its own.
    """
    if not is_local(workspace):
        return None
    return (_database_file(store_uri(workspace)).parent / "mlartifacts" / corpus).as_uri()


def _database_file(uri: str) -> Path:
    return Path(uri.removeprefix(_SQLITE).partition("?")[0])


def _folder(workspace: Workspace) -> str:
    database = _database_file(store_uri(workspace))
    return os.path.relpath(project_root(workspace), database.parent.resolve())


def find_experiment(client: Any, workspace: Workspace, corpus: str) -> Any | None:
    """The experiment of a corpus, restored if it was deleted; None if there is none.

    Raises DataError if rnnbench did not create the experiment of that name.
    """
    name = name_in_mlflow(workspace, corpus)
    found = client.get_experiment_by_name(name)
    if found is None:
        return None
    check_owner("experiment", found, corpus)
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return found


def check_owner(kind: str, found: Any, corpus: str) -> None:
    """Raise DataError if rnnbench did not create an experiment or model, or not for this corpus."""
    if found.tags.get(OWNER) != corpus:
        raise DataError(
            f"the MLflow {kind} {found.name!r} was not created by rnnbench for {corpus}; "
            "set RNNBENCH_PROJECT to another name"
        )


def project_experiments(client: Any, workspace: Workspace) -> list[str]:
    """The ids of all experiments that rnnbench created for the project."""
    # Experiments of other projects may fill the page that MLflow returns.
    query = f"name LIKE '{project_name(workspace)}-%'"
    return [
        experiment.experiment_id
        for experiment in client.search_experiments(filter_string=query)
        if (corpus := experiment.tags.get(OWNER))
        and experiment.name == name_in_mlflow(workspace, corpus)
    ]


def find_runs(client: Any, workspace: Workspace, query: str) -> list[Any]:
    """The matching runs of the project."""
    ours = project_experiments(client, workspace)
    return list(client.search_runs(ours, query, max_results=_MAX_RUNS)) if ours else []


def ensure_experiment(client: Any, workspace: Workspace, corpus: str, title: str) -> str:
    """The id of the experiment of a corpus, which is created if there is none.

    title: what the corpus is, for the description.
    """
    if found := find_experiment(client, workspace, corpus):
        return str(found.experiment_id)
    tags = {
        "mlflow.note.content": f"{title}. One run per variant (the mean of "
        "its replicates), one nested run per replicate. Runs with the tag `current: true` belong "
        "to the files in the workspace, those with `current: running` are being trained.",
        OWNER: corpus,
    }
    if is_local(workspace):
        tags[_FOLDER] = _folder(workspace)
    name, artifacts = name_in_mlflow(workspace, corpus), artifact_location(workspace, corpus)
    return str(client.create_experiment(name, artifact_location=artifacts, tags=tags))


@contextmanager
def open_store(workspace: Workspace, write: bool = True) -> Iterator[Any]:
    """An MlflowClient, for one process at a time. write: whether a database must be writable.

    Raises DataError if the project's name is not valid, or the store fails, whatever MLflow raises
    then, and within 10 s if it cannot be reached.
    """
    project_name(workspace)
    try:
        for variable, value in _DEFAULTS.items():
            os.environ.setdefault(variable, value)
        # Processes that create or write the SQLite file at the same time can corrupt it.
        with FileLock(project_root(workspace) / ".mlflow.lock", _SECONDS_TO_WAIT):
            yield _connect(workspace, write)
    except RnnbenchError:
        raise
    # The libraries below MLflow raise errors of their own: SQLAlchemy, Alembic, requests, drivers.
    except Exception as error:
        words = " ".join(str(error).split()) or type(error).__name__
        message = masked(words)[:200]
        raise DataError(f"{masked_uri(workspace)} failed: {message}") from error


def _connect(workspace: Workspace, write: bool) -> Any:
    import mlflow
    from mlflow.store.db.db_types import DATABASE_ENGINES

    # What it logs of failures, with tracebacks and addresses, it also raises.
    logging.getLogger("mlflow").setLevel(logging.CRITICAL)

    given, uri = os.environ.get(_VARIABLE), store_uri(workspace)
    # Champions are versions of models of this store, so no other registry can have them.
    os.environ.pop("MLFLOW_REGISTRY_URI", None)
    mlflow.set_tracking_uri(uri)
    # MLflow sets the variable, which would tie other workspaces to this store.
    if given is None:
        os.environ.pop(_VARIABLE, None)
    database = re.split(r"[+:]", uri)[0] in DATABASE_ENGINES
    if database:
        # A client tries to connect ten times, for 100 s.
        _in_time(lambda: _try_database(uri, write))
    client = mlflow.MlflowClient()
    if not database:
        _in_time(lambda: client.search_experiments(max_results=1))
    if is_local(workspace):
        ours = [e for e in client.search_experiments() if OWNER in e.tags]
        _relocate(ours, workspace)
        _rename(client, ours, workspace)
    return client


def _try_database(uri: str, write: bool) -> None:
    from sqlalchemy import create_engine, inspect, text
    from sqlalchemy.pool import NullPool

    path, is_file = _database_file(uri), uri.startswith(_SQLITE)
    if is_file and (path.exists() or path.is_symlink()) and not path.is_file():
        raise OSError("it is no file")
    with create_engine(uri, poolclass=NullPool).connect() as connection:
        if is_file and write:
            # Waits 5 s for another program that is writing.
            connection.execute(text("BEGIN IMMEDIATE"))
        inspect(connection).has_table("experiments")


def _in_time(function: Callable[[], _T]) -> _T:
    """The result of `function`; raises TimeoutError if it takes too long, and what it raises."""
    results: list[_T] = []
    errors: list[Exception] = []

    def call() -> None:
        try:
            results.append(function())
        except Exception as error:
            errors.append(error)

    # Its end cannot be forced, and must not be waited for when the process exits.
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(_SECONDS_TO_ANSWER)
    if errors:
        raise errors[0]
    if not results:
        raise TimeoutError(f"no answer within {_SECONDS_TO_ANSWER:.0f} s")
    return results[0]


def _relocate(experiments: list[Any], workspace: Workspace) -> None:
    """Correct the addresses of artifacts after the database and its artifacts were moved or copied.

    MLflow stores absolute addresses and has no function to change them.
    """
    from sqlalchemy import column, create_engine, func, table

    moved = {}
    for experiment in experiments:
        here = str(artifact_location(workspace, experiment.tags[OWNER]))
        if experiment.artifact_location != here:
            moved[experiment.artifact_location] = here
    if not moved:
        return
    with create_engine(store_uri(workspace)).begin() as connection:
        for name, field in _ADDRESSES:
            for old, new in moved.items():
                address: Any = column(field)
                rest = func.substr(address, len(old) + 1)
                statement = table(name, address).update().values({field: new + rest})
                # Neither LIKE, in which "_" is special, nor another corpus with this prefix.
                inside = func.substr(address, 1, len(old) + 1) == f"{old}/"
                connection.execute(statement.where((address == old) | inside))


def _rename(client: Any, experiments: list[Any], workspace: Workspace) -> None:
    """Give the experiments and registered models of this folder the project's present name.

    Otherwise they would be lost when the folder is renamed.
    """
    for experiment in experiments:
        old, corpus = experiment.name, experiment.tags[OWNER]
        new = name_in_mlflow(workspace, corpus)
        if old == new or experiment.tags.get(_FOLDER) != _folder(workspace):
            continue
        # Its user gave it a name, in which a quote would also break the filter below.
        if not re.fullmatch(rf"[\w.-]+-{corpus}", old):
            continue
        # The experiment comes last: what fails before is done when the store is opened again.
        for model in client.search_registered_models(f"name = '{old}'"):
            if OWNER in model.tags and not client.search_registered_models(f"name = '{new}'"):
                client.rename_registered_model(old, new)
        if client.get_experiment_by_name(new) is None:
            client.rename_experiment(experiment.experiment_id, new)
