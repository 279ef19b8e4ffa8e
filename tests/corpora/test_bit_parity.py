from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from rnnbench.core.errors import DataError
from rnnbench.corpora import bit_parity
from rnnbench.corpora.base import TextCorpus
from rnnbench.data.format import FLAGS, read_prepared, read_summary
from rnnbench.data.ragged import Ragged
from rnnbench.preprocessing.stage import preprocess

SMALL = {"train": 300, "validation": 100, "evaluation": 200}


def fetch_and_read(directory: Path, **settings: int) -> TextCorpus:
    directory.mkdir(exist_ok=True)
    bit_parity.fetch(bit_parity.Settings(**settings), directory)
    return bit_parity.read(directory)


def lengths(corpus: TextCorpus, part: str) -> list[int]:
    texts = zip(corpus.documents.texts, corpus.given, strict=True)
    return [len(text.split()) for text, flag in texts if flag == FLAGS[part]]


def test_label_is_the_parity_of_the_ones(tmp_path: Path) -> None:
    corpus = fetch_and_read(tmp_path, **SMALL)
    assert len(corpus.documents) == 600
    for text, label in zip(corpus.documents.texts, corpus.documents.labels, strict=True):
        assert set(text.split()) <= {b"0", b"1"}
        assert corpus.classes[label] == ("odd" if text.count(b"1") % 2 else "even")
    assert corpus.target == "binary"


def test_no_length_is_in_training_and_evaluation(tmp_path: Path) -> None:
    corpus = fetch_and_read(tmp_path, train=2_000, validation=2_000, evaluation=20_000)
    assert set(lengths(corpus, "train")) == set(lengths(corpus, "validation")) == {*range(1, 41)}
    assert set(lengths(corpus, "evaluation")) == {*range(41, 257)}


def test_both_answers_are_equally_likely_at_every_length(tmp_path: Path) -> None:
    corpus = fetch_and_read(tmp_path, train=40_000, validation=1, evaluation=1)
    length = np.array(lengths(corpus, "train"))
    counts = np.bincount(length, corpus.documents.labels[: len(length)])[1:]
    totals = np.bincount(length)[1:]
    assert np.abs(totals - 1_000).max() < 5 * np.sqrt(1_000)
    assert np.abs(counts - totals / 2).max() < 5 * np.sqrt(totals.max() / 4)


def test_equal_seeds_give_equal_sequences(tmp_path: Path) -> None:
    one, again, other = (fetch_and_read(tmp_path, **SMALL, seed=seed) for seed in (1, 1, 2))
    assert one.documents.texts == again.documents.texts != other.documents.texts


def test_prepared_samples_have_an_id_per_bit_and_the_given_parts(tmp_path: Path) -> None:
    corpus = fetch_and_read(tmp_path / "raw", **SMALL)
    (tmp_path / "prepared").mkdir()
    dataset = bit_parity.Dataset(corpus="p", encoding="index", vocabulary_size=None, split="given")
    preprocess(dataset, "bit_parity", tmp_path / "raw", tmp_path / "prepared", 42, 5)
    summary = read_summary(tmp_path / "prepared")
    sizes = summary.training_samples, summary.validation_samples, summary.evaluation_samples
    assert sizes == (300, 100, 200)
    assert (summary.splits, summary.also_in_training) == (1, 0)
    samples = read_prepared(tmp_path / "prepared").samples
    assert isinstance(samples.x, Ragged)
    sequences = [samples.x[row] for row in range(len(samples))]
    (one,) = sequences[corpus.documents.texts.index(b"1")]
    assert [np.count_nonzero(ids == one) % 2 for ids in sequences] == samples.y.tolist()
    assert samples.x.lengths.tolist() == [len(text.split()) for text in corpus.documents.texts]


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"train": 0}, "train"),
        ({"validation": 0}, "validation"),
        ({"evaluation": 10**6 + 1}, "evaluation"),
        ({"train_length": 0}, "train_length"),
        ({"seed": -1}, "seed"),
        ({"evaluation_length": 40}, "evaluation_length 40 is not longer than train_length 40"),
    ],
)
def test_settings_without_a_problem_are_refused(settings: dict[str, int], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        bit_parity.Settings(**settings)


@pytest.mark.parametrize("damaged", [None, b"", b'{"train": 0}'])
def test_the_error_names_the_damaged_file(tmp_path: Path, damaged: bytes | None) -> None:
    if damaged is not None:
        (tmp_path / "corpus.json").write_bytes(damaged)
    with pytest.raises(DataError, match=r"corpus\.json.*; run dvc repro"):
        bit_parity.read(tmp_path)
