"""Many short trainings: which share of the cores trains, and what a task costs beside it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from benchmarks.results import table
from benchmarks.timing import output

BIN = Path(sys.executable).parent
RNNBENCH, DASK = str(BIN / "rnnbench"), str(BIN / "dask")
# About a second each on one core.
PARAMS = """\
run: {{seed: 42, splits: 1, replicates: {replicates}}}
corpora: {{product: {{steps: 50, tolerance: 0.04}}}}
datasets:
  short: {{corpus: product, split: new, train: 1024, validation: 128, evaluation: 1024}}
variants:
  lstm:
    model: keras
    dataset: short
    layers: [LSTM: {{units: 16}}]
    optimizer: {{Adam: {{learning_rate: 0.001}}}}
    epochs: {epochs}
    batch_size: 32
comparison: {{margin: 0.02, loss_margin: 0.25}}
questions: []
published: {{}}
studies:
  many:
    question: How long does it take?
    variant: lstm
    axes:
      cell: [LSTM]
      learning_rate: [0.0003, 0.0005, 0.001, 0.002, 0.003]
"""
HEAD = ("trainings", "by", "wall", "training", "share of the cores", "beside it, a task")
PORT = 18796
# The compute of one training, in epochs.
EPOCHS = 12


def run() -> str:
    """Local processes, then a cluster with 1, 2 and 4 workers, then a second run."""
    rows = [_measured(500, "2 processes", ["--jobs", "2"], 2)]
    rows.append(_measured(100, "1 process", ["--jobs", "1"], 1))
    for workers in (1, 2, 4):
        with _cluster(workers):
            address = ["--cluster", f"tcp://127.0.0.1:{PORT}"]
            count = {1: 100, 2: 200, 4: 1000}[workers]
            name = f"{workers} Dask worker{'s' if workers > 1 else ''}"
            rows.append(_measured(count, name, address, workers))
    return table(rows, HEAD)


def _measured(count: int, by: str, options: list[str], slots: int) -> tuple[str, ...]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        text = PARAMS.format(replicates=count // 5, epochs=EPOCHS)
        (folder / "params.yaml").write_text(text)
        for stage in (["download", "product"], ["preprocess", "short"]):
            output([RNNBENCH, *stage], folder)
        begin = time.monotonic()
        output([RNNBENCH, "study", "many", *options], folder)
        wall = time.monotonic() - begin
        seconds = pd.read_csv(folder / "metrics/studies/many/seconds.csv")["seconds"]
        begin = time.monotonic()
        output([RNNBENCH, "study", "many", *options], folder)
        again = time.monotonic() - begin
    cores = min(slots, os.cpu_count() or 1)
    # With more workers than cores, each training waits for a core most of the time.
    share = seconds.sum() / (wall * slots)
    beside = (wall * slots - seconds.sum()) / count
    return (
        f"{count}",
        f"{by}, {cores} core{'s' if cores > 1 else ''}",
        f"{wall:.0f} s; nothing to do: {again:.1f} s",
        f"{seconds.sum():.0f} s, {seconds.median():.2f} s each",
        f"{100 * share:.0f} %",
        f"{1000 * beside:.0f} ms",
    )


@contextmanager
def _cluster(workers: int) -> Iterator[None]:
    with tempfile.TemporaryDirectory() as name:
        commands = [
            [DASK, "scheduler", "--host", "127.0.0.1", "--port", str(PORT), "--no-dashboard"]
        ]
        address = f"tcp://127.0.0.1:{PORT}"
        size = ["--nworkers", str(workers), "--nthreads", "1", "--no-dashboard"]
        commands.append([DASK, "worker", address, *size, "--local-directory", name])
        processes = []
        try:
            for command in commands:
                processes.append(subprocess.Popen(command, cwd=name, stderr=subprocess.DEVNULL))
                time.sleep(5)
            yield
        finally:
            for process in reversed(processes):
                process.terminate()
                process.wait()
