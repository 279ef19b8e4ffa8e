"""From raw text to the word ids of Keras's text datasets, byte for byte.

Source: keras.preprocessing.text (Keras 2) under CPython 2.7, which made the published word
indexes, and keras.datasets.imdb.load_data and reuters.load_data, which return the ids.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from rnnbench.corpora.base import Documents
from rnnbench.preprocessing.python2_dict import iteration_order

START = 1
OUT_OF_VOCABULARY = 2
INDEX_FROM = 3

_SEPARATORS = b'!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
# bytes.lower, unlike str.lower, changes ASCII letters only, as CPython 2.7 did.
_NORMALIZED = (
    bytes(range(256)).lower().translate(bytes.maketrans(_SEPARATORS, b" " * len(_SEPARATORS)))
)


def tokenize(text: bytes) -> list[bytes]:
    """The words of a text, in order.

    ASCII letters are lower-cased, punctuation other than the apostrophe, tab and newline separate
    words; every other byte, such as a carriage return or part of a UTF-8 sequence, belongs to one.
    """
    return [word for word in text.translate(_NORMALIZED).split(b" ") if word]


def word_index(texts: Iterable[bytes]) -> list[bytes]:
    """The distinct words by rank: item r - 1 is the word of rank r.

    The most frequent word comes first; words of equal counts are in the order of a CPython 2.7
    dict to which they were added in the order of the texts.
    """
    counts: Counter[bytes] = Counter()
    for text in texts:
        counts.update(tokenize(text))
    return sorted(iteration_order(counts), key=counts.__getitem__, reverse=True)


def rank_index(words: Iterable[bytes]) -> dict[bytes, int]:
    """The rank of each word: 1, 2, ..., in the given order."""
    return {word: rank for rank, word in enumerate(words, start=1)}


def ranks(texts: Iterable[bytes], index: Mapping[bytes, int]) -> Iterator[NDArray[np.int32]]:
    """For each text the ranks of its words, shape (words of the text,), int32.

    index: ranks by word, from `rank_index`. A word that it lacks has rank 0, so that every array
    is as long as its text. Texts are read one at a time.
    """
    for text in texts:
        tokens = tokenize(text)
        yield np.fromiter((index.get(word, 0) for word in tokens), np.int32, len(tokens))


def ranks_sha256(documents: Documents, vocabulary: Iterable[bytes]) -> str:
    """The sha256, in hexadecimal, of all word ranks: one line per document, ``label rank ...``.

    vocabulary: the words by rank, as `word_index` returns them.
    """
    digest = hashlib.sha256()
    arrays = ranks(documents.texts, rank_index(vocabulary))
    for label, document in zip(documents.labels.tolist(), arrays, strict=True):
        digest.update((" ".join(map(str, [label, *document.tolist()])) + "\n").encode())
    return digest.hexdigest()


def keras_ids(
    ranks: NDArray[np.int32], vocabulary_size: int | None, skip_top: int
) -> NDArray[np.int32]:
    """The ids of a document in Keras's ``load_data``, given the ranks of its w words.

    Shape (w + 1,): START, then INDEX_FROM + rank for each word. An id, START included, becomes
    OUT_OF_VOCABULARY unless skip_top <= id < vocabulary_size; so does rank 0, an unknown word. None
    is no upper limit, whereas ``num_words=None`` in Keras still replaces the very last id.
    """
    ids = np.empty(len(ranks) + 1, np.int32)
    ids[0], ids[1:] = START, ranks + INDEX_FROM
    unknown = (ids < skip_top) | (ids == INDEX_FROM)
    if vocabulary_size is not None:
        unknown |= ids >= vocabulary_size
    ids[unknown] = OUT_OF_VOCABULARY
    return ids
