"""What one dataset of params.yaml says: which corpus, and how its samples are encoded."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from rnnbench.settings import Settings


class Dataset(Settings):
    """A dataset of word sequences.

    corpus: the corpus's key in params.yaml.
    encoding: "one_hot" (a row of zeros and one 1 a word) or "index" (one id a word).
    vocabulary_size: the number of distinct ids, those for padding, start and unknown included.
    skip_top: ids from 3 up to this one, exclusive, are left out; less than vocabulary_size.
    length: the number of words of every encoded sample.
    padding: the side on which short samples are filled and long ones cut.
    train, evaluation: the number of samples of each split.
    """

    corpus: str
    encoding: Literal["one_hot", "index"]
    vocabulary_size: int = Field(ge=4)
    skip_top: int = Field(default=0, ge=0)
    length: int = Field(ge=1)
    padding: Literal["pre", "post"] = "pre"
    train: int = Field(ge=1)
    evaluation: int = Field(ge=1)

    @model_validator(mode="after")
    def _some_words_remain(self) -> Self:
        if self.skip_top >= self.vocabulary_size:
            raise ValueError(
                f"skip_top {self.skip_top} leaves no word of vocabulary_size "
                f"{self.vocabulary_size}, expected a smaller skip_top"
            )
        return self


_CLASSES: dict[object, type[Dataset]] = {"one_hot": Dataset, "index": Dataset}


def settings_of(raw: object) -> type[Dataset]:
    """The class that a dataset with the `encoding` of this raw mapping has.

    For an unknown encoding it is `Dataset`, whose validation then says what is allowed.
    """
    encoding = raw.get("encoding") if isinstance(raw, dict) else None
    return _CLASSES.get(encoding, Dataset) if isinstance(encoding, str) else Dataset
