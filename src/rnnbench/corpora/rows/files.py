"""The user's files: their formats, compressions and encodings, and the errors in them."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import IO, Any, NoReturn, cast

from rnnbench.core.errors import DataError
from rnnbench.core.validation import shown

FORMATS = {".csv": "csv", ".tsv": "tsv", ".jsonl": "json", ".ndjson": "json", ".parquet": "parquet"}
_COMPRESSIONS = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}
FILE_NAMES = f"{', '.join(FORMATS)}, or compressed ({', '.join(_COMPRESSIONS)})"
# UTF-32 first: its little-endian mark starts with that of UTF-16.
_BYTE_ORDER_MARKS = {
    "utf-32": (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE),
    "utf-16": (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE),
    "utf-8-sig": (codecs.BOM_UTF8,),
}
# How many errors are reported at once, and how many of the rows that are left out.
MAX_ERRORS = 5


def row_format(path: Path) -> str:
    """The format that the name stands for: csv, tsv, json or parquet; empty for any other name."""
    compressed = path.suffix.lower() in _COMPRESSIONS
    return FORMATS.get(Path(path.stem if compressed else path.name).suffix.lower(), "")


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """The uncompressed content; raises DataError if it is damaged, now or when it is read."""
    import pyarrow  # Slow to import.

    try:
        compression = _COMPRESSIONS.get(path.suffix.lower())
        with pyarrow.input_stream(str(path), compression=compression) as file:
            yield cast(Any, file)
    except OSError as error:
        raise DataError(f"{path}: not readable, or damaged: {error}") from error


def encoding_of(content: bytes, encoding: str) -> str:
    """The encoding of a content, of which 4 bytes suffice: a byte order mark has priority."""
    names = (name for name, marks in _BYTE_ORDER_MARKS.items() if content.startswith(marks))
    return next(names, encoding)


def wrong_encoding(encoding: str, content: Iterable[bytes]) -> str:
    """The error message of a content that has another encoding."""
    suggested = ("utf-8", "cp949", "cp1252")
    decoders = {name: codecs.getincrementaldecoder(name)() for name in suggested}
    for block in chain(content, [b""]):
        for name, decoder in list(decoders.items()):
            try:
                decoder.decode(block, final=not block)
            except UnicodeDecodeError:
                del decoders[name]
    # Latin-1 decodes everything.
    names = " or ".join(f"encoding: {name}" for name in decoders or ["latin-1"])
    return f"not {encoding}; set the encoding; it can be read with {names}"


class Errors:
    """The errors of one file, several of which are reported at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._messages: list[str] = []

    def add(self, place: str, problem: str, column: str | None = None) -> None:
        """Note an error; raises DataError if there are `MAX_ERRORS`."""
        where = [str(self.path), place, f"column {shown(column)}" if column is not None else ""]
        self._messages.append(f"{', '.join(filter(None, where))}: {problem}")
        if len(self._messages) >= MAX_ERRORS:
            self.check()

    def check(self) -> None:
        """Raise a DataError with all errors, if there are any."""
        if self._messages:
            raise DataError("\n".join(self._messages))

    def stop(self, place: str, problem: str, column: str | None = None) -> NoReturn:
        """Raise a DataError with this error and those before."""
        self.add(place, problem, column)
        raise DataError("\n".join(self._messages))
