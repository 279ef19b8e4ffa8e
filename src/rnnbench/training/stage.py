"""The train stage: one variant, its replicates, their histories and predictions."""

from __future__ import annotations

import csv
import math
import resource
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnbench import models
from rnnbench.core.errors import DivergedError, ParamsError, TrainingError
from rnnbench.core.files import new_directory, new_file
from rnnbench.core.schema import write_json
from rnnbench.core.workspace import Workspace
from rnnbench.data.format import read_meta, read_samples
from rnnbench.models.base import VariantSettings
from rnnbench.params import Params
from rnnbench.training.checkpoints import Checkpoints, training_key
from rnnbench.training.outputs import METRICS, Cost, TrainingRecord, write_cost
from rnnbench.training.replicate import Progress, Replicate, Row

# What a checkpoint depends on, beside the family's own code.
_CODE = ("data", "models/base.py", "training")
_LIBRARIES = ("keras", "numpy", "tensorflow")


def train(
    workspace: Workspace, params: Params, name: str, say: Callable[[str], None] = print
) -> None:
    """Train all replicates of variant `name` and write its model, predictions, history and cost.

    Replicate r uses the seed run.seed + r. One that diverges leaves neither model nor predictions;
    training.json tells its epoch, and the others go on. Checkpoints stay: a training that is not
    logged yet can be had again at once. Raises UnknownNameError, DataError, ParamsError or
    TrainingError; then no output is written.
    """
    settings = params.variant(name)
    folder = workspace.prepared(settings.dataset)
    meta = read_meta(folder)
    fitted = read_samples(folder, "train")
    judged = {
        split: read_samples(folder, split) for split in ("evaluation", meta.out_of_domain) if split
    }
    family = models.load(settings.model)
    seeds = [params.run.seed + r for r in range(params.replicates_of(name))]
    rows: list[Row] = []
    predictions: dict[str, list[NDArray[np.float32]]] = {split: [] for split in judged}
    seconds: list[float] = []
    diverged: dict[int, int] = {}
    model: Any = None
    checkpoints = Checkpoints(workspace, name, _key(settings, seeds, folder))
    with new_directory(workspace.models(name)) as directory:
        for replicate, seed in enumerate(seeds):
            head = f"{name}  replicate {replicate + 1}/{len(seeds)}"
            progress = Progress(head, meta, judged["evaluation"], say)
            run = Replicate(replicate, checkpoints, progress)
            try:
                if model is None:
                    model = family.model_class().build(settings, meta, seed)
                else:
                    model.restart(settings, seed)
                run.fit(model, settings, seed, fitted, judged["evaluation"].x)
                answers = {split: model.predict(samples.x) for split, samples in judged.items()}
                _expect_numbers(answers, progress)
            except DivergedError as error:
                diverged[replicate] = error.epoch
                progress.tell()
                say(f"{head}  has diverged: {error}")
            except TrainingError as error:
                raise TrainingError(f"{name}, replicate {replicate + 1}: {error}") from error
            except ParamsError as error:
                raise error.under(f"variants.{name}") from error
            finally:
                progress.tell()
            seconds.append(run.seconds)
            rows += [{"replicate": replicate} | row for row in progress.rows]
            if replicate in diverged:
                continue
            for split, answer in answers.items():
                predictions[split].append(answer)
            model.save(directory / workspace.model(name, replicate, model.SUFFIX).name)
    record = TrainingRecord(
        variant=name,
        role=family.role(settings),
        architecture=family.describe(settings),
        parameters=model.parameters,
        seeds=seeds,
        diverged=diverged,
        settings=training_settings(settings),
    )
    with new_directory(workspace.predictions(name)) as directory:
        write_json(directory / workspace.training_record(name).name, record)
        for split, arrays in predictions.items():
            none = np.empty((0, len(judged[split])), np.float32)
            stacked = np.stack(arrays) if arrays else none
            np.save(directory / f"{split}.npy", stacked, allow_pickle=False)
    _write_history(workspace.history(name), rows)
    cost = Cost(
        seconds=round(sum(seconds), 2),
        seconds_per_replicate=round(sum(seconds) / len(seconds), 2),
        peak_memory_mib=round(_peak_memory_mib()),
    )
    write_cost(workspace, name, cost)


def _expect_numbers(answers: dict[str, NDArray[np.float32]], progress: Progress) -> None:
    """Of evaluation samples every epoch has told it; of others only the last one can."""
    if not all(np.isfinite(answer).all() for answer in answers.values()):
        raise DivergedError(int(progress.rows.pop()["epoch"]), math.nan)


def training_settings(settings: VariantSettings) -> dict[str, Any]:
    """What of a variant's settings decides its training."""
    return settings.model_dump(mode="json", exclude={"replicates"})


def _key(settings: VariantSettings, seeds: list[int], data: Path) -> str:
    """What decides the training: its settings, its samples, the code and the libraries."""
    package = Path(__file__).parents[1]
    code = [package / name for name in _CODE] + [package / "models" / settings.model]
    plan = training_settings(settings) | {"versions": [version(name) for name in _LIBRARIES]}
    return training_key(plan, seeds, data, *code)


def _write_history(path: Path, rows: list[Row]) -> None:
    with new_file(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        fields = dict.fromkeys(("replicate", "epoch", *METRICS))
        fields |= dict.fromkeys(key for row in rows for key in row)
        writer = csv.DictWriter(file, list(fields), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _peak_memory_mib() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # macOS counts bytes, Linux KiB.
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
