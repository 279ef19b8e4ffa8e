"""Runs tasks on an engine, with progress and a list of what failed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from rnnbench.core.errors import TrainingError
from rnnbench.engine.local import LocalEngine
from rnnbench.engine.progress import Progress
from rnnbench.engine.tasks import Outcome, Task

_MAX_LISTED = 20


class Engine(Protocol):
    """Whatever trains tasks."""

    @property
    def remark(self) -> str:
        """Who does the work, for progress lines."""

    @property
    def slots(self) -> int:
        """How many tasks run at once."""

    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, Outcome] | None]:
        """Each task with its outcome, in any order; None about once a second."""


def open_engine(
    root: Path,
    results: Path,
    tasks: Sequence[Task],
    jobs: int,
    cluster: str | None,
    report: Callable[[str], None],
) -> AbstractContextManager[Engine]:
    """The workers of the Dask scheduler at the address `cluster`, or else `jobs` local processes.

    root: the project. results: the folder for results and models. report: prints a line.
    Raises ClusterError.
    """
    if cluster is None:
        return LocalEngine(root, results, min(jobs, len(tasks)))
    from rnnbench.engine.cluster import ClusterEngine

    return ClusterEngine(root, results, tasks, cluster, report)


def run_all(
    engine: Engine,
    tasks: Sequence[Task],
    label: str,
    kept: int,
    keep: Callable[[Task, Outcome], None],
    report: Callable[[str], None],
) -> None:
    """Run all tasks; call `keep` with each one that has succeeded.

    label: begins each progress line. kept: how many tasks were left out since they have results.
    Raises TrainingError at the end, with a list, if some have failed.
    """
    progress = Progress(label, len(tasks), kept, report)
    failures: list[str] = []
    for pair in engine.run(tasks):
        if pair is not None:
            task, outcome = pair
            if outcome.error is None:
                keep(task, outcome)
                progress.done += 1
            else:
                failures.append(f"{task.label} (seed {task.seed}): {outcome.error}")
                progress.failed += 1
                report(f"failed: {failures[-1]}")
        left = len(tasks) - progress.done - progress.failed
        progress.update(min(left, engine.slots), engine.remark)
    progress.print()
    if failures:
        more = len(failures) - _MAX_LISTED
        lines = failures[:_MAX_LISTED] + ([f"and {more} others"] if more > 0 else [])
        count = f"{len(failures)} of {len(tasks)} trainings failed"
        raise TrainingError("\n".join([f"{count}; the others are kept:", *lines]))
