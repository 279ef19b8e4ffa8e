"""What a stage costs before and after its work, and DVC where there is none."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import click
import yaml

from benchmarks.data import ROOT
from benchmarks.side_by_side import Row, Times, command_times, duration, output

BIN = Path(sys.executable).parent
NAME = "arithmetic_lstm"


def run() -> list[Row]:
    """Two rows; here a ratio tells how many times as long ours takes."""
    return [_train(), _nothing()]


def _train() -> Row:
    imports = [sys.executable, "-c", "import tensorflow, mlflow"]
    with tempfile.TemporaryDirectory() as folder:
        _small_project(Path(folder))
        stage = {"DVC_STAGE": f"train@{NAME}"}
        found = command_times(
            {"train": ([str(BIN / "rnnbench"), "train"], stage), "imports": (imports, {})}, folder
        )
    what = "train stage with one epoch: start, compilation, MLflow, model"
    return _longer(what, "`import tensorflow, mlflow`", *found.values(), "<= 1.5")


def check() -> None:
    """Raise click.ClickException if `dvc repro` has something to do."""
    if "up to date" not in output([str(BIN / "dvc"), "status"], {}, str(ROOT)):
        raise click.ClickException("dvc repro has something to do; run it first")


def _nothing() -> Row:
    dvc = str(BIN / "dvc")
    commands = {"repro": ([dvc, "repro"], {}), "version": ([dvc, "--version"], {})}
    found = command_times(commands, str(ROOT))
    return _longer("`dvc repro` with nothing to do", "`dvc --version`", *found.values(), "<= 3")


def _longer(what: str, against: str, ours: Times, theirs: Times, wanted: str) -> Row:
    ratios = [a / b for a, b in zip(ours.seconds, theirs.seconds, strict=True)]
    medians = duration(ours.median), duration(theirs.median)
    return Row(what, against, *medians, ratios, wanted, "as long")


def _small_project(folder: Path) -> None:
    """The project with one variant of one epoch, its dataset prepared."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    variant = params["variants"][NAME] | {"epochs": 1, "replicates": 1}
    corpus = params["datasets"]["arithmetic"]["corpus"]
    params |= {
        "variants": {NAME: variant},
        "datasets": {"arithmetic": params["datasets"]["arithmetic"]},
        "corpora": {corpus: params["corpora"][corpus]},
        "published": {},
    }
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    for name in ("dvc.yaml", "src"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
    # Git and DVC tell the stage where it is.
    for command in (["git", "init", "-q"], [str(BIN / "dvc"), "init", "-q"]):
        output(command, {}, str(folder))
    for stage, argument in (("download", corpus), ("preprocess", "arithmetic")):
        command = [str(BIN / "rnnbench"), stage, argument]
        output(command, {}, str(folder))
