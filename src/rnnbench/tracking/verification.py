"""Whether a training that was logged is still there, with all of its runs, models and files."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import mlflow
from mlflow.utils.file_utils import local_file_uri_to_path

from rnnbench.core.workspace import Workspace
from rnnbench.params import Params
from rnnbench.tracking.logged_model import artifacts
from rnnbench.training.outputs import TrainingRecord

# The tag of a replicate's run: a hash of the files of its model in a local store.
FILES = "rnnbench.files"
# What MLflow needs to load a model.
_NEEDED = {"MLmodel", "artifacts", "code", "pyfunc.py"}
# Written by MLflow and Python when a model is loaded.
_TRACES = ("registered_model_meta", "__pycache__")


def is_intact(
    client: Any, workspace: Workspace, params: Params, record: TrainingRecord, parent: Any
) -> bool:
    """Whether the run `parent` of a variant has its history, nested runs and loadable models.

    People delete and edit runs and models in the UI, and folders on the disk.
    """
    name, run_id = record.variant, parent.info.run_id
    if workspace.history(name).name not in {file.path for file in client.list_artifacts(run_id)}:
        return False
    children = nested_runs(client, parent)
    finished = [record.seeds[replicate] for replicate in record.finished]
    return children.keys() >= set(record.seeds) and all(
        _has_model(client, children[seed], artifacts(workspace, params, name, replicate))
        for seed, replicate in zip(finished, record.finished, strict=True)
    )


def nested_runs(client: Any, parent: Any) -> dict[int, Any]:
    """The runs of the replicates of a variant's run `parent` by seed, the smallest first."""
    query = f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'"
    found = client.search_runs([parent.info.experiment_id], query)
    # Others, such as runs of one's own, have no seed.
    seeds = {run.data.tags.get("seed", ""): run for run in found}
    return {int(seed): seeds[seed] for seed in sorted(filter(str.isdecimal, seeds), key=int)}


def find_model(client: Any, run: Any) -> Any | None:
    """The logged model of the run of a replicate; None if it was deleted."""
    for output in run.outputs.model_outputs if run.outputs else ():
        try:
            return client.get_logged_model(output.model_id)
        except mlflow.MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
    return None


def tag_files(client: Any, run_id: str) -> None:
    """Record the files of the model of a replicate's run, if the store is local."""
    model = find_model(client, client.get_run(run_id))
    if model is not None and (folder := _local_folder(model)):
        client.set_tag(run_id, FILES, _digest(folder))


def _has_model(client: Any, run: Any, files: dict[str, Path]) -> bool:
    """Whether the model of a run is there, unchanged, with these `files`."""
    model = find_model(client, run)
    if model is None:
        return False
    if folder := _local_folder(model):
        return bool(run.data.tags.get(FILES) == _digest(folder))
    # A server's files are not downloaded to compare them.
    if _NEEDED - _sizes(model.artifact_location).keys():
        return False
    sizes = _sizes(f"{model.artifact_location}/artifacts")
    return all(sizes.get(path.name) == path.stat().st_size for path in files.values())


def _local_folder(model: Any) -> Path | None:
    location = str(model.artifact_location)
    return Path(local_file_uri_to_path(location)) if location.startswith("file:") else None


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not any(trace in name for trace in _TRACES):
            digest.update(f"{name}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:32]


def _sizes(uri: str) -> dict[str, int]:
    """The size of each file of a folder of artifacts in bytes, by name."""
    listed = mlflow.artifacts.list_artifacts(artifact_uri=uri)
    return {file.path.rpartition("/")[2]: file.file_size for file in listed}
