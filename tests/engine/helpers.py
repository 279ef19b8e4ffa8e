"""A tiny project with studies, and the processes of a Dask cluster without access to it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from tests.pipeline import helpers

SECONDS = 300
BIN = helpers.BIN
GATE = Path(__file__).with_name("gate.py")
PARAMS = """
run: {seed: 7, replicates: 2}
corpora: {product: {steps: 6, tolerance: 0.04}}
datasets:
  tiny: {corpus: product, split: new, train: 64, validation: 32, evaluation: 64}
variants:
  mean: {model: constant, dataset: tiny}
  lstm:
    model: keras
    dataset: tiny
    layers:
    - LSTM: {units: 3}
    - "gate.py:Gate": {}
    optimizer: {Adam: {learning_rate: 0.01}}
    epochs: 3
    batch_size: 16
comparison: {margin: 0.02, loss_margin: 0.25}
questions: []
published: {}
studies:
  cells:
    question: Which cell is best?
    variant: lstm
    axes: {cell: [SimpleRNN, GRU], units: [2, 3], learning_rate: [0.001, 0.01, 0.1]}
  pair:
    question: Are three units better than two?
    variant: lstm
    axes: {units: [2, 3]}
    tune: []
  many:
    question: Which cell is best at any size?
    variant: lstm
    axes: {cell: [SimpleRNN, GRU], units: [2, 3, 4, 5, 6], learning_rate: [0.001, 0.1]}
"""
# The trainings of each study.
COUNTS = {"cells": 24, "pair": 4, "many": 40}


def make_project(folder: Path) -> Path:
    """A project whose dataset is prepared, and nothing trained."""
    folder.mkdir(parents=True)
    (folder / "params.yaml").write_text(PARAMS)
    shutil.copy(GATE, folder)
    for command in (["check"], ["download", "product"], ["preprocess", "tiny"]):
        helpers.run(folder, "rnnbench", *command)
    return folder


def start_study(
    project: Path, *options: str, name: str = "cells", **variables: str
) -> subprocess.Popen[bytes]:
    return helpers.start(
        project, log(project, name), "rnnbench", "study", name, *options, **variables
    )


def run_study(
    project: Path, *options: str, name: str = "cells", status: int = 0, **variables: str
) -> str:
    """What the command prints; it must exit with this status."""
    return finish(project, start_study(project, *options, name=name, **variables), status, name)


def finish(
    project: Path, process: subprocess.Popen[bytes], status: int = 0, name: str = "cells"
) -> str:
    try:
        found = process.wait(SECONDS)
    finally:
        process.kill()
    printed = log(project, name).read_text()
    assert found == status, printed
    assert "Traceback" not in printed
    return printed


def log(project: Path, name: str = "cells") -> Path:
    """Where the command of a study prints to."""
    return project.parent / f"{project.name}-{name}.log"


def tables(project: Path, name: str = "cells") -> dict[str, bytes]:
    """The bytes of all that a study leaves, except wall-clock times."""
    folder = project / "metrics" / "studies" / name
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "seconds.csv"]
    assert files
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def trained(project: Path, name: str = "cells") -> list[str]:
    """A line for each training that has ended."""
    path = project / ".studies" / f"{name}.jsonl"
    return path.read_text().splitlines() if path.exists() else []


def training_processes(folder: Path) -> list[psutil.Process]:
    """Those whose results lie below a folder."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        words = " ".join(process.info["cmdline"] or [])
        if "rnnbench.engine.child" in words and f"{folder}/" in words:
            found.append(process)
    return found


def wait_for(condition: Callable[[], object], log: Path | None = None) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, log.read_text() if log else "nothing happens"
        time.sleep(0.02)


class Cluster:
    """A Dask scheduler and workers, each in folders of its own, ended by `stop`.

    tls: options with certificates. host: the address of the scheduler. variables: its environment.
    """

    def __init__(
        self,
        folder: Path,
        host: str = "127.0.0.1",
        tls: tuple[str, ...] = (),
        **variables: str,
    ) -> None:
        self.folder, self._tls = folder, tls
        with socket.socket() as free:
            free.bind((host, 0))
            port = free.getsockname()[1]
        self.address = f"{'tls' if tls else 'tcp'}://{host}:{port}"
        self._processes: list[subprocess.Popen[bytes]] = []
        self.start_scheduler(**variables)

    def start_scheduler(self, **variables: str) -> subprocess.Popen[bytes]:
        host, port = self.address.rpartition("/")[2].split(":")
        options = ["--host", f"{self.address.partition(':')[0]}://{host}", "--port", port]
        self.scheduler = self._start("scheduler", *options, **variables)
        wait_for(lambda: "Scheduler at:" in self.log(self.scheduler), self.folder)
        return self.scheduler

    def start_worker(self, *prefix: str, **variables: str) -> subprocess.Popen[bytes]:
        options = (self.address, "--nworkers", "1", "--nthreads", "1", "--no-dashboard")
        return self._start("worker", *options, prefix=prefix, **variables)

    def log(self, process: subprocess.Popen[bytes]) -> str:
        return (self._home(self._processes.index(process)) / "log").read_text()

    def stop(self) -> None:
        for process in self._processes:
            kill(process)

    def _home(self, number: int) -> Path:
        return self.folder / f"host{number}"

    def _start(
        self, command: str, *options: str, prefix: tuple[str, ...] = (), **variables: str
    ) -> subprocess.Popen[bytes]:
        home = self._home(len(self._processes))
        home.mkdir(parents=True)
        # Nothing of the test's own environment.
        environment = {"PATH": f"{BIN}:{os.environ['PATH']}"}
        environment |= {"HOME": str(home), "TMPDIR": str(home)}
        dask = (sys.executable, "-m", "dask", command, *options, *self._tls)
        directory = (
            ("--local-directory", str(home))
            if command == "worker"
            else ("--dashboard-address", ":0")
        )
        process = subprocess.Popen(
            [*prefix, *dask, *directory],
            cwd=home,
            env=environment | variables,
            start_new_session=True,
            stdout=(home / "log").open("wb"),
            stderr=subprocess.STDOUT,
        )
        self._processes.append(process)
        return process


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and those of its group, at once."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
