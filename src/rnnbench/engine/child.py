"""The process that trains: a task on each line of standard input, its outcome on one of output.

Its working directory has data/prepared, and the files of own layers. It goes on from task to task,
since importing TensorFlow and compiling a network take longer than a short training, and ends with
its standard input, that is with the process that started it.
"""

from __future__ import annotations

import os
import queue
import sys
import tempfile
import threading
from functools import cache
from pathlib import Path
from typing import TextIO

from rnnbench import models
from rnnbench.core.environment import IS_X86
from rnnbench.core.errors import RnnbenchError, TrainingError
from rnnbench.core.machine import NEEDED, this_machine
from rnnbench.core.workspace import Workspace
from rnnbench.engine.scoring import score
from rnnbench.engine.tasks import CHANGED, Outcome, Task, system_here
from rnnbench.models.base import VariantSettings
from rnnbench.training.checkpoints import Checkpoints
from rnnbench.training.keys import Inputs, Replicate, find_inputs
from rnnbench.training.replicate import Dataset, ReplicateTrainer

# What decides scores, beside what decides predictions.
SCORING = ("evaluation/metrics.py", "evaluation/outputs.py", "engine/scoring.py")


def main(results: Path) -> None:
    """Run until standard input ends; results: the folder for results and models, by variant."""
    # What libraries print must not be taken for an outcome.
    output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    tasks: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(sys.stdin, tasks), daemon=True).start()
    trainer = _Trainer(results)
    while True:
        outcome = trainer.run(Task.model_validate_json(tasks.get()))
        print(outcome.model_dump_json(), file=output, flush=True)


def _read(lines: TextIO, tasks: queue.SimpleQueue[str]) -> None:
    for line in lines:
        tasks.put(line)
    # Also in the middle of a training: nobody will read its outcome.
    os._exit(0)


class _Trainer:
    def __init__(self, results: Path) -> None:
        self._results = results
        self._root = Path.cwd()
        # Of this process: an edit of a file does not change what it has read.
        self._dataset = cache(Dataset)
        self._inputs = cache(find_inputs)
        self._of_machine = cache(_of_machine)
        self._current: tuple[str, Inputs] | None = None
        self._trainer: ReplicateTrainer | None = None

    def run(self, task: Task) -> Outcome:
        try:
            return self._run(task)
        except MemoryError:
            return Outcome(error="out of memory")
        except RnnbenchError as error:
            return Outcome(error=str(error))
        # Of the libraries: the other tasks go on.
        except Exception as error:
            return Outcome(error=f"{type(error).__name__}: {error}")

    def _run(self, task: Task) -> Outcome:
        schema: type[VariantSettings] = models.load(task.model).Settings
        settings = schema.model_validate(task.settings, strict=False)
        folder = Workspace(self._root).prepared(settings.dataset)
        own = tuple(self._root / path for path in task.code)
        also = SCORING if task.scores else ()
        here = self._inputs(task.model, folder, own, also)
        if reasons := [*_differences(here, task.inputs), *self._of_machine(task.system)]:
            return Outcome(error="; ".join(reasons), refused=True)
        dataset = self._dataset(folder)
        # Its memory is that of one program: the one before is no longer needed.
        if self._trainer is None or self._current != (task.program, task.inputs):
            family = models.model_class(task.model)
            self._trainer = ReplicateTrainer(family, settings, dataset, lambda _: None)
            self._current = task.program, task.inputs
        self._trainer.switch(settings)
        replicate = Replicate(task.number, task.seed, task.split, task.key)
        if task.scores:
            result = self._trainer.result(replicate, task.label)
            return Outcome(scores=score(dataset.split(task.split), result))
        checkpoints = Checkpoints(self._results / task.variant, task.number, task.key)
        with tempfile.TemporaryDirectory() as temporary:
            model = Path(temporary) / "model"
            self._trainer.train(replicate, task.label, model, checkpoints)
        if not checkpoints.path("result").is_file():
            raise TrainingError(f"{checkpoints.path('result')} could not be written")
        return Outcome()


def _of_machine(system: str) -> list[str]:
    """Why this machine may not make the same bytes as the head."""
    here, found = system_here(), []
    if here != system:
        found.append(f"its system is {here} instead of {system}")
    instructions = this_machine().instructions
    if IS_X86 and (lacking := [name for name in NEEDED if name not in instructions]):
        found.append(f"its CPU lacks {' and '.join(lacking)}")
    return found


def _differences(here: Inputs, wanted: Inputs) -> list[str]:
    if (here.code, here.data) != (wanted.code, wanted.data):
        return [f"{CHANGED} differ from those of the head"]
    lines = zip(here.versions.splitlines(), wanted.versions.splitlines(), strict=False)
    changed = ", ".join(f"{own} instead of {other}" for own, other in lines if own != other)
    return [f"the versions or settings differ: {changed}"[:300]] if changed else []
