"""Keep the MLflow store in agreement with the files in the workspace.

MLflow is a view: everything logged is read from the files that DVC tracks. The train stage and
`rnnbench sync` use the same code, so a training that DVC restored from its cache is logged in the
same way as one that has just run.

One experiment per corpus, one run per variant with the mean of its replicates, one nested run per
replicate with its history and model, and one registered model per corpus with its champion.
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
    VARIANT_LEVEL,
    find_experiment,
    is_local,
    is_project,
    project_root,
    reachable_store,
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
        with reachable_store(workspace) as client, warnings.catch_warnings():
            _terminate_open_runs(client, workspace)
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
    """Correct the store where trainings no longer exist.

    Runs of variants that params.yaml lacks are no longer current, and runs that a kill left open
    are terminated. Raises DataError if the store fails.
    """
    with reachable_store(workspace) as client:
        if experiments := _experiments(client):
            for run in client.search_runs(experiments, f"{CURRENT} and {VARIANT_LEVEL}"):
                if run.data.tags.get("variant") not in params.variants:
                    client.set_tag(run.info.run_id, "current", "false")
        _terminate_open_runs(client, workspace)


def _experiments(client: Any) -> list[str]:
    """The ids of the experiments that rnnbench created."""
    return [str(e.experiment_id) for e in client.search_experiments() if OWNER in e.tags]


def _terminate_open_runs(client: Any, workspace: Workspace) -> None:
    # In a local store, a run of ours that is open belongs to a dead process: the lock is ours.
    if is_local(workspace) and (experiments := _experiments(client)):
        for run in client.search_runs(experiments, "attributes.status = 'RUNNING'"):
            if "dvc.key" in run.data.tags:
                client.set_terminated(run.info.run_id, "KILLED")


def _log(client: Any, workspace: Workspace, params: Params, name: str) -> None:
    training = read_training_record(workspace, name)
    if training.settings != training_settings(params.variant(name)):
        raise DataError("the trained model does not match params.yaml; run dvc repro")
    key = _key(workspace, name)
    experiment = _experiment(client, workspace, params, name)
    found = client.search_runs([experiment], f"tags.variant = '{name}' and {VARIANT_LEVEL}")
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
    digest = hashlib.sha256()
    predictions = workspace.predictions(name) / "evaluation.npy"
    package = Path(__file__).parent
    code = (package / "pyfunc.py", package / "logged_model.py")
    for path in (workspace.training_record(name), predictions, workspace.history(name), *code):
        try:
            digest.update(path.read_bytes())
        except OSError as error:
            raise DataError(f"{path}: not readable ({error}); run dvc repro") from error
    return digest.hexdigest()[:16]
