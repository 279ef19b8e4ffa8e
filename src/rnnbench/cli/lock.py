"""What dvc.lock says about the stages that have run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from rnnbench.core.errors import DataError
from rnnbench.core.root import PARAMS
from rnnbench.params_yaml import conflict_line, read_yaml


def locked_stages(path: Path) -> dict[str, Any]:
    """The stages of dvc.lock by name; none if there is no such file.

    Raises DataError if DVC cannot read it. DVC writes it in place: killed at that moment, it leaves
    a truncated file.
    """
    content = path.read_bytes() if path.exists() else b"stages: {}"
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
    stages: dict[str, Any] = lock["stages"]
    return stages


def renamed_variants(root: Path, stages: dict[str, Any]) -> list[tuple[str, str]]:
    """Each untrained variant with the settings of a trained one that params.yaml no longer has.

    A variant's name is a part of its stage: DVC trains it again after a change of the name alone.
    """
    params: Any = read_yaml(root / PARAMS)
    trained = {}
    for stage, content in stages.items():
        kind, _, name = stage.partition("@")
        if kind == "train":
            trained[name] = content.get("params", {}).get(PARAMS, {})
    gone = trained.keys() - params["variants"].keys()
    return [
        (new, old)
        for new, settings in params["variants"].items()
        for old in sorted(gone)
        if new not in trained
        and trained[old] == {"run": params["run"], f"variants.{old}": settings}
    ]
