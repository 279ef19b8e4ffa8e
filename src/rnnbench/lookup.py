"""Finding one sample of a prepared dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnbench.errors import DataError
from rnnbench.prepared import read_samples


def find_sample(directory: Path, number: int) -> tuple[str, NDArray[Any], int]:
    """The split, x and y of the sample with this number in the corpus.

    Raises DataError if no split holds it, or a file is missing or damaged.
    """
    for split in ("train", "evaluation"):
        samples = read_samples(directory, split)
        place = np.flatnonzero(samples.id == number)
        if len(place):
            return split, samples.x[place[0]], int(samples.y[place[0]])
    raise DataError(f"{directory}: no sample {number} in the training or the evaluation split")
