"""What one dataset of params.yaml says: which corpus, and how its samples are encoded."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from rnnbench.core.schema import Schema
from rnnbench.data.ragged import Side


class ArrayDataset(Schema):
    """A dataset whose corpus gives finished arrays.

    corpus: the corpus's key in params.yaml.
    split: "random" (drawn from run.seed), "last" (the corpus's last samples are evaluated), or
        "same" (what is learned is what is evaluated).
    train, evaluation: the number of samples of each split.
    """

    corpus: str
    split: Literal["random", "last", "same"] = "random"
    train: int = Field(ge=1)
    evaluation: int = Field(ge=1)


class TextDataset(ArrayDataset):
    """A dataset of word sequences.

    tokens: "words", with the ids of Keras's ``load_data``, or "subwords", by a byte-pair
        encoding learned from the training split.
    encoding: how the network takes ids: "one_hot" (a row of zeros and one 1 a word),
        "multi_hot" (one row a text), "index" (the ids), "number" (the ids as if they were
        measured quantities).
    vocabulary_size: the number of distinct ids, those for padding, start and unknown included;
        null keeps every word. Of subwords: the number of subwords.
    skip_top: ids from 3 up to this one, exclusive, are treated as unknown words.
    drop_ids_up_to: ids up to this one are left out; 2 leaves out start and unknown words.
    maxlen: as in Keras's ``load_data``, texts of so many ids or more are not taken at all.
    length: the number of ids of every sample; null leaves texts whole.
    padding: the side on which short samples are filled and long ones cut.
    """

    tokens: Literal["words", "subwords"] = "words"
    encoding: Literal["one_hot", "index", "multi_hot", "number"]
    vocabulary_size: int | None = Field(ge=4, le=2**20)
    skip_top: int = Field(default=0, ge=0)
    drop_ids_up_to: int = Field(default=2, ge=0, le=2)
    maxlen: int | None = Field(default=None, ge=2)
    length: int | None = Field(default=None, ge=1, le=2**16)
    padding: Side = "pre"

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if self.vocabulary_size is not None and self.skip_top >= self.vocabulary_size:
            raise ValueError(
                f"skip_top {self.skip_top} leaves no word of vocabulary_size "
                f"{self.vocabulary_size}, expected a smaller skip_top"
            )
        if self.tokens == "subwords":
            if (self.vocabulary_size or 0) < 256:
                raise ValueError("subwords need a vocabulary_size of 256 or more, one a byte")
            if (self.skip_top, self.drop_ids_up_to, self.maxlen) != (0, 2, None):
                raise ValueError("skip_top, drop_ids_up_to and maxlen are of words, not subwords")
        if self.encoding in ("one_hot", "multi_hot") and self.vocabulary_size is None:
            raise ValueError(f"encoding {self.encoding} needs a vocabulary_size")
        if self.encoding in ("one_hot", "number") and self.length is None:
            raise ValueError(f"encoding {self.encoding} needs a length")
        if self.encoding == "multi_hot" and self.length is not None:
            raise ValueError("encoding multi_hot takes whole texts, expected no length")
        return self
