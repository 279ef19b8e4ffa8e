import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import ValidationError

from rnnbench.core.errors import DataError
from rnnbench.corpora import characters
from rnnbench.corpora.base import ArrayCorpus

USUAL = " My name is Ji Myung Hwa."


def fetch_and_read(directory: Path, sentence: str = USUAL) -> ArrayCorpus:
    characters.fetch(characters.Settings(sentence=sentence), directory)
    return characters.read(directory)


def test_each_target_of_hihello_is_the_next_letter(tmp_path: Path) -> None:
    corpus = fetch_and_read(tmp_path, sentence="hihello")
    assert corpus.classes == ("e", "h", "i", "l", "o")
    assert corpus.x.tolist() == [[1, 2, 1, 0, 3, 3]]
    assert corpus.y.tolist() == [[2, 1, 0, 3, 3, 4]]
    assert (corpus.encoding, corpus.target) == ("one_hot", "steps")


def test_the_usual_sentence_has_24_steps(tmp_path: Path) -> None:
    corpus = fetch_and_read(tmp_path)
    assert corpus.x.shape == corpus.y.shape == (1, 24)
    assert corpus.classes == tuple(" .HJMaegimnsuwy")


@hypothesis_settings(deadline=None)
@given(st.text(min_size=2).filter(lambda text: len(set(text)) > 1))
@example("🎉e\u0301\0\n🎉")
def test_any_sentence_is_restored_from_the_classes(sentence: str) -> None:
    with tempfile.TemporaryDirectory() as directory:
        corpus = fetch_and_read(Path(directory), sentence=sentence)
    assert "".join(corpus.classes[i] for i in corpus.x[0]) == sentence[:-1]
    assert "".join(corpus.classes[i] for i in corpus.y[0]) == sentence[1:]
    assert list(corpus.classes) == sorted(set(sentence))


@pytest.mark.parametrize(("classes", "dtype"), [(2, np.uint8), (256, np.uint8), (257, np.uint16)])
def test_ids_have_the_smallest_unsigned_dtype(tmp_path: Path, classes: int, dtype: type) -> None:
    sentence = "".join(chr(0x4E00 + i) for i in range(classes))
    corpus = fetch_and_read(tmp_path, sentence=sentence)
    assert corpus.x.dtype == corpus.y.dtype == dtype
    assert corpus.y[0, -1] == classes - 1


@pytest.mark.parametrize("sentence", ["", "a", "aaaa", "a\ud83d"])
def test_a_sentence_without_two_classes_or_not_unicode_is_refused(sentence: str) -> None:
    with pytest.raises(ValidationError, match="sentence"):
        characters.Settings(sentence=sentence)


@pytest.mark.parametrize(
    "damaged", [None, b"{}", b'{"sentence": "a"}', b'{"sentence": "\xff\xff"}']
)
def test_the_error_names_the_damaged_file(tmp_path: Path, damaged: bytes | None) -> None:
    fetch_and_read(tmp_path)
    if damaged is None:
        (tmp_path / "corpus.json").unlink()
    else:
        (tmp_path / "corpus.json").write_bytes(damaged)
    with pytest.raises(DataError, match=r"corpus\.json.*; run dvc repro"):
        characters.read(tmp_path)
