"""`make doctor`: what it finds, and with which Python it can be run."""

import ast
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from rnnbench.core import doctor

ROOT = Path(__file__).parents[2]


@pytest.fixture
def healthy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project on a machine that has all that is needed."""
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    (tmp_path / ".dvc").mkdir()
    (tmp_path / "dvc.lock").write_bytes(b"stages: {}\n")
    for name, value in {
        "ROOT": tmp_path,
        "platform": SimpleNamespace(
            system=lambda: "Linux",
            machine=lambda: "x86_64",
            libc_ver=lambda: ("glibc", "2.36"),
            python_implementation=lambda: "CPython",
            python_version=lambda: "3.12.1",
        ),
        "sys": SimpleNamespace(
            version_info=(3, 12, 1),
            executable="/bin/python",
            platform="linux",
            maxsize=2**63,
            stderr=sys.stderr,
        ),
        "cpuinfo": lambda: {"model name": "Some CPU", "flags": "sse2 avx"},
        "shutil": SimpleNamespace(
            which=shutil.which, disk_usage=lambda _: SimpleNamespace(free=9 * 2**30)
        ),
    }.items():
        monkeypatch.setattr(doctor, name, value)
    return tmp_path


def set_system(name: str, value: object) -> Callable[[Path], None]:
    return lambda _: setattr(doctor.platform, name, lambda: value)


def set_python(name: str, value: object) -> Callable[[Path], None]:
    return lambda _: setattr(doctor.sys, name, value)


def install(root: Path, python: str) -> None:
    (root / ".venv" / "bin").mkdir(parents=True)
    (root / ".venv" / "bin" / "rnnbench").write_text(f"#!{python}\n")


def replace_repository(root: Path) -> None:
    shutil.rmtree(root / ".git")
    (root / ".git").write_text(f"gitdir: {root}/gone/.git/worktrees/x\n")


FAILURES = {
    "old Python": (set_python("version_info", (3, 10, 9)), "rnnbench needs CPython 3.11 to 3.13"),
    "new Python": (set_python("version_info", (3, 14, 0)), "rnnbench needs CPython 3.11 to 3.13"),
    "PyPy": (set_system("python_implementation", "PyPy"), "rnnbench needs CPython"),
    "Windows": (set_system("system", "Windows"), "run it in WSL"),
    "BSD": (set_system("system", "FreeBSD"), "Linux and macOS only"),
    "32 bits": (set_python("maxsize", 2**31 - 1), "32-bit Python: TensorFlow needs a 64-bit"),
    "CPU": (set_system("machine", "riscv64"), "on x86_64 or aarch64"),
    "musl": (set_system("libc_ver", ("", "")), "TensorFlow needs glibc 2.27"),
    "old glibc": (set_system("libc_ver", ("glibc", "2.17")), "TensorFlow needs glibc 2.27"),
    "AVX": (
        lambda _: setattr(doctor, "cpuinfo", lambda: {"model name": "Atom", "flags": "sse2"}),
        "Atom lacks AVX",
    ),
    "git": (lambda _: setattr(doctor.shutil, "which", lambda _: None), "git is not installed"),
    "moved": (lambda root: install(root, "/old/.venv/bin/python"), "rm -r .venv"),
    "gone": (lambda root: (root / ".venv").symlink_to("nowhere"), "has gone: rm .venv"),
    "worktree": (replace_repository, "has gone: run rm .git && git init"),
    "hidden files": (lambda root: (root / ".dvc").rmdir(), "copy the project again, with cp -r "),
    "archive": (lambda root: shutil.rmtree(root / ".git"), "run git init"),
    "disk": (
        lambda _: setattr(doctor.shutil, "disk_usage", lambda _: SimpleNamespace(free=2**30)),
        "1.0 GiB of disk free",
    ),
    "venv": (
        lambda _: setattr(
            doctor,
            "importlib",
            SimpleNamespace(util=SimpleNamespace(find_spec=lambda n: None if n == "venv" else n)),
        ),
        "apt install python3.12-venv",
    ),
}


def test_a_healthy_machine_has_no_problem(healthy: Path) -> None:
    install(healthy, sys.executable)
    assert doctor.failures() == doctor.doubts() == []
    assert doctor.main() == 0


@pytest.mark.parametrize("name", FAILURES)
def test_what_would_fail_is_one_line_with_what_to_do(
    healthy: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(doctor, "importlib", doctor.importlib)
    change, line = FAILURES[name]
    change(healthy)
    assert doctor.main() == 1
    (found,) = doctor.failures()
    assert line in found


def test_line_ends_of_windows_are_a_warning(healthy: Path) -> None:
    (healthy / "dvc.lock").write_bytes(b"stages: {}\r\n")
    (found,) = doctor.doubts()
    assert found.startswith("dvc.lock: CRLF line ends")
    assert doctor.main() == 0


def test_an_old_python_can_parse_it() -> None:
    source = (ROOT / "src" / "rnnbench" / "core" / "doctor.py").read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 6))


def test_make_stops_before_it_installs_anything(tmp_path: Path) -> None:
    for name in ("src/rnnbench/core", ".dvc"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("Makefile", "src/rnnbench/core/doctor.py", "requirements.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    command = ["make", "env", "VENV=.venv", f"PYTHON={sys.executable}"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode != 0
    assert f"error: {tmp_path} is no git repository, which DVC needs: run git init" in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_a_repository_of_another_user_is_reported_in_the_words_of_git(
    healthy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    (found,) = doctor.failures()
    assert "dubious ownership" in found
    assert "git config --global --add safe.directory" in found


@pytest.mark.parametrize(
    ("rule", "named"), [("project", "dvc.yaml and dvc.lock"), ("*.lock", "dvc.lock")]
)
def test_files_that_git_ignores_are_named_and_a_repository_of_its_own_helps(
    healthy: Path, monkeypatch: pytest.MonkeyPatch, rule: str, named: str
) -> None:
    project = healthy / "project"
    (project / ".dvc").mkdir(parents=True)
    (healthy / ".gitignore").write_text(f"{rule}\n")
    monkeypatch.setattr(doctor, "ROOT", project)
    (found,) = doctor.failures()
    assert found.startswith(f"git ignores {named}, which DVC needs: ")
    subprocess.run(["git", "init", "-q"], cwd=project, check=True)
    assert doctor.failures() == []


def test_a_link_to_no_repository_can_be_replaced_as_advised(healthy: Path) -> None:
    replace_repository(healthy)
    (found,) = doctor.failures()
    subprocess.run(found.partition(": run ")[2], shell=True, cwd=healthy, check=True)
    assert doctor.failures() == []


def test_inherited_variables_of_git_do_not_mislead(
    healthy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DIR", "WORK_TREE", "COMMON_DIR", "INDEX_FILE", "OBJECT_DIRECTORY"):
        monkeypatch.setenv(f"GIT_{name}", "/nowhere")
    assert doctor.failures() == []
    monkeypatch.setenv("GIT_DIR", str(healthy / ".git"))
    shutil.move(healthy / ".git", healthy / "moved")
    (found,) = doctor.failures()
    assert "is no git repository" in found


def test_bytes_that_are_no_utf_8_are_no_crash(healthy: Path) -> None:
    (healthy / ".venv" / "bin").mkdir(parents=True)
    (healthy / ".venv" / "bin" / "rnnbench").write_bytes(b"#!/\xff/bin/python3\n")
    replace_repository(healthy)
    (healthy / ".git").write_bytes(b"gitdir: /\xff/.git\n")
    repository, environment = doctor.failures()
    assert "run rm .git" in repository
    assert "rm -r .venv" in environment
