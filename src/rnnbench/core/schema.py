"""The base of every typed part of params.yaml, and of every small JSON file."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from rnnbench.core.errors import DataError

_S = TypeVar("_S", bound="Schema")


class Schema(BaseModel):
    """Strict and immutable: unknown keys and implicit conversions are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def write_json(path: Path, value: Schema) -> None:
    """Write `value` as a JSON file."""
    path.write_text(value.model_dump_json(indent=1) + "\n", encoding="utf-8")


def read_json(path: Path, schema: type[_S]) -> _S:
    """Read a file of `write_json`; raises DataError if it is missing or invalid."""
    try:
        return schema.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise DataError(f"{path}: missing or damaged; run dvc repro") from error
