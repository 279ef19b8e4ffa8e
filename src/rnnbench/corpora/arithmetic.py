"""Arithmetic sequences: each number is 0.01 more than the one before; predict the next one."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np
from pydantic import Field

from rnnbench.core.schema import read_json, write_json
from rnnbench.corpora.base import ArrayCorpus, CorpusSettings
from rnnbench.data.config import ArrayDataset

TITLE = "Next number of an arithmetic sequence"

Dataset = ArrayDataset


class Settings(CorpusSettings):
    """The settings of the arithmetic sequences.

    sequences: the number of sequences; sequence j starts at j / 100.
    steps: the length of each.
    tolerance: the largest absolute error of a correct prediction.
    """

    splits: ClassVar[tuple[str, ...]] = ("random", "last", "same")
    sequences: int = Field(default=100, ge=1, le=10**6)
    steps: int = Field(default=5, ge=1, le=2**16)
    tolerance: float = Field(default=0.04, gt=0, allow_inf_nan=False)


def fetch(settings: Settings, directory: Path) -> None:
    """Write corpus.json into an empty directory."""
    write_json(directory / "corpus.json", settings)


def read(directory: Path) -> ArrayCorpus:
    """The sequences: x of shape (sequences, steps, 1), y of shape (sequences,), both float32.

    x is (i + j) / 100 at step i of sequence j, y is (j + steps) / 100. Raises DataError if
    corpus.json is missing or damaged.
    """
    settings = read_json(directory / "corpus.json", Settings)
    starts = np.arange(settings.sequences)[:, None]
    hundredths = starts + np.arange(settings.steps + 1)
    values = (hundredths / 100).astype(np.float32)
    return ArrayCorpus(
        x=values[:, :-1, None],
        y=values[:, -1],
        encoding="number",
        target="number",
        tolerance=settings.tolerance,
    )
