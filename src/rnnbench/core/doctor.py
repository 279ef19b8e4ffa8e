"""What stands in the way of rnnbench on this machine, before anything is installed.

`make env` runs this file by its path with whatever Python there is, so it uses the standard library
only, and no syntax that is newer than Python 3.6.
"""

import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
# Those of TensorFlow's wheels.
OLDEST, NEWEST = (3, 11), (3, 13)
OLDEST_GLIBC = (2, 27)
WHEELS = {"Linux": ("x86_64", "aarch64"), "Darwin": ("arm64",)}
# What a compared byte decides: DVC would run every stage again.
COMPARED = ("dvc.lock", "dvc.yaml", "params.yaml", "requirements.txt", "src", "metrics")
ENVIRONMENT_GIB = 4


def main() -> int:
    """Print one line per problem; the exit status is 1 if rnnbench cannot run here."""
    errors, warnings = failures(), doubts()
    for kind, lines in (("error", errors), ("warning", warnings)):
        for line in lines:
            print(f"{kind}: {line}", file=sys.stderr)
    return 1 if errors else 0


def failures() -> "list[str]":
    """Why rnnbench cannot be installed or run here, and what to do about each."""
    return [*_system(), *_python(), *_project()]


def doubts() -> "list[str]":
    """What works, but costs something that is easily avoided."""
    found = [path for path in _compared() if b"\r\n" in path.read_bytes()]
    if not found:
        return []
    names = ", ".join(path.relative_to(ROOT).as_posix() for path in found[:3])
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    return [
        f"{names}{more}: CRLF line ends, so DVC would run every stage again; in a clone, "
        "run git rm -rq --cached . && git reset -q --hard (which drops uncommitted edits)"
    ]


def cpuinfo() -> "dict[str, str]":
    """The first CPU of Linux's /proc/cpuinfo; empty on other systems."""
    try:
        first = _text(Path("/proc/cpuinfo")).split("\n\n")[0]
    except OSError:
        return {}
    pairs = (line.partition(":") for line in first.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def lacks_avx() -> bool:
    """Whether this is known to be a CPU without AVX, which TensorFlow needs."""
    flags = cpuinfo().get("flags", "avx")  # other systems and CPUs do not have the line
    return "avx" not in flags.split()


def _system() -> "list[str]":
    system, machine = platform.system(), platform.machine()
    if system == "Windows" or sys.platform in ("cygwin", "msys"):
        return ["Windows: run it in WSL (wsl --install), with the project inside WSL's file system"]
    if system not in WHEELS:
        return [f"{system}: TensorFlow has packages for Linux and macOS only"]
    if machine not in WHEELS[system] or sys.maxsize < 2**32:
        bits = "32" if sys.maxsize < 2**32 else "64"
        expected = " or ".join(WHEELS[system])
        return [f"{machine}, {bits}-bit Python: TensorFlow needs a 64-bit Python on {expected}"]
    if system == "Linux":
        library, release = platform.libc_ver()
        if library != "glibc" or tuple(map(int, release.split(".")[:2])) < OLDEST_GLIBC:
            return [
                f"{library or 'musl'} {release}: TensorFlow needs glibc 2.27 or later; use a "
                "newer Linux, not Alpine"
            ]
    if lacks_avx():
        return [f"{cpuinfo().get('model name')} lacks AVX, which TensorFlow needs: use another CPU"]
    return []


def _python() -> "list[str]":
    version = sys.version_info[:2]
    here = f"{sys.executable} is {platform.python_implementation()} {platform.python_version()}"
    if not OLDEST <= version <= NEWEST or platform.python_implementation() != "CPython":
        return [
            f"{here}; rnnbench needs CPython 3.11 to 3.13: install one, then "
            "make env PYTHON=python3.13"
        ]
    lacking = [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None]
    if lacking:
        package = f"python{version[0]}.{version[1]}-venv"
        return [f"{here}, without {lacking[0]}: install it (Debian, Ubuntu: apt install {package})"]
    return []


def _project() -> "list[str]":
    found = _repository()
    if ":" in str(ROOT):
        found.append(f"{ROOT} has a ':' in its name, which PATH cannot hold: rename the folder")
    environment = ROOT / ".venv"
    if environment.is_symlink() and not environment.exists():
        found.append(f"{environment} is a link to a folder that has gone: rm .venv")
    command = environment / "bin" / "rnnbench"
    python = re.search('/[^"\\n]*/python[0-9.]*', _text(command)) if command.exists() else None
    if python and not Path(python.group()).exists():
        found.append(f"{python.group()} has gone, which .venv needs: rm -r .venv")
    free = shutil.disk_usage(str(ROOT)).free / 2**30
    if free < ENVIRONMENT_GIB and not (environment / "installed").exists():
        found.append(f"{free:.1f} GiB of disk free; rnnbench needs {ENVIRONMENT_GIB}")
    return found


def _repository() -> "list[str]":
    if not (ROOT / ".dvc").is_dir():
        return [
            f"{ROOT} has no folder .dvc: cp * leaves hidden files behind, so copy the project "
            "again, with cp -r OLD NEW"
        ]
    git = shutil.which("git")
    if git is None:
        return ["git is not installed, and DVC needs it"]
    done = _git(git, "rev-parse")
    if "not a git repository" in done.stderr:
        link = ROOT / ".git"
        if link.is_file() or link.is_symlink():
            return [f"{link} leads to a repository that has gone: run rm .git && git init"]
        return [f"{ROOT} is no git repository, which DVC needs: run git init"]
    if done.returncode:
        # It belongs to another user, as in a container: git says what to do.
        return [" ".join(done.stderr.split())]
    # DVC refuses them even if they are committed.
    ignored = _git(git, "check-ignore", "--no-index", "dvc.yaml", "dvc.lock").stdout.split()
    if ignored:
        return [
            f"git ignores {' and '.join(ignored)}, which DVC needs: git check-ignore -v --no-index "
            f"{ignored[0]} names the rule to remove; if it belongs to a repository around "
            f"{ROOT}, git init is enough"
        ]
    return []


def _git(git: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    # These would lead it to another repository, as those of a hook do.
    names = ("DIR", "WORK_TREE", "COMMON_DIR", "INDEX_FILE", "OBJECT_DIRECTORY")
    misleading = ["GIT_" + name for name in names]
    variables = {name: value for name, value in os.environ.items() if name not in misleading}
    return subprocess.run(  # noqa: UP022 - capture_output came with Python 3.7
        [git, *arguments],
        cwd=str(ROOT),
        env={**variables, "LC_ALL": "C"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
    )


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _compared() -> "list[Path]":
    suffixes = ("", ".csv", ".json", ".lock", ".md", ".py", ".svg", ".txt", ".yaml")
    paths = []
    for name in COMPARED:
        path = ROOT / name
        paths += sorted(path.rglob("*")) if path.is_dir() else [path]
    return [path for path in paths if path.is_file() and path.suffix in suffixes]


if __name__ == "__main__":
    sys.exit(main())
