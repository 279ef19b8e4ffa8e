import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from rnnbench.corpora.base import Documents
from rnnbench.preprocessing import keras_words as tokens


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"Don't STOP", [b"don't", b"stop"]),
        (b"bad.<br /><br />Good", [b"bad", b"br", b"br", b"good"]),
        (b"  tab\there\nnew\n\n", [b"tab", b"here", b"new"]),
        (b"carriage\r\nreturn\x0b", [b"carriage\r", b"return\x0b"]),
        ("CAFÉ Äpfel".encode(), ["cafÉ".encode(), "Äpfel".encode()]),
        ("no\u00a0break".encode(), ["no\u00a0break".encode()]),
        (b"", []),
        (b"?!...", []),
    ],
)
def test_words_are_those_of_the_published_index(text: bytes, expected: list[bytes]) -> None:
    assert tokens.tokenize(text) == expected


def test_each_separator_separates_two_words() -> None:
    for separator in '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n ':
        assert tokens.tokenize(f"a{separator}b".encode()) == [b"a", b"b"]


@given(st.binary())
def test_tokenizing_again_changes_nothing(text: bytes) -> None:
    words = tokens.tokenize(text)
    assert tokens.tokenize(b" ".join(words)) == words
    assert b"" not in words


def test_ranks_follow_the_counts_then_the_python_2_dict() -> None:
    # a, b and c are counted once each; CPython 2.7 lists them as a, c, b.
    assert tokens.word_index([b"a b", b"z c Z"]) == [b"z", b"a", b"c", b"b"]


def test_each_word_has_its_rank_and_an_unknown_one_zero() -> None:
    arrays = list(tokens.ranks([b"The end of the", b"", b"?"], tokens.rank_index([b"the", b"of"])))
    assert [array.tolist() for array in arrays] == [[1, 0, 2, 1], [], []]
    assert {array.dtype for array in arrays} == {np.dtype(np.int32)}


def test_digest_covers_labels_and_ranks_line_by_line() -> None:
    documents = Documents([b"a c", b"", b"b d"], np.array([1, 0, 1]))
    expected = hashlib.sha256(b"1 1 3\n0\n1 2 0\n").hexdigest()
    assert tokens.ranks_sha256(documents, [b"a", b"b", b"c"]) == expected


@pytest.mark.parametrize(
    ("vocabulary_size", "skip_top", "expected"),
    [
        (None, 0, [1, 4, 22, 23, 100, 2]),
        (100, 0, [1, 4, 22, 23, 2, 2]),
        (101, 0, [1, 4, 22, 23, 100, 2]),
        (None, 23, [2, 2, 2, 23, 100, 2]),
        (100, 23, [2, 2, 2, 23, 2, 2]),
    ],
)
def test_ids_are_those_of_load_data(
    vocabulary_size: int | None, skip_top: int, expected: list[int]
) -> None:
    ids = tokens.keras_ids(np.array([1, 19, 20, 97, 0], np.int32), vocabulary_size, skip_top)
    assert_array_equal(ids, np.array(expected, np.int32), strict=True)


def test_a_document_without_words_is_the_start_token() -> None:
    assert tokens.keras_ids(np.array([], np.int32), None, 0).tolist() == [1]
