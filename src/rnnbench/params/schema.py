"""What params.yaml consists of: its sections, and how to look up their entries."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

from pydantic import Field, model_validator

from rnnbench import corpora
from rnnbench.core.errors import UnknownNameError
from rnnbench.core.schema import Schema
from rnnbench.corpora.base import CorpusSettings
from rnnbench.data.config import ArrayDataset
from rnnbench.models.base import MAX_REPLICATES, VariantSettings

# Splits with samples of their own are stored one after the other.
_MAX_SPLITS = 100

# The axes of a study that limit the size of the recurrent layers, with the field of
# `rnnbench.models.recurrent.Size` that they limit, and all axes that change these layers.
BUDGETS = {"parameters": "parameters", "compute": "multiply_adds"}
RECURRENT_AXES = ("cell", "units", "depth", "bidirectional", *BUDGETS)
LEARNING_RATE = "learning_rate"
# Keys of a variant that a study has otherwise, or not at all.
_NO_AXES = ("model", "replicates")

_T = TypeVar("_T")


class Run(Schema):
    """Settings of the whole run.

    seed: the base of all other seeds; its bound leaves room for one seed per replicate below
        2**32, NumPy's limit.
    replicates: how many times each variant is trained, unless its entry sets another number.
    splits: how many splits each dataset has that has several; null for as many as `replicates`.
        Replicate r trains on split r modulo this number: the first ones differ in seed and split,
        further ones repeat a split with another seed.
    """

    seed: int = Field(ge=0, lt=2**32 - MAX_REPLICATES)
    replicates: int = Field(ge=1, le=MAX_REPLICATES)
    splits: int | None = Field(default=None, ge=1, le=_MAX_SPLITS)

    @model_validator(mode="after")
    def _is_bounded(self) -> Self:
        if self.split_count > _MAX_SPLITS:
            raise ValueError(f"replicates above {_MAX_SPLITS} need a number of splits")
        return self

    @property
    def split_count(self) -> int:
        """The number of splits."""
        return self.splits or self.replicates


class Comparison(Schema):
    """How results are compared; chosen before they are seen.

    margin: differences in accuracy up to this one count as none.
    loss_margin: losses that are higher by up to this share count as equal.
    """

    margin: float = Field(gt=0, lt=1)
    loss_margin: float = Field(gt=0, allow_inf_nan=False)

    @property
    def log_loss_margin(self) -> float:
        """The margin of a difference between logarithms of losses."""
        return math.log1p(self.loss_margin)


class Question(Schema):
    """A question that the article answers, by one test.

    question: a sentence that can be answered with yes or no.
    variants: the two variants of a corpus that are compared; the first one is the better one if the
        answer is yes. With the same evaluation samples their scores are paired; otherwise they are
        independent means.
    """

    question: str = Field(min_length=1)
    variants: list[str] = Field(min_length=2, max_length=2)

    @model_validator(mode="after")
    def _has_two_variants(self) -> Self:
        if self.variants[0] == self.variants[1]:
            raise ValueError(f"{self.variants[0]} cannot be compared with itself")
        return self


def _is_count(value: object) -> bool:
    return type(value) is int and value > 0


def _is_layer(value: object) -> bool:
    if not isinstance(value, dict):
        return isinstance(value, str)
    arguments = next(iter(value.values()), None)
    return len(value) == 1 and (arguments is None or isinstance(arguments, dict))


# What the values of some axes are.
_VALUES: dict[str, tuple[Callable[[object], bool], str]] = {
    **dict.fromkeys(("units", "depth", *BUDGETS), (_is_count, "positive whole numbers")),
    "bidirectional": (lambda value: isinstance(value, bool), "true or false"),
    "cell": (_is_layer, "layers: Name or {Name: {argument: value}}"),
}


class Study(Schema):
    """Many trainings that differ in a few settings: one stage, a table and a page.

    question: what it is about, a sentence.
    variant: the variant whose other settings all trainings have.
    axes: the values that are tried, in all combinations. An axis is `cell` (a recurrent layer that
        replaces the variant's), `units` (of each), `depth` (the number of recurrent layers),
        `bidirectional`, `learning_rate`, a key of a variant, such as ``dataset`` or
        ``layers.0.Embedding.output_dim``, or ``dataset.KEY``, a key of its dataset, such as
        ``dataset.length`` or ``dataset.train``. Instead of units there can be a budget, from which
        they follow for each cell: `parameters` of the recurrent layers, or `compute`, the
        multiplications and additions of their matrix products for one sample.
    compare: the axis whose values are compared; by default the first one.
    tune: the axes whose best value is chosen on the validation part, for each combination of the
        others; by default `learning_rate` if it is one.
    replicates: the number of trainings of each combination; by default that of `run`.
    """

    question: str = Field(min_length=1)
    variant: str
    axes: dict[str, list[Any]] = Field(min_length=1)
    compare: str = ""
    tune: list[str] | None = None
    replicates: int | None = Field(default=None, ge=2, le=MAX_REPLICATES)

    @model_validator(mode="after")
    def _has_consistent_axes(self) -> Self:
        for axis, values in self.axes.items():
            if not values:
                raise ValueError(f"axis {axis} has no value")
            # Tables have their texts.
            if any(value in values[:n] for n, value in enumerate(values)) or (
                len({str(value) for value in values}) < len(values)
            ):
                raise ValueError(f"axis {axis} has a value twice")
            if axis in _NO_AXES:
                raise ValueError(f"{axis} cannot be an axis")
            valid, expected = _VALUES.get(axis, (lambda _: True, ""))
            if not all(map(valid, values)):
                raise ValueError(f"axis {axis} needs {expected}")
        if len(sizes := [axis for axis in ("units", *BUDGETS) if axis in self.axes]) > 1:
            raise ValueError(f"{' and '.join(sizes)} are two rules for one size, expected one")
        if len(set(self.tuned)) < len(self.tuned):
            raise ValueError("tune has an axis twice")
        for axis in filter(None, (self.compare, *self.tuned)):
            if axis not in self.axes:
                raise ValueError(f"{axis} is no axis, expected one of {', '.join(self.axes)}")
        if self.compared in self.tuned:
            raise ValueError(f"{self.compared} is compared, so that it cannot be tuned")
        return self

    @property
    def compared(self) -> str:
        """The axis whose values are compared."""
        return self.compare or next(iter(self.axes))

    @property
    def tuned(self) -> list[str]:
        """The axes whose value is chosen on the validation part."""
        if self.tune is not None:
            return self.tune
        tuned = LEARNING_RATE in self.axes and self.compared != LEARNING_RATE
        return [LEARNING_RATE] if tuned else []

    @property
    def facets(self) -> list[str]:
        """The other axes: the comparison is made for each combination of their values."""
        return [axis for axis in self.axes if axis != self.compared and axis not in self.tuned]


class Published(Schema):
    """The result that a tutorial prints for a variant.

    accuracy: the share of correct predictions, from 0 to 1.
    samples: the number of samples it was computed on.
    loss: the mean squared error, or the log loss.
    comparable: whether its training and evaluation samples are comparable to ours.
    same_samples: whether the samples are the evaluation samples of the variant.
    source: the tutorial, and the place in it.
    note: why our result may differ; required if it is not comparable.
    """

    accuracy: float = Field(ge=0, le=1)
    samples: int = Field(ge=1)
    loss: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    comparable: bool = True
    same_samples: bool = False
    source: str
    note: str | None = None

    @model_validator(mode="after")
    def _has_a_reason(self) -> Self:
        if not self.comparable and self.note is None:
            raise ValueError("a result that is not comparable needs a note with the reason")
        return self


@dataclass(frozen=True)
class Params:
    """A valid params.yaml; entries keep the order of the file.

    sections: all sections as they were read, with every base and grid expanded.
    """

    run: Run
    corpora: dict[str, CorpusSettings]
    datasets: dict[str, ArrayDataset]
    variants: dict[str, VariantSettings]
    comparison: Comparison
    questions: list[Question]
    published: dict[str, Published]
    studies: dict[str, Study]
    sections: dict[str, Any] = field(repr=False, compare=False)

    def corpus(self, name: str) -> CorpusSettings:
        """The settings of one corpus; raises UnknownNameError."""
        return _named("corpus", name, self.corpora)

    def kind(self, corpus: str) -> str:
        """The module of `rnnbench.corpora` that reads one corpus; raises UnknownNameError."""
        return self.corpus(corpus).kind or corpus

    def title(self, corpus: str) -> str:
        """What one corpus is, in a few words; raises UnknownNameError."""
        kind = self.kind(corpus)
        title: str = corpora.load(kind).TITLE
        return title if kind == corpus else f"{corpus}: {title}"

    def dataset(self, name: str) -> ArrayDataset:
        """The settings of one dataset; raises UnknownNameError."""
        return _named("dataset", name, self.datasets)

    def variant(self, name: str) -> VariantSettings:
        """The settings of one variant, as its family defines them; raises UnknownNameError."""
        return _named("variant", name, self.variants)

    def corpus_of(self, name: str) -> str:
        """The corpus of one variant; raises UnknownNameError."""
        return self.dataset(self.variant(name).dataset).corpus

    def replicates_of(self, name: str) -> int:
        """How many times one variant is trained; raises UnknownNameError."""
        return self.variant(name).replicates or self.run.replicates

    def study(self, name: str) -> Study:
        """One study; raises UnknownNameError."""
        return _named("study", name, self.studies)


def _named(kind: str, name: str, entries: dict[str, _T]) -> _T:
    if name not in entries:
        raise UnknownNameError(kind, name, entries)
    return entries[name]
