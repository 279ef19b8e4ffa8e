"""What params.yaml alone says about the samples of a dataset."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from rnnbench import corpora
from rnnbench.corpora.base import ArrayCorpus, CorpusSettings, GeneratedCorpus
from rnnbench.data.config import ArrayDataset, TextDataset
from rnnbench.data.format import Meta

# The fewest ids that a vocabulary of words or of subwords can have.
_MIN_WORDS, _MIN_SUBWORDS = 4, 257


def probe_meta(settings: Mapping[str, CorpusSettings], dataset: ArrayDataset | None) -> Meta | None:
    """The `Meta` to build a network with before there is data; None if the dataset has errors.

    settings: those of the corpora. Whatever the texts are, two classes stand for theirs, and the
    vocabulary is the smallest possible one if they determine it.
    """
    if dataset is None or dataset.corpus not in settings:
        return None
    of_corpus = settings[dataset.corpus]
    numbers = getattr(of_corpus, "target", None) == "number"
    if isinstance(dataset, TextDataset):
        shape: tuple[int | None, ...] = (dataset.length,)
        return Meta(
            corpus=dataset.corpus,
            encoding=dataset.encoding,
            target="number" if numbers else "binary",
            classes=() if numbers else ("", ""),
            shape=(*shape, 1) if dataset.encoding == "number" else shape,
            vocabulary_size=_vocabulary_size(dataset),
        )
    # The files of the user are not read: they can be large.
    if of_corpus.sample_shape is not None:
        return Meta(
            corpus=dataset.corpus,
            encoding="number",
            target="number" if numbers else "binary",
            classes=() if numbers else ("", ""),
            shape=of_corpus.sample_shape,
            vocabulary_size=0,
        )
    corpus = _arrays(of_corpus.kind or dataset.corpus, of_corpus)
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


def _arrays(kind: str, settings: CorpusSettings) -> ArrayCorpus:
    """The samples of a corpus that is no text, all of which are computed from its settings."""
    module = corpora.load(kind)
    with tempfile.TemporaryDirectory() as folder:
        module.fetch(settings, Path(folder))
        corpus: ArrayCorpus | GeneratedCorpus = module.read(Path(folder))
    if isinstance(corpus, GeneratedCorpus):
        return corpus.draw(1, np.random.default_rng(0))
    return corpus
