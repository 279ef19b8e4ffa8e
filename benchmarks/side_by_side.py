"""Contenders in processes of their own, timed in turn.

Each module of contenders has CONTENDERS: a function by name, which prepares a contender and
returns what one round runs. That may return what the module wants to know of it. Processes,
because threads, memory and XLA are set for a whole process; in turn, because a machine is faster
at one time than at another.
"""

from __future__ import annotations

import importlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import click

ROUNDS = 5
_PERSONAL = {"MLFLOW_TRACKING_URI", "DVC_ROOT", "DVC_STAGE"}


@dataclass(frozen=True)
class Times:
    """The seconds of each round, and what the last one returned."""

    seconds: list[float]
    value: Any = None

    @property
    def median(self) -> float:
        """The median of all rounds."""
        return statistics.median(self.seconds)

    def of_one(self, count: int) -> Times:
        """The seconds of one of the `count` equal parts of each round."""
        return Times([seconds / count for seconds in self.seconds], self.value)


@dataclass(frozen=True)
class Row:
    """One line of the results.

    ratios: how many times ours is faster (or smaller, or how many times as long), one a round.
    """

    what: str
    against: str
    ours: str
    theirs: str
    ratios: list[float]
    wanted: str
    unit: str = "faster"

    @property
    def ratio(self) -> float:
        """The median over the rounds."""
        return statistics.median(self.ratios)


def compared(what: str, against: str, ours: Times, theirs: Times, wanted: str) -> Row:
    """The row of two contenders that were timed in turn."""
    ratios = [b / a for a, b in zip(ours.seconds, theirs.seconds, strict=True)]
    return Row(what, against, duration(ours.median), duration(theirs.median), ratios, wanted)


def duration(seconds: float) -> str:
    """Seconds for a reader."""
    if seconds < 1:
        return f"{seconds * 1000:.3g} ms"
    return f"{seconds:.3g} s" if seconds < 600 else f"{seconds / 60:.3g} min"


def times(module: str, names: Sequence[str], rounds: int = ROUNDS) -> dict[str, Times]:
    """Start the contenders, let each run a round unmeasured, then all in turn."""
    with ExitStack() as stack:
        workers = {name: stack.enter_context(Worker(module, name)) for name in names}
        return _times(module, {name: worker.round for name, worker in workers.items()}, rounds)


def command_times(
    commands: dict[str, tuple[list[str], dict[str, str]]], cwd: str
) -> dict[str, Times]:
    """The same for whole commands: arguments and environment by name."""
    runs = {name: partial(_command, *command, cwd) for name, command in commands.items()}
    return _times("commands", runs, ROUNDS)


def _times(
    what: str, runs: dict[str, Callable[[], dict[str, Any]]], rounds: int
) -> dict[str, Times]:
    for run in runs.values():
        run()
    met: dict[str, list[dict[str, Any]]] = {name: [] for name in runs}
    for number in range(rounds):
        for name in _in_turn(list(runs), number):
            met[name].append(runs[name]())
        told = "  ".join(f"{n} {duration(m[-1]['seconds'])}" for n, m in met.items())
        click.echo(f"{what}  round {number + 1}/{rounds}  {told}")
    return {n: Times([r["seconds"] for r in m], m[-1]["value"]) for n, m in met.items()}


def output(arguments: list[str], environment: dict[str, str], cwd: str) -> str:
    """What a command prints; raises click.ClickException with its last words if it fails.

    It knows nothing of the user's own MLflow store or DVC project.
    """
    own = {key: value for key, value in os.environ.items() if key not in _PERSONAL}
    result = subprocess.run(
        arguments,
        cwd=cwd,
        env=own | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise click.ClickException(f"{' '.join(arguments)} failed:\n{result.stderr[-2000:]}")
    return result.stdout


def _command(arguments: list[str], environment: dict[str, str], cwd: str) -> dict[str, Any]:
    begin = time.perf_counter()
    output(arguments, environment, cwd)
    return {"seconds": time.perf_counter() - begin, "value": None}


def _in_turn(names: list[str], number: int) -> list[str]:
    """Every second round backwards: nobody always follows the same one."""
    return names[::-1] if number % 2 else names


class Worker:
    """A contender's process, which runs a round whenever it is asked."""

    def __init__(self, module: str, name: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.side_by_side", module, name],
            env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()

    def round(self) -> dict[str, Any]:
        """Run one; its seconds, and its value; raises click.ClickException if it has ended."""
        with suppress(BrokenPipeError):
            self._process.stdin.write("\n")
        line = self._process.stdout.readline()
        if not line:
            raise click.ClickException("a contender has ended; see above")
        return json.loads(line)


def _serve(module: str, name: str) -> None:
    results = os.fdopen(os.dup(1), "w")
    # Libraries print too.
    os.dup2(2, 1)
    run: Callable[[], Any] = importlib.import_module(f"benchmarks.{module}").CONTENDERS[name]()
    for _ in sys.stdin:
        begin = time.perf_counter()
        value = run()
        told = {"seconds": time.perf_counter() - begin, "value": value}
        print(json.dumps(told), file=results, flush=True)


if __name__ == "__main__":
    _serve(*sys.argv[1:])
