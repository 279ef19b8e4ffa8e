"""The train stage: one variant, its replicates, their histories and predictions."""

from __future__ import annotations

import csv
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnbench import models
from rnnbench.errors import ParamsError, TrainingError
from rnnbench.models.base import Epoch, VariantSettings
from rnnbench.params import Params
from rnnbench.prepared import read_meta, read_samples
from rnnbench.workspace import Workspace, new_directory, new_file, write_text

HISTORY_COLUMNS = ("replicate", "epoch", "loss", "accuracy", "val_loss", "val_accuracy")
_QUIET_SECONDS = 2.0


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
    fitted, judged = read_samples(folder, "train"), read_samples(folder, "evaluation")
    family = models.load(settings.model).model_class()
    seeds = [params.run.seed + r for r in range(params.replicates_of(name))]
    rows: list[dict[str, float]] = []
    predictions: list[NDArray[np.float32]] = []
    seconds: list[float] = []
    with new_directory(workspace.models(name)) as directory:
        for replicate, seed in enumerate(seeds):
            progress = _Progress(f"{name}  replicate {replicate + 1}/{len(seeds)}", say)
            begin = time.perf_counter()
            try:
                model = family.build(settings, meta, seed)
                model.fit(settings, seed, fitted, judged, progress)
            except TrainingError as error:
                raise TrainingError(f"{name}, replicate {replicate + 1}: {error}") from error
            except ParamsError as error:
                raise error.under(f"variants.{name}") from error
            finally:
                progress.tell()
            seconds.append(time.perf_counter() - begin)
            rows += [{"replicate": replicate, "epoch": e.number, **e.metrics} for e in progress.all]
            predictions.append(model.predict(judged.x))
            model.save(directory / workspace.model(name, replicate).name)
        facts = {
            "variant": name,
            "parameters": model.parameters,
            "seeds": seeds,
            "settings": training_settings(settings),
        }
        write_text(directory / "training.json", json.dumps(facts, indent=2) + "\n")
    with new_file(workspace.predictions(name)) as partial:
        np.save(partial, np.stack(predictions), allow_pickle=False)
    _write_history(workspace.history(name), rows)
    cost = {
        "seconds": round(sum(seconds), 2),
        "seconds_per_replicate": round(sum(seconds) / len(seconds), 2),
        "peak_memory_mib": round(_peak_memory_mib()),
    }
    write_text(workspace.cost(name), json.dumps(cost, indent=2) + "\n")


def training_settings(settings: VariantSettings) -> dict[str, Any]:
    """What of a variant's settings decides its training."""
    return settings.model_dump(mode="json", exclude={"published", "replicates"})


class _Progress:
    """Collects epochs and tells the newest at most once in two seconds, and always the last."""

    def __init__(self, head: str, say: Callable[[str], None]) -> None:
        self.all: list[Epoch] = []
        self._head, self._say = head, say
        self._told, self._told_at = 0, time.monotonic()

    def __call__(self, epoch: Epoch) -> None:
        self.all.append(epoch)
        if time.monotonic() - self._told_at > _QUIET_SECONDS:
            self.tell()

    def tell(self) -> None:
        """Print the newest epoch, unless it has been printed."""
        if len(self.all) > self._told:
            epoch = self.all[-1]
            figures = "  ".join(f"{key} {value:.4f}" for key, value in epoch.metrics.items())
            self._say(f"{self._head}  epoch {epoch.number}  {figures}")
        self._told, self._told_at = len(self.all), time.monotonic()


def _write_history(path: Path, rows: list[dict[str, float]]) -> None:
    with new_file(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HISTORY_COLUMNS)
        for row in rows:
            writer.writerow([_rounded(row[column]) for column in HISTORY_COLUMNS])


def _rounded(value: float) -> float:
    return value if isinstance(value, int) else round(value, 6)


def _peak_memory_mib() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # macOS counts bytes, Linux KiB.
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
