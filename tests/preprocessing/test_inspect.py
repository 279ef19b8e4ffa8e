import numpy as np
import pytest

from rnnbench.core.errors import DataError
from rnnbench.data.config import TextDataset
from rnnbench.data.format import FLAGS, Meta, Samples, write_dataset
from rnnbench.preprocessing.encoders import WordEncoder
from rnnbench.preprocessing.inspect import find_sample

# The number of each sample, and its part in the first split; the second one is the other way round.
IDS = [5, 9, 2]
SPLIT = [FLAGS["train"], FLAGS["validation"], FLAGS["evaluation"]]


def write(folder, meta: Meta, x, y, split: list[int] = SPLIT) -> None:
    rows = [i % len(x) for i in IDS]
    splits = np.array([split, split[::-1]], np.uint8)
    samples = Samples(x[rows], y[rows], np.array(IDS, np.int32))
    write_dataset(folder, meta, "random", samples, splits)


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


def test_a_labelled_series_is_shown_as_numbers(tmp_path) -> None:
    x = np.array([[[0.5, 1], [2, 3]], [[4, 5], [6, 7]]], np.float32)
    write(tmp_path, meta(encoding="number", shape=(2, 2), vocabulary_size=0), x, np.array([0, 1]))
    found = find_sample(tmp_path, 9)
    assert (found.label, found.text, found.length) == ("positive", "4 5\n6 7", "2 steps")


def test_a_text_is_found_by_its_number_and_shown_as_words(tmp_path) -> None:
    write(tmp_path, meta(), np.array([[0, 4, 5], [0, 0, 2]]), np.array([0, 1]))
    dataset = TextDataset(
        corpus="any", encoding="index", vocabulary_size=6, length=3, train=2, evaluation=1
    )
    WordEncoder(dataset, "utf-8", {}, ("the", "film")).write(tmp_path)
    found = find_sample(tmp_path, 2)
    assert (found.part, found.label) == ("evaluation", "negative")
    assert (found.text, found.length) == ("the film", "2 words")
    unknown = find_sample(tmp_path, 9)
    assert (unknown.part, unknown.text, unknown.label) == ("validation", "?", "positive")
    with pytest.raises(DataError, match="no sample 3"):
        find_sample(tmp_path, 3)


@pytest.mark.parametrize(
    ("flags", "part"), [(0, "none"), (FLAGS["train"] | FLAGS["evaluation"], "train and evaluation")]
)
def test_a_sample_can_be_in_no_part_and_in_two(tmp_path, flags: int, part: str) -> None:
    write(tmp_path, meta(), np.array([[0, 4, 5]]), np.array([0]), [flags, 1, 4])
    dataset = TextDataset(
        corpus="any", encoding="index", vocabulary_size=6, length=3, train=2, evaluation=1
    )
    WordEncoder(dataset, "utf-8", {}, ("the", "film")).write(tmp_path)
    assert find_sample(tmp_path, 5).part == part


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
