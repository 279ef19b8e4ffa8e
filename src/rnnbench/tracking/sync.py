"""Keep the MLflow store in agreement with the files in the workspace.

MLflow is a view: all that is logged is read from the files that DVC tracks, so that a training
restored from DVC's cache is logged like one that has just run. An experiment per corpus has one run
per variant with the mean of its replicates, and one nested run per replicate with its model.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from rnnbench import corpora
from rnnbench.core.errors import DataError
from rnnbench.core.workspace import Workspace
from rnnbench.params import Params
from rnnbench.tracking.runs import log_training
from rnnbench.tracking.store import (
    CURRENT,
    OUT_OF_DATE,
    OWNER,
    find_experiment,
    is_local,
    is_project,
    open_store,
    project_root,
)
from rnnbench.training.outputs import read_training_record, training_settings


def log_trainings(
    workspace: Workspace, params: Params, names: Iterable[str], warn: Callable[[str], None]
) -> list[str]:
    """Log the finished trainings that the store lacks, and mark all of them as current.

    Returns the variants that the store has now. Calls `warn` once for each variant whose files
    are missing, damaged or trained with other settings, and once if the store fails.
    """
    logged: list[str] = []
    try:
        with open_store(workspace) as client, warnings.catch_warnings():
            # In a local store, an open run of ours belongs to a dead process: the lock is ours.
            unfinished = _find_runs(client, "status = 'RUNNING'") if is_local(workspace) else []
            for run in unfinished:
                if "dvc.key" in run.data.tags:
                    client.set_terminated(run.info.run_id, "KILLED")
            # An input example would load TensorFlow and run the model once more.
            warnings.filterwarnings("ignore", message=".*[Ii]nput example.*")
            for name in names:
                try:
                    _log(client, workspace, params, name)
                    logged.append(name)
                except DataError as error:
                    warn(f"{name} is not in MLflow: {error}")
    except DataError as error:
        warn(OUT_OF_DATE.format(error))
    return logged


def reconcile(workspace: Workspace, params: Params) -> None:
    """Mark the runs of variants that params.yaml lacks as no longer current.

    Raises DataError if the store fails.
    """
    with open_store(workspace) as client:
        for run in _find_runs(client, CURRENT):
            if run.data.tags["variant"] not in params.variants:
                client.set_tag(run.info.run_id, "current", "false")


def _find_runs(client: Any, query: str) -> list[Any]:
    """The matching runs in the experiments that rnnbench created."""
    ours = [e.experiment_id for e in client.search_experiments() if OWNER in e.tags]
    return list(client.search_runs(ours, query)) if ours else []


def _log(client: Any, workspace: Workspace, params: Params, name: str) -> None:
    training = read_training_record(workspace, name)
    if training.settings != training_settings(params.variant(name)):
        raise DataError("the trained model does not match params.yaml; run dvc repro")
    key = _key(workspace, name)
    experiment = _experiment(client, workspace, params, name)
    found = client.search_runs([experiment], f"tags.variant = '{name}' and tags.level = 'variant'")
    # The tag `current` is set last: a run without it is incomplete.
    complete = [run for run in found if "current" in run.data.tags]
    matching = [run for run in complete if run.data.tags.get("dvc.key") == key]
    # A queued experiment does not train the files of the project.
    current = is_project(workspace)
    if not matching:
        log_training(client, workspace, params, training, experiment, key, current)
    if current:
        for run in complete:
            mark = str(run in matching[:1]).lower()
            if run.data.tags["current"] != mark:
                client.set_tag(run.info.run_id, "current", mark)


def _experiment(client: Any, workspace: Workspace, params: Params, name: str) -> str:
    corpus = params.dataset(params.variant(name).dataset).corpus
    if found := find_experiment(client, corpus):
        return str(found.experiment_id)
    folder = None
    if is_local(workspace):
        folder = (project_root(workspace) / "mlartifacts" / corpus).as_uri()
    tags = {
        "mlflow.note.content": f"{corpora.load(corpus).TITLE}. One run per variant (the mean of "
        "its replicates), one nested run per replicate. Runs with the tag `current: true` belong "
        "to the files in the workspace.",
        OWNER: corpus,
    }
    return str(client.create_experiment(corpus, artifact_location=folder, tags=tags))


def _key(workspace: Workspace, name: str) -> str:
    """Identifies a training by its record and results, and by the code of its logged models."""
    folder = Path(__file__).parent
    files = (
        workspace.training_record(name),
        workspace.predictions(name) / "evaluation.npy",
        workspace.history(name),
        folder / "pyfunc.py",
        folder / "logged_model.py",
    )
    try:
        content = b"".join(path.read_bytes() for path in files)
    except OSError as error:
        raise DataError(f"{error.filename}: not readable; run dvc repro") from error
    return hashlib.sha256(content).hexdigest()[:16]
