"""Stages and DVC killed at chosen and at random moments, and two runs at once."""

import contextlib
import os
import random
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import mlflow
import pytest

from tests.pipeline.helpers import SECONDS, make_project, outputs, run, start

VARIANT = "imdb_numpy_rnn"
RANDOM_KILLS = 20
# Where, while which file is written or renamed, how many seconds later, and what is killed.
MOMENTS = {
    "while a dataset is written": ("open", "data/prepared/.partial-", "0", "stage"),
    "between two epochs": ("os.rename", ".checkpoints/.*replicate_0", "0.2", "stage"),
    "between two outputs": ("os.rename", "data/predictions/", "0", "both"),
    "while a model is logged": ("open", "mlartifacts/.*replicate_", "0", "stage"),
    "while a stage ends": ("os.rename", "metrics/scores/", "0", "dvc"),
    "while the next one begins": ("open", ".locks/", "0", "both"),
}
# Python imports a module of this name at its start: the stage kills itself, or its DVC.
SITECUSTOMIZE = """
import os, re, signal, sys, threading
from pathlib import Path

EVENT, PATTERN, DELAY, VICTIM, MARK = os.environ["KILL_AT"].split("|")

def kill():
    Path(MARK).touch()
    if VICTIM == "both":
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os.kill(os.getpid() if VICTIM == "stage" else os.getpgrp(), signal.SIGKILL)

def hook(event, args):
    if event != EVENT or not re.search(PATTERN, str(args[event == "os.rename"])):
        return
    if event == "open" and not args[2] & (os.O_WRONLY | os.O_RDWR) or os.path.exists(MARK):
        return
    threading.Timer(float(DELAY), kill).start() if float(DELAY) else kill()

if "DVC_STAGE" in os.environ:
    sys.addaudithook(hook)
"""


@pytest.fixture
def project(reviews: Path, tmp_path: Path) -> Path:
    return make_project(tmp_path / "project", reviews, VARIANT)


def expect_no_traces(project: Path) -> None:
    """Nothing incomplete is left in the workspace or in MLflow."""
    assert not list(project.rglob(".partial-*"))
    assert not list(project.glob(".checkpoints/*"))
    client = mlflow.MlflowClient(f"sqlite:///{project / 'mlflow.db'}")
    numbers = [experiment.experiment_id for experiment in client.search_experiments()]
    assert not client.search_runs(numbers, "attributes.status = 'RUNNING'")
    current = client.search_runs(numbers, "tags.current = 'true'")
    assert [found.data.tags["variant"] for found in current] == [VARIANT]


def test_killed_runs_leave_no_trace_in_the_results(finished: Path, project: Path) -> None:
    command = ("dvc", "repro", f"evaluate@{VARIANT}")
    site = project.parent / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(SITECUSTOMIZE)
    path = os.pathsep.join(filter(None, (str(site), os.environ.get("PYTHONPATH"))))
    log = project.parent / "killed.log"
    printed = {}
    for moment, (event, pattern, delay, victim) in MOMENTS.items():
        mark = project.parent / moment
        kill_at = "|".join((event, pattern, delay, victim, str(mark)))
        killed = start(project, log, *command, PYTHONPATH=path, KILL_AT=kill_at)
        assert killed.wait(SECONDS) != 0, moment
        printed[moment] = log.read_text()
        assert mark.exists(), (moment, printed[moment])
    # The run after "between two epochs".
    continued = printed["between two outputs"]
    assert re.search("replicate 1/.* (resuming after|already trained)", continued), continued
    run(project, *command)
    expected = outputs(finished)
    made = outputs(project)
    assert made == {name: expected[name] for name in made}
    assert f"metrics/scores/{VARIANT}.json" in made
    expect_no_traces(project)


@pytest.mark.full
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds processes in /proc")
def test_randomly_killed_runs_leave_no_trace_in_the_results(
    reviews: Path, project: Path, tmp_path: Path
) -> None:
    undisturbed = make_project(tmp_path / "undisturbed" / "project", reviews, VARIANT)
    begin = time.monotonic()
    run(undisturbed, "dvc", "repro")
    longest = (time.monotonic() - begin) / 4
    rng = random.Random(7)
    killed, log = 0, project.parent / "killed.log"
    while killed < RANDOM_KILLS:
        process = start(project, log, "dvc", "repro")
        time.sleep(rng.uniform(0, longest))
        if process.poll() is None:
            _kill(process, ("both", "dvc", "stage")[killed % 3])
            killed += 1
        status = process.wait(SECONDS)
        if "'./dvc.lock' validation failed" in log.read_text():
            # DVC was killed while it wrote the file. `rnnbench check` explains what to do.
            check = start(project, log, "rnnbench", "check")
            assert check.wait(SECONDS) == 1
            assert "remove it and run dvc repro" in log.read_text()
            (project / "dvc.lock").unlink()
        elif status == 0:
            _forget_trainings(project)
    # A stage whose DVC was killed may still be running: its result is replaced once more.
    for _ in range(2):
        run(project, "dvc", "repro")
        assert outputs(project) == outputs(undisturbed)
        _forget_trainings(project)
    run(project, "dvc", "repro")
    expect_no_traces(project)


def _kill(process: subprocess.Popen[bytes], victim: str) -> None:
    """Kill DVC, or what it has started as soon as it has started something, or both."""
    if victim == "both":
        os.killpg(process.pid, signal.SIGKILL)
    elif victim == "dvc":
        process.kill()
    else:
        while process.poll() is None and not _children(process.pid):
            time.sleep(0.01)
        for child in _children(process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
    process.wait()


def _children(pid: int) -> list[int]:
    try:
        return [int(c) for c in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _forget_trainings(project: Path) -> None:
    shutil.rmtree(project / "models")
    shutil.rmtree(project / ".dvc" / "cache")


@pytest.mark.full
def test_two_runs_at_once_succeed_or_name_the_blocking_process(
    finished: Path, project: Path
) -> None:
    # The second one waits for DVC's lock, or finds that the first one runs the same stage.
    command = ("dvc", "--wait-for-lock", "repro", f"evaluate@{VARIANT}")
    logs = [project.parent / f"{number}.log" for number in range(2)]
    both = [start(project, log, *command) for log in logs]
    statuses = [process.wait(SECONDS) for process in both]
    printed = [log.read_text() for log in logs]
    assert 0 in statuses, printed
    for status, text in zip(statuses, printed, strict=True):
        assert status == 0 or "is busy, it is being blocked by" in text, text
        assert "Traceback" not in text
    run(project, *command)
    expected, made = outputs(finished), outputs(project)
    assert made == {name: expected[name] for name in made}
    expect_no_traces(project)
