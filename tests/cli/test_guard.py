"""The installed command, and what ends it without a word of its own."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from rnnbench.cli import guard
from rnnbench.core.workspace import Workspace

ROOT = Path(__file__).parents[2]
COMMAND = str(Path(sys.executable).with_name("rnnbench"))
NAME = "arithmetic_lstm"
# A hang must not last as long as whoever runs the tests.
LONG = 300
MIB = 2**20
needs_proc = pytest.mark.skipif(
    not Path("/proc/self/task").exists(), reason="finds processes in /proc"
)


@pytest.fixture
def project(results: Workspace) -> Workspace:
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["variants"][NAME] |= {"epochs": 300, "replicates": 2}
    (results.root / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    return results


def start(project: Workspace, *arguments: str, limit: int = 0) -> subprocess.Popen:
    def bound() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    environment = dict(os.environ)
    for variable in ("MLFLOW_TRACKING_URI", "DVC_ROOT", "PYTHONDONTWRITEBYTECODE"):
        environment.pop(variable, None)
    return subprocess.Popen(
        [COMMAND, *arguments],
        cwd=project.root,
        env=environment,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=bound if limit else None,
    )


def children(pid: int) -> list[int]:
    return [int(c) for c in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def wait_for(condition) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def begun(project: Workspace) -> tuple[subprocess.Popen, int]:
    """A training that has come to its first epochs, and the process that does the work."""
    process = start(project, "train", NAME)
    assert NAME in process.stdout.readline()
    (child,) = children(process.pid)
    return process, child


def files(project: Workspace) -> dict[str, bytes]:
    folders = (project.models(NAME), project.predictions(NAME))
    found = {p.name: p.read_bytes() for folder in folders for p in sorted(folder.iterdir())}
    return found | {"history": project.history(NAME).read_bytes()}


@needs_proc
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGABRT, signal.SIGILL])
def test_a_stage_that_is_killed_says_so_and_what_to_do(project: Workspace, number: int) -> None:
    process, child = begun(project)
    os.kill(child, number)
    _, told = process.communicate(timeout=LONG)
    assert process.returncode == 128 + number
    assert f"rnnbench train {NAME} was ended by signal {number:d}" in told
    # Only some signals are those of a machine that is short of memory.
    assert ("memory" in told) == ("dvc repro" in told) == (number != signal.SIGILL)
    assert "Traceback" not in told


@needs_proc
def test_a_stage_ends_with_the_command_that_started_it(project: Workspace) -> None:
    process, child = begun(project)
    process.kill()
    process.wait()
    wait_for(lambda: not Path(f"/proc/{child}").exists())


@needs_proc
@pytest.mark.parametrize(
    ("number", "whole", "status"),
    [(signal.SIGTERM, False, 143), (signal.SIGTERM, True, 143), (signal.SIGINT, True, 1)],
)
def test_who_ends_the_command_ends_the_stage_without_a_guess(
    project: Workspace, number: int, whole: bool, status: int
) -> None:
    process, child = begun(project)
    if whole:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    _, told = process.communicate(timeout=LONG)
    assert process.returncode == status
    assert "memory" not in told
    assert "Traceback" not in told
    assert not Path(f"/proc/{child}").exists()


def test_the_status_of_a_stage_is_that_of_the_command(project: Workspace) -> None:
    process = start(project, "evaluate", "nothing")
    _, told = process.communicate(timeout=LONG)
    assert process.returncode == 2
    assert "no variant 'nothing'" in told


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS does not limit address space")
@pytest.mark.parametrize("limit", [900, 1200])
def test_too_little_memory_is_told(project: Workspace, limit: int) -> None:
    before = files_below(project.root)
    process = start(project, "train", NAME, limit=limit * MIB)
    _, told = process.communicate(timeout=LONG)
    assert process.returncode > 0
    assert "Traceback" not in told
    assert any(line.startswith("error: ") and "memory" in line for line in told.splitlines())
    assert files_below(project.root) == before


def files_below(folder: Path) -> set[str]:
    """All files but locks and checkpoints."""
    paths = {p.relative_to(folder) for p in folder.rglob("*") if p.is_file()}
    return {str(p) for p in paths if p.parts[0] not in (".locks", ".checkpoints", ".mlflow.lock")}


def test_every_stage_of_the_pipeline_is_guarded() -> None:
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    commands = {stage.get("do", stage)["cmd"].split()[1] for stage in stages.values()}
    assert commands - {"check"} == guard._STAGES


@needs_proc
def test_a_training_goes_on_when_nobody_reads_it_any_more(project: Workspace) -> None:
    process, _ = begun(project)
    process.stdout.close()
    told = process.stderr.read()
    assert process.wait(LONG) == 0, told
    assert project.cost(NAME).exists()
    assert "Traceback" not in told


def test_two_trainings_of_a_variant_take_turns(project: Workspace) -> None:
    first = start(project, "train", NAME)
    second = start(project, "train", NAME)
    told = [process.communicate(timeout=LONG) for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0], told
    waited = [f"another process runs train of {NAME}" in err for _, err in told]
    assert sorted(waited) == [False, True]
    assert not project.checkpoints(NAME).exists()
    together = files(project)
    start(project, "train", NAME).communicate(timeout=LONG)
    assert files(project) == together


@pytest.mark.parametrize(("stage", "left"), [("train", 8192), ("evaluate", 0)])
def test_a_full_disk_is_told(project: Workspace, tmp_path: Path, stage: str, left: int) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(disk)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a small disk needs the right to mount one")
    try:
        small = Workspace(disk / "project")
        shutil.copytree(project.root, small.root)
        free = shutil.disk_usage(disk).free
        (disk / "filler").write_bytes(bytes(free - left))
        process = start(small, stage, NAME)
        _, told = process.communicate(timeout=LONG)
        assert process.returncode == 1
        assert "No space left on device" in told
        assert "Traceback" not in told
        assert not list(small.root.rglob(".partial-*"))
        (disk / "filler").unlink()
        process = start(small, stage, NAME)
        _, told = process.communicate(timeout=LONG)
        assert process.returncode == 0, told
    finally:
        subprocess.run(["umount", str(disk)], check=True)
