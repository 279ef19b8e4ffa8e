"""The adding problem: two numbers of a long sequence are marked; predict their sum.

Source: Hochreiter & Schmidhuber, "Long Short-Term Memory", Neural Computation 9(8), 1997, section
5.4, in the form of Le, Jaitly & Hinton, arXiv:1504.00941: all sequences have one length, and the
target is the sum itself. Any two steps may be marked, as in locuslab/TCN; Le et al. mark one in
each half.

The baseline is the mean of the sum, 1, whose expected squared error is the variance of the sum,
1/6 = 0.1667. The 0.1767 that papers since Le et al. print is not that of two uniform numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from pydantic import Field

from rnnbench.core.schema import read_json, write_json
from rnnbench.corpora.base import ArrayCorpus, CorpusSettings, GeneratedCorpus
from rnnbench.data.config import ArrayDataset

TITLE = "Sum of two marked numbers in a sequence"

Dataset = ArrayDataset


class Settings(CorpusSettings):
    """The settings of the adding problem.

    steps: the length of each sequence.
    tolerance: the largest absolute error of a correct prediction; 0.04 in the paper of 1997.
    """

    splits: ClassVar[tuple[str, ...]] = ("new",)
    steps: int = Field(default=200, ge=2, le=2**16)
    tolerance: float = Field(default=0.04, gt=0, allow_inf_nan=False)


@dataclass(frozen=True)
class Adding(GeneratedCorpus):
    """Draws sequences of the adding problem."""

    settings: Settings

    def draw(self, count: int, rng: np.random.Generator) -> ArrayCorpus:
        """New sequences: x of shape (count, steps, 2), y of shape (count,), both float32.

        x has a number, uniform in [0, 1), and the mark, 1 at two different steps and 0 elsewhere.
        Every pair of steps is equally likely. y is the sum of the two marked numbers.
        """
        steps = self.settings.steps
        values = rng.random((count, steps), np.float32)
        marks = rng.permuted(np.tile(np.arange(steps) < 2, (count, 1)), axis=1)
        x = np.stack([values, marks], axis=-1, dtype=np.float32)
        total = values[marks].reshape(count, 2).sum(axis=1)
        tolerance = self.settings.tolerance
        return ArrayCorpus(x, total, encoding="number", target="number", tolerance=tolerance)


def fetch(settings: Settings, directory: Path) -> None:
    """Write corpus.json into an empty directory."""
    write_json(directory / "corpus.json", settings)


def read(directory: Path) -> Adding:
    """The corpus that `fetch` wrote; raises DataError if corpus.json is missing or damaged."""
    return Adding(read_json(directory / "corpus.json", Settings))
