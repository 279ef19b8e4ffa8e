"""Rows of all formats, and the errors in them."""

from pathlib import Path

import pytest

from rnnbench.core.errors import DataError
from rnnbench.corpora.rows.files import Errors
from rnnbench.corpora.rows.reader import RowFile
from tests.corpora.rows.contents import COLUMNS, as_parquet, error_of, file, rows


def test_line_ends_of_all_systems_are_read(tmp_path: Path) -> None:
    for end in ("\n", "\r\n", "\r"):
        content = end.join(["label;text", "a;b", "", 'c;"d""e"'])
        found = rows(file(tmp_path, "a.csv", content), delimiter=";")
        assert found == [("b", "a"), ('d"e', "c")]


def test_values_of_json_and_parquet_are_unchanged(tmp_path: Path) -> None:
    lines = '{"label": 1}\n\n{"text": "b", "label": 1.0, "more": []}\n{"text": null, "label": true}'
    expected = [(None, 1), ("b", 1.0), (None, True)]
    found = rows(file(tmp_path, "a.jsonl", lines))
    assert list(map(repr, found)) == list(map(repr, expected))
    content = as_parquet({"text": [None, "b"], "label": [1, None]})
    assert rows(file(tmp_path, "a.parquet", content)) == [(None, 1), ("b", None)]


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        (['"a" b,c'], "line 2: a stray quote in the row that starts here"),
        (["a,b", '"c', "d,e", '"f" g,h'], "line 3: a stray quote in the row that starts here"),
        (["a,b", '"c,d', "e,f"], "line 3: a quote that starts a cell here is never closed"),
        (['"a\n\nb",c', "d"], "line 5: got 1 of the 2 cells that the header has"),
        (
            ["a,b,c"],
            "line 2: got 3 of the 2 cells that the header has; put cells that contain ',' into",
        ),
        (["a\0,b"], "line 2, column 'text': a NUL byte"),
    ],
)
def test_the_error_names_the_line_on_which_a_row_starts(
    tmp_path: Path, lines: list[str], error: str
) -> None:
    path = file(tmp_path, "a.csv", "\n".join(["text,label", *lines]))
    assert error_of(path).startswith(f", {error}")


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ("", ": the file is empty"),
        ("\n\n", ": the file is empty"),
        ("text,label,text\n", ", the header: 2 columns 'text'"),
        ("text,Label\n", ", the header: no column 'label'; allowed: text, Label; did you mean"),
        ("text;label\n", ", the header: no column 'text'; allowed: 'text;label'; "
         "set delimiter: ';'"),
        ("text,label\n".encode("utf-16-le"), ", the header: a NUL byte"),
    ],
)  # fmt: skip
def test_headers_that_cannot_be_used_are_reported(
    tmp_path: Path, content: bytes | str, error: str
) -> None:
    assert error_of(file(tmp_path, "a.csv", content)).startswith(error)


def test_the_first_errors_are_reported_together(tmp_path: Path) -> None:
    path = file(tmp_path, "a.csv", "text,label\n" + "a,b\nc\n" * 6)
    with pytest.raises(DataError) as error:
        rows(path)
    lines = str(error.value).splitlines()
    assert [line.split(":")[0] for line in lines] == [f"{path}, line {n}" for n in (3, 5, 7, 9, 11)]


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("{'text': 1}", "line 2: not JSON (Expecting property name"),
        ('["a", "b"]', "line 2: got ['a', 'b'], expected a JSON object"),
        ("[" * 100_000, "line 2: not JSON ("),
        ('{"label": ' + "1" * 5_000 + "}", "line 2: not JSON ("),
    ],
)
def test_lines_that_are_no_json_objects_are_reported(tmp_path: Path, line: str, error: str) -> None:
    content = f'{{"text": "a", "label": "b"}}\n{line}\n'
    assert error_of(file(tmp_path, "a.jsonl", content)).startswith(f", {error}")


def test_an_empty_file_of_json_lines_and_a_missing_key_are_reported(tmp_path: Path) -> None:
    assert error_of(file(tmp_path, "a.jsonl", "\n")).startswith(": the file is empty")
    path = file(tmp_path, "a.jsonl", '{"text": "a", "labels": "b"}\n' * 200)
    assert "no column 'label'; allowed: text, labels; did you mean 'labels'?" in error_of(path)


def test_parquet_errors_name_the_row_and_the_column(tmp_path: Path) -> None:
    path = file(tmp_path, "a.parquet", as_parquet({"text": ["a"], "lable": ["b"]}))
    assert "no column 'label'; allowed: text, lable; did you mean 'lable'?" in error_of(path)
    path = file(tmp_path, "a.parquet", as_parquet())
    assert [row.place for row in RowFile(Errors(path), "utf-8", None).rows(COLUMNS)] == [
        "row 1",
        "row 2",
        "row 3",
    ]
