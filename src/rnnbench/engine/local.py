"""Trains tasks in processes of this machine."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from rnnbench.core.environment import INHERITED
from rnnbench.core.errors import TrainingError
from rnnbench.engine.process import Died, NotStarted, TrainingProcess
from rnnbench.engine.tasks import Outcome, Task, read_outcome

# A task whose process dies again and again is at fault itself.
MAX_DEATHS = 3
SOURCE = Path(__file__).parents[2]


class LocalEngine:
    """A context in which `jobs` processes train.

    root: the project. results: the folder for results and models.
    """

    def __init__(self, root: Path, results: Path, jobs: int) -> None:
        self._processes = [
            TrainingProcess(root, SOURCE, results, INHERITED) for _ in range(max(1, jobs))
        ]
        self._outcomes: queue.SimpleQueue[tuple[Task, Outcome] | NotStarted] = queue.SimpleQueue()

    def __enter__(self) -> LocalEngine:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.kill()

    @property
    def remark(self) -> str:
        """Who does the work, for progress lines."""
        return ""

    @property
    def slots(self) -> int:
        """How many tasks run at once."""
        return len(self._processes)

    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, Outcome] | None]:
        """Each task with its outcome, in any order; None about once a second."""
        waiting = _Waiting(tasks)
        for process in self._processes:
            threading.Thread(target=self._feed, args=(process, waiting), daemon=True).start()
        left = len(tasks)
        while left:
            try:
                found = self._outcomes.get(timeout=1)
            except queue.Empty:
                yield None
                continue
            # No other task would fare better.
            if isinstance(found, NotStarted):
                raise TrainingError(f"no training process starts here: {found}")
            yield found
            left -= 1

    def _feed(self, process: TrainingProcess, waiting: _Waiting) -> None:
        program = ""
        while (task := waiting.next(program)) is not None:
            program = task.program
            try:
                self._outcomes.put((task, self._train(process, task)))
            except NotStarted as error:
                self._outcomes.put(error)
                return

    def _train(self, process: TrainingProcess, task: Task) -> Outcome:
        line, reason = task.model_dump_json(), ""
        for _ in range(MAX_DEATHS):
            try:
                return read_outcome(process.run(line))
            except NotStarted:
                raise
            except Died as error:
                reason = str(error)
            # Such as no memory for a process: the thread must go on.
            except Exception as error:
                return Outcome(error=f"{type(error).__name__}: {error}")
        return Outcome(error=f"{reason}, {MAX_DEATHS} times")


class _Waiting:
    """The tasks that no process has taken yet, by program: a process keeps its compiled one."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self._lock = threading.Lock()
        self._tasks: dict[str, list[Task]] = {}
        # How many processes have taken a program.
        self._taken: dict[str, int] = {}
        for task in tasks:
            self._tasks.setdefault(task.program, []).append(task)

    def next(self, program: str) -> Task | None:
        """A task of the program that a process has, or else of one that fewest have taken."""
        with self._lock:
            if program not in self._tasks:
                if not self._tasks:
                    return None
                # The first ones first: params.yaml has the longest variants on top.
                program = min(self._tasks, key=lambda name: self._taken.get(name, 0))
                self._taken[program] = self._taken.get(program, 0) + 1
            tasks = self._tasks[program]
            task = tasks.pop(0)
            if not tasks:
                del self._tasks[program]
            return task
