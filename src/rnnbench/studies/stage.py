"""The study stage: the axes of a study -> trainings -> tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from rnnbench.core.errors import DataError, ParamsError
from rnnbench.core.files import write_text
from rnnbench.core.packages import package_files
from rnnbench.core.validation import ErrorDetail
from rnnbench.core.workspace import Workspace
from rnnbench.data.format import read_meta, read_summary
from rnnbench.engine.child import SCORING
from rnnbench.engine.run import open_engine, run_all
from rnnbench.engine.tasks import Outcome, Task
from rnnbench.evaluation.outputs import rounded
from rnnbench.params import Params, Trial, study_variants
from rnnbench.studies.kept import Kept, Scores
from rnnbench.studies.outputs import COLUMNS, CURVE_COLUMNS, SCORES, SIZES, WHOLE, level_text
from rnnbench.studies.sizes import Sizes
from rnnbench.training.keys import Inputs, find_inputs, replicates


@dataclass(frozen=True)
class _Training:
    """A training with its row of the table, but for the scores."""

    row: dict[str, Any]
    task: Task


def run_study(
    workspace: Workspace,
    params: Params,
    name: str,
    jobs: int,
    cluster: str | None,
    report: Callable[[str], None],
) -> None:
    """Train what study `name` lacks, and write its tables.

    jobs, cluster: as in `rnnbench.engine.run.open_engine`. report: prints a line.
    Raises UnknownNameError, DataError, ParamsError, ClusterError or TrainingError; what has been
    trained by then is kept.
    """
    trainings = _plan(workspace, params, name)
    kept = Kept(workspace, name)
    # Two combinations can be the same training.
    tasks = {training.task.key: training.task for training in trainings}
    missing = [task for key, task in tasks.items() if kept.get(key) is None]
    if missing:

        def keep(task: Task, outcome: Outcome) -> None:
            kept.add(task.key, outcome.scores or {})

        results = workspace.checkpoints(name)
        with open_engine(workspace.root, results, missing, jobs, cluster, report) as engine:
            run_all(engine, missing, name, len(tasks) - len(missing), keep, report)
    else:
        report(f"{name}  all {len(tasks)} trainings are kept")
    _write(workspace.study(name), trainings, kept)


def _plan(workspace: Workspace, params: Params, name: str) -> list[_Training]:
    study = params.study(name)
    schema = type(params.variant(study.variant))
    count = study.replicates or params.run.replicates
    sizes = Sizes(workspace)
    plan: list[_Training] = []
    datasets: dict[str, _Dataset] = {}
    for trial in study_variants(params, name):
        dataset = trial.entry["dataset"]
        if dataset not in datasets:
            datasets[dataset] = _Dataset(workspace, dataset)
        data = datasets[dataset]
        if study.tuned and not data.validated:
            problem = f"{dataset} has no validation part, on which {study.tuned[0]} is chosen"
            detail = ErrorDetail(f"studies.{name}", problem, "tune: []")
            raise ParamsError("params.yaml", [detail])
        settings = schema.model_validate(trial.entry)
        code = (*settings.code, *package_files(trial.entry, workspace.root))
        inputs = data.inputs(settings.model, code)
        entry, measured = sizes.of(trial, data.meta, inputs, f"studies.{name}")
        settings = schema.model_validate(entry)
        number = len(plan)
        for replicate in replicates(settings, params.run.seed, count, data.splits, inputs):
            task = Task.of(
                f"{name} {_words(trial)}", settings, replicate, inputs, code, scores=True
            )
            row = {
                "training": number + replicate.number,
                **{axis: level_text(value) for axis, value in trial.levels.items()},
                **measured,
                "replicate": replicate.number,
                "seed": replicate.seed,
                "split": replicate.split,
                "target": data.meta.target,
                "protocol": data.protocol,
                "key": replicate.key,
            }
            plan.append(_Training(row, task))
    sizes.write()
    return plan


class _Dataset:
    """What is read once for all trainings on a dataset."""

    def __init__(self, workspace: Workspace, name: str) -> None:
        self._root, self._folder = workspace.root, workspace.prepared(name)
        summary = read_summary(self._folder)
        self.meta = read_meta(self._folder)
        self.protocol, self.splits = summary.protocol, summary.splits
        self.validated = summary.validation_samples > 0
        self.inputs = cache(self._inputs)

    def _inputs(self, model: str, code: tuple[str, ...]) -> Inputs:
        """code: the files of own layers, which differ between cells."""
        own = [self._root / file for file in code]
        if missing := [path for path in own if not path.is_file()]:
            raise DataError(f"{missing[0]}: missing; layers of the study come from it")
        return find_inputs(model, self._folder, own, SCORING)


def _words(trial: Trial) -> str:
    return ", ".join(f"{axis} {value}" for axis, value in trial.levels.items())


def _write(folder: Path, trainings: list[_Training], kept: Kept) -> None:
    rows, curves, seconds = [], [], []
    for training in trainings:
        scores: Scores = kept.get(training.task.key) or {}
        number = training.row["training"]
        rows.append(training.row | {k: v for k, v in scores.items() if k in SCORES})
        seconds.append({"training": number, "seconds": scores["seconds"]})
        for epoch, values in enumerate(scores["curve"], 1):
            curves.append(dict(zip(CURVE_COLUMNS, (number, epoch, *values), strict=True)))
    axes = [key for key in trainings[0].row if key not in COLUMNS]
    columns = ["training", *axes, *COLUMNS[1:]]
    table = pd.DataFrame(rows).reindex(columns=columns).map(rounded)
    table = table.astype(dict.fromkeys((*SIZES, *WHOLE), "Int64"))
    write_text(folder / "trainings.csv", table.to_csv(index=False))
    curve = pd.DataFrame(curves, columns=list(CURVE_COLUMNS))
    write_text(folder / "curves.csv", curve.to_csv(index=False))
    write_text(folder / "seconds.csv", pd.DataFrame(seconds).to_csv(index=False))
