"""Real reviews, as many as a test needs, from corpus to prepared dataset."""

import json
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import pytest

from rnnbench.core.errors import DataError
from rnnbench.corpora import arithmetic, imdb, product
from rnnbench.corpora.base import TextCorpus
from rnnbench.data.config import ArrayDataset, TextDataset
from rnnbench.data.format import (
    Prepared,
    Samples,
    read_further,
    read_meta,
    read_prepared,
    read_summary,
    read_targets,
)
from rnnbench.preprocessing import subwords
from rnnbench.preprocessing.encoders import read_encoder
from rnnbench.preprocessing.keras_words import tokenize
from rnnbench.preprocessing.stage import preprocess

SUBWORDS = {"tokens": "subwords", "vocabulary_size": 400, "skip_top": 0, "length": None}
DATASETS = {
    "index": {},
    "one_hot": {"encoding": "one_hot", "vocabulary_size": 100, "train": 200},
    "subwords": SUBWORDS,
    "maxlen": {"maxlen": 200, "train": 100, "evaluation": 20, "split": "last"},
    "by_film": {"split": "by_film", "train": 200, "validation": 30, "evaluation": 80},
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
    record["numbers"] = [row * 62 for row in range(200)] * 2
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
        preprocess(dataset(**changes), "imdb", raw, folders[name], seed=42, splits=2)
    return folders


def test_all_encodings_share_the_evaluation_parts(prepared) -> None:
    index, one_hot, whole = (
        read_prepared(prepared[name]) for name in ("index", "one_hot", "subwords")
    )
    for split in range(2):
        samples = index.part(split, "evaluation")
        assert len(samples) == 80
        for other in (one_hot.part(split, "evaluation"), whole.part(split, "evaluation")):
            np.testing.assert_array_equal(other.id, samples.id)
            np.testing.assert_array_equal(other.y, samples.y)


def test_reviews_of_a_film_stay_in_one_part(prepared, corpus) -> None:
    targets = read_targets(prepared["by_film"])
    films = corpus.groups[corpus.order][targets.id]
    for split in range(2):
        parts = [targets.rows(split, part) for part in ("train", "validation", "evaluation")]
        assert [len(rows) for rows in parts] == [200, 30, 80]
        assert not set.intersection(*(set(films[rows]) for rows in parts[:2]))
        assert not set(films[np.concatenate(parts[:2])]) & set(films[parts[2]])


def test_the_summary_has_the_protocol_and_the_size_of_each_part(prepared) -> None:
    summary = read_summary(prepared["by_film"])
    sizes = summary.training_samples, summary.validation_samples, summary.evaluation_samples
    assert (summary.protocol, summary.splits, sizes) == ("by_film", 2, (200, 30, 80))
    assert read_summary(prepared["maxlen"]).splits == 1


def test_samples_are_compact_ids_without_reserved_ones(prepared) -> None:
    x = read_prepared(prepared["one_hot"]).samples.x
    assert (x.dtype, x.shape) == (np.uint8, (400, 100))
    assert set(np.unique(x)) <= {0, *range(20, 100)}
    assert read_prepared(prepared["index"]).samples.x.dtype == np.uint16


@pytest.mark.parametrize("name", DATASETS)
def test_new_text_is_encoded_as_the_stored_samples_are(prepared, corpus, name: str) -> None:
    encoder, order = read_encoder(prepared[name]), corpus.order
    if name == "maxlen":
        order = order[[len(tokenize(corpus.documents.texts[i])) + 1 < 200 for i in order]]
    samples = read_prepared(prepared[name]).samples
    assert len(samples) == len(order)
    rows = order[samples.id[:30]]
    encoded = encoder.encode(corpus.documents.texts[row].decode() for row in rows)
    for row in range(30):
        np.testing.assert_array_equal(encoded[row], samples.x[row])
        assert samples.y[row] == corpus.documents.labels[rows[row]]


def test_further_texts_are_encoded_with_the_same_words(prepared, corpus) -> None:
    (name,) = read_meta(prepared["index"]).further_sets
    snippets = corpus.further[name]
    samples = read_further(prepared["index"], name)
    encoded = read_encoder(prepared["index"]).encode(text.decode() for text in snippets.texts)
    np.testing.assert_array_equal(encoded, samples.x)
    np.testing.assert_array_equal(samples.y, snippets.labels)
    assert read_summary(prepared["index"]).further_samples == {"rotten_tomatoes": 50}


def test_subwords_are_learned_from_all_texts_of_the_corpus(prepared, corpus) -> None:
    texts = [text.decode() for text in corpus.documents.texts]
    text = texts[corpus.order[0]]
    ours, of_half = (
        next(subwords.encode(subwords.train(part, 400), [text])).tolist()
        for part in (texts, texts[:200])
    )
    assert read_prepared(prepared["subwords"]).samples.x[0].tolist() == ours != of_half


def test_ids_that_differ_from_the_published_ones_are_refused(raw: Path, tmp_path: Path) -> None:
    for file in raw.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes().replace(b"false", b"true"))
    for tokens in ({}, SUBWORDS):
        with pytest.raises(DataError, match="differ from the published ones"):
            preprocess(dataset(**tokens), "imdb", tmp_path, tmp_path, seed=42, splits=2)


