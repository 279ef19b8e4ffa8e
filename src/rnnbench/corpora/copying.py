"""Copy memory: symbols, a blank period, and then the symbols again, in their order.

Source: Hochreiter & Schmidhuber 1997, in the form of Arjovsky, Shah & Bengio, arXiv:1511.06464
(10 symbols of 8): `symbols` symbols, `blanks` - 1 blanks and `symbols` + 1 markers, of which the
last `symbols` are the steps of the recall. Selective copying (Gu & Dao, arXiv:2312.00752) scatters
the symbols among the blanks, so that a network has to tell them apart.

The papers on copy memory also score the steps before the recall, where the target is a blank, so
that a network without any memory has most of them right. Here, as in selective copying, only the
steps of the recall are targets: accuracy is the share of recalled symbols, and that of the baseline
is 1 in `alphabet`, with a log loss of log(`alphabet`).

A sample has one target for each item of its first axis. So a sequence is stored as `symbols` rows,
one after the other, and the first layers of a network put them together and drop the other steps:
``[Embedding: {output_dim: 10}, Reshape: {target_shape: [-1, 10]}, GRU: {units: 32,
return_sequences: true}, Cropping1D: {cropping: [BLANKS + SYMBOLS, 0]}]``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from rnnbench.core.schema import read_json, write_json
from rnnbench.corpora.base import ArrayCorpus, CorpusSettings, GeneratedCorpus
from rnnbench.data.config import ArrayDataset

TITLE = "Symbols to recall after a blank period"

Dataset = ArrayDataset


class Settings(CorpusSettings):
    """The settings of copy memory and of selective copying.

    symbols: the number of symbols of each sequence.
    alphabet: the number of different symbols.
    blanks: the length of the blank period, a multiple of `symbols`.
    selective: whether the symbols are scattered among the blanks.
    """

    splits: ClassVar[tuple[str, ...]] = ("new",)
    symbols: int = Field(default=10, ge=1, le=2**8)
    alphabet: int = Field(default=8, ge=2, le=2**8 - 2)
    blanks: int = Field(default=100, ge=1, le=2**16)
    selective: bool = False

    @model_validator(mode="after")
    def _has_whole_rows(self) -> Self:
        if self.blanks % self.symbols:
            raise ValueError(f"blanks {self.blanks} is no multiple of symbols {self.symbols}")
        return self


@dataclass(frozen=True)
class Copying(GeneratedCorpus):
    """Draws sequences of the task."""

    settings: Settings

    def draw(self, count: int, rng: np.random.Generator) -> ArrayCorpus:
        """New sequences of `blanks` + 2 `symbols` steps, as ids: x and y are uint8.

        x has shape (count, symbols, steps / symbols), y shape (count, symbols). Ids below
        `alphabet` are symbols, the next one is the blank, and the last one the marker.
        """
        n, size, blanks = self.settings.symbols, self.settings.alphabet, self.settings.blanks
        y = rng.integers(size, size=(count, n), dtype=np.uint8)
        is_symbol = np.tile(np.arange(n + blanks - 1) < n, (count, 1))
        if self.settings.selective:
            is_symbol = rng.permuted(is_symbol, axis=1)
        before = np.full(is_symbol.shape, size, np.uint8)
        before[is_symbol] = y.ravel()
        x = np.concatenate([before, np.full((count, n + 1), size + 1, np.uint8)], axis=1)
        return ArrayCorpus(
            x.reshape(count, n, -1),
            y,
            encoding="index",
            target="steps",
            classes=(*map(str, range(size)), "blank", "marker"),
        )


def fetch(settings: Settings, directory: Path) -> None:
    """Write corpus.json into an empty directory."""
    write_json(directory / "corpus.json", settings)


def read(directory: Path) -> Copying:
    """The corpus that `fetch` wrote; raises DataError if corpus.json is missing or damaged."""
    return Copying(read_json(directory / "corpus.json", Settings))
