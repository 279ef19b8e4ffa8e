"""What a corpus module hands to preprocessing."""

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

    texts: n byte strings, undecoded, since the published word indexes count bytes; they may be
        read from their file when they are asked for.
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
    classes: one name a class id.
    encoding: how bytes become words for a reader ("utf-8" or "latin-1").
    escapes: by character, what the texts have in its place.
    out_of_domain: further evaluation set, never trained on, and its name.
    ids_sha256: digest of the documents' word ranks that the full corpus must have, as
        `rnnbench.preprocessing.keras_words.RanksDigest` computes it; None for any other selection of texts.
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
    """Samples that are arrays from the start.

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
