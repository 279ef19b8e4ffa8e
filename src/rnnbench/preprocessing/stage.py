"""The preprocess stage: a fetched corpus -> one prepared dataset."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rnnbench import corpora
from rnnbench.core.errors import DataError
from rnnbench.corpora.base import ArrayCorpus, Documents, GeneratedCorpus, TextCorpus
from rnnbench.data.config import ArrayDataset, TextDataset
from rnnbench.data.format import (
    FLAGS,
    Meta,
    Samples,
    Target,
    concatenate,
    write_dataset,
    write_samples,
)
from rnnbench.preprocessing.encoders import TextEncoder, fit_encoder
from rnnbench.preprocessing.keras_words import ranks_sha256, tokenize, word_index
from rnnbench.preprocessing.splits import block_splits, in_blocks, split_samples


def preprocess(
    dataset: ArrayDataset, kind: str, raw: Path, directory: Path, seed: int, splits: int
) -> None:
    """Write the dataset of the corpus in `raw` into the empty folder `directory`.

    kind: the module of the corpus. seed, splits: what splits are drawn from, and how many.
    Raises DataError if the corpus is damaged, too small, or its word ids are not the published
    ones.
    """
    corpus: TextCorpus | ArrayCorpus | GeneratedCorpus = corpora.load(kind).read(raw)
    if isinstance(corpus, GeneratedCorpus):
        count = (dataset.train or 0) + int(dataset.validation) + int(dataset.evaluation)
        draws = [corpus.draw(count, np.random.default_rng([seed, n])) for n in range(splits)]
        _write_arrays(dataset, draws, block_splits(dataset, splits), directory)
    elif isinstance(corpus, ArrayCorpus):
        flags = split_samples(dataset, len(corpus.y), corpus.groups, corpus.given, seed, splits)
        _write_arrays(dataset, [corpus], flags, directory)
    else:
        assert isinstance(dataset, TextDataset)
        _Texts(dataset, corpus, raw, seed, splits).write(directory)


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


class _Texts:
    """Labelled texts on their way to a prepared dataset."""

    def __init__(
        self, dataset: TextDataset, corpus: TextCorpus, raw: Path, seed: int, splits: int
    ) -> None:
        self._dataset, self._corpus, self._raw = dataset, corpus, raw
        self._order = order = _order(dataset, corpus)
        groups = None if corpus.groups is None else corpus.groups[order]
        given = None if corpus.given is None else corpus.given[order]
        self._flags = split_samples(dataset, len(order), groups, given, seed, splits)

    def write(self, directory: Path) -> None:
        """Write all files; each split has its own encoder if that depends on the training part."""
        flags, own = self._flags, self._dataset.vocabulary == "training"
        folders = [directory]
        if own and len(flags) > 1:
            folders = [directory / f"split_{number}" for number in range(len(flags))]
        blocks = []
        for folder, split in zip(folders, flags, strict=False):
            folder.mkdir(exist_ok=True)
            chosen = self._order[(split & FLAGS["train"]) > 0] if own else None
            encoder = self._encoder(chosen)
            encoder.write(folder)
            blocks.append((encoder.vocabulary_size, self._encoded(encoder, folder)))
        corpus, dataset = self._corpus, self._dataset
        shape: tuple[int | None, ...] = (dataset.length,)
        meta = Meta(
            corpus=dataset.corpus,
            encoding=dataset.encoding,
            target=corpus.target,
            classes=corpus.classes,
            shape=(*shape, 1) if dataset.encoding == "number" else shape,
            vocabulary_size=max(size for size, _ in blocks),
            tolerance=corpus.tolerance,
            further_sets=tuple(corpus.further),
        )
        further = {name: len(documents) for name, documents in corpus.further.items()}
        if len(blocks) > 1:
            flags = in_blocks(flags)
        samples = concatenate([samples for _, samples in blocks])
        write_dataset(directory, meta, dataset.split, samples, flags, further)

    def _encoder(self, chosen: NDArray[np.int64] | None) -> TextEncoder:
        """An encoder of the words of the chosen documents, or of all in the order of the corpus."""
        documents, expected = self._corpus.documents, self._corpus.ids_sha256
        texts = documents.texts
        if chosen is not None:
            texts = [texts[row] for row in chosen.tolist()]
        checked = chosen is None and expected is not None
        # Subwords need none.
        vocabulary = word_index(texts) if checked or self._dataset.tokens == "words" else []
        if checked and ranks_sha256(documents, vocabulary) != expected:
            raise DataError(
                f"{self._raw}: the word ids differ from the published ones; "
                f"run rm -r {self._raw} && dvc repro, and report it if they still differ"
            )
        return fit_encoder(self._dataset, self._corpus, texts, vocabulary)

    def _encoded(self, encoder: TextEncoder, folder: Path) -> Samples:
        """The samples; writes the further sets into a folder, one at a time."""
        target = self._corpus.target
        for name, documents in self._corpus.further.items():
            rows = np.arange(len(documents))
            write_samples(folder, _samples(encoder, documents, rows, target), f"{name}_")
        return _samples(encoder, self._corpus.documents, self._order, target)


def _order(dataset: TextDataset, corpus: TextCorpus) -> NDArray[np.int64]:
    """The document of each sample, shape (samples,), without texts that dataset.maxlen excludes."""
    if dataset.maxlen is None:
        return corpus.order
    # Keras counts the start token too.
    lengths = np.array([1 + len(tokenize(text)) for text in corpus.documents.texts])
    return corpus.order[lengths[corpus.order] < dataset.maxlen]


def _samples(
    encoder: TextEncoder, documents: Documents, order: NDArray[np.int64], target: Target
) -> Samples:
    """The samples of the documents `order`, numbered in this order."""
    x = encoder.samples(documents.texts[row] for row in order.tolist())
    ids = np.arange(len(order), dtype=np.int32)
    labels = documents.labels[order]
    if target != "number":
        labels = labels.astype(np.uint8 if labels.max(initial=0) < 2**8 else np.uint16)
    return Samples(x, labels, ids)
