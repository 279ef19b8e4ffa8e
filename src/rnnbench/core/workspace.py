"""The paths of one project."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rnnbench.core.errors import DataError
from rnnbench.core.root import PARAMS, find_root


@dataclass(frozen=True)
class Workspace:
    """The paths of one project, relative to its root."""

    root: Path

    @classmethod
    def find(cls, start: Path) -> Workspace:
        """The nearest folder from `start` upwards that contains params.yaml.

        Raises DataError if there is none.
        """
        if root := find_root(start):
            return cls(root)
        raise DataError(f"no {PARAMS} in {start} or above it; run rnnbench inside the project")

    @property
    def params(self) -> Path:
        """The parameter file."""
        return self.root / PARAMS

    @property
    def metrics(self) -> Path:
        """The folder of results under version control."""
        return self.root / "metrics"

    def raw(self, corpus: str) -> Path:
        """The folder of a fetched corpus."""
        return self.root / "data" / "raw" / corpus

    def prepared(self, dataset: str) -> Path:
        """The folder of a prepared dataset."""
        return self.root / "data" / "prepared" / dataset

    def models(self, variant: str) -> Path:
        """The folder of a variant's trained models, one per replicate."""
        return self.root / "models" / variant

    def model(self, variant: str, replicate: int, suffix: str) -> Path:
        """One trained model; replicates count from 0."""
        return self.models(variant) / f"replicate_{replicate}{suffix}"

    def training_record(self, variant: str) -> Path:
        """The `TrainingRecord` of a variant, JSON; it lies next to the predictions."""
        return self.predictions(variant) / "training.json"

    def predictions(self, variant: str) -> Path:
        """The folder of a variant's predictions, KIND.npy, shape (replicates, n, ...)."""
        return self.root / "data" / "predictions" / variant

    def checkpoints(self, variant: str) -> Path:
        """The folder of an unfinished training."""
        return self.root / ".checkpoints" / variant

    def study(self, name: str) -> Path:
        """The folder of a study's tables and its page."""
        return self.metrics / "studies" / name

    def study_results(self, name: str) -> Path:
        """The trainings of a study that have ended, a line of JSON each."""
        return self.root / ".studies" / f"{name}.jsonl"

    def lock(self, stage: str, name: str) -> Path:
        """The lock file of a stage instance."""
        return self.root / ".locks" / f"{stage}-{name}.lock"

    def history(self, variant: str) -> Path:
        """Metrics by replicate and epoch, CSV."""
        return self.metrics / "history" / f"{variant}.csv"

    def cost(self, variant: str) -> Path:
        """Seconds and peak memory of a training, JSON."""
        return self.root / "data" / "cost" / f"{variant}.json"

    def scores(self, variant: str) -> Path:
        """A variant's scores, JSON."""
        return self.metrics / "scores" / f"{variant}.json"

    def replicates(self, variant: str) -> Path:
        """The scores of each replicate of a variant, CSV."""
        return self.metrics / "replicates" / f"{variant}.csv"

    def misclassifications(self, variant: str) -> Path:
        """The most confident misclassifications of a variant, CSV."""
        return self.root / "data" / "misclassifications" / f"{variant}.csv"
