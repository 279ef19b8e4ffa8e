"""Files of one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from rnnbench.errors import DataError
from rnnbench.settings import Settings

_S = TypeVar("_S", bound=Settings)


def write(path: Path, rows: Iterable[Settings]) -> None:
    """Write one line a row, as UTF-8."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            file.write(json.dumps(row.model_dump(), ensure_ascii=False) + "\n")


def read(path: Path, kind: type[_S]) -> Iterator[_S]:
    """The rows, one at a time; raises DataError if the file is missing or damaged."""
    number = 0
    try:
        with path.open("rb") as file:
            for line in file:
                number += 1
                yield kind.model_validate_json(line)
    except (OSError, ValidationError) as error:
        raise DataError(f"{path}: missing or damaged at line {number}; run dvc repro") from error
