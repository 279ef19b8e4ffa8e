"""What a corpus module returns to preprocessing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnbench.data.format import Encoding, Target

# The default of Keras's text datasets.
_KERAS_SEED = 113


def keras_order(count: int) -> NDArray[np.int64]:
    """The order of Keras's ``load_data``: sample i is document ``keras_order(count)[i]``."""
    order = np.arange(count, dtype=np.int64)
    np.random.RandomState(_KERAS_SEED).shuffle(order)
    return order


@dataclass(frozen=True)
class Documents:
    """Labelled texts.

    texts: n byte strings, undecoded because the published word indexes are of bytes; they may be
        read from their file on access.
    labels: class ids, shape (n,), int64.
    """

    texts: Sequence[bytes]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True)
class TextCorpus:
    """Labelled texts in the order of their original files.

    documents: what is split into training and evaluation.
    order: permutation, shape (n,); sample i of Keras's ``load_data`` is document ``order[i]``.
    classes: the class names by class id.
    encoding: the character encoding of the texts, "utf-8" or "latin-1".
    escapes: by character, its replacement in the texts.
    out_of_domain: name and documents of the out-of-domain test set, never trained on.
    ids_sha256: the expected `rnnbench.preprocessing.keras_words.ranks_sha256` of the published
        corpus; None for any other selection of texts.
    """

    documents: Documents
    order: NDArray[np.int64]
    classes: tuple[str, ...]
    encoding: str
    escapes: dict[str, str] = field(default_factory=dict)
    out_of_domain: tuple[str, Documents] | None = None
    ids_sha256: str | None = None


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
