"""The settings of one dataset of params.yaml: its corpus, and how samples are encoded."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, PlainValidator, model_validator

from rnnbench.core.schema import Schema
from rnnbench.core.validation import shown
from rnnbench.data.format import Encoding


def _size(value: Any) -> int | float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (is_number and ((isinstance(value, int) and value >= 0) or 0 < value < 1)):
        raise ValueError(f"got {shown(value)}, expected a number of samples or a share below 1")
    found: int | float = value
    return found


_EVALUATION = 0.2
# A number of samples, or a share of all.
_Size = Annotated[int | float, PlainValidator(_size, json_schema_input_type=int | float)]


class ArrayDataset(Schema):
    """A dataset of a corpus that consists of arrays.

    corpus: the key of the corpus in params.yaml.
    split: how samples are divided. There are `run.splits` splits of any samples ("random"), of
        films ("by_film": all reviews of a film are in one part), of the groups of a corpus
        ("by_group") or of new samples ("new"). There is one split with "last" (the last samples of
        the corpus are the evaluation part), with "given" (the corpus says which sample is in which
        part) and with "same" (all parts start at the first sample and overlap).
    train: the number of training samples; null for all that are in no other part.
    validation: the number of samples that choose the epoch, or their share of all samples; without
        them, the last epoch counts.
    evaluation: the number of evaluation samples, or their share of all samples.
    """

    corpus: str
    split: Literal["random", "by_film", "by_group", "new", "last", "given", "same"] = "random"
    train: int | None = Field(default=None, ge=1)
    validation: _Size = 0
    evaluation: _Size = _EVALUATION

    @model_validator(mode="after")
    def _check_sizes(self) -> Self:
        sizes = self.train, self.validation, self.evaluation
        shares = [size for size in sizes[1:] if isinstance(size, float)]
        if self.split == "given":
            if sizes != (None, 0, _EVALUATION):
                raise ValueError("split given takes the sizes of the parts from the corpus")
        elif sum(shares) >= 1:
            raise ValueError("the validation and the evaluation part leave nothing to train on")
        elif not self.evaluation:
            raise ValueError("evaluation needs one sample or more")
        elif self.split in ("new", "same") and not all(isinstance(size, int) for size in sizes):
            raise ValueError(f"split {self.split} needs the number of samples of each part")
        return self


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
    vocabulary: where words and subwords come from: all texts of the "corpus", without their labels,
        as in Keras's ``load_data``, or the "training" part, so that each split has a vocabulary of
        its own, which is the default for tables.
    """

    tokens: Literal["words", "subwords"] = "words"
    encoding: Encoding
    vocabulary_size: int | None = Field(ge=4, le=2**20)
    skip_top: int = Field(default=0, ge=0)
    drop_ids_up_to: int = Field(default=2, ge=0, le=2)
    maxlen: int | None = Field(default=None, ge=2)
    length: int | None = Field(default=None, ge=1, le=2**16)
    padding: Literal["pre", "post"] = "pre"
    vocabulary: Literal["corpus", "training"] = "corpus"

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


class UserTextDataset(TextDataset):
    """A dataset of texts whose word ids nobody has published: see `TextDataset`."""

    vocabulary: Literal["corpus", "training"] = "training"
