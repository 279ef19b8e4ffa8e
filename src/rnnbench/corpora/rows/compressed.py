"""The names of files of rows, and their uncompressed contents."""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from rnnbench.core.errors import DataError

FORMATS = {".csv": "csv", ".tsv": "csv", ".jsonl": "json", ".ndjson": "json", ".parquet": "parquet"}
_OPENERS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
_COMPRESSED = (*_OPENERS, ".zip", ".zst")
FILE_NAMES = f"{', '.join(FORMATS)}, or compressed ({', '.join(_COMPRESSED)})"
# A RuntimeError is an encrypted file, or one with an unknown compression.
_DAMAGED = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, RuntimeError)
# macOS adds hidden files to archives.
_HIDDEN = re.compile(r"(.*/)?(\.|__MACOSX/)")


def is_row_file(path: Path) -> bool:
    """Whether the name is that of a file of rows, and not of a folder."""
    return path.suffix.lower() in (*FORMATS, *_COMPRESSED)


def is_compressed(path: Path) -> bool:
    """Whether the name is that of a compressed file."""
    return path.suffix.lower() in _COMPRESSED


def may_be_csv(path: Path) -> bool:
    """Whether the name allows a CSV file; a zip archive may contain one."""
    return is_row_file(path) and FORMATS.get(_uncompressed_suffix(path), "csv") == "csv"


def suffix_of_rows(path: Path) -> str:
    """The suffix of the uncompressed file, a key of `FORMATS`; raises DataError if it is none."""
    suffix = _uncompressed_suffix(path)
    if suffix not in FORMATS and path.suffix.lower() == ".zip":
        with opened(path) as file:
            suffix = Path(file.name).suffix.lower()
    if suffix not in FORMATS:
        raise DataError(f"{path}: got a file of unknown format, expected {FILE_NAMES}")
    return suffix


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """The uncompressed content; raises DataError if it is damaged, now or when it is read."""
    suffix = path.suffix.lower()
    try:
        if suffix == ".zip":
            with zipfile.ZipFile(path) as archive, archive.open(_member(archive, path)) as file:
                yield file
        elif suffix == ".zst":
            import pyarrow  # Slow to import.

            with pyarrow.input_stream(str(path), compression="zstd") as file:
                yield file
        else:
            with _OPENERS.get(suffix, Path.open)(path, "rb") as file:
                yield file
    except _DAMAGED as error:
        raise DataError(f"{path}: not readable, or damaged: {error}") from error


def _member(archive: zipfile.ZipFile, path: Path) -> str:
    """The name of the only file in a zip archive."""
    names = [n for n in archive.namelist() if not n.endswith("/") and not _HIDDEN.match(n)]
    if len(names) != 1:
        raise DataError(f"{path}: {len(names)} files in the archive, expected one")
    return names[0]


def _uncompressed_suffix(path: Path) -> str:
    return Path(path.stem if is_compressed(path) else path.name).suffix.lower()
