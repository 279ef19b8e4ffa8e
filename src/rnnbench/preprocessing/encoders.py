"""Text -> stored samples, for training data and for new text alike.

Word ids are those of Keras's ``load_data``; ids up to dataset.drop_ids_up_to (padding, start and
unknown words) are dropped before ``pad_sequences``, as in tutorial A. One-hot and multi-hot
vectors are never stored: a sample is its ids, which the network widens batch by batch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from rnnbench.core.schema import Schema, read_json, write_json
from rnnbench.corpora.base import TextCorpus
from rnnbench.data.config import TextDataset
from rnnbench.data.format import split_folder
from rnnbench.data.ragged import Ragged, id_dtype
from rnnbench.preprocessing import subwords
from rnnbench.preprocessing.keras_words import (
    INDEX_FROM,
    OUT_OF_VOCABULARY,
    keras_ids,
    rank_index,
    ranks,
)

ENCODER, TOKENIZER = "encoder.json", "tokenizer.json"
# What Keras's tutorials print for a word outside the vocabulary.
UNKNOWN = "?"


class _Record(Schema):
    """encoder.json: the fields of a `TextEncoder`."""

    dataset: TextDataset
    text_encoding: str
    escapes: dict[str, str]
    words: tuple[str, ...]


@dataclass(frozen=True)
class TextEncoder(ABC):
    """Turns raw text into samples exactly as one dataset was prepared.

    text_encoding, escapes: `encoding` and `escapes` of `rnnbench.corpora.base.TextCorpus`.
    words: the words of ranks 1, 2, ..., as far as the vocabulary reaches; empty for subwords.
    """

    dataset: TextDataset
    text_encoding: str
    escapes: dict[str, str]
    words: tuple[str, ...]

    @property
    @abstractmethod
    def vocabulary_size(self) -> int:
        """The number of distinct ids, 0 (padding) included."""

    @abstractmethod
    def decode(self, sample: NDArray[Any]) -> list[str]:
        """The tokens of one stored sample, without its padding, as readable text."""

    def text(self, sample: NDArray[Any]) -> str:
        """The text of one stored sample."""
        return " ".join(self.decode(sample))

    @abstractmethod
    def _ids(self, texts: Iterable[bytes]) -> Iterator[NDArray[np.int32]]:
        """All ids of each text, shape (ids,)."""

    def encode(self, texts: Iterable[str]) -> NDArray[Any] | Ragged:
        """The samples of n new texts, in the form of `rnnbench.data.format.Samples.x`."""
        table = str.maketrans(self.escapes)
        escaped = (text.translate(table) for text in texts)
        return self.samples(text.encode(self.text_encoding, "replace") for text in escaped)

    def samples(self, texts: Iterable[bytes]) -> NDArray[Any] | Ragged:
        """The samples of n texts of the corpus, which are read one by one.

        Without a length: ragged; multi-hot: the distinct ids of each text, ascending. Otherwise
        shape (n, length), or (n, length, 1) for numbers, padded and truncated on one side.
        """
        dataset, ids = self.dataset, self._ids(texts)
        if dataset.encoding == "multi_hot":
            ids = map(np.unique, ids)
        if dataset.length is None:
            return Ragged.of(ids, self.vocabulary_size)
        dtype = id_dtype(self.vocabulary_size)
        rows = [_pad(document, dataset.length, dataset.padding, dtype) for document in ids]
        padded = np.array(rows).reshape(-1, dataset.length)
        return padded[..., None] if dataset.encoding == "number" else padded

    def write(self, directory: Path) -> None:
        """Write the files that `read_encoder` reads into the folder of the prepared dataset."""
        record = _Record(
            dataset=self.dataset,
            text_encoding=self.text_encoding,
            escapes=self.escapes,
            words=self.words,
        )
        write_json(directory / ENCODER, record)


@dataclass(frozen=True)
class WordEncoder(TextEncoder):
    """A `TextEncoder` with the word ids of Keras."""

    @property
    def vocabulary_size(self) -> int:  # noqa: D102 - see TextEncoder
        return self.dataset.vocabulary_size or len(self.words) + INDEX_FROM + 1

    def decode(self, sample: NDArray[Any]) -> list[str]:  # noqa: D102
        names = {OUT_OF_VOCABULARY: UNKNOWN}
        names |= {i + INDEX_FROM + 1: word for i, word in enumerate(self.words)}
        return [names[i] for i in map(int, sample.ravel()) if i in names]

    def _ids(self, texts: Iterable[bytes]) -> Iterator[NDArray[np.int32]]:
        dataset = self.dataset
        for document in ranks(texts, self._index):
            ids = keras_ids(document, dataset.vocabulary_size, dataset.skip_top)
            yield ids[ids > dataset.drop_ids_up_to]

    @cached_property
    def _index(self) -> dict[bytes, int]:
        return rank_index(word.encode(self.text_encoding) for word in self.words)


@dataclass(frozen=True)
class SubwordEncoder(TextEncoder):
    """A `TextEncoder` with the ids of `rnnbench.preprocessing.subwords`."""

    tokenizer: Tokenizer

    @property
    def vocabulary_size(self) -> int:  # noqa: D102 - see TextEncoder
        return self.tokenizer.get_vocab_size() + 1

    def decode(self, sample: NDArray[Any]) -> list[str]:  # noqa: D102
        return [subwords.decode(self.tokenizer, i) for i in np.trim_zeros(sample)[:, None]]

    def text(self, sample: NDArray[Any]) -> str:  # noqa: D102
        return subwords.decode(self.tokenizer, sample)

    def write(self, directory: Path) -> None:  # noqa: D102
        super().write(directory)
        subwords.write(self.tokenizer, directory / TOKENIZER)

    def _ids(self, texts: Iterable[bytes]) -> Iterator[NDArray[np.int32]]:
        return subwords.encode(self.tokenizer, (text.decode(self.text_encoding) for text in texts))


def _pad(ids: NDArray[np.int32], length: int, side: str, dtype: np.dtype[Any]) -> NDArray[Any]:
    """The ids, shape (length,): padded with 0, or truncated, on one side ("pre" or "post")."""
    row = np.zeros(length, dtype)
    if side == "post":
        row[: len(ids)] = ids[:length]
    elif len(ids):
        row[-len(ids) :] = ids[-length:]
    return row


def fit_encoder(
    dataset: TextDataset, corpus: TextCorpus, texts: Sequence[bytes], vocabulary: Sequence[bytes]
) -> TextEncoder:
    """The encoder of a dataset.

    texts: what subwords are learned from. vocabulary: all words of these texts by rank.
    """
    code, size = corpus.encoding, dataset.vocabulary_size
    if dataset.tokens == "subwords":
        tokenizer = subwords.train((text.decode(code) for text in texts), size or 0)
        return SubwordEncoder(dataset, code, corpus.escapes, (), tokenizer)
    known = vocabulary if size is None else vocabulary[: size - INDEX_FROM - 1]
    words = tuple(word.decode(code) for word in known)
    return WordEncoder(dataset, code, corpus.escapes, words)


def has_encoder(directory: Path) -> bool:
    """Whether a prepared dataset consists of texts."""
    return (split_folder(directory, 0) / ENCODER).exists()


def read_encoder(directory: Path, split: int = 0) -> TextEncoder:
    """Read the encoder of one split of a prepared dataset, by default the first.

    Raises DataError if it is missing or damaged.
    """
    directory = split_folder(directory, split)
    record = read_json(directory / ENCODER, _Record)
    fields = record.dataset, record.text_encoding, record.escapes, record.words
    if record.dataset.tokens == "subwords":
        return SubwordEncoder(*fields, subwords.read(directory / TOKENIZER))
    return WordEncoder(*fields)
