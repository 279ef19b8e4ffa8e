"""Whole texts of ids, for the families that read n-grams."""

from typing import Any

import numpy as np

from rnnbench.data.format import Meta
from rnnbench.data.ragged import Ragged

VOCABULARY_SIZE = 40


def meta(**changes: Any) -> Meta:
    given: dict[str, Any] = {
        "corpus": "any",
        "encoding": "index",
        "target": "binary",
        "classes": ("no", "yes"),
        "shape": (None,),
        "vocabulary_size": VOCABULARY_SIZE,
    }
    return Meta(**given | changes)


def ragged(documents: list[list[int]], vocabulary_size: int = VOCABULARY_SIZE) -> Ragged:
    return Ragged.of([np.array(d, np.int64) for d in documents], vocabulary_size)
