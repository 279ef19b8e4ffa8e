"""The settings of one dataset of params.yaml: its corpus, and how samples are encoded."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from rnnbench.core.schema import Schema
from rnnbench.data.format import Encoding


class ArrayDataset(Schema):
    """A dataset of a corpus that consists of arrays.

    corpus: the key of the corpus in params.yaml.
    split: how samples are divided. There are `run.splits` splits of any samples ("random"), of
        films ("by_film": all reviews of a film are in one part) or of new samples ("new"). There is
        one split with "last" (the last samples of the corpus are the evaluation part) and with
        "same" (all parts start at the first sample and overlap).
    train: the number of training samples.
    validation: the number of samples that choose the epoch; without them, the last epoch counts.
    evaluation: the number of evaluation samples.
    """

    corpus: str
    split: Literal["random", "by_film", "new", "last", "same"] = "random"
    train: int = Field(ge=1)
    validation: int = Field(default=0, ge=0)
    evaluation: int = Field(ge=1)


class TextDataset(ArrayDataset):
    """A dataset of word sequences.

    tokens: "words", with the ids of Keras's ``load_data``, or "subwords", by a byte-pair
        encoding learned from the texts of the corpus, without their labels.
    encoding: the network's input: "one_hot" (one vector per word), "multi_hot" (one vector per
        text), "index" (the ids, for an Embedding layer), or "number" (the ids as numeric values).
    vocabulary_size: the number of distinct ids, including padding, start and unknown words; null
        for all words. For subwords: the number of subwords.
    skip_top: words with an id below this one are treated as unknown words.
    drop_ids_up_to: ids up to this one are left out; 2 leaves out start and unknown words.
    maxlen: as in Keras's ``load_data``, texts of this many ids or more are excluded.
    length: the number of ids of every sample; null for texts of different lengths.
    padding: the side on which short samples are padded and long ones truncated.
    """

    tokens: Literal["words", "subwords"] = "words"
    encoding: Encoding
    vocabulary_size: int | None = Field(ge=4, le=2**20)
    skip_top: int = Field(default=0, ge=0)
    drop_ids_up_to: int = Field(default=2, ge=0, le=2)
    maxlen: int | None = Field(default=None, ge=2)
    length: int | None = Field(default=None, ge=1, le=2**16)
    padding: Literal["pre", "post"] = "pre"

    @model_validator(mode="after")
    def _check_combinations(self) -> Self:
        if self.vocabulary_size is not None and self.skip_top >= self.vocabulary_size:
            raise ValueError(
                f"skip_top {self.skip_top} leaves no word of vocabulary_size "
                f"{self.vocabulary_size}, expected a smaller skip_top"
            )
        if self.tokens == "subwords":
            if (self.vocabulary_size or 0) < 256:
                raise ValueError("subwords need a vocabulary_size of 256 or more, one per byte")
            if (self.skip_top, self.drop_ids_up_to, self.maxlen) != (0, 2, None):
                raise ValueError("skip_top, drop_ids_up_to and maxlen apply to words, not subwords")
        if self.encoding in ("one_hot", "multi_hot") and self.vocabulary_size is None:
            raise ValueError(f"encoding {self.encoding} needs a vocabulary_size")
        if self.encoding in ("one_hot", "number") and self.length is None:
            raise ValueError(f"encoding {self.encoding} needs a length")
        if self.encoding == "multi_hot" and self.length is not None:
            raise ValueError("encoding multi_hot uses whole texts, expected no length")
        return self
