"""Files of one JSON object per line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Generic, TypeVar, overload

import numpy as np
from pydantic import ValidationError

from rnnbench.core.errors import DataError
from rnnbench.core.schema import Schema

_S = TypeVar("_S", bound=Schema)


def write(path: Path, rows: Iterable[Schema]) -> None:
    """Write one line per row, as UTF-8."""
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


class Column(Sequence[bytes], Generic[_S]):
    """One value per row, read from the file on access.

    value: computes it from the row. The file must not change while the column is in use.
    Any access raises DataError if the file is missing or damaged.
    """

    def __init__(self, path: Path, kind: type[_S], value: Callable[[_S], bytes]) -> None:
        self._path, self._kind, self._value = path, kind, value
        try:
            with path.open("rb") as file:
                lengths = np.fromiter(map(len, file), np.int64)
        except OSError as error:
            raise DataError(f"{path}: missing or damaged; run dvc repro") from error
        self._begins = np.concatenate([np.zeros(1, np.int64), lengths.cumsum()])

    def __len__(self) -> int:
        return len(self._begins) - 1

    def __iter__(self) -> Iterator[bytes]:
        return map(self._value, read(self._path, self._kind))

    @overload
    def __getitem__(self, row: int) -> bytes: ...

    @overload
    def __getitem__(self, row: slice) -> list[bytes]: ...

    def __getitem__(self, row: int | slice) -> bytes | list[bytes]:
        if isinstance(row, slice):
            return [self[number] for number in range(*row.indices(len(self)))]
        begin = self._begins[:-1][row]
        try:
            with self._path.open("rb") as file:
                file.seek(begin)
                return self._value(self._kind.model_validate_json(file.readline()))
        except (OSError, ValidationError) as error:
            raise DataError(f"{self._path}: missing or damaged; run dvc repro") from error
