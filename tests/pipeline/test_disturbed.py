"""Kills at random moments, and two runs at once, against the real DAG run by DVC."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import mlflow
import pytest
import yaml

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
KILLS = 20
LONG = 300
VARIANTS = {
    "arithmetic_lstm": {"epochs": 200, "replicates": 2},
    "product_mean": {},
}


@dataclass(frozen=True)
class Undisturbed:
    """A project that nothing has disturbed: what it has made, and in how many seconds."""

    folder: Path
    outputs: dict[str, bytes]
    seconds: float


def make_project(folder: Path) -> Path:
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    for name in tracked:
        if not name.startswith(("metrics/", "tests/")) and name != "dvc.lock":
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    path = folder / "params.yaml"
    params = yaml.safe_load(path.read_text())
    params["variants"] = {k: params["variants"][k] | changes for k, changes in VARIANTS.items()}
    datasets = {v["dataset"] for v in params["variants"].values()}
    params["datasets"] = {k: v for k, v in params["datasets"].items() if k in datasets}
    corpora = {v["corpus"] for v in params["datasets"].values()}
    params["corpora"] = {k: v for k, v in params["corpora"].items() if k in corpora}
    params["corpora"]["product"]["steps"] = 10
    params["published"] = {}
    path.write_text(yaml.safe_dump(params, sort_keys=False))
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    return folder


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    folder = make_project(tmp_path_factory.mktemp("undisturbed") / "project")
    begin = time.monotonic()
    run(folder, "dvc", "repro")
    return Undisturbed(folder, outputs(folder), time.monotonic() - begin)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project")


def start(project: Path, log: Path, *command: str) -> subprocess.Popen:
    environment = os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    for variable in ("MLFLOW_TRACKING_URI", "DVC_ROOT", "PYTHONDONTWRITEBYTECODE"):
        environment.pop(variable, None)
    return subprocess.Popen(
        command,
        cwd=project,
        env=environment,
        start_new_session=True,
        # No pipe: what outlives DVC would end with it when DVC does.
        stdout=log.open("w"),
        stderr=subprocess.STDOUT,
    )


def run(project: Path, *command: str) -> str:
    log = project.parent / "run.log"
    status = start(project, log, *command).wait(LONG)
    assert status == 0, log.read_text()
    return log.read_text()


def kill(process: subprocess.Popen, what: str) -> None:
    """Kill the group, DVC stage_lock, or what DVC has started as soon as it has started something."""
    if what == "group":
        os.killpg(process.pid, signal.SIGKILL)
    elif what == "dvc":
        process.kill()
    else:
        while process.poll() is None and not _children(process.pid):
            time.sleep(0.01)
        for child in _children(process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
    # DVC killed stage_lock leaves its stage at work, and the next run begins meanwhile.
    process.wait()


def _children(pid: int) -> list[int]:
    try:
        return [int(c) for c in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def outputs(project: Path) -> dict[str, bytes]:
    """All that has its final name, but for what holds wall-clock figures."""
    found = {}
    for folder in ("data", "models", "metrics"):
        for path in sorted((project / folder).rglob("*")):
            name = path.relative_to(project).as_posix()
            half = ".partial-" in name
            if path.is_file() and not half and not name.startswith(("data/cost/", "metrics/cost.")):
                found[name] = path.read_bytes()
    return found


def forget_trainings(project: Path) -> None:
    shutil.rmtree(project / "models")
    shutil.rmtree(project / ".dvc" / "cache")


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds processes in /proc")
def test_after_twenty_kills_everything_is_as_if_there_had_been_none(
    undisturbed: Undisturbed, project: Path
) -> None:
    chance = random.Random(7)
    killed, log = 0, project.parent / "killed.log"
    while killed < KILLS:
        process = start(project, log, "dvc", "repro")
        time.sleep(chance.uniform(0, undisturbed.seconds / 4))
        if process.poll() is None:
            kill(process, ("group", "dvc", "stage")[killed % 3])
            killed += 1
        status = process.wait(LONG)
        if "'./dvc.lock' validation failed" in log.read_text():
            # DVC was killed while it wrote the file. The check says what to do.
            check = start(project, log, "rnnbench", "check")
            assert check.wait(LONG) == 1
            assert "remove it and run dvc repro" in log.read_text()
            (project / "dvc.lock").unlink()
        elif status == 0:
            # All is made: whatever is killed next has to be made anew.
            forget_trainings(project)
    run(project, "dvc", "repro")
    assert outputs(project) == undisturbed.outputs
    # What DVC, killed stage_lock, has left at work may end after the next DVC has found its result
    # missing: the stage that this one starts, if killed too, leaves its half to its next run.
    forget_trainings(project)
    run(project, "dvc", "repro")
    assert outputs(project) == undisturbed.outputs
    assert not list(project.rglob(".partial-*"))
    assert not (project / ".checkpoints").exists() or not list((project / ".checkpoints").iterdir())
    client = mlflow.MlflowClient(f"sqlite:///{project / 'mlflow.db'}")
    numbers = [experiment.experiment_id for experiment in client.search_experiments()]
    assert not client.search_runs(numbers, "attributes.status = 'RUNNING'")
    current = client.search_runs(numbers, "tags.current = 'true'")
    assert sorted(found.data.tags["variant"] for found in current) == sorted(VARIANTS)


def test_two_runs_at_once_end_well_or_say_who_is_at_work(
    undisturbed: Undisturbed, project: Path
) -> None:
    # The second of them waits for DVC's lock, or finds the first one at the same stage.
    logs = [project.parent / f"{number}.log" for number in range(2)]
    both = [start(project, log, "dvc", "--wait-for-lock", "repro") for log in logs]
    statuses = [process.wait(LONG) for process in both]
    told = [log.read_text() for log in logs]
    assert 0 in statuses, told
    for status, output in zip(statuses, told, strict=True):
        assert status == 0 or "is busy, it is being blocked by" in output, output
        assert "Traceback" not in output
    run(project, "dvc", "repro")
    assert outputs(project) == undisturbed.outputs
    assert run(project, "dvc", "status").strip() == "Data and pipelines are up to date."
