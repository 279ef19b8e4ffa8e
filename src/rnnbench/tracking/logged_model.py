"""The model of one replicate in MLflow: a pyfunc that takes what a user has."""

from __future__ import annotations

import importlib.metadata
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from rnnbench.core.errors import DataError
from rnnbench.core.workspace import Workspace
from rnnbench.data.format import Meta, read_meta
from rnnbench.params import Params
from rnnbench.preprocessing.encoders import ENCODER
from rnnbench.tracking.store import inside

_REQUIREMENTS = (
    *("keras", "mlflow", "numpy", "pandas", "pydantic", "scikit-learn", "scipy", "tensorflow"),
    "tokenizers",
)


def log_model(run_id: str, workspace: Workspace, params: Params, name: str, replicate: int) -> None:
    """Log one replicate's model below a run; raises what MLflow raises, and DataError."""
    import mlflow

    package = Path(__file__).parents[1]
    settings = params.variant(name)
    prepared = workspace.prepared(settings.dataset)
    with tempfile.TemporaryDirectory() as folder, inside(run_id):
        data = Path(folder) / "data"
        data.mkdir()
        for file in prepared.glob("*.json"):
            shutil.copy(file, data)
        model = _model_file(workspace, name, replicate)
        mlflow.pyfunc.log_model(
            name=name,
            python_model=str(Path(__file__).with_name("pyfunc.py")),
            artifacts={"model": str(model), "data": str(data)},
            model_config={"family": settings.model},
            code_paths=[str(package)],
            pip_requirements=[_requirement(r) for r in _REQUIREMENTS],
            signature=_signature(read_meta(prepared), (prepared / ENCODER).exists()),
        )


def _model_file(workspace: Workspace, name: str, replicate: int) -> Path:
    # Its suffix depends on the family, whose code would load TensorFlow to tell it.
    pattern = f"replicate_{replicate}.*"
    for path in workspace.models(name).glob(pattern):
        return path
    raise DataError(f"{workspace.models(name)}: no {pattern}; run dvc repro")


def _signature(meta: Meta, text: bool) -> Any:
    """Raw text in, label and probability out; or arrays in and out."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema, TensorSpec

    if text:
        outputs = [ColSpec("string", "label"), ColSpec("double", "probability")]
        return ModelSignature(Schema([ColSpec("string")]), Schema(outputs))
    dtype = np.dtype("float32" if meta.encoding == "number" else "int64")
    shape = (-1, *(size or -1 for size in meta.shape))
    steps = (meta.shape[0] or -1, len(meta.classes)) if meta.target == "steps" else ()
    return ModelSignature(
        Schema([TensorSpec(dtype, shape)]),
        Schema([TensorSpec(np.dtype("float32"), (-1, *steps))]),
    )


def _requirement(package: str) -> str:
    return f"{package}=={importlib.metadata.version(package)}"
