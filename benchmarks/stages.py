"""The duration of a train stage outside its epochs, and of `dvc repro` without anything to do."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.results import table, time_row
from benchmarks.timing import ROOT, command_times, output

BIN = Path(sys.executable).parent
DVC, RNNBENCH = str(BIN / "dvc"), str(BIN / "rnnbench")
PARAMS = """\
run: {seed: 42, splits: 1, replicates: 1}
corpora:
  arithmetic: {sequences: 100, steps: 5, tolerance: 0.04}
datasets:
  arithmetic: {corpus: arithmetic, train: 80, evaluation: 20}
comparison: {margin: 0.02, loss_margin: 0.25}
questions: []
published: {}
variants:
  lstm:
    model: keras
    dataset: arithmetic
    layers: [{LSTM: {units: 100}}]
    optimizer: Adam
    epochs: 1
    batch_size: 10
"""


def run() -> str:
    """Two rows; here a ratio is how many times as long rnnbench takes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "params.yaml").write_text(PARAMS)
        shutil.copy(ROOT / "dvc.yaml", folder)
        # Git and DVC locate the project for the stage.
        prepare = [["git", "init", "-q"], [DVC, "init", "-q"]]
        prepare += [[RNNBENCH, stage, "arithmetic"] for stage in ("download", "preprocess")]
        for command in prepare:
            output(command, folder)
        imports = [sys.executable, "-c", "import tensorflow, mlflow"]
        commands = {"train": [RNNBENCH, "train"], "imports": imports}
        train = command_times(commands, folder, DVC_STAGE="train@lstm")
    what = "train stage with one epoch: start, compilation, MLflow, model"
    rows = [time_row(what, "`import tensorflow, mlflow`", *train, "as long")]
    commands = {"repro": [DVC, "repro"], "version": [DVC, "--version"]}
    nothing = command_times(commands, ROOT)
    rows.append(time_row("`dvc repro` with nothing to do", "`dvc --version`", *nothing, "as long"))
    return table(rows)


def require_up_to_date() -> None:
    """End the program if `dvc repro` has something to do."""
    if "up to date" not in output([DVC, "status"], ROOT):
        raise SystemExit("dvc repro has something to do; run it first")
