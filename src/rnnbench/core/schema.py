"""The base of every typed part of params.yaml, and of every small JSON file."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from rnnbench.core.errors import DataError

_S = TypeVar("_S", bound="Schema")


class Schema(BaseModel):
    """Strict, immutable settings: unknown keys and silent conversions are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def write_json(path: Path, settings: Schema) -> None:
    """Write settings as a JSON file."""
    path.write_text(settings.model_dump_json(indent=1) + "\n", encoding="utf-8")


def read_json(path: Path, kind: type[_S]) -> _S:
    """Read what `write_json` wrote; raises DataError if it is missing or damaged."""
    try:
        return kind.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise DataError(f"{path}: not a readable description; run dvc repro") from error
