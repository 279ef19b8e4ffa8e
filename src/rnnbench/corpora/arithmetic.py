"""Arithmetic sequences: each number is 0.01 more than the one before; predict the next one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydantic import Field

from rnnbench.core.schema import Schema
from rnnbench.corpora.base import ArrayCorpus
from rnnbench.corpora.files import read_arrays, write_arrays
from rnnbench.data.config import ArrayDataset

TITLE = "Next number of an arithmetic sequence"

Dataset = ArrayDataset


class Settings(Schema):
    """The settings of the arithmetic sequences.

    sequences: the number of sequences; sequence j starts at j / 100.
    steps: the length of each.
    tolerance: the largest absolute error of a correct prediction.
    """

    sequences: int = Field(default=100, ge=1, le=10**6)
    steps: int = Field(default=5, ge=1, le=2**16)
    tolerance: float = Field(default=0.04, gt=0, allow_inf_nan=False)


def fetch(settings: Settings, directory: Path) -> None:
    """Write the sequences into an empty directory.

    x.npy, shape (sequences, steps, 1), float32: (i + j) / 100 at step i of sequence j. y.npy,
    shape (sequences,), float32: (j + steps) / 100. corpus.json: the tolerance.
    """
    starts = np.arange(settings.sequences)[:, None]
    hundredths = starts + np.arange(settings.steps + 1)
    values = (hundredths / 100).astype(np.float32)
    write_arrays(directory, values[:, :-1, None], values[:, -1], settings.tolerance)


def read(directory: Path) -> ArrayCorpus:
    """The sequences that `fetch` wrote: x of shape (n, steps, 1), y of shape (n,), both float32.

    Raises DataError if a file is missing or damaged, or if the shapes disagree.
    """
    return read_arrays(directory, 1)
