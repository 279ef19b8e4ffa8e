"""Files with the same rows in all formats."""

import csv
import io
import json
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from rnnbench.core.errors import DataError
from rnnbench.corpora.rows.files import Errors
from rnnbench.corpora.rows.reader import RowFile

ROWS = [("환불이 늦어요", "refund"), ("great, thanks\nbye", "praise"), ('"new"', "refund")]
COLUMNS = ["text", "label"]


def as_csv(delimiter: str = ",") -> str:
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter).writerows([COLUMNS, *ROWS])
    return file.getvalue()


def as_json() -> str:
    return "".join(json.dumps(dict(zip(COLUMNS, row, strict=True))) + "\n" for row in ROWS)


def as_parquet(columns: dict[str, list[object]] | None = None) -> bytes:
    columns = columns or {"text": [a for a, _ in ROWS], "label": [b for _, b in ROWS]}
    file = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), file)
    return file.getvalue()


def rows(
    path: Path, encoding: str = "utf-8", delimiter: str | None = None
) -> list[tuple[object, object]]:
    errors = Errors(path)
    found = list(RowFile(errors, encoding, delimiter).rows(COLUMNS))
    errors.check()
    return [(row.cells["text"], row.cells["label"]) for row in found]


def file(tmp_path: Path, name: str, content: bytes | str) -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def error_of(path: Path, **settings: str) -> str:
    with pytest.raises(DataError) as error:
        rows(path, **settings)
    return str(error.value).removeprefix(str(path))
