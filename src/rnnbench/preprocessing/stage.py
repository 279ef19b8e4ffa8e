"""The preprocess stage: a fetched corpus -> one prepared dataset."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rnnbench import corpora
from rnnbench.core.errors import DataError
from rnnbench.corpora.base import ArrayCorpus, Documents, GeneratedCorpus, TextCorpus
from rnnbench.data.config import ArrayDataset, TextDataset
from rnnbench.data.format import Meta, Samples, write_dataset
from rnnbench.preprocessing.encoders import TextEncoder, fit_encoder
from rnnbench.preprocessing.keras_words import ranks_sha256, tokenize, word_index
from rnnbench.preprocessing.splits import block_splits, split_samples


def preprocess(dataset: ArrayDataset, raw: Path, directory: Path, seed: int, splits: int) -> None:
    """Write the dataset of the corpus in `raw` into the empty folder `directory`.

    seed, splits: what splits are drawn from, and how many.
    Raises DataError if the corpus is damaged, too small, or its word ids are not the published
    ones.
    """
    corpus: TextCorpus | ArrayCorpus | GeneratedCorpus = corpora.load(dataset.corpus).read(raw)
    if isinstance(corpus, GeneratedCorpus):
        count = dataset.train + dataset.validation + dataset.evaluation
        draws = [corpus.draw(count, np.random.default_rng([seed, n])) for n in range(splits)]
        _write_arrays(dataset, draws, block_splits(dataset, splits), directory)
    elif isinstance(corpus, ArrayCorpus):
        flags = split_samples(dataset, len(corpus.y), None, seed, splits)
        _write_arrays(dataset, [corpus], flags, directory)
    else:
        assert isinstance(dataset, TextDataset)
        _write_texts(dataset, corpus, raw, directory, seed, splits)


def _write_arrays(
    dataset: ArrayDataset,
    parts: list[ArrayCorpus],
    splits: NDArray[np.uint8],
    directory: Path,
) -> None:
    first = parts[0]
    x, y = (np.concatenate([getattr(part, name) for part in parts]) for name in "xy")
    meta = Meta(
        corpus=dataset.corpus,
        encoding=first.encoding,
        target=first.target,
        classes=first.classes,
        shape=x.shape[1:],
        vocabulary_size=len(first.classes),
        tolerance=first.tolerance,
    )
    samples = Samples(x, y, np.arange(len(y), dtype=np.int32))
    write_dataset(directory, meta, dataset.split, samples, splits)


def _write_texts(
    dataset: TextDataset, corpus: TextCorpus, raw: Path, directory: Path, seed: int, splits: int
) -> None:
    documents, vocabulary = corpus.documents, word_index(corpus.documents.texts)
    if corpus.ids_sha256 and ranks_sha256(documents, vocabulary) != corpus.ids_sha256:
        raise DataError(
            f"{raw}: the word ids differ from the published ones; "
            f"run rm -r {raw} && dvc repro, and report it if they still differ"
        )
    order = _order(dataset, corpus)
    groups = None if corpus.groups is None else corpus.groups[order]
    flags = split_samples(dataset, len(order), groups, seed, splits)
    encoder = fit_encoder(dataset, corpus, vocabulary)
    encoder.write(directory)
    shape: tuple[int | None, ...] = (dataset.length,)
    meta = Meta(
        corpus=dataset.corpus,
        encoding=dataset.encoding,
        target="binary" if len(corpus.classes) == 2 else "classes",
        classes=corpus.classes,
        shape=(*shape, 1) if dataset.encoding == "number" else shape,
        vocabulary_size=encoder.vocabulary_size,
        further_sets=tuple(corpus.further),
    )
    samples = _encoded(encoder, documents, order)
    write_dataset(directory, meta, dataset.split, samples, flags, _further(encoder, corpus))


def _order(dataset: TextDataset, corpus: TextCorpus) -> NDArray[np.int64]:
    """The document of each sample, shape (samples,), without texts that dataset.maxlen excludes."""
    if dataset.maxlen is None:
        return corpus.order
    # Keras counts the start token too.
    lengths = np.array([1 + len(tokenize(text)) for text in corpus.documents.texts])
    return corpus.order[lengths[corpus.order] < dataset.maxlen]


def _further(encoder: TextEncoder, corpus: TextCorpus) -> Iterator[tuple[str, Samples]]:
    """Encode one further evaluation set at a time."""
    for name, documents in corpus.further.items():
        yield name, _encoded(encoder, documents, np.arange(len(documents)))


def _encoded(encoder: TextEncoder, documents: Documents, order: NDArray[np.int64]) -> Samples:
    """The samples of the documents `order`, numbered in this order."""
    x = encoder.samples(documents.texts[row] for row in order.tolist())
    ids = np.arange(len(order), dtype=np.int32)
    return Samples(x, documents.labels[order].astype(np.uint8), ids)
