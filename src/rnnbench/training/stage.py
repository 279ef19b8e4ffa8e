"""The train stage: all replicates of one variant, their models, predictions and histories."""

from __future__ import annotations

import csv
import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from rnnbench import models
from rnnbench.core.errors import DataError, ParamsError, TrainingError
from rnnbench.core.files import new_directory, new_file, write_text
from rnnbench.core.machine import this_machine
from rnnbench.core.packages import package_files
from rnnbench.core.schema import write_json
from rnnbench.core.workspace import Workspace
from rnnbench.models.base import VariantSettings
from rnnbench.params import Params
from rnnbench.training.checkpoints import Checkpoint, Checkpoints, Row
from rnnbench.training.keys import Inputs, Replicate, find_inputs, replicates
from rnnbench.training.outputs import METRICS, Cost, TrainingRecord, training_settings
from rnnbench.training.replicate import Dataset, ReplicateTrainer


class Observer(Protocol):
    """Observes a training while it runs."""

    def start(self, key: str) -> None:
        """A training begins, or goes on; all that determines it is in `key`."""

    def epoch(self, replicate: int, row: Row) -> None:
        """An epoch of a replicate, counted from 0, has ended; `row` is that of its history."""


def train(
    workspace: Workspace,
    params: Params,
    name: str,
    report: Callable[[str], None] = print,
    observer: Observer | None = None,
) -> None:
    """Train all replicates of variant `name`; write models, predictions, history and cost.

    Replicate r uses the seed run.seed + r, and split r modulo the number of splits. One that
    diverges has neither a model nor predictions, and the others are trained all the same.
    Checkpoints are left for the caller to remove, so that nothing is trained again if the training
    cannot be logged. `report` prints a line of progress; `observer` is called after each epoch.
    Raises UnknownNameError, DataError, ParamsError or TrainingError; then no output is written.
    """
    settings = params.variant(name)
    folder = workspace.prepared(settings.dataset)
    dataset = Dataset(folder)
    model_class = models.model_class(settings.model)
    code = project_code(workspace, params, name)
    inputs = find_inputs(settings.model, folder, code)
    count = params.replicates_of(name)
    planned = replicates(settings, params.run.seed, count, dataset.splits, inputs)
    if observer is not None:
        keys = "".join(replicate.key for replicate in planned)
        observer.start(hashlib.sha256(keys.encode()).hexdigest())
    on_epoch = observer.epoch if observer is not None else None
    trainer = ReplicateTrainer(model_class, settings, dataset, report, on_epoch)
    results = []
    with new_directory(workspace.models(name)) as directory:
        # A model is loaded with these copies, whatever the project has by then.
        for file in settings.code:
            shutil.copyfile(workspace.root / file, directory / Path(file).name)
        for replicate in planned:
            number = replicate.number
            path = directory / workspace.model(name, number, model_class.SUFFIX).name
            label = f"{name}  replicate {number + 1}/{count}"
            checkpoints = Checkpoints(workspace.checkpoints(name), number, replicate.key)
            try:
                results.append(trainer.train(replicate, label, path, checkpoints))
            except TrainingError as error:
                raise TrainingError(f"{name}, replicate {number + 1}: {error}") from error
            except ParamsError as error:
                raise error.under(f"variants.{name}") from error
    record = _record(name, settings, planned, results, inputs)
    with new_directory(workspace.predictions(name)) as directory:
        _write_predictions(directory, dataset, results)
        write_json(directory / workspace.training_record(name).name, record)
    _write_history(workspace.history(name), results)
    write_text(workspace.cost(name), _cost(results).model_dump_json(indent=2) + "\n")


def _record(
    name: str,
    settings: VariantSettings,
    planned: list[Replicate],
    results: list[Checkpoint],
    inputs: Inputs,
) -> TrainingRecord:
    return TrainingRecord(
        variant=name,
        role=settings.role,
        architecture=settings.architecture,
        parameters=results[-1].parameters,
        seeds=[replicate.seed for replicate in planned],
        splits=[replicate.split for replicate in planned],
        epochs=[result.epoch for result in results],
        training_loss=[result.training_loss for result in results],
        training_accuracy=[result.training_accuracy for result in results],
        diverged={r: result.diverged for r, result in enumerate(results) if result.diverged},
        settings=training_settings(settings),
        data=inputs.data,
    )


def project_code(workspace: Workspace, params: Params, name: str) -> list[Path]:
    """The project files that the layers of a variant come from; raises DataError without them.

    Also those of a package in src/ that the variant names.
    """
    settings, root = params.variant(name), workspace.root
    files = (*settings.code, *package_files(training_settings(settings), root))
    paths = [root / file for file in files]
    for path in paths:
        if not path.is_file():
            raise DataError(f"{path}: missing; layers of {name} come from it")
    return paths


def _write_predictions(directory: Path, dataset: Dataset, results: list[Checkpoint]) -> None:
    for kind, count in dataset.predicted.items():
        arrays = [result.arrays[kind] for result in results if not result.diverged]
        stacked = np.stack(arrays) if arrays else np.empty((0, count), np.float32)
        np.save(directory / f"{kind}.npy", stacked, allow_pickle=False)


def _write_history(path: Path, results: list[Checkpoint]) -> None:
    rows: list[dict[str, Any]] = [
        {"replicate": replicate} | row
        for replicate, result in enumerate(results)
        for row in result.rows
    ]
    with new_file(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        fields = dict.fromkeys(("replicate", "epoch", *METRICS))
        fields |= dict.fromkeys(key for row in rows for key in row)
        writer = csv.DictWriter(file, list(fields), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _cost(results: list[Checkpoint]) -> Cost:
    seconds = sum(result.seconds for result in results)
    return Cost(
        seconds=round(seconds, 2),
        seconds_per_replicate=round(seconds / len(results), 2),
        peak_memory_mib=max(result.memory for result in results),
        machine=this_machine(),
    )
