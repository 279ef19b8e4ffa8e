"""Checkpoints: what a killed training has finished, so that the next run continues from there.

.checkpoints/VARIANT/
    key                  the `training_key` that all other files belong to
    replicate_R.npz      replicate R after some epoch: a `Checkpoint`
    replicate_R.result   replicate R after its end: a `Checkpoint`, in NumPy's .npz format
    replicate_R.model    its model, unless it diverged

They lie outside the DAG: DVC disables its run cache for a stage with persistent outputs.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnbench.core.files import new_file, write_text
from rnnbench.core.machine import stamp
from rnnbench.core.workspace import Workspace
from rnnbench.data.format import training_data_digest
from rnnbench.models.base import VariantSettings
from rnnbench.training.outputs import training_settings

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
    """

    rows: list[Row]
    seconds: float
    arrays: Mapping[str, NDArray[Any]]
    parameters: int = 0
    epoch: int | None = None
    training_loss: float | None = None
    training_accuracy: float | None = None
    diverged: int | None = None


class Checkpoints:
    """The checkpoints of one variant; those of another `key` are removed.

    Without disk space for a checkpoint, training goes on without checkpoints.
    """

    def __init__(self, workspace: Workspace, name: str, key: str) -> None:
        self._folder = workspace.checkpoints(name)
        self._saved_at = time.monotonic()
        self._enabled = True
        stamp = self._folder / "key"
        if not stamp.is_file() or stamp.read_bytes() != key.encode():
            shutil.rmtree(self._folder, ignore_errors=True)
            with self._if_disk_space():
                write_text(stamp, key)

    @property
    def due(self) -> bool:
        """Whether enough time has passed since the last checkpoint."""
        return self._enabled and time.monotonic() - self._saved_at >= _SECONDS_BETWEEN

    def load(self, replicate: int, suffix: str = "npz") -> Checkpoint | None:
        """The last checkpoint of a replicate; None if it is missing or damaged."""
        try:
            with np.load(self._path(replicate, suffix), allow_pickle=False) as archive:
                arrays = dict(archive)
            scalars: dict[str, Any] = json.loads(str(arrays.pop("json")))
            return Checkpoint(arrays=arrays, **scalars)
        # Damage causes errors of many types; training then starts over.
        except Exception:
            return None

    def save(self, replicate: int, checkpoint: Checkpoint, suffix: str = "npz") -> None:
        """Write a checkpoint atomically."""
        scalars = dict(vars(checkpoint))
        arrays: dict[str, Any] = dict(scalars.pop("arrays"))
        path = self._path(replicate, suffix)
        with self._if_disk_space(), new_file(path) as partial, partial.open("wb") as file:
            np.savez(file, json=np.array(json.dumps(scalars)), **arrays)
        self._saved_at = time.monotonic()

    def load_result(self, replicate: int, model: Path) -> Checkpoint | None:
        """The result of a replicate, whose model is copied to `model`; None as in `load`."""
        result = self.load(replicate, "result")
        if result is not None and result.diverged is None:
            try:
                shutil.copyfile(self._path(replicate, "model"), model)
            except OSError:
                return None
        return result

    def save_result(self, replicate: int, result: Checkpoint, model: Path) -> None:
        """Write a result and a copy of its model, which exists unless the replicate diverged."""
        with self._if_disk_space():
            if result.diverged is None:
                shutil.copyfile(model, self._path(replicate, "model"))
            self.save(replicate, result, "result")

    @contextmanager
    def _if_disk_space(self) -> Iterator[None]:
        try:
            yield
        except OSError:
            self._enabled = False
            shutil.rmtree(self._folder, ignore_errors=True)

    def _path(self, replicate: int, suffix: str) -> Path:
        return self._folder / f"replicate_{replicate}.{suffix}"


def training_key(
    settings: VariantSettings, seeds: list[int], data: Path, own: Iterable[Path] = ()
) -> str:
    """SHA-256 of all that determines a training.

    These are its settings, its seeds, the prepared dataset in the folder `data`, the source code,
    the files `own` of its own layers, and the versions of the libraries.
    """
    package = Path(__file__).parents[1]
    code = ("data/**/*.py", "models/base.py", f"models/{settings.model}/**/*.py", "training/*.py")
    files = [path for pattern in code for path in sorted(package.glob(pattern))]
    plan = [training_settings(settings), seeds, training_data_digest(data), stamp()]
    digest = hashlib.sha256(json.dumps(plan, sort_keys=True).encode())
    for path in (*files, *own):
        digest.update(path.name.encode() + b"\0")
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
