from pathlib import Path

import numpy as np
import pytest

from rnnbench.core.errors import DataError
from rnnbench.corpora.files import read_texts, write_texts

TEXTS = ["Très bien\r\nvu\u2028!", "", "zwei\nZeilen", "last"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_texts(tmp_path / "texts.jsonl", zip(TEXTS, "abba", strict=True))
    return tmp_path / "texts.jsonl"


def test_texts_are_read_as_written_and_labels_as_class_ids(path: Path) -> None:
    documents = read_texts(path, "utf-8", ("b", "a"), 4)
    assert documents.texts == [text.encode() for text in TEXTS]
    assert documents.labels.tolist() == [1, 0, 0, 1]


def test_an_empty_file_has_no_texts(tmp_path: Path) -> None:
    (tmp_path / "texts.jsonl").touch()
    assert len(read_texts(tmp_path / "texts.jsonl", "utf-8", ("a",))) == 0


def test_a_missing_file_and_a_damaged_row_are_reported(path: Path) -> None:
    with pytest.raises(DataError, match="missing"):
        read_texts(path.with_name("none.jsonl"), "utf-8", ("a", "b"))
    with pytest.raises(DataError, match=r"texts\.jsonl: 4 texts, expected 5"):
        read_texts(path, "utf-8", ("a", "b"), 5)
    path.write_bytes(path.read_bytes().replace(b'"last"', b"12345"))
    with pytest.raises(DataError, match=r"texts\.jsonl: .*line 4"):
        read_texts(path, "utf-8", ("a", "b"))


def test_labels_can_be_numbers(tmp_path: Path) -> None:
    path = tmp_path / "texts.jsonl"
    write_texts(path, [("a", 0.5), ("b", 2.0)])
    documents = read_texts(path, "utf-8", None, 2)
    assert documents.labels.dtype == np.float32
    assert documents.labels.tolist() == [0.5, 2]
    path.write_text('{"text": "a", "label": "0.5"}\n')
    with pytest.raises(DataError, match="damaged at line 1"):
        read_texts(path, "utf-8", None)
