"""Parity: is the number of ones in a sequence of bits odd?"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from rnnbench.core.schema import read_json, write_json
from rnnbench.corpora.base import ArrayCorpus, CorpusSettings, GeneratedCorpus
from rnnbench.data.config import ArrayDataset

TITLE = "Parity of a sequence of bits"
Dataset = ArrayDataset


class Settings(CorpusSettings):
    """steps: the length of each sequence."""

    splits: ClassVar[tuple[str, ...]] = ("new",)
    steps: int = 8


@dataclass(frozen=True)
class Parity(GeneratedCorpus):
    steps: int

    def draw(self, count, rng):
        x = rng.integers(2, size=(count, self.steps, 1)).astype(np.float32)
        y = (x.sum(axis=(1, 2)) % 2).astype(np.uint8)
        return ArrayCorpus(x, y, encoding="number", target="binary", classes=("even", "odd"))


def fetch(settings, directory):
    write_json(directory / "corpus.json", settings)


def read(directory):
    return Parity(read_json(directory / "corpus.json", Settings).steps)
