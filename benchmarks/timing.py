"""Contenders in separate processes, timed alternately.

Separate, because threads, memory and XLA are configured per process; alternately, because the
speed of a machine changes over time. ``python -m benchmarks.timing MODULE FUNCTION [ARGUMENT...]``
is the process of one contender: the function prepares it and returns what runs one round. Only the
standard library is imported here, since PEERS may be the interpreter of another environment.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import ENVIRONMENT

ROOT = Path(__file__).parents[1]
ROUNDS = 5
PEERS = os.environ.get("PEERS") or sys.executable
_USER_SETTINGS = {"MLFLOW_TRACKING_URI", "DVC_ROOT", "DVC_STAGE"}

# Module in this folder, function, string arguments.
Contender = tuple[str, ...]


@dataclass(frozen=True)
class Times:
    """Seconds of each round and of the one before them, and the result of the last one."""

    seconds: list[float]
    untimed: float
    value: Any = None

    @property
    def median(self) -> float:
        """Median over all rounds, in seconds."""
        return statistics.median(self.seconds)


class Worker:
    """The process of one contender."""

    def __init__(self, contender: Contender) -> None:
        module, function, *_ = contender
        python = PEERS if module == "peers" else sys.executable
        # rnnbench has set its variables in this process; the alternatives run without them.
        plain = module == "peers" or function in ("fit", "unpinned")
        self._process = subprocess.Popen(
            [python, "-m", "benchmarks.timing", *contender],
            cwd=ROOT,
            env=(ENVIRONMENT if plain else dict(os.environ))
            | {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"},
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

    def round(self) -> tuple[float, Any]:
        """Run one round; returns its seconds and its result."""
        with suppress(BrokenPipeError):
            self._process.stdin.write("\n")
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("a contender has ended; see above")
        seconds, value = json.loads(line)
        return seconds, value


def times(contenders: Mapping[str, Contender]) -> dict[str, Times]:
    """Start all contenders, run one untimed round of each, then alternate between them."""
    with ExitStack() as stack:
        workers = {n: stack.enter_context(Worker(c)) for n, c in contenders.items()}
        return _alternate({name: worker.round for name, worker in workers.items()})


def command_times(commands: Mapping[str, list[str]], cwd: Path, **variables: str) -> list[Times]:
    """The same for whole commands, with additional environment variables."""

    def run(words: list[str]) -> tuple[float, None]:
        begin = time.perf_counter()
        output(words, cwd, **variables)
        return time.perf_counter() - begin, None

    return list(
        _alternate({name: partial(run, words) for name, words in commands.items()}).values()
    )


def _alternate(runs: dict[str, Callable[[], tuple[float, Any]]]) -> dict[str, Times]:
    untimed = {name: run()[0] for name, run in runs.items()}
    rounds: dict[str, list[tuple[float, Any]]] = {name: [] for name in runs}
    for number in range(ROUNDS):
        # Every second round backwards: no contender always follows the same one.
        for name in list(runs)[:: -1 if number % 2 else 1]:
            rounds[name].append(runs[name]())
        line = "  ".join(f"{name} {duration(done[-1][0])}" for name, done in rounds.items())
        print(f"round {number + 1}/{ROUNDS}  {line}")
    return {n: Times([s for s, _ in r], untimed[n], r[-1][1]) for n, r in rounds.items()}


def output(arguments: list[str], cwd: Path, **variables: str) -> str:
    """Standard output of a command that ignores the user's MLflow store and DVC project.

    Ends the program with the last lines of standard error if the command fails.
    """
    clean = {key: value for key, value in ENVIRONMENT.items() if key not in _USER_SETTINGS}
    result = subprocess.run(
        arguments, cwd=cwd, env=clean | variables, capture_output=True, text=True, check=False
    )
    if result.returncode:
        raise SystemExit(f"{' '.join(arguments)} failed:\n{result.stderr[-2000:]}")
    return result.stdout


def duration(seconds: float) -> str:
    """Seconds in a readable unit."""
    if seconds < 1:
        return f"{seconds * 1000:.3g} ms"
    return f"{seconds:.3g} s" if seconds < 600 else f"{seconds / 60:.3g} min"


def peak_mib() -> float:
    """The largest resident memory of this process so far, in MiB (on Linux)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def _serve(module: str, function: str, *arguments: str) -> None:
    """Run a round for each line on standard input; reply with a line of JSON."""
    replies = os.fdopen(os.dup(1), "w")
    # Libraries print too.
    os.dup2(2, 1)
    run_round = getattr(importlib.import_module(f"benchmarks.{module}"), function)(*arguments)
    for _ in sys.stdin:
        begin = time.perf_counter()
        value = run_round()
        seconds = time.perf_counter() - begin
        print(json.dumps([seconds, value]), file=replies, flush=True)


if __name__ == "__main__":
    _serve(*sys.argv[1:])
