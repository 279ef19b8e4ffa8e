from pathlib import Path

import pytest

from rnnbench.core.errors import DataError
from rnnbench.core.schema import Schema
from rnnbench.corpora import jsonl

TEXTS = ["Très bien\r\nvu\u2028!", "", "zwei\nZeilen", "last"]


class Row(Schema):
    text: str


@pytest.fixture
def column(tmp_path: Path) -> jsonl.Column[Row]:
    jsonl.write(tmp_path / "rows.jsonl", [Row(text=text) for text in TEXTS])
    return jsonl.Column(tmp_path / "rows.jsonl", Row, lambda row: row.text.encode())


def test_a_column_is_a_sequence_of_the_values_in_the_file(column: jsonl.Column[Row]) -> None:
    expected = [text.encode() for text in TEXTS]
    assert list(column) == expected
    assert list(column) == expected
    assert [column[number] for number in range(len(column))] == expected
    assert (column[-1], column[1:3]) == (expected[-1], expected[1:3])
    with pytest.raises(IndexError):
        column[4]


def test_a_missing_file_and_a_damaged_row_are_reported(tmp_path: Path, column) -> None:
    with pytest.raises(DataError, match="missing or damaged"):
        jsonl.Column(tmp_path / "none.jsonl", Row, lambda row: row.text.encode())
    path = tmp_path / "rows.jsonl"
    path.write_bytes(path.read_bytes().replace(b'{"text": "last"}', b'{"text": 12345}'))
    with pytest.raises(DataError, match=r"rows\.jsonl"):
        column[3]
    with pytest.raises(DataError, match="line 4"):
        list(column)


def test_an_empty_file_is_an_empty_column(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").touch()
    assert list(jsonl.Column(tmp_path / "rows.jsonl", Row, lambda row: row.text.encode())) == []
