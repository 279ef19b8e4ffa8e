"""Small projects for the real DAG, run by DVC in processes of their own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from rnnbench.params import load_params, write_plan
from tests.frozen import PARAMS_FILE

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
REVIEWS = 150
# One variant of each kind: words and Keras, NumPy, numbers, characters.
VARIANTS: dict[str, dict[str, Any]] = {
    "imdb_embedding_lstm": {"epochs": 2},
    "imdb_numpy_rnn": {"epochs": 150},
    "product_simple_rnn": {"epochs": 1},
    "characters_simple_rnn": {"epochs": 3},
}
REPLICATES = 2
STUDY = {
    "question": "Which cell is best?",
    "variant": "product_simple_rnn",
    "axes": {"cell": ["SimpleRNN", "GRU"], "units": [3], "learning_rate": [0.001, 0.01]},
}
SECONDS = 900


def make_project(folder: Path, reviews: Path, *variants: str) -> Path:
    """A project with these variants of `VARIANTS`, and nothing run yet.

    reviews: the folder of an unpacked IMDB archive.
    """
    copy_project(folder)
    params = yaml.safe_load(PARAMS_FILE.read_text())
    chosen = {name: params["variants"][name] | VARIANTS[name] for name in variants}
    datasets = {name: params["datasets"][name] for name in {v["dataset"] for v in chosen.values()}}
    for dataset in datasets.values():
        if dataset["corpus"] == "imdb":
            dataset.update(train=100, validation=30, evaluation=100, length=30)
        elif dataset["corpus"] == "product":
            dataset.update(train=200, validation=50, evaluation=100)
    params["corpora"]["imdb"]["source"] = str(reviews)
    params["corpora"]["product"].update(steps=10)
    small = {
        "run": params["run"] | {"replicates": REPLICATES},
        "corpora": {d["corpus"]: params["corpora"][d["corpus"]] for d in datasets.values()},
        "datasets": datasets,
        "variants": chosen,
        "comparison": params["comparison"],
        "questions": [],
        "published": {k: v for k, v in params["published"].items() if k in chosen},
        "studies": {"cells": STUDY} if STUDY["variant"] in chosen else {},
    }
    (folder / "params.yaml").write_text(yaml.safe_dump(small, sort_keys=False))
    write_plan(load_params(folder / "params.yaml"), folder)
    return folder


def copy_project(folder: Path) -> Path:
    """The tracked files as a repository of its own, without tests, results and their lock."""
    for name in git(
        "ls-files", "--cached", "--others", "--exclude-standard", cwd=ROOT
    ).splitlines():
        skipped = name in ("dvc.lock", "plan.json") or name.startswith(
            ("metrics/", "tests/", "benchmarks/")
        )
        if not skipped and (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    git("init", "-q", cwd=folder)
    git("config", "user.email", "test@example.org", cwd=folder)
    git("config", "user.name", "test", cwd=folder)
    return folder


def git(*arguments: str, cwd: Path) -> str:
    command = ["git", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=True).stdout


def start(project: Path, log: Path, *command: str, **variables: str) -> subprocess.Popen[bytes]:
    """Start a command as the leader of a process group. Environment: `variables`."""
    environment = os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    for name in ("MAKEFLAGS", "PYTHONDONTWRITEBYTECODE"):
        environment.pop(name, None)
    return subprocess.Popen(
        command,
        cwd=project,
        env=environment | variables,
        start_new_session=True,
        # Not a pipe: a stage that outlives DVC would be killed by writing to it.
        stdout=log.open("wb"),
        stderr=subprocess.STDOUT,
    )


def run(project: Path, *command: str) -> str:
    """The output of a command, which must succeed."""
    log = project.parent / "run.log"
    status = start(project, log, *command).wait(SECONDS)
    assert status == 0, log.read_text()
    return log.read_text()


def edit(project: Path, change: Callable[[dict[str, Any]], None], plan: bool = True) -> None:
    """Edit params.yaml, and write the plan as `rnnbench check` does unless `plan` is false."""
    path = project / "params.yaml"
    params = yaml.safe_load(path.read_text())
    change(params)
    path.write_text(yaml.safe_dump(params, sort_keys=False))
    if plan:
        write_plan(load_params(path), project)


def stages_run(output: str) -> set[str]:
    lines = output.splitlines()
    return {line.split("'")[1] for line in lines if line.startswith("Running stage '")}


# The report shows the costs too.
_TIMED = ("data/cost/", "metrics/cost.", "metrics/report.html")


def outputs(project: Path) -> dict[str, bytes]:
    """The bytes of all complete outputs, except wall-clock times."""
    found = {}
    for folder in ("data", "models", "metrics"):
        for path in (project / folder).rglob("*"):
            name = path.relative_to(project).as_posix()
            timed = name.startswith(_TIMED) or path.name == "seconds.csv"
            if path.is_file() and ".partial-" not in name and not timed:
                found[name] = path.read_bytes()
    return found
