"""Text -> stored samples, for training data and for new text alike.

Protocol of tutorial A: ids as Keras's ``load_data`` gives them, ids <= 2 (padding, start,
out of vocabulary) dropped, then ``pad_sequences``. One-hot and multi-hot vectors are never
stored: a sample is its ids, and the network widens them batch by batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rnnbench.core.schema import Schema, read_json, write_json
from rnnbench.data.config import TextDataset
from rnnbench.data.ragged import Ragged, cut, distinct, joined, kept, pad
from rnnbench.preprocessing.keras_words import (
    INDEX_FROM,
    OUT_OF_VOCABULARY,
    keras_ids,
    rank_index,
    ranks,
)
from rnnbench.preprocessing.subwords import SubwordTokenizer

ENCODER, TOKENIZER = "encoder.json", "tokenizer.json"
# What Keras's tutorials print for a word outside the vocabulary.
UNKNOWN = "?"
_AT_ONCE = 1000


class TextEncoder(Protocol):
    """Turns raw text into samples exactly as one dataset was prepared."""

    @property
    def vocabulary_size(self) -> int:
        """The number of distinct ids, 0 (padding) included."""

    def encode(self, texts: Sequence[str]) -> NDArray[Any] | Ragged:
        """The samples of n texts, as the dataset stores them."""

    def decode(self, sample: NDArray[Any]) -> list[str]:
        """The tokens of one stored sample, without its padding."""

    def write(self, directory: Path) -> None:
        """Write what `read_encoder` reads into the folder of the prepared dataset."""


class _Record(Schema):
    """encoder.json: the dataset's settings, and the words by rank, if it is made of words."""

    dataset: TextDataset
    text_encoding: str
    escapes: dict[str, str]
    words: tuple[str, ...]


@dataclass(frozen=True)
class WordEncoder:
    """A `TextEncoder` with the word ids of Keras.

    text_encoding, escapes: as in `rnnbench.corpora.base.TextCorpus`; new text is escaped too.
    words: the words of ranks 1, 2, ..., as far as the dataset's vocabulary reaches.
    """

    dataset: TextDataset
    text_encoding: str
    escapes: dict[str, str]
    words: tuple[str, ...]

    @property
    def vocabulary_size(self) -> int:  # noqa: D102 - see TextEncoder
        return self.dataset.vocabulary_size or len(self.words) + INDEX_FROM + 1

    @cached_property
    def _index(self) -> dict[bytes, int]:
        return rank_index(word.encode(self.text_encoding) for word in self.words)

    def encode(self, texts: Sequence[str]) -> NDArray[Any] | Ragged:  # noqa: D102
        code, table = self.text_encoding, str.maketrans(self.escapes)
        escaped = (text.translate(table).encode(code, "replace") for text in texts)
        return arrange(self.ids(ranks(escaped, self._index)), self.dataset, self.vocabulary_size)

    def ids(self, documents: Iterable[NDArray[np.int32]]) -> Ragged:
        """The ids of n documents that the dataset stores, given the ranks of their words.

        Documents are taken a thousand at a time and reduced at once to the ids that are stored.
        Multi-hot: the distinct ids, ascending; with a length: so many ids at most.
        """
        return joined(map(self._ids, _batched(documents)), self.vocabulary_size)

    def _ids(self, documents: list[NDArray[np.int32]]) -> Ragged:
        dataset = self.dataset
        ids = keras_ids(documents, dataset.vocabulary_size, dataset.skip_top)
        ids = kept(ids, ids.values > dataset.drop_ids_up_to)
        if dataset.encoding == "multi_hot":
            return distinct(ids)
        return ids if dataset.length is None else cut(ids, dataset.length, dataset.padding)

    def decode(self, sample: NDArray[Any]) -> list[str]:  # noqa: D102
        names = {OUT_OF_VOCABULARY: UNKNOWN}
        names |= {i + INDEX_FROM + 1: word for i, word in enumerate(self.words)}
        return [names[i] for i in map(int, sample.ravel()) if i in names]

    def write(self, directory: Path) -> None:  # noqa: D102
        record = _Record(
            dataset=self.dataset,
            text_encoding=self.text_encoding,
            escapes=self.escapes,
            words=self.words,
        )
        write_json(directory / ENCODER, record)


@dataclass(frozen=True)
class SubwordEncoder:
    """A `TextEncoder` with the ids of a subword tokenizer."""

    dataset: TextDataset
    tokenizer: SubwordTokenizer

    @property
    def vocabulary_size(self) -> int:  # noqa: D102 - see TextEncoder
        return self.tokenizer.vocabulary_size

    def encode(self, texts: Sequence[str]) -> NDArray[Any] | Ragged:  # noqa: D102
        ids = Ragged.of(self.tokenizer.encode(texts), self.vocabulary_size)
        if self.dataset.encoding == "multi_hot":
            ids = distinct(ids)
        return arrange(ids, self.dataset, self.vocabulary_size)

    def decode(self, sample: NDArray[Any]) -> list[str]:  # noqa: D102
        return self.tokenizer.pieces(sample.ravel())

    def write(self, directory: Path) -> None:  # noqa: D102
        record = _Record(dataset=self.dataset, text_encoding="utf-8", escapes={}, words=())
        write_json(directory / ENCODER, record)
        self.tokenizer.write(directory / TOKENIZER)


def read_encoder(directory: Path) -> TextEncoder:
    """Read the encoder of a prepared dataset; raises DataError if it is damaged."""
    record = read_json(directory / ENCODER, _Record)
    if record.dataset.tokens == "subwords":
        return SubwordEncoder(record.dataset, SubwordTokenizer.read(directory / TOKENIZER))
    return WordEncoder(record.dataset, record.text_encoding, record.escapes, record.words)


def arrange(ids: Ragged, dataset: TextDataset, vocabulary_size: int) -> NDArray[Any] | Ragged:
    """Stored ids of n texts in their final shape.

    Without a length (multi-hot ones have none): ragged. Otherwise shape (n, length), or
    (n, length, 1) for numbers.
    """
    if dataset.length is None:
        return ids
    padded = pad(ids, dataset.length, dataset.padding, vocabulary_size)
    return padded[..., None] if dataset.encoding == "number" else padded


def _batched(documents: Iterable[NDArray[np.int32]]) -> Iterator[list[NDArray[np.int32]]]:
    rest = iter(documents)
    while batch := list(islice(rest, _AT_ONCE)):
        yield batch
