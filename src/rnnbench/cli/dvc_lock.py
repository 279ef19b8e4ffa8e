"""DVC's lock file, which DVC writes in place: a kill at that moment leaves it truncated."""

from __future__ import annotations

from pathlib import Path

import yaml

from rnnbench.core.errors import DataError


def expect_readable(path: Path) -> None:
    """Raise DataError if there is a lock file that DVC cannot read."""
    if not path.exists():
        return
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (ValueError, yaml.YAMLError):
        content = None
    if not isinstance(content, dict) or not isinstance(content.get("stages"), dict):
        raise DataError(
            f"{path.name} is truncated, as when DVC is killed while it writes it;\n"
            "remove it and run dvc repro: finished stages are restored from DVC's cache"
        )
