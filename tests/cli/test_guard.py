"""The installed command, and what ends it."""

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest
import yaml

from rnnbench.cli import guard
from rnnbench.cli.common import stage_lock
from rnnbench.core import doctor
from rnnbench.core.workspace import Workspace
from tests.cli.test_check import PLAN
from tests.frozen import PARAMS_FILE
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


def start_training(project: Workspace, *options: str) -> tuple[subprocess.Popen, int]:
    """A training that is running, and the id of its child process."""
    process = start(project, *options, "train", LONG)
    wait_for(project.lock("train", LONG).exists)
    (child,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return process, int(child)


def files_below(folder: Path) -> set[str]:
    """All files but locks and checkpoints."""
    paths = {p.relative_to(folder) for p in folder.rglob("*") if p.is_file()}
    return {str(p) for p in paths if p.parts[0] not in (".locks", ".checkpoints", ".mlflow.lock")}


@needs_proc
@pytest.mark.parametrize(
    ("number", "options"),
    [(signal.SIGKILL, []), (signal.SIGILL, []), (signal.SIGSEGV, ["--debug"])],
)
def test_a_stage_that_is_killed_is_reported_with_what_to_do(
    project: Workspace, number: int, options: list[str]
) -> None:
    process, child = start_training(project, *options)
    os.kill(child, number)
    _, stderr = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 128 + number
    command = " ".join(["rnnbench", *options, "train", LONG])
    assert f"{command} was killed by signal {number:d}" in stderr
    # Only some signals indicate that memory ran out.
    assert ("memory" in stderr) == ("dvc repro" in stderr) == (number == signal.SIGKILL)
    assert ("instruction" in stderr) == (number == signal.SIGILL)
    assert "Traceback" not in stderr


@pytest.mark.parametrize("number", [signal.SIGILL, signal.SIGABRT])
def test_a_cpu_without_avx_is_named(
    number: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    info = {"model name": "Atom N270", "flags": "fpu sse2"}
    monkeypatch.setattr(doctor, "cpuinfo", lambda: info)
    guard._report(number)
    assert "this TensorFlow needs AVX, which the CPU lacks (Atom N270)" in capsys.readouterr().err


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
    # A study trains in processes of its own, whose deaths it reports.
    assert commands == guard._STAGES | {"study"}


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


def test_warnings_of_libraries_are_no_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["rnnbench", "--version"])
    monkeypatch.setattr(sys, "warnoptions", ["error"])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("error")
        with pytest.raises(SystemExit) as exit_info:
            guard.main()
        warnings.warn("x", DeprecationWarning, stacklevel=1)
    assert exit_info.value.code == 0
    assert "x" in [str(warning.message) for warning in caught]


# Prints which code runs, and all that it was started with.
OWN_CODE = """
import sys
def main():
    print("own code", sys.argv[1:], sys.stdin.read())
    sys.exit(7)
"""


def run(folder: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | variables
    return subprocess.run(
        command, cwd=folder, env=environment, input="text", capture_output=True, text=True
    )


def write_code(project: Path, code: str = OWN_CODE) -> None:
    package = project / "src" / "rnnbench"
    (package / "cli").mkdir(parents=True, exist_ok=True)
    (package / "__init__.py").touch()
    (package / "cli" / "guard.py").write_text(code)
    shutil.copy(PARAMS_FILE, project / "params.yaml")


@pytest.mark.parametrize("kind", ["copy", "worktree"])
def test_a_project_runs_its_own_code_wherever_the_package_is_installed(
    tmp_path: Path, kind: str
) -> None:
    first = tmp_path / "a b" / "project"
    write_code(first, "def main(): print('code of the first folder')")
    project = tmp_path / "other"
    if kind == "copy":
        shutil.copytree(first, project)
    else:
        identity = ("-c", "user.name=x", "-c", "user.email=x")
        for command in (
            ("init", "-q"),
            ("add", "."),
            (*identity, "commit", "-qm", "x"),
            ("worktree", "add", "-q", str(project)),
        ):
            subprocess.run(["git", *command], cwd=first, check=True)
    write_code(project)
    (project / "data").mkdir()
    for folder in (project, project / "data"):
        done = run(folder, COMMAND, "train", "x y")
        assert (done.stdout, done.returncode) == ("own code ['train', 'x y'] text\n", 7)
    assert run(first, COMMAND, "train").stdout == "code of the first folder\n"


def test_code_that_cannot_run_here_is_an_error(tmp_path: Path) -> None:
    write_code(tmp_path)
    isolated = run(tmp_path, sys.executable, "-I", COMMAND, "check")
    (tmp_path / "src" / "rnnbench" / "cli" / "guard.py").unlink()
    for done in (isolated, run(tmp_path, COMMAND, "check")):
        assert done.returncode == 1
        assert done.stderr.startswith(f"error: cannot run the code in {tmp_path / 'src'} with ")


def test_a_folder_that_pythonpath_cannot_hold_is_an_error(tmp_path: Path) -> None:
    project = tmp_path / "a:b"
    write_code(project)
    done = run(project, COMMAND, "check")
    assert (done.stdout, done.returncode) == ("", 1)
    assert done.stderr == (
        f"error: {project / 'src'} has a ':' in its name, which PYTHONPATH cannot hold: "
        "rename the folder\n"
    )


def test_code_that_is_started_again_in_vain_is_an_error_and_its_children_can(
    tmp_path: Path,
) -> None:
    write_code(tmp_path)
    # It undoes what the restart sets, whatever that is.
    (tmp_path / "first").mkdir()
    (tmp_path / "first" / "sitecustomize.py").write_text(
        f"import sys; sys.path.insert(0, {str(ROOT / 'src')!r})"
    )
    paths = [str(tmp_path / "first"), str(tmp_path / "src")]
    done = run(tmp_path, COMMAND, "check", PYTHONPATH=os.pathsep.join(paths))
    assert (done.stdout, done.returncode) == ("", 1)
    assert "cannot run the code in" in done.stderr
    write_code(
        tmp_path,
        "import os, subprocess\n"
        f"environment = os.environ | {{'PYTHONPATH': {str(ROOT / 'src')!r}}}\n"
        f"def main(): subprocess.run([{COMMAND!r}, 'x'], cwd='other', env=environment)\n",
    )
    write_code(tmp_path / "other")
    assert run(tmp_path, COMMAND, "check").stdout == "own code ['x'] text\n"


def test_a_link_to_the_running_code_is_no_other_code(tmp_path: Path) -> None:
    (tmp_path / "src").symlink_to(ROOT / "src")
    shutil.copy(PARAMS_FILE, tmp_path / "params.yaml")
    assert run(tmp_path, COMMAND, "download", "nothing").returncode == 2


@pytest.mark.full
def test_a_queued_experiment_runs_the_code_that_was_queued(tmp_path: Path) -> None:
    def do(*command: str) -> str:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = run(tmp_path, *command, PATH=path)
        assert done.returncode == 0, done.stderr
        return done.stdout

    ignored = shutil.ignore_patterns("cache", "tmp", "config.local", "__pycache__")
    for name in (".dvc", "src"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    for name in ("dvc.yaml", "requirements.txt", ".gitignore"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "params.yaml").write_text(PLAN)
    do("git", "init", "-q")
    do("git", "config", "user.email", "test@example.org")
    do("git", "config", "user.name", "test")
    do("git", "add", ".")
    do("git", "commit", "-qm", "first")
    module = tmp_path / "src" / "rnnbench" / "corpora" / "product.py"
    code = module.read_text().replace(
        "    write_json(dir", "    (directory / 'edit').touch()\n    write_json(dir"
    )
    module.write_text(code)
    do("dvc", "exp", "run", "--queue", "--name", "edited", "download@product")
    do("git", "checkout", "-q", "src")
    do("dvc", "queue", "start")
    deadline = time.monotonic() + TIMEOUT
    while re.search("Queued|Running", do("dvc", "queue", "status")):
        assert time.monotonic() < deadline
        time.sleep(1)
    folders = (tmp_path / ".dvc" / "cache").rglob("*.dir")
    assert [json.loads(path.read_text())[-1]["relpath"] for path in folders] == ["edit"]
