"""dvc.lock, which DVC writes in place: killed at that moment, it leaves a truncated file."""

from __future__ import annotations

from pathlib import Path

import yaml

from rnnbench.core.errors import DataError
from rnnbench.params_yaml import conflict_line


def expect_readable(path: Path) -> None:
    """Raise DataError if the lock file exists and DVC cannot read it."""
    if not path.exists():
        return
    content = path.read_bytes()
    if line := conflict_line(content):
        raise DataError(
            f"{path.name} has merge conflict markers, line {line};\n"
            "take either version (git checkout --ours dvc.lock) and run dvc repro"
        )
    try:
        lock = yaml.load(content.decode("utf-8"), Loader=yaml.CSafeLoader)
    except (ValueError, yaml.YAMLError):
        lock = None
    if not isinstance(lock, dict) or not isinstance(lock.get("stages"), dict):
        raise DataError(
            f"{path.name} is truncated, probably because DVC was killed while writing it;\n"
            "remove it and run dvc repro: finished stages come from DVC's cache"
        )
