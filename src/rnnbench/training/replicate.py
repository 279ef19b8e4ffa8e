"""One replicate of a variant: fit, score every epoch, predict, save."""

from __future__ import annotations

import math
import resource
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnbench.core.errors import DivergedError
from rnnbench.data.format import FLAGS, Meta, Samples, read_further, read_prepared
from rnnbench.data.scoring import correct, losses, no_number, or_prior, prior
from rnnbench.models.base import Epoch, Model, VariantSettings
from rnnbench.training.checkpoints import Checkpoint, Checkpoints, Row
from rnnbench.training.keys import Replicate
from rnnbench.training.outputs import LAST_EPOCH, METRICS

_SECONDS_BETWEEN_LINES = 2.0
# The prefix of the arrays of the chosen epoch in a checkpoint.
_CHOSEN = "chosen_"
# What `rnnbench.models.base.Model.state` returns.
_State = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Data:
    """One split of a prepared dataset.

    unseen: the samples that are predicted after every epoch: the validation part, so that the
        evaluation part is predicted only at the end, or without one the evaluation part.
    validated: whether there is a validation part.
    further: the further evaluation sets by name.
    """

    meta: Meta
    train: Samples
    unseen: Samples
    evaluation: Samples
    validated: bool
    further: dict[str, Samples]

    @property
    def prior(self) -> NDArray[np.float32]:
        """What stands for a prediction without a number, shape () or (classes,)."""
        return prior(self.meta, self.train.y)


class Dataset:
    """A prepared dataset, read once; raises DataError if a file is missing or damaged."""

    def __init__(self, folder: Path) -> None:
        self._prepared = read_prepared(folder)
        self.meta = self._prepared.meta
        self._folder = folder
        self.splits = len(self._prepared.targets.splits)

    @property
    def predicted(self) -> dict[str, int]:
        """The number of samples of each kind of prediction."""
        data = self.split(0)
        kinds = {"evaluation": data.evaluation, **data.further}
        if data.validated:
            kinds[LAST_EPOCH] = data.evaluation
        return {kind: len(samples) for kind, samples in kinds.items()}

    def split(self, number: int) -> Data:
        """One split."""
        parts = (self._prepared.part(number, part) for part in FLAGS)
        train, validation, evaluation = parts
        validated = len(validation) > 0
        unseen = validation if validated else evaluation
        names, folder = self.meta.further_sets, self._folder
        further = {name: read_further(folder, name, number) for name in names}
        return Data(self.meta, train, unseen, evaluation, validated, further)


