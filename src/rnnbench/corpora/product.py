"""The multiplication problem: two numbers of a long sequence are marked; predict their product.

Source: Hochreiter & Schmidhuber, "Long Short-Term Memory", Neural Computation 9(8), 1997, section
5.5. There the marks are near the start and lengths vary; here, as in later tutorials, all
sequences have one length and any two steps may be marked.
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

TITLE = "Product of two marked numbers in a sequence"

Dataset = ArrayDataset


class Settings(CorpusSettings):
    """The settings of the multiplication problem.

    steps: the length of each sequence.
    tolerance: the largest absolute error of a correct prediction; 0.04 in the paper.
    """

    splits: ClassVar[tuple[str, ...]] = ("new",)
    steps: int = Field(default=100, ge=2, le=2**16)
    tolerance: float = Field(default=0.04, gt=0, allow_inf_nan=False)


@dataclass(frozen=True)
class Product(GeneratedCorpus):
    """Draws sequences of the multiplication problem."""

    settings: Settings

    def draw(self, count: int, rng: np.random.Generator) -> ArrayCorpus:
        """New sequences: x of shape (count, steps, 2), y of shape (count,), both float32.

        x has the mark, 1 at two different steps and 0 elsewhere, and a number, uniform in [0, 1).
        Every pair of steps is equally likely. y is the product of the two marked numbers.
        """
        values = rng.random((count, self.settings.steps), np.float32)
        first = rng.integers(self.settings.steps, size=count)
        # Drawn from one step fewer and shifted past the first, so that the two never coincide.
        second = rng.integers(self.settings.steps - 1, size=count)
        second += second >= first
        rows = np.arange(count)
        marks = np.zeros_like(values)
        marks[rows, first] = marks[rows, second] = 1
        product = values[rows, first] * values[rows, second]
        x = np.stack([marks, values], axis=-1)
        tolerance = self.settings.tolerance
        return ArrayCorpus(x, product, encoding="number", target="number", tolerance=tolerance)


def fetch(settings: Settings, directory: Path) -> None:
    """Write corpus.json into an empty directory."""
    write_json(directory / "corpus.json", settings)


def read(directory: Path) -> Product:
    """The corpus that `fetch` wrote; raises DataError if corpus.json is missing or damaged."""
    return Product(read_json(directory / "corpus.json", Settings))
