"""What an exception means to a user, as the installed command prints it and by itself."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rnnbench.cli.failures import DEBUG, explanation, report
from tests.frozen import PARAMS_FILE

COMMAND = str(Path(sys.executable).with_name("rnnbench"))
# A library that is not installed, for a process that has this module on its path.
LACKING = """
import sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "{0}":
            raise ModuleNotFoundError("No module named '{0}'", name=name)
sys.meta_path.insert(0, Finder())
"""
MEMORY = "out of memory"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copy(PARAMS_FILE, tmp_path / "params.yaml")
    return tmp_path


def run(project: Path, *arguments: str, **variables: str) -> list[str]:
    """The lines of the error message of a command that fails in an environment with `first`."""
    path = os.pathsep.join([str(project / "first"), os.environ["PYTHONPATH"]])
    done = subprocess.run(
        [COMMAND, *arguments],
        cwd=project,
        env=os.environ | {"PYTHONPATH": path} | variables,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    return done.stderr.splitlines()


@pytest.mark.parametrize(
    ("library", "code"),
    [
        ("click", ""),
        ("pydantic", ""),
        ("numpy", "import nothing"),
        ("yaml", "x = ("),
        ("random", ""),
    ],
)
def test_a_file_that_hides_a_library_is_named(project: Path, library: str, code: str) -> None:
    file = project / "first" / f"{library}.py"
    file.parent.mkdir()
    file.write_text(code)
    (line,) = run(project, "download", "nothing")
    assert line.endswith(
        f"{file} was imported instead of the library {library}: rename it, or take its folder off "
        "PYTHONPATH"
    )


@pytest.mark.parametrize("library", ["click", "pydantic", "yaml"])
def test_a_library_that_is_missing_is_named(project: Path, library: str) -> None:
    (project / "first").mkdir()
    (project / "first" / "sitecustomize.py").write_text(LACKING.format(library))
    (line,) = run(project, "download", "nothing")
    assert line.startswith(f"error: No module named '{library}' in {sys.prefix}; install the ")
    for option in ({"RNNBENCH_DEBUG": "1"}, {}):
        arguments = [] if option else ["--debug"]
        lines = run(project, *arguments, "download", "nothing", **option)
        assert (lines[0], lines[-1]) == ("Traceback (most recent call last):", line)


def test_an_environment_with_other_versions_is_named(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    assert "--debug" in explanation(AttributeError("no x"))
    (project / "requirements.txt").write_text("click==0.1 \\\n    --hash=x\nnumpy==0.2\n")
    text = explanation(AttributeError("no x"))
    assert text.startswith("AttributeError: no x; click is ")
    assert "instead of 0.1, numpy is " in text
    assert "instead of 0.2; install the environment again" in text


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (MemoryError(), MEMORY),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), MEMORY),
        (ImportError("libtf.so: failed to map segment from shared object"), MEMORY),
        (ImportError("libtf.so: undefined symbol: x"), "ImportError: libtf.so: undefined symbol"),
        (OSError(errno.ENOSPC, "No space left", "a.npy"), "No space left: a.npy"),
        (RuntimeError("can't start new thread"), "RuntimeError: can't start new thread\n"),
        (ModuleNotFoundError("no x", name="rnnbench.x"), "ModuleNotFoundError: no x\nrnnbench --"),
    ],
    ids=range(7),
)
def test_only_a_lack_of_memory_is_called_one(
    error: Exception, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = explanation(error)
    assert text.startswith(message)
    assert ("memory" in text) == (message == MEMORY)
    wrapped = ValueError("another word")
    wrapped.__cause__ = error
    assert explanation(wrapped).startswith(MEMORY) == (message == MEMORY)


def test_a_disk_that_runs_no_code_is_no_lack_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result([0] * 8 + [os.ST_NOEXEC, 255]))
    text = explanation(ImportError("/mnt/libtf.so: failed to map segment from shared object"))
    assert "memory" not in text
    assert "mounted noexec" in text


def test_neither_an_error_nor_its_traceback_shows_credentials(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:1234/cr3tpart@127.0.0.1:9")
    monkeypatch.setenv(DEBUG, "1")
    text = "port=1234, url: /cr3tpart@127.0.0.1:9/?api_key=k3y"
    # The error is cut, also in the middle of a secret.
    errors = [ValueError(text), *(ValueError("x" * length + text) for length in (270, 278))]
    errors[0].__cause__ = ValueError("cr3tpart")
    for error in errors:
        report(error)
        report(error, text)
    stderr = capsys.readouterr().err
    assert "direct cause" in stderr
    assert "error: port=***, url: /***@127.0.0.1:9/?api_key=***\n" in stderr
    for secret in ("1234", "cr3", "k3y"):
        assert secret not in stderr
