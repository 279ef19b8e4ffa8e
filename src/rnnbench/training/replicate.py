"""One replicate of a training: its epochs, what is told of them, and its checkpoint."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from rnnbench.core.errors import DivergedError
from rnnbench.data.format import Meta, Samples
from rnnbench.data.ragged import Ragged
from rnnbench.data.scoring import correct, losses
from rnnbench.models.base import Epoch, Resumable, VariantSettings
from rnnbench.training.checkpoints import Checkpoint, Checkpoints
from rnnbench.training.outputs import METRICS

_QUIET_SECONDS = 2.0

Row = dict[str, float | int | str]


class Replicate:
    """Trains one replicate, from its checkpoint if there is one."""

    def __init__(self, number: int, checkpoints: Checkpoints, progress: Progress) -> None:
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
        """Train until the last epoch; raises DivergedError, and what the model's `fit` raises."""
        if not isinstance(model, Resumable):
            model.fit(settings, seed, fitted, x, self._progress)
            return
        if kept := self._checkpoints.load(self._number):
            try:
                model.restore(settings, kept.state)
            # What fits no such model is of no use; the training begins anew.
            except (LookupError, TypeError, ValueError):
                model.restart(settings, seed)
            else:
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


class Progress:
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
        """Take in one epoch; raises DivergedError if one of its losses is no number."""
        y = self._evaluation.y
        val_loss = float(losses(self._meta, epoch.prediction, y).mean())
        # The last step of an epoch can ruin the weights after its losses were finite.
        for loss in (epoch.loss, val_loss):
            if not math.isfinite(loss):
                raise DivergedError(epoch.number, loss)
        val_accuracy = float(correct(self._meta, epoch.prediction, y).mean())
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
