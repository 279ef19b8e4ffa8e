"""Logs the epochs of a training while it runs, so that MLflow shows its curves grow.

The runs are those that `rnnbench.tracking.runs` completes after the training. Of a training that
was killed they go on when it is resumed.
"""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from filelock import FileLock, Timeout

from rnnbench.core.errors import DataError
from rnnbench.core.workspace import Workspace
from rnnbench.params import Params
from rnnbench.tracking.runs import CURRENT_TAG, RUNNING, begin_run, end_run, log_epochs
from rnnbench.tracking.store import OUT_OF_DATE, ensure_experiment, is_local, open_store
from rnnbench.tracking.verification import nested_runs
from rnnbench.training.outputs import METRICS

# Identifies a training by all that determines it: settings, seeds, data and code.
_TRAINING = "rnnbench.training"
# HOST:PATH of the lock that the process which trains holds.
_LOCK = "rnnbench.lock"
# Shorter trainings are logged at their end only. Importing MLflow takes seconds.
_SECONDS_BEFORE, _SECONDS_BETWEEN = 5.0, 3.0


class LiveLog:
    """A context in which one variant is trained; the work is done in a thread.

    runs: the id of the run of each replicate, counted from 0, and of the variant, None. Calls
    `warn` once if the store fails, and logs nothing more then.
    """

    def __init__(
        self, workspace: Workspace, params: Params, name: str, warn: Callable[[str], None]
    ) -> None:
        self._workspace, self._params, self._name, self._warn = workspace, params, name, warn
        self.runs: dict[int | None, str] = {}
        self._logged: dict[int, int] = {}
        self._rows: queue.SimpleQueue[tuple[int, Mapping[str, Any]]] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._key = ""

    def start(self, key: str) -> None:
        """Begin to log the training that `key` identifies."""
        self._key = key
        self._thread.start()

    def epoch(self, replicate: int, row: Mapping[str, Any]) -> None:
        """Log an epoch of a replicate: its number and its `METRICS`."""
        self._rows.put((replicate, row))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: object, _traceback: TracebackType | None
    ) -> None:
        """Stop; the runs of a training that has not ended are marked KILLED or FAILED."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        if kind is None or not self.runs:
            return
        status = "FAILED" if issubclass(kind, Exception) else "KILLED"
        try:
            with open_store(self._workspace) as client:
                for run_id in self.runs.values():
                    end_run(client, run_id, status)
        except DataError as error:
            self._warn(OUT_OF_DATE.format(error))

    def _work(self) -> None:
        seconds = _SECONDS_BEFORE
        while not self._stop.wait(seconds):
            seconds = _SECONDS_BETWEEN
            try:
                self._flush()
            except DataError as error:
                self._warn(OUT_OF_DATE.format(error))
                return

    def _flush(self) -> None:
        rows: dict[int, list[Mapping[str, Any]]] = {}
        while not self._rows.empty():
            replicate, row = self._rows.get()
            rows.setdefault(replicate, []).append(row)
        if self.runs and not rows:
            return
        with open_store(self._workspace) as client:
            corpus = self._params.corpus_of(self._name)
            title = self._params.title(corpus)
            experiment = ensure_experiment(client, self._workspace, corpus, title)
            if not self.runs:
                self._resume(client, experiment)
            for replicate, of_one in rows.items():
                if replicate not in self.runs:
                    self.runs[replicate] = self._begin(client, experiment, replicate)
                new = {
                    int(row["epoch"]): {metric: float(row[metric]) for metric in METRICS}
                    for row in of_one
                    if row["epoch"] > self._logged.get(replicate, 0)
                }
                log_epochs(client, self.runs[replicate], new)

    def _resume(self, client: Any, experiment: str) -> None:
        """Find the runs of an earlier attempt, or begin that of the variant."""
        found = client.search_runs([experiment], f"tags.`{_TRAINING}` = '{self._key}'")
        # The others are complete.
        found = [run for run in found if "dvc.key" not in run.data.tags]
        parents = [run for run in found if "mlflow.parentRunId" not in run.data.tags]
        if not parents:
            self.runs[None] = self._begin(client, experiment, None)
            return
        self.runs[None] = parents[0].info.run_id
        for seed, run in nested_runs(client, parents[0]).items():
            replicate = seed - self._params.run.seed
            self.runs[replicate] = run.info.run_id
            steps = [m.step for m in client.get_metric_history(run.info.run_id, METRICS[0])]
            self._logged[replicate] = max(steps, default=0)
        for run_id in self.runs.values():
            client.update_run(run_id, "RUNNING")
            for key, value in ((CURRENT_TAG, RUNNING), (_LOCK, self._lock)):
                client.set_tag(run_id, key, value)

    def _begin(self, client: Any, experiment: str, replicate: int | None) -> str:
        tags = {_TRAINING: self._key, _LOCK: self._lock}
        if replicate is not None:
            tags["mlflow.parentRunId"] = self.runs[None]
        return begin_run(
            client, experiment, self._workspace, self._params, self._name, replicate, tags
        )

    @property
    def _lock(self) -> str:
        return _lock_of(self._workspace, self._name)


def end_dead(client: Any, workspace: Workspace, runs: list[Any], ours: set[str] | None) -> None:
    """Mark those of the RUNNING runs KILLED whose process is gone.

    ours: the runs of the variant whose lock the caller holds; None if it holds no lock of one. Call
    it with the store open: then no other process is completing a run.
    """
    for run in runs:
        if lock := run.data.tags.get(_LOCK):
            host, _, path = lock.partition(":")
            dead = host == socket.gethostname() and not _is_held(Path(path))
            variant = run.data.tags.get("variant", "")
            if ours is not None and lock == _lock_of(workspace, variant):
                # An earlier attempt had the lock that is the caller's now.
                dead = run.info.run_id not in ours
        else:
            dead = is_local(workspace) and "dvc.key" in run.data.tags
        if dead:
            end_run(client, run.info.run_id, "KILLED")


def _lock_of(workspace: Workspace, name: str) -> str:
    return f"{socket.gethostname()}:{workspace.lock('train', name)}"


def _is_held(path: Path) -> bool:
    if not path.exists():
        return False
    try:
        FileLock(path).acquire(timeout=0).lock.release()
    except Timeout:
        return True
    return False