class ReplicateTrainer:
    """Trains the replicates of one variant, one after the other, with one compiled model."""

    def __init__(
        self,
        family: type[Model],
        settings: VariantSettings,
        dataset: Dataset,
        report: Callable[[str], None],
        observe: Callable[[int, Row], None] | None = None,
    ) -> None:
        self._family, self._settings, self._dataset = family, settings, dataset
        self._report, self._observe = report, observe
        self._model: Any = None

    def switch(self, settings: VariantSettings) -> None:
        """Go on with a variant that has the same `rnnbench.models.base.VariantSettings.program`."""
        self._settings = settings

    def train(
        self, replicate: Replicate, label: str, path: Path, checkpoints: Checkpoints
    ) -> Checkpoint:
        """Train a replicate unless its result is a checkpoint.

        label: names the replicate in progress lines. path: the file of its model, which is
        written unless the replicate diverges. Raises TrainingError or ParamsError.
        """
        if (result := checkpoints.load_result(path)) is not None:
            self._report(f"{label}  already trained")
            return result
        result = self.result(replicate, label, checkpoints)
        if result.diverged is None:
            self._model.save(path)
        checkpoints.save_result(result, path)
        return result

    def result(
        self, replicate: Replicate, label: str, checkpoints: Checkpoints | None = None
    ) -> Checkpoint:
        """As `train`, but without writing the model or the result."""
        data = self._dataset.split(replicate.split)
        progress = Progress(label, data, self._report)
        self._build(replicate.seed)
        try:
            chosen = self._fit(replicate, progress, data, checkpoints)
            result = self._predict(progress, data, chosen)
        except DivergedError as error:
            progress.print_last()
            self._report(f"{label}  diverged: {error}")
            size = self._model.parameters
            result = Checkpoint(progress.rows, progress.seconds, {}, size, diverged=error.epoch)
        finally:
            progress.print_last()
        return replace(result, memory=_peak_memory_mib())

    def _build(self, seed: int) -> None:
        build = self._family.build if self._model is None else self._model.rebuild
        self._model = build(self._settings, self._dataset.meta, seed)

    def _fit(
        self, replicate: Replicate, progress: Progress, data: Data, checkpoints: Checkpoints | None
    ) -> _State:
        """Train; returns the state after the chosen epoch, if it is not the last one."""
        chosen: _State = {}
        if checkpoints and (checkpoint := checkpoints.load()):
            try:
                chosen, state = _split_states(checkpoint.arrays)
                self._model.restore(self._settings, state)
                progress.resume(checkpoint)
            # A damaged state: start over.
            except (LookupError, TypeError, ValueError):
                self._build(replicate.seed)

        def on_epoch(epoch: Epoch) -> None:
            progress(epoch)
            if self._observe is not None:
                self._observe(replicate.number, progress.rows[-1])
            if data.validated and progress.chosen == epoch.number:
                chosen.clear()
                # A model can update its arrays in place.
                chosen.update({key: value.copy() for key, value in self._model.state().items()})
            if checkpoints and checkpoints.due:
                state = self._model.state() | {_CHOSEN + key: v for key, v in chosen.items()}
                checkpoints.save(Checkpoint(progress.rows, progress.seconds, state))

        done = len(progress.rows)
        seed, unseen = replicate.seed, data.unseen.x
        self._model.fit(self._settings, seed, data.train, unseen, on_epoch, done)
        return chosen

    def _predict(self, progress: Progress, data: Data, chosen: _State) -> Checkpoint:
        """Predict everything; the model then has the weights of the chosen epoch."""
        last = int(progress.rows[-1]["epoch"])
        epoch = progress.chosen if data.validated else last
        meta, train = data.meta, data.train
        seen = or_prior(meta, self._model.predict(train.x), data.prior)
        training_loss = float(losses(meta, seen, train.y).mean())
        training_accuracy = float(correct(meta, seen, train.y).mean())
        predictions = {}
        if data.validated:
            predictions[LAST_EPOCH] = self._model.predict(data.evaluation.x)
            if epoch != last:
                self._model.restore(self._settings, chosen)
        sets = {"evaluation": data.evaluation, **data.further}
        predictions |= {name: self._model.predict(samples.x) for name, samples in sets.items()}
        return Checkpoint(
            progress.rows,
            progress.seconds,
            predictions,
            self._model.parameters,
            epoch,
            round(training_loss, 6),
            round(training_accuracy, 6),
        )


def _peak_memory_mib() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # macOS counts bytes, Linux KiB.
    return round(peak / 2**20 if sys.platform == "darwin" else peak / 2**10)


def _split_states(arrays: Mapping[str, NDArray[Any]]) -> tuple[_State, _State]:
    """The state after the chosen epoch, and the one after the last epoch of a checkpoint."""
    chosen = {
        key.removeprefix(_CHOSEN): value for key, value in arrays.items() if key.startswith(_CHOSEN)
    }
    return chosen, {key: value for key, value in arrays.items() if not key.startswith(_CHOSEN)}


class Progress:
    """Scores every epoch; prints the newest at most once in two seconds, and always the last."""

    def __init__(self, label: str, data: Data, report: Callable[[str], None]) -> None:
        self.rows: list[Row] = []
        self._label, self._meta, self._report = label, data.meta, report
        self._y, self._prior = data.unseen.y, data.prior
        self._printed, self._printed_at = 0, time.monotonic()
        self._begin = time.perf_counter()

    @property
    def chosen(self) -> int:
        """The epoch with the best score on `Data.unseen`; of several, the first.

        The score is the loss of numbers, and otherwise the accuracy, then the loss.
        """

        def score(row: Row) -> tuple[float, float]:
            accuracy = 0.0 if self._meta.target == "number" else float(row["val_accuracy"])
            return accuracy, -float(row["val_loss"])

        return int(max(self.rows, key=score)["epoch"])

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
        """Add an epoch to the history.

        Raises DivergedError if the training loss is not finite, or no prediction is a number.
        """
        if not math.isfinite(epoch.loss):
            raise DivergedError(epoch.number, epoch.loss)
        # The last step of an epoch can ruin the weights after finite training losses.
        if no_number(self._meta, epoch.prediction).all():
            raise DivergedError(epoch.number, math.nan)
        prediction = or_prior(self._meta, epoch.prediction, self._prior)
        val_loss = float(losses(self._meta, prediction, self._y).mean())
        val_accuracy = float(correct(self._meta, prediction, self._y).mean())
        values = (epoch.loss, epoch.accuracy, val_loss, val_accuracy)
        row: Row = {"epoch": epoch.number}
        row |= {k: round(v, 6) for k, v in zip(METRICS, values, strict=True)}
        if self._meta.target == "steps":
            predicted = prediction[0].argmax(axis=-1)
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
