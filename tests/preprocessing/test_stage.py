"""Real reviews, as many as a test needs, from corpus to prepared dataset."""

import json
from pathlib import Path

import numpy as np
import pytest

from rnnbench.core.errors import DataError
from rnnbench.corpora import imdb, product
from rnnbench.corpora.base import TextCorpus
from rnnbench.data.config import ArrayDataset, TextDataset
from rnnbench.data.format import read_meta, read_samples, read_summary
from rnnbench.preprocessing import subwords
from rnnbench.preprocessing.encoders import read_encoder
from rnnbench.preprocessing.keras_words import tokenize
from rnnbench.preprocessing.stage import preprocess, split

SUBWORDS = {"tokens": "subwords", "vocabulary_size": 400, "skip_top": 0, "length": None}
DATASETS = {
    "index": {},
    "one_hot": {"encoding": "one_hot", "vocabulary_size": 100, "train": 200},
    "subwords": SUBWORDS,
    "maxlen": {"maxlen": 200, "train": 100, "evaluation": 20, "split": "last"},
}


def dataset(**changes: object) -> TextDataset:
    values = {
        "corpus": "imdb",
        "encoding": "index",
        "vocabulary_size": 1000,
        "skip_top": 20,
        "length": 100,
        "train": 320,
        "evaluation": 80,
    }
    return TextDataset(**(values | changes))


# The split


def parts(train: int, evaluation: int, mode: str = "random", count: int = 100, seed: int = 1):
    settings = ArrayDataset(corpus="any", split=mode, train=train, evaluation=evaluation)
    return split(count, settings, seed)


def test_split_is_disjoint_complete_and_random() -> None:
    found = parts(80, 20)
    assert sorted([*found["train"], *found["evaluation"]]) == list(range(100))
    assert found["evaluation"].tolist() != parts(80, 20, seed=2)["evaluation"].tolist()


def test_the_evaluation_samples_do_not_depend_on_the_training_size() -> None:
    np.testing.assert_array_equal(parts(10, 20)["evaluation"], parts(80, 20)["evaluation"])


def test_the_last_samples_can_be_the_evaluation_split() -> None:
    found = parts(2, 3, "last", count=6)
    assert (found["train"].tolist(), found["evaluation"].tolist()) == ([0, 1], [3, 4, 5])


def test_both_splits_can_have_the_same_samples() -> None:
    found = parts(1, 1, "same", count=1)
    assert (found["train"].tolist(), found["evaluation"].tolist()) == ([0], [0])


def test_the_error_for_a_small_corpus_names_both_sizes() -> None:
    with pytest.raises(DataError, match="101 samples, but the corpus has 100"):
        parts(81, 20)


# Texts


@pytest.fixture(scope="module")
def raw(imdb_raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """200 positive and 200 negative reviews, and 50 snippets out of domain."""
    folder = tmp_path_factory.mktemp("raw")
    for name, rows in {
        "reviews": (*range(200), *range(-200, 0)),
        "rotten_tomatoes": range(50),
    }.items():
        lines = (imdb_raw / f"{name}.jsonl").read_bytes().splitlines(keepends=True)
        (folder / f"{name}.jsonl").write_bytes(b"".join(lines[row] for row in rows))
    record = {"source": "registry", "reviews": 400, "pinned": False}
    (folder / "corpus.json").write_text(json.dumps(record))
    return folder


@pytest.fixture(scope="module")
def corpus(raw: Path) -> TextCorpus:
    return imdb.read(raw)


@pytest.fixture(scope="module")
def prepared(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folders = {}
    for name, changes in DATASETS.items():
        folders[name] = tmp_path_factory.mktemp(name)
        preprocess(dataset(**changes), raw, folders[name], seed=42)
    return folders


def texts(corpus: TextCorpus, ids: np.ndarray) -> list[str]:
    return [corpus.documents.texts[corpus.order[i]].decode() for i in ids]


def test_all_encodings_share_the_evaluation_split(prepared) -> None:
    index, one_hot, whole = (
        read_samples(prepared[name], "evaluation") for name in ("index", "one_hot", "subwords")
    )
    assert len(index) == 80
    for other in (one_hot, whole):
        np.testing.assert_array_equal(other.id, index.id)
        np.testing.assert_array_equal(other.y, index.y)


def test_samples_are_compact_ids_without_reserved_ones(prepared) -> None:
    x = read_samples(prepared["one_hot"], "train").x
    assert (x.dtype, x.shape) == (np.uint8, (200, 100))
    assert set(np.unique(x)) <= {0, *range(20, 100)}
    assert read_samples(prepared["index"], "train").x.dtype == np.uint16


@pytest.mark.parametrize("name", DATASETS)
def test_new_text_is_encoded_as_the_stored_samples_are(prepared, corpus, name: str) -> None:
    encoder, order = read_encoder(prepared[name]), corpus.order
    if name == "maxlen":
        order = order[[len(tokenize(corpus.documents.texts[i])) + 1 < 200 for i in order]]
    for part in ("train", "evaluation"):
        samples = read_samples(prepared[name], part)
        rows = order[samples.id[:30]]
        encoded = encoder.encode(corpus.documents.texts[row].decode() for row in rows)
        for row in range(30 if part == "train" else 20):
            np.testing.assert_array_equal(encoded[row], samples.x[row])
            assert samples.y[row] == corpus.documents.labels[rows[row]]


def test_texts_out_of_domain_are_encoded_with_the_same_words(prepared, corpus) -> None:
    name, snippets = corpus.out_of_domain
    assert read_meta(prepared["index"]).out_of_domain == name == "rotten_tomatoes"
    samples = read_samples(prepared["index"], name)
    encoded = read_encoder(prepared["index"]).encode(text.decode() for text in snippets.texts)
    np.testing.assert_array_equal(encoded, samples.x)
    np.testing.assert_array_equal(samples.y, snippets.labels)
    assert read_summary(prepared["index"]).out_of_domain_samples == 50


def test_subwords_are_learned_from_the_training_texts_only(prepared, corpus) -> None:
    train, evaluation = (
        texts(corpus, read_samples(prepared["subwords"], part).id)
        for part in ("train", "evaluation")
    )
    stored = read_samples(prepared["subwords"], "evaluation").x[0].tolist()
    ours, other = (
        next(subwords.encode(subwords.train(part, 400), evaluation[:1])).tolist()
        for part in (train, train + evaluation)
    )
    assert stored == ours != other


def test_ids_that_differ_from_the_published_ones_are_refused(raw: Path, tmp_path: Path) -> None:
    for file in raw.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes().replace(b"false", b"true"))
    for tokens in ({}, SUBWORDS):
        with pytest.raises(DataError, match="differ from the published ones"):
            preprocess(dataset(**tokens), tmp_path, tmp_path, seed=42)


# Arrays


def test_a_corpus_of_arrays_needs_no_encoder(tmp_path: Path) -> None:
    raw, folder = tmp_path / "raw", tmp_path / "prepared"
    for path in (raw, folder):
        path.mkdir()
    product.fetch(product.Settings(samples=30, steps=5), raw)
    preprocess(ArrayDataset(corpus="product", train=20, evaluation=10), raw, folder, seed=1)
    meta = read_meta(folder)
    assert (meta.target, meta.shape, meta.tolerance) == ("number", (5, 2), 0.04)
    whole = product.read(raw)
    for part, count in (("train", 20), ("evaluation", 10)):
        samples = read_samples(folder, part)
        assert len(samples) == count
        np.testing.assert_array_equal(samples.x, whole.x[samples.id])
        np.testing.assert_array_equal(samples.y, whole.y[samples.id])
