"""What a finished training leaves for later stages: its record, cost and predictions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from rnnbench.core.errors import DataError
from rnnbench.core.machine import Machine
from rnnbench.core.schema import Schema, read_json
from rnnbench.core.workspace import Workspace
from rnnbench.data.format import DUPLICATE, FLAGS, Meta, Targets, read_array
from rnnbench.data.scoring import or_prior, prior

LAST_EPOCH = "last_epoch"
METRICS = ("loss", "accuracy", "val_loss", "val_accuracy")
# Targets with a probability for each class.
_MULTICLASS = ("classes", "steps")


class TrainingRecord(Schema):
    """data/predictions/VARIANT/training.json.

    variant: its key in params.yaml.
    role: one of `rnnbench.data.roles`.
    architecture: that of its settings.
    parameters: the number of trainable parameters of one model.
    seeds, splits: the seed of each replicate, and the number of its split.
    epochs: the epoch whose weights each replicate has at the end, None if it diverged: the one with
        the best score on the validation part, or the last one without such a part.
    training_loss, training_accuracy: of each replicate, on its training part after its last epoch;
        None if it diverged.
    diverged: for each replicate that diverged, counted from 0, the epoch in which its training
        loss was not finite, or no prediction of unseen samples was a number.
    settings: the variant's settings, without the number of replicates.
    data: the `rnnbench.data.format.training_data_digest` of the dataset.
    """

    variant: str
    role: str
    architecture: dict[str, str | int | float | bool]
    parameters: int
    seeds: list[int] = Field(min_length=1)
    splits: list[int]
    epochs: list[int | None]
    training_loss: list[float | None]
    training_accuracy: list[float | None]
    diverged: dict[int, int]
    settings: dict[str, Any]
    data: str

    @property
    def finished(self) -> list[int]:
        """The replicates that have not diverged."""
        return [replicate for replicate, epoch in enumerate(self.epochs) if epoch is not None]


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


def read_history(workspace: Workspace, name: str, record: TrainingRecord) -> pd.DataFrame:
    """One row per replicate that has not diverged and epoch: replicate, epoch and `METRICS`.

    Raises DataError if the file is missing or damaged, or lacks epochs.
    """
    path = workspace.history(name)
    types = {"replicate": int, "epoch": int} | dict.fromkeys(METRICS, float)
    try:
        rows = pd.read_csv(path, usecols=list(types), dtype=types, na_filter=False)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not readable ({error}); run dvc repro") from error
    rows = rows[rows["replicate"].isin(record.finished)]
    if record.finished and set(rows.groupby("epoch").size()) != {len(record.finished)}:
        raise DataError(f"{path}: epochs are missing; run dvc repro")
    return rows


def read_cost(workspace: Workspace, name: str) -> Cost:
    """The cost of a variant's training; raises DataError if it is missing or damaged."""
    return read_json(workspace.cost(name), Cost)


def training_settings(settings: Schema) -> dict[str, Any]:
    """The settings of a variant that determine its training, as JSON values."""
    return settings.model_dump(mode="json", exclude={"replicates"})


def find_model(workspace: Workspace, name: str, settings: Schema) -> Path | None:
    """The model of the last finished replicate of variant `name`; the tables count its parameters.

    None if it was trained with other settings, or if there is none.
    """
    try:
        record = read_training_record(workspace, name)
    except DataError:
        return None
    if record.settings != training_settings(settings) or not record.finished:
        return None
    return next(workspace.models(name).glob(f"replicate_{record.finished[-1]}.*"), None)


def priors(meta: Meta, targets: Targets, record: TrainingRecord) -> list[NDArray[np.float32]]:
    """`rnnbench.data.scoring.prior` of the training part, for each finished replicate."""
    splits = [record.splits[replicate] for replicate in record.finished]
    return [prior(meta, targets.y[targets.rows(split, "train")]) for split in splits]


def read_predictions(
    workspace: Workspace,
    name: str,
    kind: str,
    meta: Meta,
    y: NDArray[Any],
    instead: list[NDArray[np.float32]],
) -> NDArray[np.float32]:
    """Predictions of one kind, shape (replicates, n, ...) as in `rnnbench.data.scoring`.

    kind: "evaluation", of the evaluation parts; "last_epoch", the same after the last epoch, if
    there is a validation part; or the name of a further evaluation set. y: the targets, shape
    (n, ...), or (replicates, n, ...) if each replicate has its own samples. instead: the `priors`,
    which stand for predictions without a number; the file holds those as they are.

    Replicates that diverged are left out; if all diverged, the shape is (0, n). Raises DataError
    if the file is missing or damaged, or belongs to other samples or replicates.
    """
    path = workspace.predictions(name) / f"{kind}.npy"
    predictions = read_array(path)
    steps = 1 if meta.target == "steps" else 0
    of_sample = (len(meta.classes),) if meta.target in _MULTICLASS else ()
    expected = (*y.shape[y.ndim - 1 - steps :], *of_sample)
    found = predictions.shape[1:]
    if found != (expected if len(predictions) else expected[:1]) or predictions.dtype.kind != "f":
        raise DataError(
            f"{path}: {predictions.dtype} of shape {predictions.shape}, expected numbers of shape "
            f"(replicates, {', '.join(map(str, expected))}); run dvc repro"
        )
    if len(predictions) != len(instead):
        raise DataError(
            f"{path}: predictions of {len(predictions)} replicates, but training.json lists "
            f"{len(instead)}; run dvc repro"
        )
    for replicate, of_training in enumerate(instead):
        predictions[replicate] = or_prior(meta, predictions[replicate], of_training)
    return predictions


@dataclass(frozen=True)
class Evaluated:
    """The predictions of the replicates that have not diverged, on their evaluation samples.

    prediction: shape (replicates, n, ...), with the weights of `TrainingRecord.epochs`.
    last: the same after the last epoch; it is `prediction` without a validation part.
    y: targets, shape (replicates, n, ...). id: numbers in the corpus, shape (replicates, n).
    duplicate: whether a sample is encoded like some training sample, shape (replicates, n).
    """

    prediction: NDArray[np.float32]
    last: NDArray[np.float32]
    y: NDArray[Any]
    id: NDArray[np.int32]
    duplicate: NDArray[np.bool_]


def read_evaluated(
    workspace: Workspace, name: str, meta: Meta, targets: Targets, record: TrainingRecord
) -> Evaluated:
    """The predictions of a variant with their targets; raises DataError as `read_predictions`."""
    splits = [record.splits[replicate] for replicate in record.finished]
    # One split stands for the shape if all replicates diverged.
    parts = np.array([targets.rows(split, "evaluation") for split in splits or [0]])
    rows = parts[: len(splits)]
    y, instead = targets.y[parts], priors(meta, targets, record)
    prediction = read_predictions(workspace, name, "evaluation", meta, y, instead)
    last = prediction
    if (targets.splits[0] & FLAGS["validation"]).any():
        last = read_predictions(workspace, name, LAST_EPOCH, meta, y, instead)
    flags = targets.splits[np.array(splits, int)[:, None], rows]
    duplicate = (flags & DUPLICATE) > 0
    return Evaluated(prediction, last, y[: len(splits)], targets.id[rows], duplicate)
