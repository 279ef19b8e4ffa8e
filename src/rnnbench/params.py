"""params.yaml: the plan of all datasets and variants, checked as a whole before anything runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Self, TypeVar

from pydantic import Field, ValidationError, model_validator

from rnnbench import corpora, models
from rnnbench.core.errors import ParamsError, UnknownNameError
from rnnbench.core.schema import Schema
from rnnbench.core.validation import (
    MAX_REPORTED,
    ErrorDetail,
    child,
    of_validation,
    shown,
    unexpected,
    unknown,
)
from rnnbench.data.config import ArrayDataset, TextDataset
from rnnbench.models.base import MAX_REPLICATES, VariantSettings
from rnnbench.params_yaml import read_yaml

# DVC must find every section that dvc.yaml names, but nothing need be published.
_FILLED = ("run", "corpora", "datasets", "variants")
_SECTIONS = (*_FILLED, "published")
# It becomes the name of a folder, and an argument of a command.
_NAME = re.compile(r"[a-z0-9_][a-z0-9_-]{0,99}")

_S = TypeVar("_S", bound=Schema)
_T = TypeVar("_T")
# Checks one entry, given its key, its name and its value.
_CheckEntry = Callable[[str, str, object], Iterator[ErrorDetail]]


class Run(Schema):
    """What holds for the whole run.

    seed: every other seed comes from it. The bound leaves room for the replicates' offsets
        below 2**32, where NumPy's seeds end.
    replicates: how often each variant is trained, unless it says otherwise.
    """

    seed: int = Field(ge=0, lt=2**32 - MAX_REPLICATES)
    replicates: int = Field(ge=1, le=MAX_REPLICATES)


class Published(Schema):
    """The figure that a tutorial prints for a variant.

    accuracy: the share of right answers.
    samples: of how many answers.
    loss: the mean squared error, or the log loss.
    comparable: whether it was measured on samples of the same kind as ours.
    source: where it stands.
    note: why ours may differ; needed where it is not comparable.
    """

    accuracy: float = Field(ge=0, le=1)
    samples: int = Field(ge=1)
    loss: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    comparable: bool = True
    source: str
    note: str | None = None

    @model_validator(mode="after")
    def _has_a_reason(self) -> Self:
        if not self.comparable and self.note is None:
            raise ValueError("a figure that is not comparable needs a note that says why")
        return self


@dataclass(frozen=True)
class Params:
    """A valid params.yaml; entries keep the order of the file."""

    run: Run
    corpora: dict[str, Schema]
    datasets: dict[str, ArrayDataset]
    variants: dict[str, VariantSettings]
    published: dict[str, Published]

    def corpus(self, name: str) -> Schema:
        """The settings of one corpus; raises UnknownNameError."""
        return _named("corpus", name, self.corpora)

    def dataset(self, name: str) -> ArrayDataset:
        """The settings of one dataset; raises UnknownNameError."""
        return _named("dataset", name, self.datasets)

    def variant(self, name: str) -> VariantSettings:
        """The settings of one variant, of its family's own class; raises UnknownNameError."""
        return _named("variant", name, self.variants)

    def replicates_of(self, name: str) -> int:
        """How often one variant is trained; raises UnknownNameError."""
        return self.variant(name).replicates or self.run.replicates


def load_params(path: Path = Path("params.yaml")) -> Params:
    """Read and check a parameter file.

    Raises ParamsError with all mistakes of the file, whatever the file holds; of more than
    `MAX_REPORTED` it tells the first ones, and that there are others.
    """
    raw, duplicates, invalid = read_yaml(path)
    mistakes, told = duplicates + invalid, {mistake.key for mistake in invalid}
    check = _Check()
    found = (mistake for mistake in check.mistakes(raw) if mistake.key not in told)
    mistakes += islice(found, MAX_REPORTED + 1)
    if len(mistakes) > MAX_REPORTED:
        more = ErrorDetail("file", f"has more mistakes than these {MAX_REPORTED}")
        raise ParamsError(str(path), [*mistakes[:MAX_REPORTED], more])
    if mistakes or check.run is None:
        raise ParamsError(str(path), mistakes)
    return Params(check.run, check.corpora, check.datasets, check.variants, check.published)


def _named(kind: str, name: str, entries: dict[str, _T]) -> _T:
    if name not in entries:
        raise UnknownNameError(kind, name, entries)
    return entries[name]


