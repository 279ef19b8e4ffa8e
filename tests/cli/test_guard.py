"""The installed command, and what ends it."""

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
from rnnbench.cli.common import stage_lock
from rnnbench.core.workspace import Workspace
from tests.stores import new_project

ROOT = Path(__file__).parents[2]
COMMAND = str(Path(sys.executable).with_name("rnnbench"))
# Trains until it is ended, ends at once, and needs TensorFlow's memory.
LONG, QUICK, KERAS = "imdb_numpy_rnn", "imdb_majority", "arithmetic_lstm"
# So that a process that hangs fails its test.
TIMEOUT = 300
MIB = 2**20
needs_proc = pytest.mark.skipif(
    not Path("/proc/self/task").exists(), reason="finds processes in /proc"
)


@pytest.fixture
def project(invented: Path, tmp_path: Path) -> Workspace:
    workspace = new_project(invented, tmp_path / "project", [LONG, QUICK])
    params = yaml.safe_load(workspace.params.read_text())
    params["variants"][LONG]["epochs"] = 100_000
    shipped = yaml.safe_load((ROOT / "tests" / "data" / "params.yaml").read_text())
    params["variants"][KERAS] = shipped["variants"][KERAS]
    workspace.params.write_text(yaml.safe_dump(params, sort_keys=False))
    return workspace


def start(project: Workspace, *arguments: str, limit: int = 0) -> subprocess.Popen:
    def bound() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    return subprocess.Popen(
        [COMMAND, *arguments],
        cwd=project.root,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=bound if limit else None,
    )


def wait_for(condition) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def start_training(project: Workspace) -> tuple[subprocess.Popen, int]:
    """A training that is running, and the id of its child process."""
    process = start(project, "train", LONG)
    wait_for(project.lock("train", LONG).exists)
    (child,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return process, int(child)


def files_below(folder: Path) -> set[str]:
    """All files but locks and checkpoints."""
    paths = {p.relative_to(folder) for p in folder.rglob("*") if p.is_file()}
    return {str(p) for p in paths if p.parts[0] not in (".locks", ".checkpoints", ".mlflow.lock")}


@needs_proc
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGILL])
def test_a_stage_that_is_killed_is_reported_with_what_to_do(
    project: Workspace, number: int
) -> None:
    process, child = start_training(project)
    os.kill(child, number)
    _, stderr = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 128 + number
    assert f"rnnbench train {LONG} was killed by signal {number:d}" in stderr
    # Only some signals indicate that memory ran out.
    assert ("memory" in stderr) == ("dvc repro" in stderr) == (number == signal.SIGKILL)
    assert "Traceback" not in stderr


@needs_proc
def test_a_stage_ends_with_the_command_that_started_it(project: Workspace) -> None:
    process, child = start_training(project)
    process.kill()
    process.wait()
    wait_for(lambda: not Path(f"/proc/{child}").exists())


@needs_proc
@pytest.mark.parametrize(
    ("number", "group", "status"),
    [(signal.SIGTERM, False, 143), (signal.SIGTERM, True, 143), (signal.SIGINT, True, 1)],
)
def test_an_interrupted_command_ends_its_stage_and_suspects_no_cause(
    project: Workspace, number: int, group: bool, status: int
) -> None:
    process, child = start_training(project)
    if group:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    _, stderr = process.communicate(timeout=TIMEOUT)
    assert process.returncode == status
    assert "memory" not in stderr
    assert "Traceback" not in stderr
    assert not Path(f"/proc/{child}").exists()


def test_the_status_of_a_stage_is_that_of_the_command(project: Workspace) -> None:
    process = start(project, "download", "nothing")
    _, stderr = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 2
    assert "no corpus 'nothing'" in stderr


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS does not limit address space")
@pytest.mark.parametrize("limit", [900, 1200])
def test_a_lack_of_memory_is_an_error_without_traceback(project: Workspace, limit: int) -> None:
    before = files_below(project.root)
    process = start(project, "train", KERAS, limit=limit * MIB)
    _, stderr = process.communicate(timeout=TIMEOUT)
    assert process.returncode > 0
    assert "Traceback" not in stderr
    assert any(line.startswith("error: ") and "memory" in line for line in stderr.splitlines())
    assert files_below(project.root) == before


def test_every_stage_of_the_pipeline_is_guarded() -> None:
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    commands = {stage.get("do", stage)["cmd"].split()[1] for stage in stages.values()}
    assert commands == guard._STAGES


def test_a_training_continues_if_its_output_is_no_longer_read(project: Workspace) -> None:
    project.cost(QUICK).unlink()
    process = start(project, "train", QUICK)
    process.stdout.close()
    stderr = process.stderr.read()
    assert process.wait(TIMEOUT) == 0, stderr
    assert project.cost(QUICK).exists()
    assert "Traceback" not in stderr


def test_a_second_training_of_a_variant_waits_for_the_first(project: Workspace) -> None:
    with stage_lock(project, "train", QUICK):
        process = start(project, "train", QUICK)
        assert f"another process is running train of {QUICK}" in process.stderr.readline()
    assert process.wait(TIMEOUT) == 0
    assert not project.checkpoints(QUICK).exists()


def test_a_full_disk_is_an_error_and_leaves_nothing_behind(
    project: Workspace, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(disk)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a small disk needs the right to mount one")
    try:
        small = Workspace(disk / "project")
        shutil.copytree(project.root, small.root)
        (disk / "filler").write_bytes(bytes(shutil.disk_usage(disk).free))
        process = start(small, "train", QUICK)
        _, stderr = process.communicate(timeout=TIMEOUT)
        assert process.returncode == 1
        assert "No space left on device" in stderr
        assert "Traceback" not in stderr
        assert not list(small.root.rglob(".partial-*"))
    finally:
        subprocess.run(["umount", str(disk)], check=True)
