"""params.yaml: all corpora, datasets and variants, validated as a whole before anything runs."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self, TypeVar

from pydantic import Field, ValidationError, model_validator

from rnnbench import corpora, models
from rnnbench.core.errors import ParamsError, UnknownNameError
from rnnbench.core.root import original_root
from rnnbench.core.schema import Schema
from rnnbench.core.validation import (
    ErrorDetail,
    child,
    pydantic_errors,
    shown,
    unexpected,
    unknown,
)
from rnnbench.data.config import ArrayDataset, TextDataset
from rnnbench.models.base import MAX_REPLICATES, VariantSettings
from rnnbench.models.probe import probe_meta
from rnnbench.params_yaml import read_yaml

# dvc.yaml names all sections, so DVC needs all of them; the last two may be empty.
_FILLED = ("run", "corpora", "datasets", "variants")
_SECTIONS = (*_FILLED, "comparison", "questions", "published")
# A name becomes a folder, and an argument of a command.
_NAME = re.compile(r"[a-z0-9_][a-z0-9_-]{0,99}")

# Splits with samples of their own are stored one after the other.
_MAX_SPLITS = 100

_S = TypeVar("_S", bound=Schema)
_T = TypeVar("_T")
# The schema of one entry, by its key, name and raw value; None after an error.
_FindSchema = Callable[[str, str, object], type[_S] | None]


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
    """A valid params.yaml; entries keep the order of the file."""

    run: Run
    corpora: dict[str, Schema]
    datasets: dict[str, ArrayDataset]
    variants: dict[str, VariantSettings]
    comparison: Comparison
    questions: list[Question]
    published: dict[str, Published]

    def corpus(self, name: str) -> Schema:
        """The settings of one corpus; raises UnknownNameError."""
        return _named("corpus", name, self.corpora)

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


def load_params(path: Path, ask_libraries: bool = False) -> Params:
    """Read a parameter file and validate its structure, types and references.

    ask_libraries: whether the libraries of the model families also check the values meant for
        them, which takes seconds, and whether folders that the corpora are read from must exist.
    Raises ParamsError with all errors of the file.
    """
    raw = read_yaml(path)
    if not isinstance(raw, dict):
        expected = f"a mapping of {', '.join(_SECTIONS)}"
        raise ParamsError(str(path), [unexpected("file", raw, expected)])
    root = original_root(path.absolute().parent)
    reader = _Reader(raw, {"root": root, "ask_libraries": ask_libraries})
    run = reader.section(Run, "run")
    comparison = reader.section(Comparison, "comparison")
    params = (
        reader.entries("corpora", reader.corpus),
        reader.entries("datasets", reader.dataset),
        variants := reader.entries("variants", reader.variant),
    )
    questions = reader.questions()
    published = reader.entries("published", reader.published)
    reader.errors += _contradictions(params[1], variants, questions, published)
    for name, variant in variants.items() if ask_libraries else ():
        meta = probe_meta(params[0], params[1].get(variant.dataset))
        reader.errors += variant.check(child("variants", name), meta)
    if reader.errors or run is None or comparison is None:
        raise ParamsError(str(path), reader.errors)
    return Params(run, *params, comparison, questions, published)


check_params = partial(load_params, ask_libraries=True)


def _contradictions(
    datasets: dict[str, ArrayDataset],
    variants: dict[str, VariantSettings],
    questions: list[Question],
    published: dict[str, Published],
) -> list[ErrorDetail]:
    """Errors that concern several entries; entries with other errors are left out."""
    used = {
        name: datasets[variant.dataset]
        for name, variant in variants.items()
        if variant.dataset in datasets
    }
    found = []
    for name, dataset in datasets.items():
        splits = corpora.load(dataset.corpus).SPLITS if dataset.corpus in corpora.NAMES else ()
        if splits and dataset.split not in splits:
            key = child(child("datasets", name), "split")
            problem = f"the corpus {dataset.corpus} cannot be split {shown(dataset.split)}"
            found.append(ErrorDetail(key, problem, ", ".join(splits)))
    for number, question in enumerate(questions):
        pair = [used[name] for name in question.variants if name in used]
        key = child(child("questions", number), "variants")
        if len({dataset.corpus for dataset in pair}) > 1:
            found.append(ErrorDetail(key, "variants of different corpora cannot be compared"))
        elif any(dataset.split == "same" for dataset in pair):
            problem = "a variant is evaluated on its training samples, which shows nothing"
            found.append(ErrorDetail(key, problem))
    for name, figure in published.items():
        own = used.get(name)
        if own and figure.same_samples and (own.split, own.evaluation) != ("last", figure.samples):
            key = child(child("published", name), "same_samples")
            problem = f"{name} is not evaluated on the {figure.samples} samples of the figure"
            found.append(ErrorDetail(key, problem, "false"))
    return found


def _named(kind: str, name: str, entries: dict[str, _T]) -> _T:
    if name not in entries:
        raise UnknownNameError(kind, name, entries)
    return entries[name]


class _Reader:
    """Validates one section after the other and collects the errors."""

    def __init__(self, raw: dict[object, object], context: dict[str, object]) -> None:
        self._raw = raw
        # For the validators of the schemas.
        self._context = context
        self.errors: list[ErrorDetail] = [
            unknown(child("", section), f"unknown section {shown(section)}", section, _SECTIONS)
            for section in raw
            if section not in _SECTIONS
        ]
        self.errors += [ErrorDetail(s, "section is missing") for s in _SECTIONS if s not in raw]

    def section(self, schema: type[_S], name: str) -> _S | None:
        """A section without entries; None if it is missing or has errors."""
        return self.validated(schema, self._raw[name], name) if name in self._raw else None

    def entries(self, section: str, find_schema: _FindSchema[_S]) -> dict[str, _S]:
        """The valid entries of a section."""
        entries = self._raw.get(section, {})
        if not isinstance(entries, dict):
            self.errors.append(unexpected(section, entries, "a mapping of names to settings"))
            return {}
        if not entries and section in self._raw and section in _FILLED:
            self.errors.append(ErrorDetail(section, "is empty", "at least one entry"))
        valid = {}
        for name, entry in entries.items():
            key = child(section, name)
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                expected = "a name of 1 to 100 of a-z, 0-9, '_' and '-', not starting with '-'"
                self.errors.append(unexpected(key, name, expected))
            elif (schema := find_schema(key, name, entry)) and (
                settings := self.validated(schema, entry, key)
            ):
                valid[name] = settings
        return valid

    def questions(self) -> list[Question]:
        """The valid questions."""
        entries = self._raw.get("questions", [])
        if not isinstance(entries, list):
            self.errors.append(unexpected("questions", entries, "a list of questions"))
            return []
        valid = []
        for number, entry in enumerate(entries):
            key = child("questions", number)
            if question := self.validated(Question, entry, key):
                valid.append(question)
                for name in question.variants:
                    names = self._names("variants")
                    self._exists(f"{key}.variants", "variant", name, names, " in variants")
        return valid

    def corpus(self, key: str, name: str, _entry: object) -> type[Schema] | None:
        if self._exists(key, "corpus", name, corpora.NAMES):
            schema: type[Schema] = corpora.load(name).Settings
            return schema
        return None

    def dataset(self, key: str, _name: str, entry: object) -> type[ArrayDataset]:
        corpus = entry.get("corpus") if isinstance(entry, dict) else None
        if isinstance(corpus, str):
            self._exists(f"{key}.corpus", "corpus", corpus, self._names("corpora"), " in corpora")
        if corpus in corpora.NAMES:
            schema: type[ArrayDataset] = corpora.load(str(corpus)).Dataset
            return schema
        return TextDataset

    def variant(self, key: str, _name: str, entry: object) -> type[VariantSettings] | None:
        if not isinstance(entry, dict):
            self.errors.append(unexpected(key, entry, "a mapping"))
            return None
        if isinstance(dataset := entry.get("dataset"), str):
            names = self._names("datasets")
            self._exists(f"{key}.dataset", "dataset", dataset, names, " in datasets")
        if "model" not in entry:
            self.errors.append(ErrorDetail(f"{key}.model", "is missing", ", ".join(models.NAMES)))
        elif self._exists(f"{key}.model", "model family", entry["model"], models.NAMES):
            schema: type[VariantSettings] = models.load(entry["model"]).Settings
            return schema
        return None

    def published(self, key: str, name: str, _entry: object) -> type[Published]:
        self._exists(key, "variant", name, self._names("variants"), " in variants")
        return Published

    def validated(self, schema: type[_S], entry: object, key: str) -> _S | None:
        try:
            return schema.model_validate(entry, context=self._context)
        except ValidationError as error:
            self.errors += pydantic_errors(error, schema, key)
            return None

    def _names(self, section: str) -> list[str]:
        """The names of a section, whether their entries are valid or not."""
        entries = self._raw.get(section)
        return [n for n in entries if isinstance(n, str)] if isinstance(entries, dict) else []

    def _exists(
        self, key: str, kind: str, name: object, allowed: Sequence[str], where: str = ""
    ) -> bool:
        if name not in allowed:
            self.errors.append(unknown(key, f"no {kind} {shown(name)}{where}", name, allowed))
        return name in allowed
