"""The preprocess stage: a fetched corpus -> one prepared dataset."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rnnbench import corpora
from rnnbench.core.errors import DataError
from rnnbench.corpora.base import ArrayCorpus, TextCorpus
from rnnbench.data.config import ArrayDataset, TextDataset
from rnnbench.data.format import Meta, Samples, write_dataset
from rnnbench.preprocessing.encoders import TextEncoder, fit_encoder
from rnnbench.preprocessing.keras_words import ranks_sha256, tokenize, word_index

Parts = dict[str, NDArray[np.int32]]


def preprocess(dataset: ArrayDataset, raw: Path, directory: Path, seed: int) -> None:
    """Write the dataset of the corpus in `raw` into the empty folder `directory`.

    Raises DataError if the corpus is damaged, too small, or its word ids are not the published
    ones.
    """
    corpus: TextCorpus | ArrayCorpus = corpora.load(dataset.corpus).read(raw)
    if isinstance(corpus, ArrayCorpus):
        _write_arrays(dataset, corpus, directory, seed)
        return
    assert isinstance(dataset, TextDataset)
    documents, vocabulary = corpus.documents, word_index(corpus.documents.texts)
    if corpus.ids_sha256 and ranks_sha256(documents, vocabulary) != corpus.ids_sha256:
        raise DataError(
            f"{raw}: the word ids differ from the published ones; delete it and run dvc repro"
        )
    _write_texts(dataset, corpus, vocabulary, directory, seed)


def split(count: int, dataset: ArrayDataset, seed: int) -> Parts:
    """Sample numbers below `count`, ascending: {"train": (train,), "evaluation": (evaluation,)}.

    A random evaluation split depends only on `count`, dataset.evaluation and `seed`, so that all
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


def _write_arrays(dataset: ArrayDataset, corpus: ArrayCorpus, directory: Path, seed: int) -> None:
    parts = split(len(corpus.y), dataset, seed)
    meta = Meta(
        corpus=dataset.corpus,
        encoding=corpus.encoding,
        target=corpus.target,
        classes=corpus.classes,
        shape=corpus.x.shape[1:],
        vocabulary_size=len(corpus.classes),
        tolerance=corpus.tolerance,
    )
    splits = ((name, Samples(corpus.x[ids], corpus.y[ids], ids)) for name, ids in parts.items())
    write_dataset(directory, meta, splits)


def _write_texts(
    dataset: TextDataset, corpus: TextCorpus, vocabulary: list[bytes], directory: Path, seed: int
) -> None:
    order = _order(dataset, corpus)
    parts = split(len(order), dataset, seed)
    encoder = fit_encoder(dataset, corpus, vocabulary, order[parts["train"]])
    encoder.write(directory)
    shape: tuple[int | None, ...] = (dataset.length,)
    meta = Meta(
        corpus=dataset.corpus,
        encoding=dataset.encoding,
        target="binary" if len(corpus.classes) == 2 else "classes",
        classes=corpus.classes,
        shape=(*shape, 1) if dataset.encoding == "number" else shape,
        vocabulary_size=encoder.vocabulary_size,
        out_of_domain=corpus.out_of_domain[0] if corpus.out_of_domain else None,
    )
    write_dataset(directory, meta, _text_splits(corpus, encoder, order, parts))


def _order(dataset: TextDataset, corpus: TextCorpus) -> NDArray[np.int64]:
    """The document of each sample, shape (samples,), without texts that dataset.maxlen excludes."""
    if dataset.maxlen is None:
        return corpus.order
    # Keras counts the start token too.
    lengths = np.array([1 + len(tokenize(text)) for text in corpus.documents.texts])
    return corpus.order[lengths[corpus.order] < dataset.maxlen]


def _text_splits(
    corpus: TextCorpus, encoder: TextEncoder, order: NDArray[np.int64], parts: Parts
) -> Iterator[tuple[str, Samples]]:
    """Encode one split at a time."""
    documents = {name: (corpus.documents, order[ids], ids) for name, ids in parts.items()}
    if corpus.out_of_domain:
        name, others = corpus.out_of_domain
        rows = np.arange(len(others))
        documents[name] = others, rows, rows.astype(np.int32)
    for name, (source, rows, ids) in documents.items():
        x = encoder.samples(source.texts[row] for row in rows.tolist())
        yield name, Samples(x, source.labels[rows].astype(np.uint8), ids)
