"""The preprocess stage: a fetched corpus -> one prepared dataset."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rnnbench import corpora
from rnnbench.corpora.base import TextCorpus
from rnnbench.datasets import Dataset
from rnnbench.encode import TextEncoder, encode_ranks
from rnnbench.errors import DataError
from rnnbench.prepared import Meta, Samples, write_meta, write_samples
from rnnbench.tokens import INDEX_FROM, ranks, ranks_sha256, word_index


def split(count: int, train: int, evaluation: int, seed: int) -> dict[str, NDArray[np.int32]]:
    """Disjoint random sample numbers, sorted: {"train": (train,), "evaluation": (evaluation,)}.

    The evaluation part depends on `count`, `evaluation` and `seed` alone, so that all datasets
    of a corpus share it, whatever their encoding and training size.
    Raises DataError if the corpus is too small.
    """
    if train + evaluation > count:
        raise DataError(
            f"train + evaluation = {train + evaluation}, but the corpus has {count} samples"
        )
    order = np.random.default_rng(seed).permutation(count).astype(np.int32)
    return {
        "train": np.sort(order[evaluation : evaluation + train]),
        "evaluation": np.sort(order[:evaluation]),
    }


def preprocess(dataset: Dataset, raw: Path, directory: Path, seed: int) -> Meta:
    """Write the prepared dataset into the empty folder `directory`.

    Raises DataError if the corpus is damaged, too small, or its ids are not the published ones.
    """
    corpus: TextCorpus = corpora.load(dataset.corpus).read(raw)
    documents = corpus.documents
    words = word_index(documents.texts)
    document_ranks = list(ranks(documents.texts, words))
    if corpus.ids_sha256 and ranks_sha256(documents.labels, document_ranks) != corpus.ids_sha256:
        raise DataError(f"{raw}: the word ids are not the published ones; remove it and repeat")

    parts = split(len(documents), dataset.train, dataset.evaluation, seed)
    labels = documents.labels[corpus.order]
    shares = np.bincount(labels[parts["evaluation"]]) / dataset.evaluation
    meta = Meta(
        corpus=dataset.corpus,
        encoding=dataset.encoding,
        target="binary",
        classes=corpus.classes,
        shape=(dataset.length,),
        depth=dataset.vocabulary_size,
        skip_top=dataset.skip_top,
        padding=dataset.padding,
        text_encoding=corpus.encoding,
        majority=float(shares.max()),
    )
    for name, ids in parts.items():
        chosen = [document_ranks[i] for i in corpus.order[ids]]
        x = encode_ranks(chosen, meta)
        write_samples(directory, name, Samples(x, labels[ids].astype(np.uint8), ids))
    known = words[: dataset.vocabulary_size - INDEX_FROM - 1]
    TextEncoder(meta, tuple(w.decode(corpus.encoding) for w in known)).write(directory)
    write_meta(directory, meta)
    return meta