# Texts whose vocabulary comes from the training part


@pytest.fixture(scope="module", params=["words", "subwords"])
def own(request, raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own")
    words = {"vocabulary_size": None, "skip_top": 0, "length": None}
    changes = SUBWORDS if request.param == "subwords" else words
    settings = dataset(**changes, vocabulary="training")
    preprocess(settings, "imdb", raw, folder, seed=42, splits=3)
    return folder


def test_a_vocabulary_of_the_training_part_knows_no_other_texts(own: Path, corpus) -> None:
    data = read_prepared(own)
    texts = [corpus.documents.texts[row].decode() for row in corpus.order]
    for split in range(3):
        encoder = read_encoder(own, split)
        for part in ("train", "evaluation"):
            samples = data.part(split, part)
            encoded = encoder.encode(texts[i] for i in samples.id)
            for row in range(len(samples)):
                np.testing.assert_array_equal(samples.x[row], encoded[row])
        if encoder.words:
            train = (texts[i].encode() for i in data.part(split, "train").id)
            assert set(map(str.encode, encoder.words)) == set(chain(*map(tokenize, train)))


def test_a_given_split_can_be_read_again(raw: Path, tmp_path: Path, monkeypatch) -> None:
    corpus = imdb.read(raw)
    given = np.tile(np.array([1, 1, 2, 4], np.uint8), 100)
    monkeypatch.setattr(imdb, "read", lambda _: replace(corpus, given=given))
    settings = TextDataset(
        corpus="imdb", encoding="index", vocabulary_size=50, split="given", vocabulary="training"
    )
    preprocess(settings, "imdb", raw, tmp_path, seed=1, splits=3)
    assert read_encoder(tmp_path).dataset == settings
    summary = read_summary(tmp_path)
    assert (summary.splits, summary.training_samples, summary.evaluation_samples) == (1, 200, 100)


def test_it_shares_its_parts_with_a_vocabulary_of_the_corpus(own: Path, prepared) -> None:
    mine, shared = read_prepared(own), read_prepared(prepared["index"])
    for split in range(2):
        for part in ("train", "evaluation"):
            one, other = mine.part(split, part), shared.part(split, part)
            np.testing.assert_array_equal(one.id, other.id)
            np.testing.assert_array_equal(one.y, other.y)


def test_further_texts_are_encoded_as_each_split_encodes(own: Path, raw: Path) -> None:
    snippets = imdb.read(raw).further["rotten_tomatoes"].texts
    for split in range(3):
        samples = read_further(own, "rotten_tomatoes", split)
        encoded = read_encoder(own, split).encode(text.decode() for text in snippets)
        for row in range(len(samples)):
            np.testing.assert_array_equal(samples.x[row], encoded[row])


# Arrays


def prepare(folder: Path, corpus, settings, dataset: ArrayDataset, splits: int) -> Prepared:
    raw, target = folder / "raw", folder / "prepared"
    for path in (raw, target):
        path.mkdir(parents=True)
    corpus.fetch(settings, raw)
    preprocess(dataset, dataset.corpus, raw, target, seed=1, splits=splits)
    return read_prepared(target)


def rows(samples: Samples) -> set[bytes]:
    return {row.tobytes() for row in samples.x}


def test_a_corpus_of_arrays_needs_no_encoder(tmp_path: Path) -> None:
    settings = arithmetic.Settings(sequences=30, steps=5)
    dataset = ArrayDataset(corpus="arithmetic", train=20, evaluation=10)
    data = prepare(tmp_path, arithmetic, settings, dataset, splits=3)
    assert (data.meta.target, data.meta.shape) == ("number", (5, 1))
    assert data.targets.splits.shape == (3, 30)
    whole = arithmetic.read(tmp_path / "raw")
    for part, count in (("train", 20), ("evaluation", 10)):
        samples = data.part(2, part)
        assert len(samples) == count
        np.testing.assert_array_equal(samples.x, whole.x[samples.id])
        np.testing.assert_array_equal(samples.y, whole.y[samples.id])


def test_every_split_of_a_generated_corpus_has_new_samples(tmp_path: Path) -> None:
    dataset = ArrayDataset(corpus="product", split="new", train=20, validation=5, evaluation=10)
    data = prepare(tmp_path / "a", product, product.Settings(steps=6), dataset, splits=3)
    assert (data.meta.target, data.meta.shape, data.meta.tolerance) == ("number", (6, 2), 0.04)
    parts = [
        data.part(split, part)
        for split in range(3)
        for part in ("train", "validation", "evaluation")
    ]
    assert [len(part) for part in parts] == [20, 5, 10] * 3
    assert len(set().union(*map(rows, parts))) == 3 * 35
    assert read_summary(tmp_path / "a" / "prepared").protocol == "new"
    # A split does not depend on the number of splits.
    fewer = prepare(tmp_path / "b", product, product.Settings(steps=6), dataset, splits=1)
    assert rows(fewer.part(0, "evaluation")) == rows(parts[2])
