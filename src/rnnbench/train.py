"""The train stage: one variant, its replicates, their histories and predictions."""

from __future__ import annotations

import csv
import json
import math
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnbench import models
from rnnbench.checkpoints import Checkpoint, Checkpoints, training_key
from rnnbench.errors import ParamsError, TrainingError
from rnnbench.models.base import Epoch, Resumable, VariantSettings
from rnnbench.params import Params
from rnnbench.prepared import Meta, Ragged, Samples, read_meta, read_samples
from rnnbench.targets import losses, right
from rnnbench.workspace import Workspace, new_directory, new_file, write_text

METRICS = ("loss", "accuracy", "val_loss", "val_accuracy")
_QUIET_SECONDS = 2.0

Row = dict[str, float | int | str]


def train(
    workspace: Workspace, params: Params, name: str, say: Callable[[str], None] = print
) -> None:
    """Train all replicates of variant `name` and write its model, predictions, history and cost.

    Replicate r uses the seed run.seed + r. Raises UnknownNameError, DataError, ParamsError or
    TrainingError; then nothing is written.
    """
    settings = params.variant(name)
    folder = workspace.prepared(settings.dataset)
    meta = read_meta(folder)
    fitted = read_samples(folder, "train")
    judged = {split: read_samples(folder, split) for split in ("evaluation", meta.outside) if split}
    family = models.load(settings.model).model_class()
    seeds = [params.run.seed + r for r in range(params.replicates_of(name))]
    rows: list[Row] = []
    predictions: dict[str, list[NDArray[np.float32]]] = {split: [] for split in judged}
    seconds: list[float] = []
    model: Any = None
    checkpoints = Checkpoints(workspace, name, _key(settings, seeds, folder))
    with new_directory(workspace.models(name)) as directory:
        for replicate, seed in enumerate(seeds):
            head = f"{name}  replicate {replicate + 1}/{len(seeds)}"
            progress = _Progress(head, meta, judged["evaluation"], say)
            run = _Replicate(replicate, checkpoints, progress)
            try:
                if model is None:
                    model = family.build(settings, meta, seed)
                else:
                    model.restart(settings, seed)
                run.fit(model, settings, seed, fitted, judged["evaluation"].x)
            except TrainingError as error:
                raise TrainingError(f"{name}, replicate {replicate + 1}: {error}") from error
            except ParamsError as error:
                raise error.under(f"variants.{name}") from error
            finally:
                progress.tell()
            seconds.append(run.seconds)
            rows += [{"replicate": replicate} | row for row in progress.rows]
            for split, samples in judged.items():
                predictions[split].append(model.predict(samples.x))
            model.save(directory / workspace.model(name, replicate, family.SUFFIX).name)
        facts = {
            "variant": name,
            "parameters": model.parameters,
            "seeds": seeds,
            "settings": training_settings(settings),
        }
        write_text(directory / "training.json", json.dumps(facts, indent=2) + "\n")
    with new_directory(workspace.predictions(name)) as directory:
        for split, arrays in predictions.items():
            np.save(directory / f"{split}.npy", np.stack(arrays), allow_pickle=False)
    _write_history(workspace.history(name), rows)
    cost = {
        "seconds": round(sum(seconds), 2),
        "seconds_per_replicate": round(sum(seconds) / len(seconds), 2),
        "peak_memory_mib": round(_peak_memory_mib()),
    }
    write_text(workspace.cost(name), json.dumps(cost, indent=2) + "\n")
    checkpoints.remove()


def training_settings(settings: VariantSettings) -> dict[str, Any]:
    """What of a variant's settings decides its training."""
    return settings.model_dump(mode="json", exclude={"replicates"})


def _key(settings: VariantSettings, seeds: list[int], data: Path) -> str:
    """What decides the training: its settings, its samples, and the code that learns."""
    code = Path(__file__).parent / "models"
    return training_key(training_settings(settings), seeds, data, code / settings.model)


class _Replicate:
    """Trains one replicate, from its checkpoint if there is one."""

    def __init__(self, number: int, checkpoints: Checkpoints, progress: _Progress) -> None:
        self._number, self._checkpoints, self._progress = number, checkpoints, progress
        self._begin = time.perf_counter()

    @property
    def seconds(self) -> float:
        """What it has taken so far, earlier attempts included."""
        return time.perf_counter() - self._begin

    def fit(
        self,
        model: Any,
        settings: VariantSettings,
        seed: int,
        fitted: Samples,
        x: NDArray[Any] | Ragged,
    ) -> None:
        """Train until the last epoch; raises what the model's own `fit` raises."""
        if not isinstance(model, Resumable):
            model.fit(settings, seed, fitted, x, self._progress)
            return
        if kept := self._checkpoints.load(self._number):
            model.restore(settings, kept.state)
            self._progress.go_on(kept.rows)
            self._begin -= kept.seconds

        def on_epoch(epoch: Epoch) -> None:
            self._progress(epoch)
            if self._checkpoints.due:
                self._keep(model)

        model.fit(settings, seed, fitted, x, on_epoch, done=len(self._progress.rows))
        self._keep(model)

    def _keep(self, model: Resumable) -> None:
        state = Checkpoint(self._progress.rows, self.seconds, model.state())
        self._checkpoints.save(self._number, state)


class _Progress:
    """Scores every epoch, and tells the newest at most once in two seconds, and always the last."""

    def __init__(
        self, head: str, meta: Meta, evaluation: Samples, say: Callable[[str], None]
    ) -> None:
        self.rows: list[Row] = []
        self._head, self._meta, self._evaluation, self._say = head, meta, evaluation, say
        self._told, self._told_at = 0, time.monotonic()

    def go_on(self, rows: list[Row]) -> None:
        """Begin after the epochs of an earlier attempt."""
        self.rows = list(rows)
        self._told = len(rows)
        if rows:
            self._say(f"{self._head}  goes on after epoch {rows[-1]['epoch']}")

    def __call__(self, epoch: Epoch) -> None:
        """Take in one epoch; raises TrainingError if one of its losses is no number."""
        y = self._evaluation.y
        val_loss = float(losses(self._meta, epoch.prediction, y).mean())
        # The last step of an epoch can ruin the weights after its losses were finite.
        for loss in (epoch.loss, val_loss):
            if not math.isfinite(loss):
                raise TrainingError(f"the loss became {loss} in epoch {epoch.number}")
        val_accuracy = float(right(self._meta, epoch.prediction, y).mean())
        values = (epoch.loss, epoch.accuracy, val_loss, val_accuracy)
        row: Row = {"epoch": epoch.number}
        row |= {k: round(v, 6) for k, v in zip(METRICS, values, strict=True)}
        if self._meta.target == "steps":
            answer = epoch.prediction[0].argmax(axis=-1)
            row["prediction"] = "".join(self._meta.classes[i] for i in answer)
        self.rows.append(row)
        if time.monotonic() - self._told_at > _QUIET_SECONDS:
            self.tell()

    def tell(self) -> None:
        """Print the newest epoch, unless it has been printed."""
        if len(self.rows) > self._told:
            row = self.rows[-1]
            figures = "  ".join(f"{key} {row[key]:.4f}" for key in METRICS)
            self._say(f"{self._head}  epoch {row['epoch']}  {figures}")
        self._told, self._told_at = len(self.rows), time.monotonic()


def _write_history(path: Path, rows: list[Row]) -> None:
    with new_file(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _peak_memory_mib() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # macOS counts bytes, Linux KiB.
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
