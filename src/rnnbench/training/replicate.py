"""One replicate of a variant: fit, score every epoch, predict, save."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rnnbench.core.errors import DivergedError
from rnnbench.data.format import Meta, Samples, read_meta, read_samples
from rnnbench.data.scoring import correct, losses
from rnnbench.models.base import Epoch, Model, VariantSettings
from rnnbench.training.checkpoints import Checkpoint, Checkpoints, Row
from rnnbench.training.outputs import METRICS

_SECONDS_BETWEEN_LINES = 2.0


@dataclass(frozen=True)
class Data:
    """A prepared dataset in memory.

    evaluation: the samples that are predicted, by split: "evaluation", then `Meta.out_of_domain`.
    """

    meta: Meta
    train: Samples
    evaluation: dict[str, Samples]

    @classmethod
    def read(cls, folder: Path) -> Data:
        """Read data/prepared/DATASET; raises DataError if a file is missing or damaged."""
        meta = read_meta(folder)
        splits = [split for split in ("evaluation", meta.out_of_domain) if split]
        evaluation = {split: read_samples(folder, split) for split in splits}
        return cls(meta, read_samples(folder, "train"), evaluation)


class ReplicateTrainer:
    """Trains the replicates of one variant, one after the other, with one compiled model."""

    def __init__(
        self,
        family: type[Model],
        settings: VariantSettings,
        data: Data,
        checkpoints: Checkpoints,
        report: Callable[[str], None],
    ) -> None:
        self._family, self._settings, self._data = family, settings, data
        self._checkpoints, self._report = checkpoints, report
        self._model: Any = None

    def train(self, replicate: int, seed: int, label: str, path: Path) -> Checkpoint:
        """Train replicate `replicate`, counted from 0, unless its result is a checkpoint.

        label: names the replicate in progress lines. path: the file of its model, which is
        written unless the replicate diverges. Raises TrainingError or ParamsError.
        """
        if (result := self._checkpoints.load_result(replicate, path)) is not None:
            self._report(f"{label}  already trained")
            return result
        progress = Progress(label, self._data, self._report)
        diverged, predictions = None, {}
        self._build(seed)
        try:
            self._fit(replicate, seed, progress)
            splits = self._data.evaluation.items()
            predictions = {split: self._model.predict(samples.x) for split, samples in splits}
            # `Progress` has checked the evaluation split only.
            if not all(np.isfinite(array).all() for array in predictions.values()):
                raise DivergedError(int(progress.rows.pop()["epoch"]), math.nan)
            self._model.save(path)
        except DivergedError as error:
            diverged, predictions = error.epoch, {}
            progress.print_last()
            self._report(f"{label}  diverged: {error}")
        finally:
            progress.print_last()
        parameters = self._model.parameters
        result = Checkpoint(progress.rows, progress.seconds, predictions, parameters, diverged)
        self._checkpoints.save_result(replicate, result, path)
        return result

    def _build(self, seed: int) -> None:
        build = self._family.build if self._model is None else self._model.rebuild
        self._model = build(self._settings, self._data.meta, seed)

    def _fit(self, replicate: int, seed: int, progress: Progress) -> None:
        if checkpoint := self._checkpoints.load(replicate):
            try:
                self._model.restore(self._settings, checkpoint.arrays)
                progress.resume(checkpoint)
            # A damaged state: start over.
            except (LookupError, TypeError, ValueError):
                self._build(seed)

        def on_epoch(epoch: Epoch) -> None:
            progress(epoch)
            if self._checkpoints.due:
                state = self._model.state()
                self._checkpoints.save(
                    replicate, Checkpoint(progress.rows, progress.seconds, state)
                )

        train, unseen = self._data.train, self._data.evaluation["evaluation"].x
        done = len(progress.rows)
        self._model.fit(self._settings, seed, train, unseen, on_epoch, done)


class Progress:
    """Scores every epoch; prints the newest at most once in two seconds, and always the last."""

    def __init__(self, label: str, data: Data, report: Callable[[str], None]) -> None:
        self.rows: list[Row] = []
        self._label, self._meta, self._report = label, data.meta, report
        self._y = data.evaluation["evaluation"].y
        self._printed, self._printed_at = 0, time.monotonic()
        self._begin = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Wall-clock seconds since the start, earlier attempts included."""
        return time.perf_counter() - self._begin

    def resume(self, checkpoint: Checkpoint) -> None:
        """Continue the history and the clock of an earlier attempt."""
        self.rows = list(checkpoint.rows)
        self._begin -= checkpoint.seconds
        self._printed = len(self.rows)
        self._report(f"{self._label}  resuming after epoch {self._printed}")

    def __call__(self, epoch: Epoch) -> None:
        """Add an epoch to the history; raises DivergedError if one of its losses is not finite."""
        val_loss = float(losses(self._meta, epoch.prediction, self._y).mean())
        # The last step of an epoch can ruin the weights after finite training losses.
        for loss in (epoch.loss, val_loss):
            if not math.isfinite(loss):
                raise DivergedError(epoch.number, loss)
        val_accuracy = float(correct(self._meta, epoch.prediction, self._y).mean())
        values = (epoch.loss, epoch.accuracy, val_loss, val_accuracy)
        row: Row = {"epoch": epoch.number}
        row |= {k: round(v, 6) for k, v in zip(METRICS, values, strict=True)}
        if self._meta.target == "steps":
            predicted = epoch.prediction[0].argmax(axis=-1)
            row["prediction"] = "".join(self._meta.classes[i] for i in predicted)
        self.rows.append(row)
        if time.monotonic() - self._printed_at > _SECONDS_BETWEEN_LINES:
            self.print_last()

    def print_last(self) -> None:
        """Print the newest epoch, unless it has been printed."""
        if len(self.rows) > self._printed:
            row = self.rows[-1]
            figures = "  ".join(f"{key} {row[key]:.4f}" for key in METRICS)
            self._report(f"{self._label}  epoch {row['epoch']}  {figures}")
        self._printed, self._printed_at = len(self.rows), time.monotonic()
