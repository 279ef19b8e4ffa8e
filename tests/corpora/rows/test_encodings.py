"""Character encodings, and the errors if one is wrong."""

from pathlib import Path

import pytest

from tests.corpora.rows.contents import ROWS, as_csv, as_json, error_of, file, rows


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("cp949", "cp949"),
        ("utf-8-sig", "utf-8"),
        ("utf-16", "utf-8"),
        ("utf-32", "cp949"),
        ("utf-16-le", "utf-16-le"),
    ],
)
def test_encodings_are_read_and_byte_order_marks_have_priority(
    tmp_path: Path, written: str, read: str
) -> None:
    assert rows(file(tmp_path, "a.csv", as_csv().encode(written)), encoding=read) == ROWS
    assert rows(file(tmp_path, "a.jsonl", as_json().encode(written)), encoding=read) == ROWS


def test_an_encoding_that_is_wrong_is_reported_with_one_that_is_not(tmp_path: Path) -> None:
    content = "text,label\nfine,a\n환불,b\n".encode("cp949")
    message = error_of(file(tmp_path, "a.csv", content))
    assert message == (
        ", line 3, column 'text': not utf-8; set the encoding; it can be read with "
        "encoding: cp949 or encoding: cp1252"
    )
    content = '{"text": "était", "label": "a"}\n'.encode("latin-1")
    message = error_of(file(tmp_path, "a.jsonl", content))
    assert message.startswith(", line 1: not utf-8;")
    assert message.endswith("can be read with encoding: cp1252")
    message = error_of(file(tmp_path, "a.csv", as_csv()), encoding="ascii")
    assert message.startswith(", line 2, column 'text': not ascii;")
    assert "encoding: utf-8" in message


def test_the_encoding_of_a_header_can_be_wrong(tmp_path: Path) -> None:
    content = "text,레이블\na,b\n".encode("cp949")
    assert error_of(file(tmp_path, "a.csv", content)).startswith(", the header: not utf-8;")
