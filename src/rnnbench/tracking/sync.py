"""Keep the MLflow store in agreement with the files in the workspace.

MLflow is a view: all that is logged is read from the files that DVC tracks, so that a training
restored from DVC's cache is logged like one that has just run. An experiment per corpus has one run
per variant with the mean of its replicates, and one nested run per replicate with its model.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from rnnbench.core.errors import DataError
from rnnbench.core.workspace import Workspace
from rnnbench.params import Params
from rnnbench.tracking.live import end_dead
from rnnbench.tracking.project import is_project
from rnnbench.tracking.runs import CURRENT_TAG, log_training
from rnnbench.tracking.store import (
    CURRENT,
    OUT_OF_DATE,
    ensure_experiment,
    find_runs,
    open_store,
)
from rnnbench.tracking.verification import is_intact
from rnnbench.training.outputs import read_training_record, training_settings


def log_trainings(
    workspace: Workspace,
    params: Params,
    names: Iterable[str],
    warn: Callable[[str], None],
    live: Mapping[int | None, str] | None = None,
) -> list[str]:
    """Log the finished trainings that the store lacks, and mark all of them as current.

    A training that is there, but not with all of its runs, models and files, is logged again.
    Returns the variants that the store has now. Calls `warn` once for each variant whose files
    are missing, damaged or trained with other settings, and once if the store fails.
    live: the runs of the only one of `names`, from `rnnbench.tracking.live`; the caller holds the
    lock of its training.
    """
    logged: list[str] = []
    try:
        with open_store(workspace) as client, warnings.catch_warnings():
            ours = None if live is None else set(live.values())
            end_dead(client, workspace, find_runs(client, workspace, "status = 'RUNNING'"), ours)
            # An input example would load TensorFlow and run the model once more.
            warnings.filterwarnings("ignore", message=".*[Ii]nput example.*")
            for name in names:
                try:
                    _log(client, workspace, params, name, live or {})
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
        for run in find_runs(client, workspace, CURRENT):
            if run.data.tags.get("variant") not in params.variants:
                client.set_tag(run.info.run_id, CURRENT_TAG, "false")


def _log(
    client: Any, workspace: Workspace, params: Params, name: str, live: Mapping[int | None, str]
) -> None:
    training = read_training_record(workspace, name)
    if training.settings != training_settings(params.variant(name)):
        raise DataError("the trained model does not match params.yaml; run dvc repro")
    key = _key(workspace, name)
    corpus = params.corpus_of(name)
    experiment = ensure_experiment(client, workspace, corpus, params.title(corpus))
    found = client.search_runs([experiment], f"tags.variant = '{name}' and tags.level = 'variant'")
    complete = [run for run in found if run.data.tags.get(CURRENT_TAG) in ("true", "false")]
    intact = (
        run
        for run in complete
        if run.data.tags.get("dvc.key") == key
        and is_intact(client, workspace, params, training, run)
    )
    kept = next(intact, None)
    # A queued experiment does not train the files of the project.
    current = is_project(workspace)
    if kept is None:
        log_training(client, workspace, params, training, experiment, key, current, live)
    else:
        # The same training once more.
        for run_id in live.values():
            client.delete_run(run_id)
    if current:
        for run in complete:
            mark = str(run is kept).lower()
            if run.data.tags[CURRENT_TAG] != mark:
                client.set_tag(run.info.run_id, CURRENT_TAG, mark)


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
