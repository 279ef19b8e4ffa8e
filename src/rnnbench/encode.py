"""Word ranks -> stored samples, for training data and for new text alike.

Protocol of tutorial A: ids as Keras's ``load_data`` gives them, ids <= 2 (padding, start,
out of vocabulary) dropped, then ``pad_sequences``. One-hot vectors are never stored: a sample
is its ids, and the network widens them batch by batch.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnbench.errors import DataError
from rnnbench.prepared import Meta, read_meta
from rnnbench.tokens import INDEX_FROM, OUT_OF_VOCABULARY, keras_ids, ranks

VOCABULARY = "vocabulary.json"


def pad(
    sequences: Iterable[NDArray[np.int32]], count: int, length: int, side: str, depth: int
) -> NDArray[Any]:
    """Stack `count` sequences into shape (count, length), filled with 0 and cut on one side.

    The dtype is the smallest unsigned integer that holds `depth` - 1. Same result as Keras's
    ``pad_sequences(maxlen=length, padding=side, truncating=side)``.
    """
    padded = np.zeros((count, length), dtype=np.min_scalar_type(depth - 1))
    for row, sequence in zip(padded, sequences, strict=True):
        if side == "pre":
            kept = sequence[-length:]
            row[length - len(kept) :] = kept
        else:
            kept = sequence[:length]
            row[: len(kept)] = kept
    return padded


def encode_ranks(documents: Sequence[NDArray[np.int32]], meta: Meta) -> NDArray[Any]:
    """Samples of shape (n, length) from the word ranks of n documents."""

    def kept(document: NDArray[np.int32]) -> NDArray[np.int32]:
        ids = keras_ids(document, meta.depth, meta.skip_top)
        return ids[ids > OUT_OF_VOCABULARY]

    (length,) = meta.shape
    return pad(map(kept, documents), len(documents), length, meta.padding, meta.depth)


@dataclass(frozen=True)
class TextEncoder:
    """Turns raw text into samples exactly as one dataset was prepared.

    words: the words of ranks 1, 2, ..., as far as the dataset's vocabulary reaches.
    """

    meta: Meta
    words: tuple[str, ...]

    def encode(self, texts: Sequence[str]) -> NDArray[Any]:
        """Samples of shape (n, length) from n texts."""
        code = self.meta.text_encoding
        words = [word.encode(code) for word in self.words]
        documents = list(ranks((text.encode(code, "replace") for text in texts), words))
        return encode_ranks(documents, self.meta)

    def decode(self, sample: NDArray[Any]) -> list[str]:
        """The words of one sample, shape (length,), without its padding."""
        return [self.words[i - INDEX_FROM - 1] for i in map(int, sample) if i > INDEX_FROM]

    def write(self, directory: Path) -> None:
        """Write the vocabulary beside meta.json."""
        text = json.dumps(self.words, ensure_ascii=False, indent=0) + "\n"
        (directory / VOCABULARY).write_text(text, encoding="utf-8")

    @classmethod
    def read(cls, directory: Path) -> TextEncoder:
        """Read the encoder of a prepared dataset; raises DataError if it is damaged."""
        path = directory / VOCABULARY
        try:
            words = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(f"{path}: not a readable vocabulary ({error})") from error
        return cls(read_meta(directory), tuple(words))
