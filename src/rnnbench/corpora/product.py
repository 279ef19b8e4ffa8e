"""The multiplication problem: two numbers of a long sequence are marked; predict their product.

Source: Hochreiter & Schmidhuber, "Long Short-Term Memory", Neural Computation 9(8), 1997, section
5.5. There the marks are near the start and lengths vary; here, as in later tutorials, all
sequences have one length and any two steps may be marked.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydantic import Field

from rnnbench.core.schema import Schema
from rnnbench.corpora.base import ArrayCorpus
from rnnbench.corpora.files import read_arrays, write_arrays
from rnnbench.data.config import ArrayDataset

TITLE = "Product of two marked numbers in a sequence"

Dataset = ArrayDataset


class Settings(Schema):
    """The settings of the multiplication problem.

    samples: the number of sequences.
    steps: the length of each.
    tolerance: the largest absolute error of a correct prediction; 0.04 in the paper.
    seed: the seed of the random numbers.
    """

    samples: int = Field(default=3000, ge=1, le=10**6)
    steps: int = Field(default=100, ge=2, le=2**16)
    tolerance: float = Field(default=0.04, gt=0, allow_inf_nan=False)
    seed: int = Field(default=42, ge=0)


def fetch(settings: Settings, directory: Path) -> None:
    """Draw the samples and write them into an empty directory.

    x.npy, shape (samples, steps, 2), float32: the mark, 1 at two different steps and 0 elsewhere,
    and a number, uniform in [0, 1). Every pair of steps is equally likely. y.npy, shape
    (samples,), float32: the product of the two marked numbers. corpus.json: the tolerance.
    """
    rng = np.random.default_rng(settings.seed)
    values = rng.random((settings.samples, settings.steps), np.float32)
    first = rng.integers(settings.steps, size=settings.samples)
    # Drawn from one step fewer and shifted past the first, so that the two never coincide.
    second = rng.integers(settings.steps - 1, size=settings.samples)
    second += second >= first
    rows = np.arange(settings.samples)
    marks = np.zeros_like(values)
    marks[rows, first] = marks[rows, second] = 1
    product = values[rows, first] * values[rows, second]
    write_arrays(directory, np.stack([marks, values], axis=-1), product, settings.tolerance)


def read(directory: Path) -> ArrayCorpus:
    """The samples that `fetch` wrote: x of shape (n, steps, 2), y of shape (n,), both float32.

    Raises DataError if a file is missing or damaged, or if the shapes disagree.
    """
    return read_arrays(directory, 2)
