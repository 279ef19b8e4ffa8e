"""What params.yaml alone says about the samples of a dataset."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from rnnbench import corpora
from rnnbench.core.schema import Schema
from rnnbench.corpora.base import ArrayCorpus, GeneratedCorpus
from rnnbench.data.config import ArrayDataset, TextDataset
from rnnbench.data.format import Meta

# The fewest ids that a vocabulary of words or of subwords can have.
_MIN_WORDS, _MIN_SUBWORDS = 4, 257


def probe_meta(settings: Mapping[str, Schema], dataset: ArrayDataset | None) -> Meta | None:
    """The `Meta` to build a network with before there is data; None if the dataset has errors.

    settings: those of the corpora. Whatever the texts are, two classes stand for theirs, and the
    vocabulary is the smallest possible one if they determine it.
    """
    if dataset is None or dataset.corpus not in settings:
        return None
    if isinstance(dataset, TextDataset):
        shape: tuple[int | None, ...] = (dataset.length,)
        return Meta(
            corpus=dataset.corpus,
            encoding=dataset.encoding,
            target="binary",
            classes=("", ""),
            shape=(*shape, 1) if dataset.encoding == "number" else shape,
            vocabulary_size=_vocabulary_size(dataset),
        )
    corpus = _arrays(dataset.corpus, settings[dataset.corpus])
    return Meta(
        corpus=dataset.corpus,
        encoding=corpus.encoding,
        target=corpus.target,
        classes=corpus.classes,
        shape=corpus.x.shape[1:],
        vocabulary_size=len(corpus.classes),
        tolerance=corpus.tolerance,
    )


def _vocabulary_size(dataset: TextDataset) -> int:
    if dataset.tokens == "words":
        return dataset.vocabulary_size or _MIN_WORDS
    # Vectors have a column per subword, and padding has one.
    return _MIN_SUBWORDS if dataset.encoding == "index" else (dataset.vocabulary_size or 0) + 1


def _arrays(name: str, settings: Schema) -> ArrayCorpus:
    """The samples of a corpus that is no text, all of which are computed from its settings."""
    module = corpora.load(name)
    with tempfile.TemporaryDirectory() as folder:
        module.fetch(settings, Path(folder))
        corpus: ArrayCorpus | GeneratedCorpus = module.read(Path(folder))
    if isinstance(corpus, GeneratedCorpus):
        return corpus.draw(1, np.random.default_rng(0))
    return corpus
