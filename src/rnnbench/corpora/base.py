"""What a corpus module returns to preprocessing."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnbench.data.format import Encoding, Target


@dataclass(frozen=True)
class Documents:
    """Labelled texts.

    texts: n byte strings, undecoded because the published word indexes are of bytes.
    labels: class ids, shape (n,), int64.
    """

    texts: list[bytes]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True)
class TextCorpus:
    """Labelled texts in the order of their original files.

    documents: what is split into training and evaluation.
    classes: the class names by class id.
    encoding: the character encoding of the texts, "utf-8" or "latin-1".
    escapes: by character, its replacement in the texts.
    groups: the group of each document, shape (n,), None if unknown; splits can keep groups apart.
    further: by name, further evaluation sets, never trained on.
    ids_sha256: the expected `rnnbench.preprocessing.keras_words.ranks_sha256` of the published
        corpus; None for any other selection of texts.
    """

    documents: Documents
    classes: tuple[str, ...]
    encoding: str
    escapes: dict[str, str] = field(default_factory=dict)
    groups: NDArray[np.int64] | None = None
    further: dict[str, Documents] = field(default_factory=dict)
    ids_sha256: str | None = None

    @property
    def order(self) -> NDArray[np.int64]:
        """Sample i of Keras's ``load_data`` is document ``order[i]``; shape (n,)."""
        order = np.arange(len(self.documents), dtype=np.int64)
        np.random.RandomState(113).shuffle(order)  # Keras's default seed
        return order


@dataclass(frozen=True)
class ArrayCorpus:
    """Samples that need no encoding.

    x: shape (n, ...): numbers as float32, or ids below len(classes) as an unsigned type.
    y: shape (n,) or, for target "steps", (n, steps).
    encoding, target, classes, tolerance: as in `rnnbench.data.format.Meta`.
    """

    x: NDArray[Any]
    y: NDArray[Any]
    encoding: Encoding
    target: Target
    classes: tuple[str, ...] = ()
    tolerance: float = 0.0


class GeneratedCorpus(ABC):
    """Samples that are drawn: every split has new ones."""

    @abstractmethod
    def draw(self, count: int, rng: np.random.Generator) -> ArrayCorpus:
        """`count` samples from the random numbers of `rng`."""
