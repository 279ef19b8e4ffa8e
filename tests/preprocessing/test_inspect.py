import numpy as np
import pytest

from rnnbench.core.errors import DataError
from rnnbench.core.schema import write_json
from rnnbench.data.config import TextDataset
from rnnbench.data.format import Meta, Samples, write_samples
from rnnbench.preprocessing.encoders import WordEncoder
from rnnbench.preprocessing.inspect import find_sample


def write(folder, meta: Meta, x, y) -> None:
    write_json(folder / "meta.json", meta)
    for split, ids in (("train", [5, 9]), ("evaluation", [2])):
        rows = [i % len(x) for i in ids]
        write_samples(folder, split, Samples(x[rows], y[rows], np.array(ids, np.int32)))


def meta(**changes: object) -> Meta:
    values = {
        "corpus": "any",
        "encoding": "index",
        "target": "binary",
        "classes": ("negative", "positive"),
        "shape": (3,),
        "vocabulary_size": 6,
    }
    return Meta(**(values | changes))


def test_a_text_is_found_by_its_number_and_shown_as_words(tmp_path) -> None:
    write(tmp_path, meta(), np.array([[0, 4, 5], [0, 0, 2]]), np.array([0, 1]))
    dataset = TextDataset(
        corpus="any", encoding="index", vocabulary_size=6, length=3, train=2, evaluation=1
    )
    WordEncoder(dataset, "utf-8", {}, ("the", "film")).write(tmp_path)
    found = find_sample(tmp_path, 2)
    assert (found.split, found.label) == ("evaluation", "negative")
    assert (found.text, found.length) == ("the film", "2 words")
    unknown = find_sample(tmp_path, 9)
    assert (unknown.split, unknown.text, unknown.label) == ("train", "?", "positive")
    with pytest.raises(DataError, match="no sample 3"):
        find_sample(tmp_path, 3)


def test_characters_are_shown_as_a_sentence_and_its_continuation(tmp_path) -> None:
    sentence = meta(target="steps", encoding="one_hot", classes=("a", "b"))
    write(tmp_path, sentence, np.array([[0, 1, 1]]), np.array([[1, 1, 0]]))
    found = find_sample(tmp_path, 5)
    assert (found.text, found.label, found.length) == ("abb", "bba", "3 steps")


def test_numbers_are_shown_step_by_step(tmp_path) -> None:
    numbers = meta(target="number", encoding="number", classes=(), shape=(2, 2), vocabulary_size=0)
    write(tmp_path, numbers, np.array([[[1, 0.5], [0, 0.25]]]), np.array([0.125]))
    found = find_sample(tmp_path, 5)
    assert (found.text, found.label) == ("1 0.5\n0 0.25", "target 0.125")
