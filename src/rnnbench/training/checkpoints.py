"""How far a training has come, so that a killed one goes on from its last finished epoch.

Checkpoints lie outside the DAG: DVC would turn its run cache off for a stage that keeps its
outputs. They are taken only if everything that decides the training is as it was, and go when the
training has been logged.
"""

from __future__ import annotations

import hashlib
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

from rnnbench.core.files import new_file, write_text
from rnnbench.core.workspace import Workspace

# A checkpoint takes milliseconds; an epoch of a small network as well.
_SECONDS_BETWEEN = 5.0


@dataclass(frozen=True)
class Checkpoint:
    """One replicate after its last finished epochs.

    rows: its history so far, one a finished epoch. seconds: what it has taken so far.
    state: what `rnnbench.models.base.Resumable.state` gave.
    """

    rows: list[dict[str, Any]]
    seconds: float
    state: Mapping[str, NDArray[Any]]


class Checkpoints:
    """The checkpoints of one variant, one a replicate.

    key: identifies the training; checkpoints of another one are removed.
    """

    def __init__(self, workspace: Workspace, name: str, key: str) -> None:
        self._folder = workspace.checkpoints(name)
        self._saved_at = time.monotonic()
        self._kept = True
        stamp = self._folder / "key"
        if not stamp.is_file() or stamp.read_bytes() != key.encode():
            self.remove()
            with self._if_there_is_room():
                write_text(stamp, key)

    def load(self, replicate: int) -> Checkpoint | None:
        """The checkpoint of a replicate, if there is a readable one."""
        try:
            with np.load(self._path(replicate), allow_pickle=False) as archive:
                arrays = dict(archive)
            told = json.loads(str(arrays.pop("told")))
            return Checkpoint(told["rows"], told["seconds"], arrays)
        # Whatever is wrong with it, the training can begin anew.
        except Exception:
            return None

    def save(self, replicate: int, checkpoint: Checkpoint) -> None:
        """Keep the checkpoint of a replicate, whole or not at all."""
        told = json.dumps({"rows": checkpoint.rows, "seconds": checkpoint.seconds})
        arrays: dict[str, Any] = {"told": np.array(told), **checkpoint.state}
        path = self._path(replicate)
        with self._if_there_is_room(), new_file(path) as partial, partial.open("wb") as file:
            np.savez(file, **arrays)
        self._saved_at = time.monotonic()

    @property
    def due(self) -> bool:
        """Whether the last checkpoint is some seconds old, and another one can be kept."""
        return self._kept and time.monotonic() - self._saved_at >= _SECONDS_BETWEEN

    def remove(self) -> None:
        """Forget everything."""
        shutil.rmtree(self._folder, ignore_errors=True)

    @contextmanager
    def _if_there_is_room(self) -> Iterator[None]:
        # A disk without room for an aid may have room for the result.
        try:
            yield
        except OSError:
            self._kept = False
            self.remove()

    def _path(self, replicate: int) -> Path:
        return self._folder / f"replicate_{replicate}.npz"


def training_key(settings: Mapping[str, Any], seeds: list[int], *places: Path) -> str:
    """Identifies a training by its settings, its seeds, and the files at and below `places`."""
    digest = hashlib.sha256(json.dumps([settings, seeds], sort_keys=True).encode())
    for place in places:
        for path in sorted([place, *place.rglob("*")]):
            # Python may be writing bytecode meanwhile.
            if path.is_file() and path.parent.name != "__pycache__":
                digest.update(path.relative_to(place.parent).as_posix().encode() + b"\0")
                with path.open("rb") as file:
                    digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
