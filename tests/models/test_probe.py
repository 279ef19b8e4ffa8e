"""What is known of a dataset without its samples is what preprocessing finds."""

from pathlib import Path

import pytest

from rnnbench import corpora
from rnnbench.core.schema import Schema
from rnnbench.data.config import ArrayDataset, TextDataset
from rnnbench.data.format import read_meta
from rnnbench.models.probe import probe_meta
from rnnbench.preprocessing.stage import preprocess

SETTINGS: dict[str, dict] = {
    "product": {"steps": 7, "tolerance": 0.1},
    "arithmetic": {"sequences": 4, "steps": 3},
    "characters": {"sentence": "hihello"},
}


def settings(name: str) -> Schema:
    module = corpora.load(name)
    found: Schema = module.Settings(**SETTINGS[name])
    return found


@pytest.mark.parametrize("name", SETTINGS)
def test_of_arrays_all_is_known(tmp_path: Path, name: str) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "prepared").mkdir()
    module = corpora.load(name)
    dataset = ArrayDataset(corpus=name, split=module.Settings.splits[-1], train=1, evaluation=1)
    module.fetch(settings(name), tmp_path / "raw")
    preprocess(dataset, name, tmp_path / "raw", tmp_path / "prepared", seed=1, splits=1)
    assert probe_meta({name: settings(name)}, dataset) == read_meta(tmp_path / "prepared")


@pytest.mark.parametrize(
    ("changes", "shape", "vocabulary_size"),
    [
        ({"encoding": "one_hot", "length": 9}, (9,), 30),
        ({"encoding": "number", "length": 9}, (9, 1), 30),
        ({"encoding": "multi_hot"}, (None,), 30),
        ({"encoding": "index"}, (None,), 30),
        # Fewer subwords than these are not possible, and the texts determine how many there are.
        ({"encoding": "index", "tokens": "subwords", "vocabulary_size": 999}, (None,), 257),
        ({"encoding": "index", "vocabulary_size": None}, (None,), 4),
    ],
)
def test_of_texts_the_shape_is_known(changes: dict, shape: tuple, vocabulary_size: int) -> None:
    values = {"corpus": "imdb", "vocabulary_size": 30, "train": 1, "evaluation": 1}
    found = probe_meta({"imdb": Schema()}, TextDataset(**values | changes))
    assert found is not None
    assert (found.encoding, found.shape) == (changes["encoding"], shape)
    assert found.vocabulary_size == vocabulary_size


def test_of_a_dataset_with_errors_nothing_is_known() -> None:
    dataset = ArrayDataset(corpus="product", split="new", train=1, evaluation=1)
    assert probe_meta({}, dataset) is None
    assert probe_meta({"product": settings("product")}, None) is None
