"""The model of one replicate in MLflow: a pyfunc model that takes raw text, or arrays."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from rnnbench.core.errors import DataError
from rnnbench.core.workspace import Workspace
from rnnbench.data.format import Meta, read_meta, read_targets, split_folder
from rnnbench.data.scoring import prior
from rnnbench.models.base import VariantSettings
from rnnbench.params import Params
from rnnbench.preprocessing.encoders import ENCODER
from rnnbench.training.outputs import read_training_record

_REQUIREMENTS = (
    "keras",
    "mlflow",
    "numpy",
    "pandas",
    "pydantic",
    "scikit-learn",
    "scipy",
    "tensorflow",
    "tokenizers",
)


def log_model(run_id: str, workspace: Workspace, params: Params, name: str, replicate: int) -> None:
    """Log the model of one replicate, counted from 0; MLflow then regards its run as finished.

    Raises DataError if a file is missing, and what MLflow raises.
    """
    import mlflow

    settings = params.variant(name)
    files = artifacts(workspace, params, name, replicate)
    prepared = workspace.prepared(settings.dataset)
    meta, targets = read_meta(prepared), read_targets(prepared)
    split = read_training_record(workspace, name).splits[replicate]
    of_training = prior(meta, targets.y[targets.rows(split, "train")])
    # The experiment of a logged model is that of the active run.
    with mlflow.start_run(run_id=run_id):
        mlflow.pyfunc.log_model(
            name=name,
            python_model=str(Path(__file__).with_name("pyfunc.py")),
            artifacts={key: str(path) for key, path in files.items()},
            model_config={"family": settings.model, "prior": of_training.tolist()},
            code_paths=[str(Path(__file__).parents[1])],
            pip_requirements=_requirements(settings, workspace.models(name)),
            signature=_signature(meta, ENCODER in files),
        )


def artifacts(workspace: Workspace, params: Params, name: str, replicate: int) -> dict[str, Path]:
    """The files of the model of one replicate; MLflow puts them into one folder.

    Raises DataError if the model, or the code of its own layers, is missing.
    """
    # The suffix depends on the family, and importing its class can import TensorFlow.
    pattern = f"replicate_{replicate}.*"
    model = next(workspace.models(name).glob(pattern), None)
    if model is None:
        raise DataError(f"{workspace.models(name)}: no {pattern}; run dvc repro")
    settings = params.variant(name)
    code = [model.with_name(Path(file).name) for file in settings.code]
    if missing := [path for path in code if not path.is_file()]:
        raise DataError(f"{missing[0]}: missing; run dvc repro")
    prepared = workspace.prepared(settings.dataset)
    split = read_training_record(workspace, name).splits[replicate]
    encoder = split_folder(prepared, split).glob("*.json")
    files = {path.name: path for path in (*prepared.glob("*.json"), *encoder, *code)}
    return files | {"model": model}


def _requirements(settings: VariantSettings, models: Path) -> list[str]:
    """What pip installs to run a model, with versions."""
    own = (f"{package}=={version(package)}" for package in _REQUIREMENTS)
    return sorted({*own, *settings.requirements(models)})


def _signature(meta: Meta, text: bool) -> Any:
    """Of a text: its label and probability, or a number. Of arrays: arrays."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema, TensorSpec

    if text:
        outputs = [ColSpec("string", "label"), ColSpec("double", "probability")]
        if meta.target == "number":
            outputs = [ColSpec("double", "prediction")]
        return ModelSignature(Schema([ColSpec("string")]), Schema(outputs))
    dtype = np.dtype("float32" if meta.encoding == "number" else "int64")
    shape = (-1, *(size or -1 for size in meta.shape))
    steps = (meta.shape[0] or -1, len(meta.classes)) if meta.target == "steps" else ()
    return ModelSignature(
        Schema([TensorSpec(dtype, shape)]),
        Schema([TensorSpec(np.dtype("float32"), (-1, *steps))]),
    )
