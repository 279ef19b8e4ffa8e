"""What an exception means to a user. The standard library only: any other may be what failed."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Iterator
from importlib.machinery import PathFinder
from itertools import takewhile
from pathlib import Path

from rnnbench.core.masking import masked
from rnnbench.core.root import find_root

# rnnbench --debug sets it.
DEBUG = "RNNBENCH_DEBUG"
_OFF = ("", "0", "false", "no", "off")
_OUT_OF_MEMORY = (
    "out of memory; close other programs, run fewer trainings in parallel "
    "(make reproduce JOBS=1),\nor reduce batch_size or the dataset in params.yaml"
)
# What the dynamic linker reports if there is no memory, or if it may not run a file.
_NOT_MAPPED = "failed to map segment"
_MAX_LENGTH = 300
_MAX_NAMED = 3
# A copy of the project hides the installed package; Python's hooks hide those of a distribution.
_MAY_HIDE = ("rnnbench", "rnncells", "sitecustomize", "usercustomize")


def report(error: BaseException, text: str | None = None) -> None:
    """Print an exception, `text` by default what `explanation` says; a traceback in debug mode."""
    if os.environ.get(DEBUG, "").lower() not in _OFF:
        print(masked("".join(traceback.format_exception(error))), end="", file=sys.stderr)
    print_error(text or explanation(error))


def print_error(text: str) -> None:
    """Print an error on standard error, without credentials."""
    start, end = ("\x1b[31m", "\x1b[0m") if sys.stderr.isatty() else ("", "")
    for line in masked(text).splitlines():
        print(f"{start}error: {line}{end}", file=sys.stderr)


def explanation(error: BaseException) -> str:
    """The cause of an unexpected exception in a line, and what to do if that is known."""
    # Cut afterwards: a part of a secret would not be found.
    text = masked(" ".join(f"{type(error).__name__}: {error}".split()))[:_MAX_LENGTH]
    if no_memory(error):
        return _OUT_OF_MEMORY
    if isinstance(error, OSError) and error.strerror:
        return error.strerror + (f": {error.filename}" if error.filename else "")
    if hidden := next(_hidden_libraries(error), None):
        name, file = hidden
        return (
            f"{text}; {file} was imported instead of the library {name}: rename it, or take its "
            "folder off PYTHONPATH"
        )
    if isinstance(error, ImportError) and _NOT_MAPPED in str(error):
        return f"{text}; its disk is mounted noexec: move the environment to another one"
    if found := _wrong_versions():
        return f"{text}; {found}; install the environment again: rm -r .venv && make env"
    if isinstance(error, ModuleNotFoundError) and not _is_ours(error):
        return f"{error} in {sys.prefix}; install the environment again: rm -r .venv && make env"
    return f"{text}\nrnnbench --debug, or {DEBUG}=1, prints the traceback"


def no_memory(error: BaseException | None) -> bool:
    """Whether the system, or a library, got no memory."""
    if error is None:
        return False
    if isinstance(error, ImportError) and _NOT_MAPPED in str(error):
        return not _is_noexec(str(error).partition(":")[0])
    return (
        isinstance(error, MemoryError)
        or (isinstance(error, OSError) and error.errno == errno.ENOMEM)
        # The linker's words for it, and those of libraries that only have a text.
        or os.strerror(errno.ENOMEM) in str(error)
        or no_memory(error.__cause__)
    )


def _is_noexec(file: str) -> bool:
    try:
        return bool(os.statvfs(file).f_flag & os.ST_NOEXEC)
    except (OSError, AttributeError):  # macOS has no such flag
        return False


def _hidden_libraries(error: BaseException) -> Iterator[tuple[str, str]]:
    """The libraries that a file on PYTHONPATH hides, as far as they were imported."""
    files = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    # A module whose import failed is no longer in sys.modules.
    files |= {frame.filename for frame in traceback.extract_tb(error.__traceback__)}
    files.add(error.filename if isinstance(error, SyntaxError) else None)
    entries = (Path(entry or ".").resolve() for entry in sys.path)
    # What comes before the standard library is the command's folder and PYTHONPATH.
    standard = Path(os.__file__).parent.resolve()
    first = list(takewhile(lambda entry: entry != standard, entries))
    for file in sorted(filter(None, files)):
        path = Path(file).resolve()
        path = path.parent if path.stem == "__init__" else path
        # A script has no suffix.
        if Path(file).suffix and path.parent in first and path.stem not in _MAY_HIDE:
            later = sys.path[first.index(path.parent) + 1 :]
            if PathFinder.find_spec(path.stem, later):
                yield path.stem, file


def _wrong_versions() -> str:
    """The packages that have other versions than requirements.txt pins."""
    # It imports much, and is needed only here.
    from importlib.metadata import PackageNotFoundError, version

    from rnnbench.core.versions import pinned

    root = find_root(Path.cwd())
    lock = root / "requirements.txt" if root else None
    if lock is None or not lock.is_file():
        return ""
    found = []
    for name, numbers in pinned(lock).items():
        try:
            if (installed := version(name)) not in numbers:
                found.append(f"{name} is {installed} instead of {' or '.join(sorted(numbers))}")
        except PackageNotFoundError:  # not needed on this system, or named by the exception
            continue
    more = f" and {len(found) - _MAX_NAMED} more" if len(found) > _MAX_NAMED else ""
    return ", ".join(found[:_MAX_NAMED]) + more


def _is_ours(error: ModuleNotFoundError) -> bool:
    return (error.name or "").partition(".")[0] == "rnnbench"
