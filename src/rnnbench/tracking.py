"""Trainings in MLflow: the only module, with `serving`, that knows MLflow.

MLflow is a view: what is logged is read from the files that DVC tracks. The train stage and
`rnnbench sync` therefore use the same code, and a training that DVC restored from its cache can
be logged as well as one that has just run.

One experiment a corpus; one run a variant, with the mean of its replicates, and below it one run
a replicate with its history and its model.
"""

from __future__ import annotations

import csv
import hashlib
import importlib.metadata
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from filelock import FileLock

from rnnbench import corpora, models
from rnnbench.encode import VOCABULARY
from rnnbench.params import Params
from rnnbench.prepared import read_meta
from rnnbench.workspace import Workspace

HISTORY_METRICS = ("loss", "accuracy", "val_loss", "val_accuracy")
CURRENT = "tags.current = 'true'"
_REQUIREMENTS = ("mlflow", "tensorflow", "keras", "numpy", "pandas", "pydantic")


def store_uri(workspace: Workspace) -> str:
    """MLFLOW_TRACKING_URI, or the project's own sqlite store."""
    own = f"sqlite:///{(workspace.root / 'mlflow.db').resolve().as_posix()}"
    return os.environ.get("MLFLOW_TRACKING_URI") or own


def record(
    workspace: Workspace, params: Params, name: str, warn: Callable[[str], None]
) -> bool:
    """Log the finished training of variant `name`, unless the store has it already.

    A store that cannot be reached costs one warning, never the training. Returns whether the
    store holds the training now.
    """
    # MLflow's own defaults would try an unreachable server for four minutes.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "4")
    from mlflow.exceptions import MlflowException

    try:
        with _store(workspace) as client:
            _log_training(client, workspace, params, name)
    except (MlflowException, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        warn(
            f"{name} is not in MLflow: {store_uri(workspace)} failed ({reason}). "
            "The training is kept; `rnnbench sync` logs it later."
        )
        return False
    return True


def current_runs(workspace: Workspace, params: Params) -> dict[str, tuple[str, list[str]]]:
    """Experiment id -> (name, ids of the runs that belong to the files in the workspace)."""
    found = {}
    with _store(workspace) as client:
        for corpus in params.corpora:
            if experiment := client.get_experiment_by_name(corpus):
                runs = client.search_runs([experiment.experiment_id], CURRENT)
                ids = [run.info.run_id for run in runs]
                if ids:
                    found[str(experiment.experiment_id)] = (corpus, ids)
    return found


@contextmanager
def _store(workspace: Workspace) -> Iterator[Any]:
    # Processes that create or write the sqlite file at the same time can break it.
    with FileLock(workspace.root / ".mlflow.lock"):
        import mlflow

        mlflow.set_tracking_uri(store_uri(workspace))
        yield mlflow.MlflowClient()


def _log_training(client: Any, workspace: Workspace, params: Params, name: str) -> None:
    experiment = _experiment(client, workspace, params, name)
    key = _key(workspace, params, name)
    known = client.search_runs(
        [experiment],
        f"tags.variant = '{name}' and tags.level = 'variant' and attributes.status = 'FINISHED'",
    )
    matching = [run for run in known if run.data.tags.get("dvc.key") == key]
    if not matching:
        _log_variant(client, workspace, params, name, experiment, key)
    elif matching[0].data.tags.get("current") != "true":
        client.set_tag(matching[0].info.run_id, "current", "true")
    for run in known:
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


def _key(workspace: Workspace, params: Params, name: str) -> str:
    """Identifies one training by its settings and results."""
    digest = hashlib.sha256(params.variant(name).model_dump_json().encode())
    for path in (workspace.predictions(name), workspace.history(name)):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _log_variant(
    client: Any, workspace: Workspace, params: Params, name: str, experiment: str, key: str
) -> None:
    import mlflow

    settings = params.variant(name)
    history = _read_history(workspace.history(name))
    cost = json.loads(workspace.cost(name).read_text(encoding="utf-8"))
    facts = json.loads((workspace.models(name) / "training.json").read_text(encoding="utf-8"))
    meta = read_meta(workspace.prepared(settings.dataset))
    scalars = _parameters(params, name) | {
        "parameters": facts["parameters"],
        "encoding": meta.encoding,
        "vocabulary_size": meta.depth,
        "length": meta.shape[0],
    }
    end = int(workspace.cost(name).stat().st_mtime * 1000)
    start = end - int(cost["seconds"] * 1000)
    tags = {
        "variant": name,
        "dvc.stage": f"train@{name}",
        "dvc.key": key,
        "dvc.data_md5": _data_md5(workspace, settings.dataset),
        "mlflow.source.name": f"dvc.yaml:train@{name}",
        "mlflow.source.git.commit": _commit(workspace),
    }

    def open_run(title: str, extra: dict[str, str]) -> str:
        run = client.create_run(experiment, start, tags | extra, title)
        return str(run.info.run_id)

    def fill(run_id: str, epochs: dict[int, dict[str, float]], totals: dict[str, float]) -> None:
        entities = mlflow.entities
        series = [
            entities.Metric(metric, value, end, epoch)
            for epoch, values in epochs.items()
            for metric, value in values.items()
        ]
        finals = [entities.Metric(metric, value, end, 0) for metric, value in totals.items()]
        constants = [entities.Param(k, str(v)) for k, v in scalars.items()]
        client.log_batch(run_id, params=constants)
        for begin in range(0, len(series), 1000):
            client.log_batch(run_id, metrics=series[begin : begin + 1000])
        client.log_batch(run_id, metrics=finals)

    finals = [history[r][max(history[r])]["val_accuracy"] for r in sorted(history)]
    parent = open_run(
        name,
        {
            "level": "variant",
            "mlflow.note.content": f"Mean of {len(finals)} replicates on `{settings.dataset}`. "
            f"Published: {settings.published.accuracy if settings.published else 'no figure'}.",
        },
    )
    fill(
        parent,
        _mean_history(history),
        {
            "evaluation_accuracy": float(np.mean(finals)),
            "evaluation_accuracy_sd": float(np.std(finals, ddof=1)) if len(finals) > 1 else 0.0,
            "seconds": cost["seconds"],
        },
    )
    _log_dataset(parent, workspace, settings.dataset, tags["dvc.data_md5"])
    for replicate, seed in enumerate(facts["seeds"]):
        extra = {"level": "replicate", "mlflow.parentRunId": parent, "seed": str(seed)}
        child = open_run(f"{name} seed {seed}", extra)
        seconds = cost["seconds_per_replicate"]
        totals = {"evaluation_accuracy": finals[replicate], "seconds": seconds}
        fill(child, history[replicate], totals)
        _log_model(child, workspace, params, name, replicate)
        client.set_terminated(child, "FINISHED", end)
    # The variant counts as logged only now that everything below it is.
    client.set_tag(parent, "current", "true")
    client.set_terminated(parent, "FINISHED", end)


def _parameters(params: Params, name: str) -> dict[str, Any]:
    settings = params.variant(name)
    scalars: dict[str, Any] = {
        "dataset": settings.dataset,
        "model": settings.model,
        "replicates": params.replicates_of(name),
        "seed": params.run.seed,
    }
    return scalars | models.load(settings.model).describe(settings)


def _read_history(path: Path) -> dict[int, dict[int, dict[str, float]]]:
    history: dict[int, dict[int, dict[str, float]]] = {}
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            values = {metric: float(row[metric]) for metric in HISTORY_METRICS}
            history.setdefault(int(row["replicate"]), {})[int(row["epoch"])] = values
    return history


def _mean_history(
    history: dict[int, dict[int, dict[str, float]]],
) -> dict[int, dict[str, float]]:
    return {
        epoch: {
            metric: float(np.mean([h[epoch][metric] for h in history.values()]))
            for metric in HISTORY_METRICS
        }
        for epoch in history[0]
    }


def _log_dataset(run_id: str, workspace: Workspace, dataset: str, md5: str) -> None:
    import mlflow
    from mlflow.data.code_dataset_source import CodeDatasetSource
    from mlflow.data.meta_dataset import MetaDataset

    path = workspace.prepared(dataset).relative_to(workspace.root).as_posix()
    source = CodeDatasetSource({"dvc.path": path, "dvc.md5": md5})
    with mlflow.start_run(run_id=run_id):
        mlflow.log_input(MetaDataset(source, dataset, md5[:32]), context="training")


def _log_model(
    run_id: str, workspace: Workspace, params: Params, name: str, replicate: int
) -> None:
    import mlflow
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    package = Path(__file__).parent
    settings = params.variant(name)
    signature = ModelSignature(
        inputs=Schema([ColSpec("string", "text")]),
        outputs=Schema([ColSpec("string", "label"), ColSpec("double", "probability")]),
    )
    with tempfile.TemporaryDirectory() as folder, mlflow.start_run(run_id=run_id):
        encoder = Path(folder) / "encoder"
        encoder.mkdir()
        for file in ("meta.json", VOCABULARY):
            shutil.copy(workspace.prepared(settings.dataset) / file, encoder)
        mlflow.pyfunc.log_model(
            name=name,
            python_model=str(package / "serving.py"),
            artifacts={"model": str(workspace.model(name, replicate)), "encoder": str(encoder)},
            model_config={"family": settings.model},
            code_paths=[str(package)],
            pip_requirements=[_requirement(r) for r in _REQUIREMENTS],
            signature=signature,
        )


def _requirement(package: str) -> str:
    return f"{package}=={importlib.metadata.version(package)}"


def _data_md5(workspace: Workspace, dataset: str) -> str:
    try:
        lock = yaml.safe_load((workspace.root / "dvc.lock").read_text(encoding="utf-8"))
        return str(lock["stages"][f"preprocess@{dataset}"]["outs"][0]["md5"])
    except (OSError, KeyError, TypeError):
        return "unknown"


def _commit(workspace: Workspace) -> str:
    # S607: git is found on PATH as everywhere else in a DVC project.
    done = subprocess.run(
        ["git", "rev-parse", "HEAD"],  # noqa: S607
        cwd=workspace.root,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or "unknown"
