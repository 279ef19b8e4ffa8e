"""What a finished training leaves for later stages: its record, cost and predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rnnbench.core.errors import DataError
from rnnbench.core.machine import Machine
from rnnbench.core.schema import Schema, read_json
from rnnbench.core.workspace import Workspace
from rnnbench.data.format import Meta, Samples, read_array

METRICS = ("loss", "accuracy", "val_loss", "val_accuracy")
# Targets with a probability for each class.
_MULTICLASS = ("classes", "steps")


class TrainingRecord(Schema):
    """data/predictions/VARIANT/training.json.

    variant: its key in params.yaml.
    role: one of `rnnbench.data.roles`.
    architecture: that of its settings.
    parameters: the number of trainable parameters of one model.
    seeds: the seed of each replicate.
    diverged: for each replicate that diverged, counted from 0, the epoch of its first loss that
        was not finite.
    settings: the variant's settings, without the number of replicates.
    """

    variant: str
    role: str
    architecture: dict[str, str | int | float | bool]
    parameters: int
    seeds: list[int] = Field(min_length=1)
    diverged: dict[int, int]
    settings: dict[str, Any]


class Cost(Schema):
    """data/cost/VARIANT.json: wall-clock seconds and MiB; they differ from run to run.

    machine: the one that finished the training.
    """

    seconds: float
    seconds_per_replicate: float
    peak_memory_mib: int
    machine: Machine


def read_training_record(workspace: Workspace, name: str) -> TrainingRecord:
    """Read the record of a variant's training; raises DataError if it is missing or damaged."""
    return read_json(workspace.training_record(name), TrainingRecord)


def read_cost(workspace: Workspace, name: str) -> Cost:
    """The cost of a variant's training; raises DataError if it is missing or damaged."""
    return read_json(workspace.cost(name), Cost)


def training_settings(settings: Schema) -> dict[str, Any]:
    """The settings of a variant that determine its training, as JSON values."""
    return settings.model_dump(mode="json", exclude={"replicates"})


def read_predictions(
    workspace: Workspace, name: str, split: str, meta: Meta, samples: Samples
) -> NDArray[np.float32]:
    """Predictions for one split, shape (replicates, n, ...) as in `rnnbench.data.scoring`.

    Replicates that diverged are left out; if all diverged, the shape is (0, n). Raises DataError
    if the file is missing or damaged, or belongs to other samples.
    """
    path = workspace.predictions(name) / f"{split}.npy"
    predictions = read_array(path)
    expected = (*samples.y.shape, *((len(meta.classes),) if meta.target in _MULTICLASS else ()))
    found = predictions.shape[1:]
    if found != (expected if len(predictions) else expected[:1]) or predictions.dtype.kind != "f":
        raise DataError(
            f"{path}: {predictions.dtype} of shape {predictions.shape}, expected numbers of shape "
            f"(replicates, {', '.join(map(str, expected))}); run dvc repro"
        )
    if not np.isfinite(predictions).all():
        raise DataError(f"{path}: holds values that are not finite; run dvc repro")
    return predictions
