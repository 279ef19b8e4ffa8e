"""Text -> stored samples, for training data and for new text alike.

Word ids are those of Keras's ``load_data``; ids up to dataset.drop_ids_up_to (padding, start and
unknown words) are dropped before ``pad_sequences``, as in tutorial A. One-hot and multi-hot
vectors are never stored: a sample is its ids, which the network widens batch by batch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from rnnbench.core.schema import Schema, read_json, write_json
from rnnbench.corpora.base import TextCorpus
from rnnbench.data.config import TextDataset
from rnnbench.data.ragged import Ragged, concatenate, mask_values, pad, truncate, unique
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
# Documents held in memory at a time; 70 bytes or more per subword.
_BATCH = 1000

_T = TypeVar("_T")


class _Record(Schema):
    """encoder.json: the dataset's settings, and the words by rank, if it is made of words."""

    dataset: TextDataset
    text_encoding: str
    escapes: dict[str, str]
    words: tuple[str, ...]


@dataclass(frozen=True)
class TextEncoder(ABC):
    """Turns raw text into samples exactly as one dataset was prepared.

    text_encoding, escapes: `encoding` and `escapes` of `rnnbench.corpora.base.TextCorpus`.
    """

    dataset: TextDataset
    text_encoding: str
    escapes: dict[str, str]

    @property
    @abstractmethod
    def vocabulary_size(self) -> int:
        """The number of distinct ids, 0 (padding) included."""

    def encode(self, texts: Iterable[str]) -> NDArray[Any] | Ragged:
        """The samples of n new texts, in the form of `rnnbench.data.format.Samples.x`."""
        table = str.maketrans(self.escapes)
        escaped = (text.translate(table) for text in texts)
        return self.samples(text.encode(self.text_encoding, "replace") for text in escaped)

    def samples(self, texts: Iterable[bytes]) -> NDArray[Any] | Ragged:
        """The samples of n texts of the corpus, read a batch at a time."""
        ids = concatenate(map(self._ids, batched(texts)), self.vocabulary_size)
        return arrange(ids, self.dataset)

    @abstractmethod
    def decode(self, sample: NDArray[Any]) -> list[str]:
        """The tokens of one stored sample, without its padding."""

    def write(self, directory: Path) -> None:
        """Write the files that `read_encoder` reads into the folder of the prepared dataset."""
        record = _Record(
            dataset=self.dataset,
            text_encoding=self.text_encoding,
            escapes=self.escapes,
            words=self._words(),
        )
        write_json(directory / ENCODER, record)

    @abstractmethod
    def _ids(self, texts: list[bytes]) -> Ragged:
        """The ids of one batch of texts, as far as the samples need them."""

    def _words(self) -> tuple[str, ...]:
        return ()


@dataclass(frozen=True)
class WordEncoder(TextEncoder):
    """A `TextEncoder` with the word ids of Keras.

    words: the words of ranks 1, 2, ..., as far as the dataset's vocabulary reaches.
    """

    words: tuple[str, ...]

    @property
    def vocabulary_size(self) -> int:  # noqa: D102 - see TextEncoder
        return self.dataset.vocabulary_size or len(self.words) + INDEX_FROM + 1

    def decode(self, sample: NDArray[Any]) -> list[str]:  # noqa: D102
        names = {OUT_OF_VOCABULARY: UNKNOWN}
        names |= {i + INDEX_FROM + 1: word for i, word in enumerate(self.words)}
        return [names[i] for i in map(int, sample.ravel()) if i in names]

    def ids_of_ranks(self, documents: list[NDArray[np.int32]]) -> Ragged:
        """The ids that the dataset stores of documents, given the ranks of their words.

        Multi-hot: the distinct ids, ascending; with a length: at most that many ids.
        """
        dataset = self.dataset
        ids = keras_ids(documents, dataset.vocabulary_size, dataset.skip_top)
        ids = mask_values(ids, ids.values > dataset.drop_ids_up_to)
        if dataset.encoding == "multi_hot":
            return unique(ids)
        return ids if dataset.length is None else truncate(ids, dataset.length, dataset.padding)

    def _ids(self, texts: list[bytes]) -> Ragged:
        return self.ids_of_ranks(list(ranks(texts, self._index)))

    @cached_property
    def _index(self) -> dict[bytes, int]:
        return rank_index(word.encode(self.text_encoding) for word in self.words)

    def _words(self) -> tuple[str, ...]:
        return self.words


@dataclass(frozen=True)
class SubwordEncoder(TextEncoder):
    """A `TextEncoder` with the ids of a subword tokenizer."""

    tokenizer: SubwordTokenizer

    @property
    def vocabulary_size(self) -> int:  # noqa: D102 - see TextEncoder
        return self.tokenizer.vocabulary_size

    def decode(self, sample: NDArray[Any]) -> list[str]:  # noqa: D102
        return self.tokenizer.pieces(sample.ravel())

    def write(self, directory: Path) -> None:  # noqa: D102
        super().write(directory)
        self.tokenizer.write(directory / TOKENIZER)

    def _ids(self, texts: list[bytes]) -> Ragged:
        encoded = self.tokenizer.encode([text.decode(self.text_encoding) for text in texts])
        ids = Ragged.of(encoded, self.vocabulary_size)
        return unique(ids) if self.dataset.encoding == "multi_hot" else ids


def fit_encoder(
    dataset: TextDataset,
    corpus: TextCorpus,
    vocabulary: list[bytes],
    training: NDArray[np.int64],
) -> TextEncoder:
    """The encoder of a dataset.

    vocabulary: all words of the corpus by rank. As in Keras, the evaluation texts count too.
    training: numbers of the training documents, of which alone subwords are learned.
    """
    code, size = corpus.encoding, dataset.vocabulary_size
    if dataset.tokens == "subwords":
        texts = (corpus.documents.texts[i].decode(code) for i in training)
        tokenizer = SubwordTokenizer.train(texts, size or 0)
        return SubwordEncoder(dataset, code, corpus.escapes, tokenizer)
    known = vocabulary if size is None else vocabulary[: size - INDEX_FROM - 1]
    words = tuple(word.decode(code) for word in known)
    return WordEncoder(dataset, code, corpus.escapes, words)


def read_encoder(directory: Path) -> TextEncoder:
    """Read the encoder of a prepared dataset; raises DataError if it is damaged."""
    record = read_json(directory / ENCODER, _Record)
    common = record.dataset, record.text_encoding, record.escapes
    if record.dataset.tokens == "subwords":
        return SubwordEncoder(*common, SubwordTokenizer.read(directory / TOKENIZER))
    return WordEncoder(*common, record.words)


def arrange(ids: Ragged, dataset: TextDataset) -> NDArray[Any] | Ragged:
    """The ids of n texts in the form in which they are stored.

    Without a length (multi-hot ids have none): ragged. Otherwise shape (n, length), or
    (n, length, 1) for numbers.
    """
    if dataset.length is None:
        return ids
    padded = pad(ids, dataset.length, dataset.padding)
    return padded[..., None] if dataset.encoding == "number" else padded


def batched(items: Iterable[_T]) -> Iterator[list[_T]]:
    """Lists of a thousand items; the last one may be shorter."""
    rest = iter(items)
    while batch := list(islice(rest, _BATCH)):
        yield batch
