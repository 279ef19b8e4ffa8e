"""A training process, seen from the process that feeds it.

The standard library only: Dask's workers run this file, and need no package of ours for it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

_SECONDS_TO_END = 10.0
# Each leaves about 40 MB behind. A process that reports its peak memory has one only.
_MAX_PROGRAMS = 40
_READY = "ready\n"
# What it imports, and the libraries that it looks for, may be missing.
_CODE = f"""
import sys
from pathlib import Path
from rnnbench.core.machine import this_machine
from rnnbench.engine.child import main
this_machine()
print({_READY!r}, end="", flush=True)
main(Path(sys.argv[1]))
"""


class Died(Exception):
    """A training process has ended in the middle of a task."""


class NotStarted(Died):
    """A training process has ended by itself before it could read a task."""


class TrainingProcess:
    """Runs `rnnbench.engine.child`, which is started for the first task.

    root: the folder with data/prepared. source: the one with the package. results: where it writes
    results and models. One thread at a time may call `run`; `kill` may be called by another one.
    """

    def __init__(
        self, root: Path, source: Path, results: Path, environment: Mapping[str, str]
    ) -> None:
        self._root, self._results = root, results
        path = [str(source), *filter(None, [environment.get("PYTHONPATH")])]
        self._environment = {**environment, "PYTHONPATH": os.pathsep.join(path)}
        self._process: subprocess.Popen[str] | None = None
        self._programs: set[str] = set()
        self._ready = self._killed = False
        self._lock = threading.Lock()

    def run(self, task: str) -> str:
        """The outcome of a task, both in a line of JSON; raises Died."""
        with self._lock:
            if self._killed:
                raise Died("it was stopped")
            process = self._process = self._fit_for(task)
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(task + "\n")
            process.stdin.flush()
            # What libraries print while they are imported comes first.
            while (line := process.stdout.readline()) and not self._ready:
                self._ready = line == _READY
        except (BrokenPipeError, ValueError):
            line = ""
        if not line.endswith("\n"):
            status = _wait(process)
            # A signal comes from outside.
            raise (Died if self._ready or status < 0 else NotStarted)(_reason(status))
        return line

    def kill(self) -> None:
        """End it, whatever it does, and start no other one."""
        with self._lock:
            self._killed = True
            if self._process is not None and self._process.poll() is None:
                self._process.kill()
                self._process.wait()

    def _fit_for(self, task: str) -> subprocess.Popen[str]:
        """The process that runs, or a new one if it has ended or compiled enough programs."""
        content = json.loads(task)
        most = _MAX_PROGRAMS if content["scores"] else 1
        self._programs.add(content["program"])
        if self._process is not None and self._process.poll() is None:
            if len(self._programs) <= most:
                return self._process
            assert self._process.stdin is not None
            self._process.stdin.close()
            _wait(self._process)
        self._programs, self._ready = {content["program"]}, False
        return self._start()

    def _start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", _CODE, str(self._results)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=self._root,
            env=self._environment,
            text=True,
            encoding="utf-8",
            # Ctrl-C is for the process that feeds it, whose end is the end of this one's input.
            start_new_session=True,
        )


def _wait(process: subprocess.Popen[str]) -> int:
    """The status of a process that is about to end."""
    try:
        return process.wait(_SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _reason(status: int) -> str:
    if status >= 0:
        return f"its process ended with status {status}"
    name = signal.Signals(-status).name if -status in list(signal.Signals) else str(-status)
    likely = ", probably out of memory" if -status == signal.SIGKILL else ""
    return f"its process was killed by {name}{likely}"
