"""Where everything lies, and how files get there whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rnnbench.errors import DataError

PARAMS = "params.yaml"


@dataclass(frozen=True)
class Workspace:
    """The paths of one project, relative to its root."""

    root: Path

    @classmethod
    def find(cls, start: Path) -> Workspace:
        """The nearest folder from `start` upwards that holds params.yaml.

        Raises DataError if there is none.
        """
        for folder in (start, *start.parents):
            if (folder / PARAMS).is_file():
                return cls(folder)
        raise DataError(f"no {PARAMS} in {start} or above it; run rnnbench inside the project")

    @property
    def params(self) -> Path:
        """The parameter file."""
        return self.root / PARAMS

    @property
    def metrics(self) -> Path:
        """The folder of results kept in git."""
        return self.root / "metrics"

    def raw(self, corpus: str) -> Path:
        """The folder of a fetched corpus."""
        return self.root / "data" / "raw" / corpus

    def prepared(self, dataset: str) -> Path:
        """The folder of a prepared dataset."""
        return self.root / "data" / "prepared" / dataset

    def models(self, variant: str) -> Path:
        """The folder of a variant's trained models, one a replicate."""
        return self.root / "models" / variant

    def model(self, variant: str, replicate: int, suffix: str) -> Path:
        """One trained model; replicates count from 0."""
        return self.models(variant) / f"replicate_{replicate}{suffix}"

    def facts(self, variant: str) -> Path:
        """What a training tells of itself, JSON."""
        return self.models(variant) / "training.json"

    def predictions(self, variant: str) -> Path:
        """The folder of a variant's predictions, SPLIT.npy, shape (replicates, n, ...)."""
        return self.root / "data" / "predictions" / variant

    def checkpoints(self, variant: str) -> Path:
        """The folder of a training that has not ended yet."""
        return self.root / ".checkpoints" / variant

    def lock(self, stage: str, name: str) -> Path:
        """The file that one process holds while it runs a stage."""
        return self.root / ".locks" / f"{stage}-{name}.lock"

    def history(self, variant: str) -> Path:
        """Metrics by replicate and epoch, CSV."""
        return self.metrics / "history" / f"{variant}.csv"

    def cost(self, variant: str) -> Path:
        """Seconds and peak memory of a training, JSON."""
        return self.root / "data" / "cost" / f"{variant}.json"

    def scores(self, variant: str) -> Path:
        """A variant's scores on the evaluation split, flat JSON."""
        return self.metrics / "scores" / f"{variant}.json"


@contextmanager
def new_directory(path: Path) -> Iterator[Path]:
    """A folder to fill, which takes the place of `path` only if the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = _partial(path)
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        yield partial
        # A link to a folder elsewhere is no folder to empty.
        if path.is_symlink() or path.is_file():
            path.unlink()
        shutil.rmtree(path, ignore_errors=True)
        partial.rename(path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """A file to write, which takes the place of `path` only if the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = _partial(path)
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text, whole or not at all."""
    with new_file(path) as partial:
        partial.write_text(text, encoding="utf-8", newline="\n")


def _partial(path: Path) -> Path:
    # The suffix is kept: some writers choose their format by it.
    return path.with_name(f".partial-{path.name}")
