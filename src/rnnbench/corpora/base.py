"""What a corpus module returns to preprocessing."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from rnnbench.core.schema import Schema
from rnnbench.data.format import Encoding, Target


class CorpusSettings(Schema):
    """The settings that every corpus has.

    kind: the module of `rnnbench.corpora` that reads it; by default the one with the name of the
        corpus.
    """

    # How it can be split: values of `rnnbench.data.config.ArrayDataset.split`.
    splits: ClassVar[tuple[str, ...]] = ()
    kind: str = ""

    @property
    def sample_shape(self) -> tuple[int, ...] | None:
        """The shape of the samples of a file of numbers, to try a model on before it is read."""
        return None

    @property
    def inputs(self) -> tuple[Path, ...]:
        """The files and folders of the user that the corpus is read from."""
        return ()


@dataclass(frozen=True)
class Documents:
    """Labelled texts.

    texts: n byte strings, undecoded because the published word indexes are of bytes.
    labels: class ids as int64, or numbers as float32, shape (n,).
    """

    texts: list[bytes]
    labels: NDArray[Any]

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True)
class TextCorpus:
    """Labelled texts in the order of their original files.

    documents: what is split into training and evaluation.
    classes: the class names by class id; empty if the labels are numbers.
    encoding: the character encoding of the texts, "utf-8" or "latin-1".
    escapes: by character, its replacement in the texts.
    groups: the group of each document, shape (n,), None if unknown; splits can keep groups apart.
    given: the part of each document, a value of `rnnbench.data.format.FLAGS` or 0 for none, shape
        (n,), None if the corpus has no split of its own.
    tolerance: as in `rnnbench.data.format.Meta`.
    keras_order: whether samples are in the order of Keras's ``load_data`` instead of that of the
        documents.
    further: by name, further evaluation sets, never trained on.
    ids_sha256: the expected `rnnbench.preprocessing.keras_words.ranks_sha256` of the published
        corpus; None for any other selection of texts.
    """

    documents: Documents
    classes: tuple[str, ...]
    encoding: str
    escapes: dict[str, str] = field(default_factory=dict)
    groups: NDArray[np.int64] | None = None
    given: NDArray[np.uint8] | None = None
    tolerance: float = 0.0
    keras_order: bool = False
    further: dict[str, Documents] = field(default_factory=dict)
    ids_sha256: str | None = None

    @property
    def order(self) -> NDArray[np.int64]:
        """Sample i is document ``order[i]``; shape (n,)."""
        order = np.arange(len(self.documents), dtype=np.int64)
        if self.keras_order:
            np.random.RandomState(113).shuffle(order)  # Keras's default seed
        return order

    @property
    def target(self) -> Target:
        """As in `rnnbench.data.format.Meta`."""
        if not self.classes:
            return "number"
        return "binary" if len(self.classes) == 2 else "classes"


@dataclass(frozen=True)
class ArrayCorpus:
    """Samples that need no encoding.

    x: shape (n, ...): numbers as float32, or ids below len(classes) as an unsigned type.
    y: shape (n,) or, for target "steps", (n, steps).
    encoding, target, classes, tolerance: as in `rnnbench.data.format.Meta`.
    groups, given: as in `TextCorpus`.
    """

    x: NDArray[Any]
    y: NDArray[Any]
    encoding: Encoding
    target: Target
    classes: tuple[str, ...] = ()
    tolerance: float = 0.0
    groups: NDArray[np.int64] | None = None
    given: NDArray[np.uint8] | None = None


class GeneratedCorpus(ABC):
    """Samples that are drawn: every split has new ones."""

    @abstractmethod
    def draw(self, count: int, rng: np.random.Generator) -> ArrayCorpus:
        """`count` samples from the random numbers of `rng`."""
