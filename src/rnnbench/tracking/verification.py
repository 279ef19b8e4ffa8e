"""Whether a training that was logged is still there, with all of its runs, models and files."""

from __future__ import annotations

import filecmp
from pathlib import Path
from typing import Any

import mlflow
from mlflow.utils.file_utils import local_file_uri_to_path

from rnnbench.core.workspace import Workspace
from rnnbench.params import Params
from rnnbench.tracking.logged_model import artifacts
from rnnbench.training.outputs import TrainingRecord

# What MLflow needs to load a model, besides its artifacts.
_FILES = {"MLmodel", "artifacts", "code", "pyfunc.py"}


def is_intact(
    client: Any, workspace: Workspace, params: Params, record: TrainingRecord, parent: Any
) -> bool:
    """Whether the run `parent` of a variant has its history, nested runs and loadable models.

    People delete runs and models in the UI, and folders on the disk.
    """
    name, run_id = record.variant, parent.info.run_id
    if workspace.history(name).name not in {file.path for file in client.list_artifacts(run_id)}:
        return False
    ids = [parent.info.experiment_id]
    found = client.search_runs(ids, f"tags.`mlflow.parentRunId` = '{run_id}'")
    by_seed = {run.data.tags["seed"]: run for run in found}
    if not by_seed.keys() >= set(map(str, record.seeds)):
        return False
    children = [by_seed[str(record.seeds[replicate])] for replicate in record.finished]
    return all(
        _has_model(client, child, artifacts(workspace, params, name, replicate))
        for child, replicate in zip(children, record.finished, strict=True)
    )


def find_model(client: Any, run: Any) -> Any | None:
    """The logged model of the run of a replicate; None if it was deleted."""
    for output in run.outputs.model_outputs if run.outputs else ():
        try:
            return client.get_logged_model(output.model_id)
        except mlflow.MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
    return None


def _has_model(client: Any, run: Any, files: dict[str, Path]) -> bool:
    """Whether the model of a run is there, with these `files`."""
    model = find_model(client, run)
    if model is None or _FILES - _sizes(model.artifact_location).keys():
        return False
    folder = f"{model.artifact_location}/artifacts"
    if folder.startswith("file:"):
        copies = Path(local_file_uri_to_path(folder))
        return all(_are_equal(path, copies / path.name) for path in files.values())
    # A server's copies are not downloaded to compare them.
    sizes = _sizes(folder)
    return all(sizes.get(path.name) == path.stat().st_size for path in files.values())


def _are_equal(a: Path, b: Path) -> bool:
    return b.is_file() and filecmp.cmp(a, b, shallow=False)


def _sizes(uri: str) -> dict[str, int]:
    """The size of each file of a folder of artifacts in bytes, by name."""
    listed = mlflow.artifacts.list_artifacts(artifact_uri=uri)
    return {file.path.rpartition("/")[2]: file.file_size for file in listed}
