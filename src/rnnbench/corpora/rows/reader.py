"""The rows of a file, one by one."""

from __future__ import annotations

import codecs
import csv
import io
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import chain, islice
from typing import Any, NamedTuple, cast

from rnnbench.core.errors import DataError
from rnnbench.core.validation import shown, unknown
from rnnbench.corpora.rows.files import Errors, encoding_of, opened, row_format, wrong_encoding

MAX_CELL = 100 * 2**20
_UNQUOTED = 'put cells that contain quotes into quotes, and write each quote in them twice ("")'
_CSV_ERRORS = {
    "expected after": f"a stray quote in the row that starts here; {_UNQUOTED}",
    "unexpected end": f"a quote that starts a cell here is never closed; {_UNQUOTED}",
    "field larger": f"a cell of more than {MAX_CELL:,} characters; is a quote never closed?",
}
# Stands for bytes that cannot be decoded: no strict decoder yields a lone surrogate.
_UNDECODED = "\udcff"
codecs.register_error("rnnbench.undecoded", lambda error: (_UNDECODED, cast(Any, error).end))


class Row(NamedTuple):
    """One row: where it is, such as "line 17", and its cells by column."""

    place: str
    cells: dict[str, object]


class RowFile:
    """A file of rows; raises DataError if it is missing or damaged.

    errors: of this file; receives those of single rows.
    encoding, delimiter: as in `RowSettings`; neither applies to Parquet.
    """

    def __init__(self, errors: Errors, encoding: str, delimiter: str | None) -> None:
        self._path, self._errors = errors.path, errors
        # A pipe or a device may never end.
        if not self._path.is_file():
            raise DataError(f"{self._path}: no such file")
        self._format = row_format(self._path)
        self._delimiter = delimiter or ("\t" if self._format == "tsv" else ",")
        with opened(self._path) as file:
            self._encoding = encoding_of(file.read(4), encoding)

    def rows(self, columns: Iterable[str | None]) -> Iterator[Row]:
        """All rows, with the cells of some columns: texts, or the values of JSON or Parquet.

        columns: None is ignored.
        Raises DataError if the file is not of its format or lacks a column.
        """
        read = {"json": self._json_rows, "parquet": self._parquet_rows}.get(self._format)
        names = [name for name in dict.fromkeys(columns) if name is not None]
        return (read or self._csv_rows)(names)

    def _csv_rows(self, columns: list[str]) -> Iterator[Row]:
        records = self._records()
        _, header = next(records, ("", []))
        for name in header:
            self._check_text("the header", name)
        self._check_header(columns, header)
        positions = [(name, header.index(name)) for name in columns]
        for place, cells in records:
            for cell, name in zip(cells, header, strict=False):
                self._check_text(place, cell, name)
            if len(cells) == len(header):
                yield Row(place, {name: cells[i] for name, i in positions})
            else:
                self._errors.add(
                    place,
                    f"got {len(cells)} of the {len(header)} cells that the header has; "
                    f"put cells that contain {shown(self._delimiter)} into quotes",
                )

    def _records(self) -> Iterator[tuple[str, list[str]]]:
        """The records of a CSV file, the header included, and the lines on which they start."""
        csv.field_size_limit(MAX_CELL)
        with self._text() as file:
            reader = csv.reader(file, strict=True, delimiter=self._delimiter)
            line = 1
            try:
                for cells in reader:
                    if cells:
                        yield f"line {line}", cells
                    line = reader.line_num + 1
            except csv.Error as error:
                known = (text for part, text in _CSV_ERRORS.items() if part in str(error))
                self._errors.stop(f"line {line}", next(known, f"not CSV: {error}"))

    def _json_rows(self, columns: list[str]) -> Iterator[Row]:
        objects = self._objects()
        # Keys may be left out, so that the first object need not have all columns.
        first = list(islice(objects, 100))
        names = dict.fromkeys(name for _, value in first for name in value)
        self._check_header(columns, list(names))
        for place, value in chain(first, objects):
            yield Row(place, {name: value.get(name) for name in columns})

    def _objects(self) -> Iterator[tuple[str, dict[str, object]]]:
        """The objects of JSON lines, and their lines."""
        with self._text() as file:
            for number, line in enumerate(file, 1):
                place = f"line {number}"
                self._check_text(place, line)
                if not line.strip():
                    continue
                try:
                    value = json.loads(line)
                    problem = f"got {shown(value)}"
                except (ValueError, RecursionError) as error:
                    value, problem = None, f"not JSON ({getattr(error, 'msg', error)})"
                if isinstance(value, dict):
                    yield place, value
                else:
                    self._errors.add(place, f"{problem}, expected a JSON object on each line")

    def _parquet_rows(self, columns: list[str]) -> Iterator[Row]:
        import pyarrow.parquet  # Slow to import.

        number = 0
        with opened(self._path) as file, tempfile.TemporaryFile() as copy:
            if not file.seekable():
                shutil.copyfileobj(file, copy)
            source = file if file.seekable() else copy
            try:
                table = pyarrow.parquet.ParquetFile(source, pre_buffer=False, buffer_size=2**20)
                self._check_header(columns, table.schema_arrow.names)
                for batch in table.iter_batches(256, columns=columns, use_threads=False):
                    for cells in batch.to_pylist():
                        number += 1
                        yield Row(f"row {number}", cells)
            # Of pyarrow, or a text that is not UTF-8.
            except ValueError as error:
                self._errors.stop(f"after row {number}", f"not Parquet: {error}")

    def _check_header(self, columns: list[str], found: list[str]) -> None:
        if not found:
            self._errors.check()
            self._errors.stop("", "the file is empty; expected rows, after a header if it is CSV")
        for name, count in Counter(found).items():
            if count > 1:
                problem = f"{count} columns {shown(name)}; rename all but one"
                self._errors.stop("the header", problem)
        for name in columns:
            if name not in found:
                detail = unknown("the header", f"no column {shown(name)}", name, found)
                others = [d for d in ",;\t|" if len(found) == 1 and d in found[0]]
                hint = f"; set delimiter: {shown(others[0])}" if others else ""
                raise DataError(f"{self._path}, {detail}{hint}")

    def _check_text(self, place: str, text: str, column: str | None = None) -> None:
        if _UNDECODED in text:
            with opened(self._path) as file:
                blocks = iter(partial(file.read, 2**20), b"")
                self._errors.stop(place, wrong_encoding(self._encoding, blocks), column)
        if "\0" in text:
            problem = "a NUL byte; remove it, or set the encoding, which may be utf-16-le"
            self._errors.stop(place, problem, column)

    @contextmanager
    def _text(self) -> Iterator[io.TextIOWrapper]:
        with opened(self._path) as file:
            yield io.TextIOWrapper(file, self._encoding, "rnnbench.undecoded", newline="")
