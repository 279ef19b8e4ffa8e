"""The preprocess stage: a fetched corpus -> one prepared dataset."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnbench import corpora
from rnnbench.core.errors import DataError
from rnnbench.corpora.base import ArrayCorpus, TextCorpus
from rnnbench.data.config import ArrayDataset, TextDataset
from rnnbench.data.format import Meta, Samples, write_meta, write_samples
from rnnbench.data.ragged import Ragged, chosen
from rnnbench.preprocessing.encoders import SubwordEncoder, WordEncoder, arrange
from rnnbench.preprocessing.keras_words import (
    INDEX_FROM,
    RanksDigest,
    rank_index,
    ranks,
    word_index,
)
from rnnbench.preprocessing.subwords import SubwordTokenizer

Parts = dict[str, NDArray[np.int32]]


def split(count: int, dataset: ArrayDataset, seed: int) -> Parts:
    """Sample numbers below `count`, ascending: {"train": (train,), "evaluation": (evaluation,)}.

    A random evaluation part depends on `count`, dataset.evaluation and `seed` stage_lock, so that all
    datasets of a corpus share it, whatever their encoding and training size.
    Raises DataError if the corpus is too small.
    """
    train, evaluation = dataset.train, dataset.evaluation
    needed = max(train, evaluation) if dataset.split == "same" else train + evaluation
    if needed > count:
        raise DataError(
            f"train {train} and evaluation {evaluation} need {needed} samples, but the corpus "
            f"has {count} for this dataset"
        )
    order = np.arange(count, dtype=np.int32)
    if dataset.split == "same":
        return {"train": order[:train], "evaluation": order[:evaluation]}
    if dataset.split == "last":
        return {"train": order[:train], "evaluation": order[count - evaluation :]}
    order = np.random.default_rng(seed).permutation(order)
    return {
        "train": np.sort(order[evaluation : evaluation + train]),
        "evaluation": np.sort(order[:evaluation]),
    }


def preprocess(dataset: ArrayDataset, raw: Path, directory: Path, seed: int) -> Meta:
    """Write the prepared dataset into the empty folder `directory`.

    Raises DataError if the corpus is damaged, too small, or its ids are not the published ones.
    """
    corpus: TextCorpus | ArrayCorpus = corpora.load(dataset.corpus).read(raw)
    if isinstance(corpus, ArrayCorpus):
        meta = _arrays(dataset, corpus, directory, seed)
    else:
        if not isinstance(dataset, TextDataset):
            raise TypeError(f"{dataset.corpus}: a corpus of texts needs a TextDataset")
        meta = _texts(dataset, corpus, raw, directory, seed)
    write_meta(directory, meta)
    return meta


def _arrays(dataset: ArrayDataset, corpus: ArrayCorpus, directory: Path, seed: int) -> Meta:
    for name, ids in split(len(corpus.y), dataset, seed).items():
        write_samples(directory, name, Samples(corpus.x[ids], corpus.y[ids], ids))
    return Meta(
        corpus=dataset.corpus,
        encoding=corpus.encoding,
        target=corpus.target,
        classes=corpus.classes,
        shape=corpus.x.shape[1:],
        vocabulary_size=len(corpus.classes),
        tolerance=corpus.tolerance,
    )


def _texts(dataset: TextDataset, corpus: TextCorpus, raw: Path, directory: Path, seed: int) -> Meta:
    documents, order = corpus.documents, corpus.order
    words = word_index(documents.texts)
    index = rank_index(words)
    lengths = np.zeros(len(documents), np.int64)

    def document_ranks() -> Iterator[NDArray[np.int32]]:
        digest = RanksDigest()
        for number, found in enumerate(ranks(documents.texts, index)):
            if corpus.ids_sha256:
                digest.add(documents.labels[number], found)
            # Keras counts the start token too.
            lengths[number] = 1 + len(found)
            yield found
        if corpus.ids_sha256 and digest.sha256 != corpus.ids_sha256:
            raise DataError(f"{raw}: the word ids are not the published ones; remove it and repeat")

    def texts_of(rows: NDArray[np.int64]) -> list[str]:
        return [documents.texts[i].decode(corpus.encoding) for i in rows]

    encoder: WordEncoder | SubwordEncoder
    if dataset.tokens == "subwords":
        if corpus.ids_sha256:
            # Their digest is compared, and nothing else is done with them.
            deque(document_ranks(), maxlen=0)
        parts = split(len(order), dataset, seed)
        training = texts_of(order[parts["train"]])
        learned = SubwordTokenizer.train(training, dataset.vocabulary_size or 0)
        encoder = SubwordEncoder(dataset, learned)
    else:
        size = dataset.vocabulary_size
        known = words if size is None else words[: size - INDEX_FROM - 1]
        names = tuple(word.decode(corpus.encoding) for word in known)
        encoder = WordEncoder(dataset, corpus.encoding, corpus.escapes, names)
        # In the order of their file: all texts together are never held.
        stored = encoder.ids(document_ranks())
        if dataset.maxlen is not None:
            order = order[lengths[order] < dataset.maxlen]
        parts = split(len(order), dataset, seed)

    def encoded(rows: NDArray[np.int64]) -> NDArray[Any] | Ragged:
        if isinstance(encoder, WordEncoder):
            return arrange(chosen(stored, rows), dataset, encoder.vocabulary_size)
        return encoder.encode(texts_of(rows))

    for name, ids in parts.items():
        rows = order[ids]
        y = documents.labels[rows].astype(np.uint8)
        write_samples(directory, name, Samples(encoded(rows), y, ids))
    if corpus.out_of_domain:
        name, others = corpus.out_of_domain
        x = (
            arrange(encoder.ids(ranks(others.texts, index)), dataset, encoder.vocabulary_size)
            if isinstance(encoder, WordEncoder)
            else encoder.encode([text.decode(corpus.encoding) for text in others.texts])
        )
        numbers = np.arange(len(others), dtype=np.int32)
        write_samples(directory, name, Samples(x, others.labels.astype(np.uint8), numbers))
    encoder.write(directory)
    shape: tuple[int | None, ...] = (dataset.length,)
    return Meta(
        corpus=dataset.corpus,
        encoding=dataset.encoding,
        target="binary" if len(corpus.classes) == 2 else "classes",
        classes=corpus.classes,
        shape=(*shape, 1) if dataset.encoding == "number" else shape,
        vocabulary_size=encoder.vocabulary_size,
        out_of_domain=corpus.out_of_domain[0] if corpus.out_of_domain else None,
    )
