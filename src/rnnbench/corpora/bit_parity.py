"""Parity: is the number of ones in a sequence of bits odd? Training is on shorter sequences.

Source: Beck et al., "xLSTM", arXiv:2405.04517, by ``experiments/parity_xlstm01.yaml`` of
NX-AI/xlstm: 5,120,000 training sequences of 3 to 40 steps, 40 to 256 in validation and evaluation,
and the target at the end only. Here, lengths are 1 to 40 and 41 to 256, a smaller training part is
seen several times, and the validation part has the lengths of the training part, so that learning
rate and epoch are chosen without a look at long sequences.

The baseline has an accuracy of 0.5: all bits but one leave both answers equally likely.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from rnnbench.core.schema import read_json, write_json
from rnnbench.corpora.base import CorpusSettings, Documents, TextCorpus
from rnnbench.data.config import TextDataset
from rnnbench.data.format import FLAGS

TITLE = "Parity of a sequence of bits, longer than those of the training"

# Sequences of different lengths are texts: the words are the bits.
Dataset = TextDataset


class Settings(CorpusSettings):
    """The settings of parity.

    train, validation, evaluation: the number of sequences of each part.
    train_length: the longest training and validation sequence; the shortest has one bit.
    evaluation_length: the longest evaluation sequence; the shortest has one bit more than the
        longest training sequence.
    seed: what the sequences are drawn from.
    """

    splits: ClassVar[tuple[str, ...]] = ("given",)
    train: int = Field(default=20_000, ge=1, le=10**6)
    validation: int = Field(default=1_000, ge=1, le=10**6)
    evaluation: int = Field(default=2_000, ge=1, le=10**6)
    train_length: int = Field(default=40, ge=1, le=2**12)
    evaluation_length: int = Field(default=256, ge=2, le=2**12)
    seed: int = Field(default=42, ge=0, lt=2**32)

    @model_validator(mode="after")
    def _has_longer_sequences(self) -> Self:
        if self.evaluation_length <= self.train_length:
            raise ValueError(
                f"evaluation_length {self.evaluation_length} is not longer than "
                f"train_length {self.train_length}"
            )
        return self


def fetch(settings: Settings, directory: Path) -> None:
    """Write corpus.json into an empty directory."""
    write_json(directory / "corpus.json", settings)


def read(directory: Path) -> TextCorpus:
    """The sequences, such as ``b"0 1 1"``; every length of a part is equally likely.

    Raises DataError if corpus.json is missing or damaged.
    """
    settings = read_json(directory / "corpus.json", Settings)
    rng = np.random.default_rng(settings.seed)
    counts = [settings.train, settings.validation, settings.evaluation]
    given = np.repeat(np.array(list(FLAGS.values()), np.uint8), counts)
    is_long = given == FLAGS["evaluation"]
    shortest = np.where(is_long, settings.train_length + 1, 1)
    longest = np.where(is_long, settings.evaluation_length, settings.train_length)
    lengths = rng.integers(shortest, longest, endpoint=True)
    texts, labels = [], np.empty(len(given), np.int64)
    for row, length in enumerate(lengths):
        bits = rng.integers(2, size=length)
        texts.append(" ".join(map(str, bits)).encode())
        labels[row] = bits.sum() % 2
    documents = Documents(texts, labels)
    return TextCorpus(documents, classes=("even", "odd"), encoding="utf-8", given=given)
