"""Trainings in MLflow: the only package that knows MLflow.

MLflow is a view: what is logged is read from the files that DVC tracks. The train stage and
`rnnbench sync` therefore use the same code, and a training that DVC restored from its cache can
be logged as well as one that has just run.

One experiment a corpus; one run a variant, with the mean of its replicates, and below it one run
a replicate with its history and its model.
"""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from filelock import FileLock

from rnnbench import corpora
from rnnbench.errors import DataError
from rnnbench.params import Params
from rnnbench.tracking import runs
from rnnbench.train import training_settings
from rnnbench.workspace import Workspace, read_json

CURRENT = "tags.current = 'true'"


def store_uri(workspace: Workspace) -> str:
    """MLFLOW_TRACKING_URI, or the project's own sqlite store."""
    own = f"sqlite:///{(workspace.root / 'mlflow.db').resolve().as_posix()}"
    return os.environ.get("MLFLOW_TRACKING_URI") or own


def record(workspace: Workspace, params: Params, name: str, warn: Callable[[str], None]) -> bool:
    """Log the finished training of variant `name`, unless the store has it already.

    A store that cannot be reached costs one warning, never the training. Returns whether the
    store holds the training now.
    """
    facts = read_json(workspace.models(name) / "training.json")
    if facts.get("settings") != training_settings(params.variant(name)):
        warn(f"{name} was trained with other settings than params.yaml has now; run dvc repro")
        return False
    try:
        with _store(workspace) as client, warnings.catch_warnings():
            # An input example would load TensorFlow only to run the model once more.
            warnings.filterwarnings("ignore", message=".*[Ii]nput example.*")
            _log_training(client, workspace, params, name)
    except _store_errors() as error:
        warn(
            f"{name} is not in MLflow: {store_uri(workspace)} failed ({_line(error)}). "
            "The training is kept; `rnnbench sync` logs it later."
        )
        return False
    return True


def current_experiments(workspace: Workspace, params: Params) -> dict[str, str]:
    """Corpus -> id of its experiment, if it has runs that belong to the files in the workspace.

    Raises DataError if the store cannot be reached.
    """
    found = {}
    with _reachable_store(workspace) as client:
        for corpus in params.corpora:
            if experiment := client.get_experiment_by_name(corpus):
                number = str(experiment.experiment_id)
                if client.search_runs([number], CURRENT, max_results=1):
                    found[corpus] = number
    return found


def forget_removed(workspace: Workspace, params: Params) -> None:
    """Take the mark `current` from runs of variants that params.yaml no longer has.

    Raises DataError if the store cannot be reached.
    """
    with _reachable_store(workspace) as client:
        numbers = [e.experiment_id for e in client.search_experiments()]
        # A server may hold other people's experiments: only runs that are marked as ours.
        for run in client.search_runs(numbers, f"{CURRENT} and tags.level = 'variant'"):
            if run.data.tags.get("variant") not in params.variants:
                client.set_tag(run.info.run_id, "current", "false")


def _store_errors() -> tuple[type[Exception], ...]:
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    return (MlflowException, SQLAlchemyError, OSError)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


@contextmanager
def _store(workspace: Workspace) -> Iterator[Any]:
    # Processes that create or write the sqlite file at the same time can break it.
    with FileLock(workspace.root / ".mlflow.lock"):
        # MLflow's own defaults would try an unreachable server for four minutes.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "4")
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        import mlflow

        mlflow.set_tracking_uri(store_uri(workspace))
        yield mlflow.MlflowClient()


@contextmanager
def _reachable_store(workspace: Workspace) -> Iterator[Any]:
    try:
        with _store(workspace) as client:
            yield client
    except _store_errors() as error:
        raise DataError(f"{store_uri(workspace)} failed: {_line(error)}") from error


def _log_training(client: Any, workspace: Workspace, params: Params, name: str) -> None:
    experiment = _experiment(client, workspace, params, name)
    key = _key(workspace, name)
    known = client.search_runs(
        [experiment],
        f"tags.variant = '{name}' and tags.level = 'variant' and attributes.status = 'FINISHED'",
    )
    # The mark `current` comes last: a run without it was cut off half way.
    complete = [run for run in known if "current" in run.data.tags]
    matching = [run for run in complete if run.data.tags.get("dvc.key") == key]
    if not matching:
        runs.log_variant(client, workspace, params, name, experiment, key)
    elif matching[0].data.tags.get("current") != "true":
        client.set_tag(matching[0].info.run_id, "current", "true")
    for run in complete:
        if run not in matching[:1] and run.data.tags.get("current") == "true":
            client.set_tag(run.info.run_id, "current", "false")


def _experiment(client: Any, workspace: Workspace, params: Params, name: str) -> str:
    corpus = params.dataset(params.variant(name).dataset).corpus
    found = client.get_experiment_by_name(corpus)
    if found:
        return str(found.experiment_id)
    own = store_uri(workspace).startswith("sqlite:")
    folder = (workspace.root / "mlartifacts" / corpus).resolve().as_uri() if own else None
    title = corpora.load(corpus).TITLE
    tags = {
        "mlflow.note.content": f"{title}. One run a variant (mean of its replicates), one nested "
        "run a replicate. Runs tagged `current: true` belong to the files in the workspace."
    }
    return str(client.create_experiment(corpus, artifact_location=folder, tags=tags))


def _key(workspace: Workspace, name: str) -> str:
    """Identifies one training by its settings and results."""
    digest = hashlib.sha256()
    facts = workspace.models(name) / "training.json"
    predictions = workspace.predictions(name) / "evaluation.npy"
    for path in (facts, predictions, workspace.history(name)):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
