"""What dvc.lock says about the stages that have run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rnnbench.core.errors import DataError
from rnnbench.core.root import PLAN
from rnnbench.params import Params
from rnnbench.params.yaml import conflict_line


def locked_stages(path: Path) -> dict[str, Any]:
    """The stages of dvc.lock by name; none if there is no such file.

    Raises DataError if DVC cannot read it. DVC writes it in place: killed at that moment, it leaves
    a truncated file.
    """
    if not path.exists():
        return {}
    content = path.read_bytes()
    if line := conflict_line(content):
        raise DataError(
            f"{path.name} has merge conflict markers, line {line};\n"
            "take either version (git checkout --ours dvc.lock) and run dvc repro"
        )
    stages = _stages(content)
    if stages is None:
        raise DataError(
            f"{path.name} is truncated, probably because DVC was killed while writing it;\n"
            "remove it and run dvc repro: finished stages come from DVC's cache"
        )
    return stages


def _stages(content: bytes) -> dict[str, Any] | None:
    """The stages by DVC's own rules; None if it cannot read them, or if they are incomplete."""
    # Imported here because it takes a quarter of a second, which most commands need not spend.
    from dvc import schema
    from dvc.utils import serialize
    from voluptuous import Invalid

    try:
        lock = serialize.parse_yaml(content.decode("utf-8"), "dvc.lock")
        stages: dict[str, Any] = schema.COMPILED_LOCKFILE_SCHEMA(lock)["stages"]
    except (ValueError, KeyError, serialize.YAMLFileCorruptedError, Invalid):
        return None
    for stage in stages.values():
        for entry in (*stage.get("deps", ()), *stage.get("outs", ())):
            # DVC takes an entry without a hash for a changed one. Remotes with versions have files.
            if not any(entry.get(key) for key in (*schema.CHECKSUMS_SCHEMA, "files", "dataset")):
                return None
    return stages


def renamed_variants(params: Params, stages: dict[str, Any]) -> list[tuple[str, str]]:
    """Each untrained variant with the settings of a trained one that params.yaml no longer has.

    A variant's name is a part of its stage: DVC trains it again after a change of the name alone.
    """
    run, variants = params.sections["run"], params.sections["variants"]
    trained = {}
    for stage, content in stages.items():
        kind, _, name = stage.partition("@")
        if kind == "train":
            trained[name] = content.get("params", {}).get(PLAN, {})
    gone = trained.keys() - variants.keys()
    return [
        (new, old)
        for new, settings in variants.items()
        for old in sorted(gone)
        if new not in trained
        and trained[old] == {"plan.run": run, f"plan.variants.{old}": settings}
    ]
