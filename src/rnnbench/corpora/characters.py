"""One sentence: at each step, predict the next character."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np
from pydantic import Field, field_validator

from rnnbench.core.schema import read_json, write_json
from rnnbench.corpora.base import ArrayCorpus, CorpusSettings
from rnnbench.data.config import ArrayDataset

TITLE = "Next character of a sentence"

Dataset = ArrayDataset


class Settings(CorpusSettings):
    """The settings of the sentence.

    sentence: two or more distinct characters, that is, Unicode code points.
    """

    splits: ClassVar[tuple[str, ...]] = ("same",)
    sentence: str = Field(max_length=2**12)

    @field_validator("sentence")
    @classmethod
    def _has_two_classes(cls, sentence: str) -> str:
        if len(set(sentence)) < 2:
            raise ValueError("expected two or more distinct characters")
        return sentence


def fetch(settings: Settings, directory: Path) -> None:
    """Write corpus.json into an empty directory."""
    write_json(directory / "corpus.json", settings)


def read(directory: Path) -> ArrayCorpus:
    """The one sample of the sentence that `fetch` wrote.

    x, shape (1, characters - 1): the ids of all characters but the last. y, same shape: those of
    all but the first. Both have the smallest unsigned dtype. The classes are the distinct
    characters, sorted by code point.

    Raises DataError if corpus.json is missing or damaged.
    """
    sentence = read_json(directory / "corpus.json", Settings).sentence
    classes = tuple(sorted(set(sentence)))
    number = {character: i for i, character in enumerate(classes)}
    dtype = np.min_scalar_type(len(classes) - 1)
    ids = np.array([[number[character] for character in sentence]], dtype)
    return ArrayCorpus(
        x=ids[:, :-1], y=ids[:, 1:], encoding="one_hot", target="steps", classes=classes
    )
