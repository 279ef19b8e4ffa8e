"""Checkpoints: what a killed training has finished, so that the next run continues from there.

.checkpoints/VARIANT/
    replicate_R.npz      replicate R after some epoch: a `Checkpoint`
    replicate_R.result   replicate R after its end: a `Checkpoint`, in NumPy's .npz format
    replicate_R.model    its model, unless it diverged

A checkpoint names the key of its `rnnbench.training.keys.Replicate`, and is read for no other.

They lie outside the DAG: DVC disables its run cache for a stage with persistent outputs.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnbench.core.files import new_file

# Shorter trainings than this never write the state of an epoch.
_SECONDS_BETWEEN = 20.0

Row = dict[str, float | int | str]


@dataclass(frozen=True)
class Checkpoint:
    """A replicate after some epoch, or after its end.

    rows: its history, one row per epoch.
    seconds: wall-clock seconds of training, and of prediction after the end.
    arrays: after an epoch, what `rnnbench.models.base.Model.state` returned then and, with the
        prefix "chosen_", after the best epoch so far; after the end, the predictions by kind, shape
        (n, ...) as in `rnnbench.data.scoring`, none if it diverged.
    parameters: the number of trainable parameters.
    epoch, training_loss, training_accuracy: those of this replicate in
        `rnnbench.training.outputs.TrainingRecord`.
    diverged: the epoch of the first loss that was not finite, counted from 1, or None.
    memory: the peak memory of the process until the end, in MiB.
    """

    rows: list[Row]
    seconds: float
    arrays: Mapping[str, NDArray[Any]]
    parameters: int = 0
    epoch: int | None = None
    training_loss: float | None = None
    training_accuracy: float | None = None
    diverged: int | None = None
    memory: int = 0


class Checkpoints:
    """The checkpoints of one replicate.

    folder: of its variant. key: of the replicate; files with another one are not read.
    Without disk space for a checkpoint, training goes on without checkpoints.
    """

    def __init__(self, folder: Path, replicate: int, key: str) -> None:
        self._folder, self._name, self._key = folder, f"replicate_{replicate}", key
        self._saved_at = time.monotonic()
        self._enabled = True

    @property
    def due(self) -> bool:
        """Whether enough time has passed since the last checkpoint."""
        return self._enabled and time.monotonic() - self._saved_at >= _SECONDS_BETWEEN

    @property
    def is_finished(self) -> bool:
        """Whether the result is there, with its model unless the replicate diverged."""
        result = self.load("result")
        return result is not None and (result.diverged is not None or self.path("model").is_file())

    def load(self, suffix: str = "npz") -> Checkpoint | None:
        """The last checkpoint; None if it is missing, damaged or of another key."""
        try:
            with np.load(self.path(suffix), allow_pickle=False) as archive:
                arrays = dict(archive)
            scalars: dict[str, Any] = json.loads(str(arrays.pop("json")))
            return Checkpoint(arrays=arrays, **scalars) if scalars.pop("key") == self._key else None
        # Damage causes errors of many types; training then starts over.
        except Exception:
            return None

    def save(self, checkpoint: Checkpoint, suffix: str = "npz") -> None:
        """Write a checkpoint atomically."""
        scalars = {"key": self._key, **vars(checkpoint)}
        arrays: dict[str, Any] = dict(scalars.pop("arrays"))
        path = self.path(suffix)
        with self._if_disk_space(), new_file(path) as partial, partial.open("wb") as file:
            np.savez(file, json=np.array(json.dumps(scalars)), **arrays)
        self._saved_at = time.monotonic()

    def load_result(self, model: Path) -> Checkpoint | None:
        """The result, whose model is copied to `model`; None as in `load`."""
        result = self.load("result")
        if result is not None and result.diverged is None:
            try:
                shutil.copyfile(self.path("model"), model)
            except OSError:
                return None
        return result

    def save_result(self, result: Checkpoint, model: Path) -> None:
        """Write the result and a copy of its model, which exists unless the replicate diverged."""
        with self._if_disk_space():
            # No result of another training may find this model.
            self.path("result").unlink(missing_ok=True)
            if result.diverged is None:
                with new_file(self.path("model")) as partial:
                    shutil.copyfile(model, partial)
            self.save(result, "result")

    def path(self, suffix: str) -> Path:
        """The file with a suffix: "npz", "result" or "model"."""
        return self._folder / f"{self._name}.{suffix}"

    @contextmanager
    def _if_disk_space(self) -> Iterator[None]:
        try:
            yield
        except OSError:
            self._enabled = False
            for suffix in ("npz", "result", "model"):
                self.path(suffix).unlink(missing_ok=True)
