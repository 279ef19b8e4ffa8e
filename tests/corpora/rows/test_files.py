"""Compressed files, and files that are damaged."""

import bz2
import gzip
import os
from collections.abc import Callable
from pathlib import Path

import pyarrow
import pytest

from tests.corpora.rows.contents import ROWS, as_csv, as_json, as_parquet, error_of, file, rows


def zstandard(content: bytes) -> bytes:
    return pyarrow.compress(content, codec="zstd", asbytes=True)


@pytest.mark.parametrize(
    ("suffix", "compress"),
    [
        ("", bytes),
        (".gz", gzip.compress),
        (".BZ2", bz2.compress),
        (".zst", zstandard),
    ],
)
def test_every_format_and_compression_has_the_same_rows(
    tmp_path: Path, suffix: str, compress: Callable[[bytes], bytes]
) -> None:
    contents = {
        "a.csv": as_csv().encode(),
        "a.tsv": as_csv("\t").encode(),
        "a.jsonl": as_json().encode(),
        "a.ndjson": as_json().encode(),
        "a.parquet": as_parquet(),
    }
    for name, content in contents.items():
        assert rows(file(tmp_path, name + suffix, compress(content))) == ROWS, name


def test_files_that_are_damaged_or_unknown_are_reported(tmp_path: Path) -> None:
    cut = gzip.compress(as_csv().encode() * 100)[:-20]
    assert error_of(file(tmp_path, "a.csv.gz", cut)).startswith(": not readable, or damaged")
    for name in ("a.csv.gz", "a.csv.bz2", "a.csv.zst", "a.parquet.gz"):
        path = file(tmp_path, name, b"something else")
        assert error_of(path).startswith(": not readable, or damaged"), name
    assert "not Parquet" in error_of(file(tmp_path, "a.parquet", b"PAR1, but not really PAR1"))
    assert "no such file" in error_of(tmp_path / "none.csv")
    os.mkfifo(tmp_path / "pipe.csv")
    assert "no such file" in error_of(tmp_path / "pipe.csv")
