"""Versions: those that are installed, and those that requirements.txt pins."""

import re
from importlib.metadata import version
from pathlib import Path

# Their version can change the bytes of an output.
LIBRARIES = (
    "keras",
    "numpy",
    "pandas",
    "scikit-learn",
    "scipy",
    "statsmodels",
    "tensorflow",
    "tokenizers",
)


def versions() -> dict[str, str]:
    """The installed version of each of `LIBRARIES`."""
    return {name: version(name) for name in LIBRARIES}


def pinned(lock: Path) -> dict[str, set[str]]:
    """The versions of each package in a lock file, which may depend on the version of Python."""
    found: dict[str, set[str]] = {}
    content = lock.read_text(encoding="utf-8")
    for name, number in re.findall(r"^([\w.-]+)==([\w.]+)", content, re.MULTILINE):
        found.setdefault(name, set()).add(number)
    return found