class _Check:
    """Checks section by section: collects what is valid, while `mistakes` gives what is not."""

    def __init__(self) -> None:
        self.run: Run | None = None
        self.corpora: dict[str, Schema] = {}
        self.datasets: dict[str, ArrayDataset] = {}
        self.variants: dict[str, VariantSettings] = {}
        self.published: dict[str, Published] = {}
        self._raw: dict[object, object] = {}

    def mistakes(self, raw: object) -> Iterator[ErrorDetail]:
        """Each mistake as it is found; whoever has seen enough need not wait for the rest."""
        if not isinstance(raw, dict):
            yield unexpected("file", raw, f"a mapping of {', '.join(_SECTIONS)}")
            return
        self._raw = raw
        for section in raw:
            if section not in _SECTIONS:
                problem = f"there is no section {shown(section)}"
                yield unknown(child("", section), problem, section, _SECTIONS)
        for section in _SECTIONS:
            if section not in raw:
                yield ErrorDetail(section, "section is missing")
        if "run" in raw:
            self.run = yield from _validated(Run, raw["run"], "run")
        yield from self._of_section("corpora", self._corpus)
        yield from self._of_section("datasets", self._dataset)
        yield from self._of_section("variants", self._variant)
        yield from self._of_section("published", self._published)

    def _of_section(self, section: str, check: _CheckEntry) -> Iterator[ErrorDetail]:
        """Checks each entry with a usable name."""
        entries = self._raw.get(section, {})
        if not isinstance(entries, dict):
            yield unexpected(section, entries, "a mapping of names to settings")
            return
        if not entries and section in self._raw and section in _FILLED:
            yield ErrorDetail(section, "is empty", "at least one entry")
        for name, entry in entries.items():
            key = child(section, name)
            if isinstance(name, str) and _NAME.fullmatch(name):
                yield from check(key, name, entry)
            else:
                expected = (
                    "a name of up to 100 lower-case letters, digits, '_' and '-', no '-' first"
                )
                yield unexpected(key, name, expected)

    def _corpus(self, key: str, name: str, entry: object) -> Iterator[ErrorDetail]:
        if name in corpora.names():
            corpus = yield from _validated(corpora.load(name).Settings, entry, key)
            if corpus is not None:
                self.corpora[name] = corpus
        else:
            problem = f"there is no corpus {shown(name)}"
            yield unknown(key, problem, name, corpora.names())

    def _dataset(self, key: str, name: str, entry: object) -> Iterator[ErrorDetail]:
        dataset = yield from _validated(_dataset_class(entry), entry, key)
        if dataset is not None:
            self.datasets[name] = dataset
        yield from self._refer(entry, key, "corpus", "corpora")

    def _variant(self, key: str, name: str, entry: object) -> Iterator[ErrorDetail]:
        if not isinstance(entry, dict):
            yield unexpected(key, entry, "a mapping")
            return
        if "model" not in entry:
            yield ErrorDetail(f"{key}.model", "model is missing", ", ".join(models.names()))
        elif entry["model"] not in models.names():
            problem = f"there is no model family {shown(entry['model'])}"
            yield unknown(f"{key}.model", problem, entry["model"], models.names())
        else:
            module = models.load(entry["model"])
            variant = yield from _validated(module.Settings, entry, key)
            if variant is not None:
                self.variants[name] = variant
            yield from module.mistakes(entry, key)
        yield from self._refer(entry, key, "dataset", "datasets")

    def _published(self, key: str, name: str, entry: object) -> Iterator[ErrorDetail]:
        figure = yield from _validated(Published, entry, key)
        if figure is not None:
            self.published[name] = figure
        yield from self._known(key, "variant", name, "variants")

    def _refer(self, entry: object, key: str, word: str, section: str) -> Iterator[ErrorDetail]:
        """An entry's `word` must name an entry of `section`, be that one valid or not."""
        name = entry.get(word) if isinstance(entry, dict) else None
        if isinstance(name, str):
            yield from self._known(f"{key}.{word}", word, name, section)

    def _known(self, key: str, word: str, name: str, section: str) -> Iterator[ErrorDetail]:
        entries = self._raw.get(section)
        names = entries if isinstance(entries, dict) else {}
        if name not in names:
            problem = f"there is no {word} {shown(name)} in {section}"
            yield unknown(key, problem, name, (n for n in names if isinstance(n, str)))


def _validated(model: type[_S], entry: object, key: str) -> Generator[ErrorDetail, None, _S | None]:
    """The settings that an entry holds, or None after its mistakes."""
    try:
        return model.model_validate(entry)
    except ValidationError as error:
        yield from of_validation(error, model, key)
        return None


def _dataset_class(raw: object) -> type[ArrayDataset]:
    """The class that a dataset of this raw mapping has, by its corpus.

    For an unknown corpus it is the more usual one; the corpus itself is told as a mistake.
    """
    corpus = raw.get("corpus") if isinstance(raw, dict) else None
    known = isinstance(corpus, str) and corpus in corpora.names()
    found: type[ArrayDataset] = corpora.load(str(corpus)).Dataset if known else TextDataset
    return found
