"""Trainings in MLflow: the only package that knows MLflow.

MLflow is a view: what is logged is read from the files that DVC tracks. The train stage and
`rnnbench sync` therefore use the same code, and a training that DVC restored from its cache can
be logged as well as one that has just run.

One experiment a corpus; one run a variant, with the mean of its replicates, and below it one run
a replicate with its history and its model. One registered model a corpus, with its champion.
"""

from __future__ import annotations

import hashlib
import logging
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from rnnbench import corpora
from rnnbench.core.errors import DataError
from rnnbench.core.workspace import Workspace
from rnnbench.params import Params
from rnnbench.serving.views import CURRENT, share_view
from rnnbench.tracking import runs
from rnnbench.tracking.registry import champion, model_uri, promote_all
from rnnbench.tracking.store import (
    OWNER,
    find_experiment,
    home,
    is_own,
    is_project,
    line,
    masked_uri,
    open_store,
    reachable_store,
    store_errors,
)
from rnnbench.training.outputs import read_training_record
from rnnbench.training.stage import training_settings


def record(workspace: Workspace, params: Params, name: str, warn: Callable[[str], None]) -> bool:
    """Log the finished training of variant `name`, unless the store has it already.

    Returns whether the store holds it now; see `record_all`.
    """
    return bool(record_all(workspace, params, [name], warn))


def record_all(
    workspace: Workspace, params: Params, names: Iterable[str], warn: Callable[[str], None]
) -> list[str]:
    """Log the finished trainings that the store lacks, and mark all of them as current.

    A variant whose files are missing, damaged, or of other settings costs one warning, and so does
    a store that cannot be reached: never the training. Returns the variants that the store holds.
    """
    held: list[str] = []
    try:
        with open_store(workspace) as client, warnings.catch_warnings():
            _end_open_runs(client, workspace)
            # An input example would load TensorFlow only to run the model once more.
            warnings.filterwarnings("ignore", message=".*[Ii]nput example.*")
            for name in names:
                try:
                    _log_training(client, workspace, params, name)
                    held.append(name)
                except DataError as error:
                    warn(f"{name} is not in MLflow: {error}")
    except store_errors() as error:
        warn(
            f"MLflow lacks trainings: {masked_uri(workspace)} failed ({line(error)}). "
            "They are kept; `rnnbench sync` logs them later."
        )
    return held


def promote(workspace: Workspace, params: Params, warn: Callable[[str], None]) -> dict[str, str]:
    """Give each corpus's champion its alias; returns the champions that the store has now.

    A queued experiment names none. A store that cannot be reached costs one warning.
    """
    if not is_project(workspace):
        return {}
    try:
        with open_store(workspace) as client:
            return promote_all(client, workspace, params)
    except store_errors() as error:
        warn(
            f"no champion is named: {masked_uri(workspace)} failed ({line(error)}). "
            "`rnnbench sync` names them later."
        )
        return {}


def current_experiments(workspace: Workspace, params: Params) -> dict[str, str]:
    """Corpus -> id of its experiment, if it has runs that belong to the files in the workspace.

    Raises DataError if the store cannot be reached.
    """
    found = {}
    with reachable_store(workspace) as client:
        for corpus in params.corpora:
            if experiment := find_experiment(client, corpus):
                number = str(experiment.experiment_id)
                if runs_now := client.search_runs([number], CURRENT, max_results=1):
                    share_view(client, experiment, runs_now[0].data.params.get("target"))
                    found[corpus] = number
    return found


def load_logged(
    workspace: Workspace, params: Params, task: str, variant: str | None
) -> tuple[str, Any]:
    """The current model of a variant, or else the champion of a task: its variant, and a pyfunc.

    Raises DataError if the store cannot be reached or lacks the model.
    """
    with reachable_store(workspace) as client:
        if variant is None:
            variant, uri = champion(client, task)
        else:
            corpus = params.dataset(params.variant(variant).dataset).corpus
            uri = model_uri(client, corpus, variant)
        import mlflow

        # MLflow warns of every package that has another version than when the model was logged.
        logging.getLogger("mlflow").setLevel(logging.ERROR)
        return variant, mlflow.pyfunc.load_model(uri)


def tidy(workspace: Workspace, params: Params) -> None:
    """Mend what the store says of trainings that are no more.

    Takes the mark `current` from runs of variants that params.yaml no longer has, and ends the
    runs that a kill left open. Raises DataError if the store cannot be reached.
    """
    with reachable_store(workspace) as client:
        if numbers := _experiments(client):
            for run in client.search_runs(numbers, f"{CURRENT} and tags.level = 'variant'"):
                if run.data.tags.get("variant") not in params.variants:
                    client.set_tag(run.info.run_id, "current", "false")
        _end_open_runs(client, workspace)


def _experiments(client: Any) -> list[str]:
    """The ids of our experiments."""
    return [str(e.experiment_id) for e in client.search_experiments() if OWNER in e.tags]


def _end_open_runs(client: Any, workspace: Workspace) -> None:
    """End the runs that a kill left open."""
    # Whoever logs to the project's own store holds its lock; on a server others may be at work.
    if is_own(workspace) and (numbers := _experiments(client)):
        for run in client.search_runs(numbers, "attributes.status = 'RUNNING'"):
            if "dvc.key" in run.data.tags:
                client.set_terminated(run.info.run_id, "KILLED")


def _log_training(client: Any, workspace: Workspace, params: Params, name: str) -> None:
    facts = read_training_record(workspace, name)
    if facts.settings != training_settings(params.variant(name)):
        raise DataError("it was trained with other settings than params.yaml has; run dvc repro")
    key = _key(workspace, name)
    experiment = _experiment(client, workspace, params, name)
    known = client.search_runs([experiment], f"tags.variant = '{name}' and tags.level = 'variant'")
    # The mark `current` comes last: a run without it was cut off half way.
    complete = [run for run in known if "current" in run.data.tags]
    matching = [run for run in complete if run.data.tags.get("dvc.key") == key]
    # What a queued experiment trains is not what lies in the project.
    current = is_project(workspace)
    if not matching:
        runs.log_variant(client, workspace, params, facts, experiment, key, current)
    elif current and matching[0].data.tags.get("current") != "true":
        client.set_tag(matching[0].info.run_id, "current", "true")
    for run in complete:
        if current and run not in matching[:1] and run.data.tags.get("current") == "true":
            client.set_tag(run.info.run_id, "current", "false")


def _experiment(client: Any, workspace: Workspace, params: Params, name: str) -> str:
    corpus = params.dataset(params.variant(name).dataset).corpus
    if found := find_experiment(client, corpus):
        return str(found.experiment_id)
    own = is_own(workspace)
    folder = (home(workspace) / "mlartifacts" / corpus).as_uri() if own else None
    title = corpora.load(corpus).TITLE
    tags = {
        "mlflow.note.content": f"{title}. One run a variant (mean of its replicates), one nested "
        "run a replicate. Runs tagged `current: true` belong to the files in the workspace.",
        OWNER: corpus,
    }
    return str(client.create_experiment(corpus, artifact_location=folder, tags=tags))


def _key(workspace: Workspace, name: str) -> str:
    """Identifies one training by its settings and results, and by how its models are logged."""
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
